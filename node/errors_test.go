package node

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// Many workers that fail alike are one message.
func TestExplainSaysItOnce(t *testing.T) {
	var all, many error
	for i := range 30 {
		all = errors.Join(all, fmt.Errorf("read node: %w", object.ErrMissing))
		many = errors.Join(many, fmt.Errorf("file %d", i))
	}
	for _, c := range []struct {
		err  error
		kind Kind
		want string
	}{
		{fmt.Errorf("scan /docs: %w", all), Damage, "scan /docs: read node: object missing"},
		{fmt.Errorf("commit: write packs/data/62/62b1.pack: %w", &fs.PathError{Op: "write", Path: "/h/bsv/repo/packs/data/62/62b1.pack.tmp-2e0f-1", Err: syscall.ENOSPC}),
			NoSpace, "the disk of /h/bsv is full: no space left on device"},
		{fmt.Errorf("restore: %w", &fs.PathError{Op: "write", Path: "/out/a", Err: syscall.ENOSPC}), NoSpace, "the disk of /out is full: no space left on device"},
		{below("/m/docs", fmt.Errorf("apply: %w", &fs.PathError{Op: "write", Path: ".bsv-new-1", Err: syscall.ENOSPC})), NoSpace, "the disk of /m/docs is full: no space left on device"},
		{fmt.Errorf("commit: %w", &fs.PathError{Op: "mkdir", Path: "/h/bsv/repo/packs/meta/d6", Err: syscall.EROFS}), Failed, "nothing can be written in /h/bsv: read-only file system"},
		{fmt.Errorf("scan: read: %w", &fs.PathError{Op: "open", Path: "/d/b", Err: syscall.EACCES}), NotAuthorised, "/d/b: permission denied"},
		{fmt.Errorf("walk /: read node x: %w", fmt.Errorf("block at 4 of 62b1.pack: %w", fmt.Errorf("%w: checksum", cas.ErrDamaged))), Damage, "block at 4 of 62b1.pack: damaged: checksum"},
		{fmt.Errorf("scan: %w", worktree.ErrNotMounted), Failed, "scan: disk not mounted"},
		{many, Failed, "file 0; file 1; file 2; and 27 more"},
		{errors.Join(errors.New("a"), errors.New("b")), Failed, "a; b"},
		{errors.New("one"), Failed, "one"},
	} {
		if e := Explain(c.err); e.Msg != c.want || e.Kind != c.kind || !errors.Is(e, c.err) {
			t.Errorf("got %q (%s), want %q (%s)", e.Msg, e.Kind, c.want, c.kind)
		}
	}
}

// Each kind has an exit code and a status of its own in the table.
func TestEveryKindHasACode(t *testing.T) {
	codes := map[int]Kind{}
	for kind, b := range boundary {
		if other, taken := codes[b.Exit]; taken || b.Exit == 0 || b.HTTP < 200 {
			t.Errorf("%s: exit code %d, also of %s", kind, b.Exit, other)
		}
		codes[b.Exit] = kind
		if kind.Exit() != b.Exit || kind.HTTP() != b.HTTP {
			t.Errorf("%s: %d, %d", kind, kind.Exit(), kind.HTTP())
		}
	}
	for _, code := range []int{1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 70, 130} {
		if _, ok := codes[code]; !ok {
			t.Errorf("no kind has exit code %d", code)
		}
	}
}
