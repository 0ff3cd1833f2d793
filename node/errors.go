package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/boltfile"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/repo"
	"github.com/bsvsync/bsv/worktree"
)

// Kind is what went wrong, as far as callers tell it apart.
type Kind string

// The kinds of errors.
const (
	Failed        Kind = "failed"
	Usage         Kind = "usage"
	Problems      Kind = "problems"
	Conflicts     Kind = "conflicts"
	Brake         Kind = "brake"
	NoHome        Kind = "no-home"
	Busy          Kind = "busy"
	WrongWords    Kind = "wrong-words"
	Damage        Kind = "damage"
	Unreachable   Kind = "unreachable"
	NotAuthorised Kind = "not-authorised"
	NoSpace       Kind = "no-space"
	NotFound      Kind = "not-found"
	Overdue       Kind = "overdue"
	Internal      Kind = "internal"
	Interrupted   Kind = "interrupted"
)

// boundary is the one table from kind to exit code and HTTP status.
var boundary = map[Kind]struct{ Exit, HTTP int }{
	Failed: {1, 500}, Usage: {2, 400}, Problems: {3, 200}, Conflicts: {4, 200}, Brake: {5, 409},
	NoHome: {10, 404}, Busy: {11, 423}, WrongWords: {12, 403}, Damage: {13, 500}, Unreachable: {14, 502},
	NotAuthorised: {15, 403}, NoSpace: {16, 507}, NotFound: {17, 404}, Overdue: {18, 200}, Internal: {70, 500}, Interrupted: {130, 499},
}

// Exit is the exit code of a kind.
func (k Kind) Exit() int {
	if b, ok := boundary[k]; ok {
		return b.Exit
	}
	return 1
}

// HTTP is the HTTP status of a kind.
func (k Kind) HTTP() int {
	if b, ok := boundary[k]; ok {
		return b.HTTP
	}
	return 500
}

// Error is an error as people see it: what failed and why, and the command
// that helps.
type Error struct {
	Kind Kind
	Msg  string
	Hint string
	Err  error // the cause; may be nil
}

func (e *Error) Error() string { return e.Msg }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func fail(kind Kind, hint, format string, args ...any) *Error {
	e := &Error{Kind: kind, Hint: hint, Msg: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			e.Err = err
		}
	}
	return e
}

func (e *Error) by(cause error) *Error {
	e.Err = cause
	return e
}

// Explain turns any error into an Error.
func Explain(err error) *Error {
	var e *Error
	var busy *home.BusyError
	var config *home.ConfigError
	var damage *home.DamageError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.As(err, &busy):
		hint := "let this wait for it: --wait 10m"
		if busy.Owner.PID != 0 {
			hint += fmt.Sprintf(", or stop process %d", busy.Owner.PID)
		}
		return fail(Busy, hint, "%v", busy)
	case errors.As(err, &damage):
		return fail(Failed, damage.Hint, "%v", damage)
	case errors.As(err, &config) && config.Hint != "":
		return &Error{Kind: Usage, Msg: config.Error(), Hint: config.Hint, Err: err}
	}
	if e := denied(err); e != nil {
		return e
	}
	for _, c := range causes {
		if errors.Is(err, c.is) {
			return &Error{Kind: c.kind, Msg: sentence(err), Hint: c.hint, Err: err}
		}
	}
	return &Error{Kind: Failed, Msg: once(err.Error()), Err: err}
}

// mostCauses is how many joined errors a message names.
const mostCauses = 3

// once says what joined errors say alike one time, and not more than a few.
func once(text string) string {
	var out []string
	more := 0
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case seen[line] || len(out) > 0 && strings.HasSuffix(out[0], ": "+line):
		case len(out) < mostCauses:
			out = append(out, line)
		default:
			more++
		}
		seen[line] = true
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "; ")
}

var causes = []struct {
	is   error
	kind Kind
	hint string
}{
	{context.Canceled, Interrupted, ""},
	{home.ErrNoKeys, NoHome, "bsv init --key-file FILE, with the vault's recovery words, makes this a device of it again; after a join that was interrupted: bsv join TICKET"},
	{home.ErrNoHome, NoHome, "make one with: bsv init [DIR…], or join one with: bsv join TICKET"},
	{home.ErrNotDir, Usage, "name a directory with --home DIR, or set BSV_HOME"},
	{home.ErrConfig, Usage, "correct the line, or comment it out with #"},
	{home.ErrReadOnly, Failed, "its history can be read: bsv log, bsv ls, bsv get, and bsv restore --to DIR of another disk; to change something, make the file system writable again"},
	{home.ErrNewer, Failed, "install a newer bsv; nothing was changed"},
	{cas.ErrNewer, Failed, "install a newer bsv; nothing was changed"},
	{keyring.ErrNewer, Failed, "install a newer bsv; nothing was changed"},
	{merge.ErrVersion, Failed, "install a newer bsv: this one goes on keeping snapshots, and merges nothing"},
	{home.ErrSocketPath, Failed, "set XDG_RUNTIME_DIR to a short directory of your own"},
	{keyring.ErrWords, WrongWords, "check the 24 words against the sheet you wrote them on"},
	{keyring.ErrNotForUs, WrongWords, "this device is no member yet: bsv join TICKET"},
	{repo.ErrForeignVault, WrongWords, "use another home with --home DIR"},
	{syscall.ENOSPC, NoSpace, "free some space, then run it again; nothing was lost"},
	{syscall.EDQUOT, NoSpace, "free some space, then run it again; nothing was lost"},
	{worktree.ErrNotMounted, Failed, "mount the disk; when it is mounted: bsv map add VPATH DIR puts a lost .bsvmap back"},
	{worktree.ErrForeign, Usage, "if it is a copy of a mapped directory, or that device maps it no more: rm DIR/.bsvmap; otherwise map another one"},
	{syscall.EROFS, Failed, "make its file system writable again"},
	{object.ErrName, Usage, "a path inside the vault looks like /docs/a.txt"},
	{object.ErrMissing, Damage, damageMends},
	{boltfile.ErrDamaged, Failed, "run it again; a running node: end it and start it again: the file is made anew at the next start, and no version is lost"},
	{cas.ErrDamaged, Damage, damageMends},
	{object.ErrLimit, Usage, ""},
	{fs.ErrPermission, NotAuthorised, "check the permissions of the path"},
}
