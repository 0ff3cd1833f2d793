package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/bsvsync/bsv/node"
)

// gcPercent keeps memory small: bsv shares a machine with what it protects, and
// collecting more often costs it next to nothing.
const gcPercent = 60

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	log.SetOutput(io.Discard) // lines that libraries print by themselves: what matters comes as an error
	os.Exit(run(os.Args[1:]))
}

// run is the whole command on this process's streams.
func run(args []string) int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	context.AfterFunc(ctx, func() {
		signal.Ignore(syscall.SIGHUP) // a terminal that is closed may say so more than once
		stop()                        // a second interrupt ends the process at once
	})
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, umask: umask()}
	return a.run(ctx, args)
}

// results is the standard output. It remembers the first error, so that
// results that reached nobody are no success.
type results struct {
	w        io.Writer
	terminal bool
	err      error
}

func (r *results) isTerminal() bool { return r.terminal }

func (r *results) Write(b []byte) (int, error) {
	n, err := r.w.Write(b)
	if err != nil {
		err = outputError{err}
		if r.err == nil {
			r.err = err
		}
	}
	return n, err
}

// outputError is that results could not be written. The name that the standard
// output has in this process, as /dev/stdout, tells nobody where it leads.
type outputError struct{ err error }

func (e outputError) Error() string {
	why := e.err
	if pe := (*fs.PathError)(nil); errors.As(why, &pe) {
		why = pe.Err
	}
	return fmt.Sprintf("the standard output takes no more: %v", why)
}

func (e outputError) Unwrap() error { return e.err }

// explain is node.Explain for what may have happened here, too.
func explain(err error) *node.Error {
	e := node.Explain(err)
	var out outputError
	if errors.As(err, &out) {
		e = &node.Error{Kind: e.Kind, Msg: out.Error(), Hint: e.Hint, Err: err}
		if e.Kind == node.NoSpace {
			e.Hint = "free some space where the output goes, then run it again: what was written there is not whole"
		}
	}
	return e
}

// app is one invocation.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	flags    flags
	command  string // as the lock names it to others
	umask    uint32
	finish   string // how what was interrupted comes to its end

	problems  bool // exit 3
	conflicts bool // exit 4
	overdue   bool // exit 18
	damaged   bool // exit 13

	failing node.Kind // its exit code; empty: none
}

func (a *app) run(ctx context.Context, args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(a.err, "bsv: internal error: %v\nbsv: hint: report it with this:\n%s", p, debug.Stack())
			code = node.Internal.Exit()
		}
	}()
	out := &results{w: a.out}
	if isTerminal(a.out) {
		out.terminal = true
	}
	a.out = out
	cmd := a.root()
	cmd.SetArgs(args)
	cmd.SetIn(a.in)
	cmd.SetOut(a.out)
	cmd.SetErr(a.err)
	ownCommands(cmd) // cobra's take the output that is there when they are made
	err := cmd.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("write results: %w", out.err)
	}
	if err == nil {
		switch {
		case a.damaged:
			return node.Damage.Exit()
		case a.failing != "":
			return a.failing.Exit()
		case a.problems:
			return node.Problems.Exit()
		case a.conflicts:
			return node.Conflicts.Exit()
		case a.overdue:
			return node.Overdue.Exit()
		}
		return 0
	}
	e := explain(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		e = &node.Error{Kind: node.Interrupted, Msg: "interrupted", Hint: a.finish}
	}
	fmt.Fprintf(a.err, "bsv: %s\n", escape(e.Msg))
	if e.Hint != "" {
		fmt.Fprintf(a.err, "bsv: hint: %s\n", escape(e.Hint))
	}
	if a.flags.verbose && e.Err != nil && e.Err.Error() != e.Msg {
		fmt.Fprintf(a.err, "bsv: cause: %s\n", escape(e.Err.Error()))
	}
	return e.Kind.Exit()
}
