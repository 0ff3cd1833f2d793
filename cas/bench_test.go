package cas

import (
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// BenchmarkIndex inserts a million objects as a first snapshot does, in packs
// of 1,000 objects covered by one batch, and looks them up.
func BenchmarkIndex(b *testing.B) {
	const million = 1_000_000
	for range b.N {
		x, err := openIndex(filepath.Join(b.TempDir(), "index.db"), false, nil)
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
		if err := x.add(packs, false, nil); err != nil {
			b.Fatal(err)
		}
		insert := float64(b.Elapsed().Nanoseconds()) / million
		b.ResetTimer()
		for i := range million / 10 {
			if _, _, ok, err := x.find(ids[i*10]); !ok || err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/(million/10), "ns/lookup")
		b.ReportMetric(insert, "ns/insert")
		x.close()
	}
}
