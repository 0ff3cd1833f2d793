package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/bsvsync/bsv/node"
)

// ask puts a question to the person; -y answers it. An interrupt ends the
// waiting.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	if a.flags.yes {
		return true, nil
	}
	yes, _, err := a.put(ctx, question)
	return yes, err
}

// compare puts a question about what the person sees on two screens: -y cannot
// answer it, and where nobody answers it is an error.
func (a *app) compare(ctx context.Context, question string) (bool, error) {
	yes, answered, err := a.put(ctx, question)
	if err == nil && !answered {
		fmt.Fprintln(a.err)
		err = usage("run it at a terminal, compare the words on both screens and answer y; -y does not answer this", "nobody has compared the four words")
	}
	return yes, err
}

// put prints a question and reads the answer; no line at all is none.
func (a *app) put(ctx context.Context, question string) (yes, answered bool, err error) {
	fmt.Fprintf(a.err, "bsv: %s [y/N] ", question)
	line := make(chan string, 1)
	go func() { // may outlive the question: nobody else reads the input
		text, _ := bufio.NewReader(a.in).ReadString('\n') // no answer is no
		line <- text
	}()
	select {
	case text := <-line:
		word := strings.ToLower(strings.TrimSpace(text))
		return word == "y" || word == "yes", text != "", nil
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return false, false, ctx.Err()
	}
}

// consented does what may need a person's yes: it asks at a terminal, and does
// it again when that is meant; others give -y.
func consented[Out any](ctx context.Context, a *app, do func(yes bool) (Out, error)) (Out, error) {
	res, err := do(a.flags.yes)
	e := node.Explain(err)
	if e == nil || e.Hint != node.Consent || !isTerminal(a.in) || !isTerminal(a.err) {
		return res, err
	}
	a.say("%s", escape(e.Msg))
	yes, asked := a.ask(ctx, "is that meant?")
	if asked != nil {
		return res, asked
	}
	if !yes {
		return res, &node.Error{Kind: e.Kind, Msg: "nothing was done", Hint: node.Consent, Err: err}
	}
	return do(true)
}
