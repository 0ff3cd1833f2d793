package cas_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// A body that breaks off is no shorter file, wherever it does.
func TestWriteFileOfABrokenBody(t *testing.T) {
	tmp := t.TempDir()
	s := mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	for _, size := range []int{0, 10, 64 << 10, 64<<10 + 1, 4<<20 - 1, 4 << 20, 4<<20 + 1, 9 << 20} {
		body := io.MultiReader(bytes.NewReader(make([]byte, size)), iotest.ErrReader(io.ErrUnexpectedEOF))
		if c, n, err := s.WriteFile(context.Background(), body, int64(size)+100); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes and an error: %v, %d, %v", size, c, n, err)
		}
	}
}

// More files than there is memory for segments are written at once, the same
// content twice each, and all come back.
func TestWriteFilesAtOnce(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	s := mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	const files = 24
	var plain [files][]byte
	for i := range plain {
		r := rand.NewChaCha8([32]byte{byte(i / 2)})
		plain[i] = make([]byte, 64<<10+i/2*400_000)
		r.Read(plain[i])
	}
	var contents [files]object.Content
	var wg sync.WaitGroup
	for i, b := range plain {
		wg.Go(func() {
			c, n, err := s.WriteFile(ctx, iotest.HalfReader(bytes.NewReader(b)), int64(len(b)))
			if err != nil || n != uint64(len(b)) {
				t.Errorf("file %d: %d bytes, %v", i, n, err)
			}
			contents[i] = c
		})
	}
	wg.Wait()
	check := func(when string) {
		for i, b := range plain {
			if got := read(t, s, contents[i]); !bytes.Equal(got, b) || contents[i] != contents[i^1] {
				t.Errorf("%s: file %d of %d bytes comes back with %d", when, i, len(b), len(got))
			}
		}
	}
	check("pending")
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	check("stored")
}

// A file that cannot be stored ends, with the error, and gives its memory back.
func TestWriteFileFails(t *testing.T) {
	tmp := t.TempDir()
	s := mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	for i := range 12 { // more often than there are segments
		ctx, cancel := context.WithCancel(context.Background())
		b := make([]byte, 6<<20)
		rand.NewChaCha8([32]byte{byte(i)}).Read(b)
		r := io.MultiReader(bytes.NewReader(b), readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, io.EOF
		}))
		if _, _, err := s.WriteFile(ctx, r, 6<<20); !errors.Is(err, context.Canceled) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// BenchmarkWriteFile stores one large file, the second time known content.
func BenchmarkWriteFile(b *testing.B) {
	ctx := context.Background()
	plain := make([]byte, 256<<20)
	rand.NewChaCha8([32]byte{}).Read(plain)
	for _, known := range []bool{false, true} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				b.StopTimer()
				tmp := b.TempDir()
				s := mustOpen(b, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
				write := func() {
					if _, _, err := s.WriteFile(ctx, bytes.NewReader(plain), int64(len(plain))); err != nil {
						b.Fatal(err)
					}
					if err := s.Commit(ctx); err != nil {
						b.Fatal(err)
					}
				}
				if known {
					write()
				}
				b.StartTimer()
				write()
			}
		})
	}
}
