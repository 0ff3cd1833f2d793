package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// ask puts a question to the person; -y answers it. An interrupt ends the
// waiting.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	if a.flags.yes {
		return true, nil
	}
	fmt.Fprintf(a.err, "bsv: %s [y/N] ", question)
	line := make(chan string, 1)
	go func() { // may outlive the question: nobody else reads the input
		text, _ := bufio.NewReader(a.in).ReadString('\n') // no answer is no
		line <- text
	}()
	select {
	case text := <-line:
		text = strings.ToLower(strings.TrimSpace(text))
		return text == "y" || text == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return false, ctx.Err()
	}
}
