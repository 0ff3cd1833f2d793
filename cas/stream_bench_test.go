package cas_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// seeded is a source of bytes that do not compress.
func seeded(n byte) io.Reader { return rand.NewChaCha8([32]byte{n}) }

// onDisk is a committed store in a real directory that holds files, and what
// they hold.
func onDisk(b *testing.B, count int, size func(i int) int) (*cas.Store, []object.Content, int) {
	b.Helper()
	ctx, tmp := context.Background(), b.TempDir()
	s := mustOpen(b, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	src, total := seeded(1), 0
	var out []object.Content
	for i := range count {
		n := size(i)
		c, _, err := s.WriteFile(ctx, io.LimitReader(src, int64(n)), int64(n))
		if err != nil {
			b.Fatal(err)
		}
		out, total = append(out, c), total+n
	}
	if err := s.Commit(ctx); err != nil {
		b.Fatal(err)
	}
	return s, out, total
}

// BenchmarkStreamBig reads a file of 256 MiB that does not compress and writes
// it over the same few MiB of another, as a restore does without the cost of
// new pages.
func BenchmarkStreamBig(b *testing.B) {
	s, files, total := onDisk(b, 1, func(int) int { return 256 << 20 })
	f, err := os.Create(filepath.Join(b.TempDir(), "out"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.SetBytes(int64(total))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for p, err := range s.Stream(context.Background(), files[0], 0) {
			if err != nil {
				b.Fatal(err)
			}
			if _, err := f.WriteAt(p, int64(n%(8<<20))); err != nil {
				b.Fatal(err)
			}
			n += len(p)
		}
		if n != total {
			b.Fatal(n)
		}
	}
}

// BenchmarkStreamMany reads files in turn by four readers, as a restore does:
// small ones of a chunk, or middling ones of a few chunks.
func BenchmarkStreamMany(b *testing.B) {
	for name, x := range map[string]struct {
		count int
		size  func(i int) int
	}{
		"small":    {8000, func(i int) int { return 1<<10 + i%32<<9 }},
		"middling": {200, func(i int) int { return 100<<10 + i%32<<15 }},
	} {
		b.Run(name, func(b *testing.B) {
			s, files, total := onDisk(b, x.count, x.size)
			b.SetBytes(int64(total))
			b.ReportAllocs()
			for b.Loop() {
				var wg sync.WaitGroup
				next := make(chan object.Content)
				for range 4 {
					wg.Go(func() {
						var out bytes.Buffer
						for c := range next {
							out.Reset()
							for p, err := range s.Stream(context.Background(), c, 0) {
								if err != nil {
									b.Error(err)
									return
								}
								out.Write(p)
							}
						}
					})
				}
				for _, c := range files {
					next <- c
				}
				close(next)
				wg.Wait()
			}
		})
	}
}
