package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
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
	if err != nil && r.err == nil {
		r.err = err
	}
	return n, err
}

// app is one invocation.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	flags    flags
	command  string // as the lock names it to others

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
	ownCommands(cmd)
	cmd.SetArgs(args)
	cmd.SetIn(a.in)
	cmd.SetOut(a.out)
	cmd.SetErr(a.err)
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
	e := node.Explain(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		e = &node.Error{Kind: node.Interrupted, Msg: "interrupted"}
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
