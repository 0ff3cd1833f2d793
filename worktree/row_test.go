package worktree

import (
	"math"
	"reflect"
	"testing"

	"github.com/bsvsync/bsv/object"
)

func TestRowReadsBack(t *testing.T) {
	want := &row{tree: object.ID{1}, bytes: math.MaxUint64, files: 3, rules: rulesID{7}, names: []rowName{
		{name: "a", kind: object.File, mode: 0o644, size: 5, mtime: math.MinInt64, ctime: -1, inode: math.MaxUint64},
		{name: "b\xff\n", kind: object.File, mode: math.MaxUint16, size: math.MaxInt64, mtime: math.MaxInt64, ctime: math.MaxInt64, inode: 1},
		{name: "c", kind: object.Dir, mode: 0o755, mtime: -5, ctime: math.MinInt64, inode: 1 << 63, tree: object.ID{2}, bytes: 7, files: 1},
		{name: "d", kind: object.Symlink, ctime: -1},
	}}
	got, err := decodeRow(want.encode())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for i, b := 0, want.encode(); i < 8*len(b); i++ {
		b[i/8] ^= 1 << (i % 8)
		if got, err := decodeRow(b); err == nil {
			t.Errorf("bit %d flipped: %+v", i, got)
		}
		b[i/8] ^= 1 << (i % 8)
	}
}

// BenchmarkRowBytes tells what a file costs in the stat cache: names of ten
// bytes, written one after the other.
func BenchmarkRowBytes(b *testing.B) {
	const files = 100
	r := &row{}
	for i := range int64(files) {
		at := 1_790_000_000_000_000_000 + i*150_000
		r.names = append(r.names, rowName{name: "file000000", kind: object.File, mode: 0o644, size: 400 + i, mtime: at, ctime: at + 40_000, inode: 1_000_000 + uint64(i)})
	}
	var n int
	for b.Loop() {
		n = len(r.encode())
	}
	b.ReportMetric(float64(n)/files, "bytes/file")
}
