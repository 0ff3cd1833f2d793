package cas

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// BenchmarkIndex inserts a million objects as a first snapshot does, in packs
// of 1,000 objects and batches of fileAt, looks them up, adds 100 more as a later
// snapshot does, and opens the file as every command does.
func BenchmarkIndex(b *testing.B) {
	const million = 1_000_000
	for range b.N {
		path := filepath.Join(b.TempDir(), "index.db")
		x, err := openIndex(path, false, nil)
		if err != nil {
			b.Fatal(err)
		}
		var ids []object.ID
		var packs []filedPack
		for p := range million / 1000 {
			f := filedPack{class: Data, size: 1000}
			binary.LittleEndian.PutUint64(f.id[:], uint64(p))
			k := packBlock{length: 1000}
			for i := range 1000 {
				var n [8]byte
				binary.LittleEndian.PutUint64(n[:], uint64(p*1000+i))
				k.ids = append(k.ids, sha256.Sum256(n[:]))
			}
			ids = append(ids, k.ids...)
			f.blocks = []packBlock{k}
			packs = append(packs, f)
		}
		b.ResetTimer()
		for batch := range slices.Chunk(packs, fileAt/1000) {
			if err := x.add(batch, false, nil); err != nil {
				b.Fatal(err)
			}
		}
		insert := float64(b.Elapsed().Nanoseconds()) / million
		b.ResetTimer()
		for i := range million / 10 {
			if _, _, ok, err := x.find(ids[i*10]); !ok || err != nil {
				b.Fatal(err)
			}
		}
		lookup := float64(b.Elapsed().Nanoseconds()) / (million / 10)
		b.ResetTimer()
		for n := range 20 {
			f := filedPack{class: Data, size: 1000, blocks: []packBlock{{length: 1000}}}
			binary.LittleEndian.PutUint64(f.id[:], uint64(million+n))
			for i := range 100 {
				f.blocks[0].ids = append(f.blocks[0].ids, sha256.Sum256([]byte{byte(n), byte(i)}))
			}
			if err := x.add([]filedPack{f}, false, nil); err != nil {
				b.Fatal(err)
			}
		}
		commit := b.Elapsed().Seconds() * 1000 / 20
		x.close()
		fi, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		if x, err = openIndex(path, false, nil); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(b.Elapsed().Seconds()*1000, "ms/open")
		b.ReportMetric(commit, "ms/commit")
		b.ReportMetric(lookup, "ns/lookup")
		b.ReportMetric(insert, "ns/insert")
		b.ReportMetric(float64(fi.Size())/million, "B/object")
		x.close()
	}
}
