package home

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Owner is what the lock file says of the process that holds it: a hint for
// people and for who looks for the socket, never for logic.
type Owner struct {
	PID     int
	Since   time.Time
	Command string // "bsv node"
	Socket  string // where its API listens
}

// String names the owner for an error message.
func (o Owner) String() string {
	if o.PID == 0 {
		return "another process"
	}
	s := "process " + strconv.Itoa(o.PID)
	if o.Command != "" {
		s += " (" + o.Command + ")"
	}
	if !o.Since.IsZero() {
		s += " since " + o.Since.Local().Format("2006-01-02 15:04:05")
	}
	return s
}

// maxLockText bounds what is read of a lock file.
const maxLockText = 4096

func (o Owner) text() string {
	return fmt.Sprintf("pid %d\nsince %s\ncommand %s\nsocket %s\n",
		o.PID, o.Since.UTC().Format(time.RFC3339), strconv.Quote(o.Command), strconv.Quote(o.Socket))
}

// parseOwner reads the text of a lock file; lines that it does not understand
// are skipped, since an owner may be writing them at this moment.
func parseOwner(text string) Owner {
	var o Owner
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok || !strings.HasSuffix(line, "\n") {
			continue
		}
		switch key {
		case "pid":
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				o.PID = n
			}
		case "since":
			if t, err := time.Parse(time.RFC3339, value); err == nil {
				o.Since = t
			}
		case "command":
			if s, err := strconv.Unquote(value); err == nil {
				o.Command = s
			}
		case "socket":
			if s, err := strconv.Unquote(value); err == nil && filepath.IsAbs(s) {
				o.Socket = s
			}
		}
	}
	return o
}

// ReadOwner returns what the lock file of a home says; the zero Owner when
// there is none. It does not say that the process still lives.
func ReadOwner(p Paths) Owner {
	f, err := os.Open(p.lock())
	if err != nil {
		return Owner{}
	}
	defer f.Close()
	b := make([]byte, maxLockText)
	n, _ := f.ReadAt(b, 0) // a short file ends with io.EOF: what was read counts
	return parseOwner(string(b[:n]))
}

// lockPoll is how often a waiting process tries again.
const lockPoll = 25 * time.Millisecond

// lockHome takes the lock, trying for at most wait. The kernel drops the lock
// when the process ends however it ends, so the file is never removed. On a
// read-only file system it is shared: nobody who shares it can write.
func lockHome(ctx context.Context, p Paths, o Owner, wait time.Duration) (f *os.File, readOnly bool, err error) {
	f, err = os.OpenFile(p.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, syscall.EROFS) {
		readOnly = true
		f, err = os.Open(p.lock())
	}
	if err != nil {
		return nil, false, fmt.Errorf("open lock: %w", err)
	}
	end := time.Now().Add(wait)
	for {
		err = tryLock(f, readOnly)
		if !errors.Is(err, errWouldBlock) {
			break
		}
		left := time.Until(end)
		if left <= 0 {
			err = &BusyError{Path: p.lock(), Owner: ReadOwner(p)}
			break
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, false, ctx.Err()
		case <-time.After(min(left, lockPoll)):
		}
	}
	if err != nil {
		f.Close()
		return nil, false, fmt.Errorf("lock home %s: %w", p.Dir, err)
	}
	if readOnly {
		return f, true, nil
	}
	if err := writeOwner(f, o); err != nil {
		f.Close()
		return nil, false, fmt.Errorf("lock home %s: %w", p.Dir, err)
	}
	return f, false, nil
}

// writeOwner replaces the lock file's text. It is written by one call, and
// what an earlier owner wrote is cut off before, so that a reader sees no
// mixture of two owners.
func writeOwner(f *os.File, o Owner) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(o.text()), 0)
	return err
}
