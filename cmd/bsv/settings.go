package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/discovery"
)

// changes marks a command that changes something and has no dry run.
const changes = "changes"

func mark(c *cobra.Command, what string) *cobra.Command {
	if c.Annotations == nil {
		c.Annotations = map[string]string{}
	}
	c.Annotations[what] = "yes"
	return c
}

// What the flags of every command may be.
var (
	progressValues = []string{"auto", "bar", "plain", "json", "none"}
	colorValues    = []string{"auto", "always", "never"}
)

// check refuses global flags and variables with values that nobody knows.
func (a *app) check(c *cobra.Command) error {
	for _, x := range []struct {
		flag, env, value string
		known            []string
	}{
		{"progress", "BSV_PROGRESS", a.flags.progress, progressValues},
		{"color", "BSV_COLOR", a.flags.color, colorValues},
	} {
		if !slices.Contains(x.known, x.value) {
			last := len(x.known) - 1
			return usage("bsv --help", "%s: %q is none of %s or %s", a.origin(c, x.flag, x.env), x.value, strings.Join(x.known[:last], ", "), x.known[last])
		}
	}
	for _, name := range []string{"BSV_JSON", "BSV_QUIET", "BSV_VERBOSE", "BSV_YES", "BSV_DRY_RUN", "BSV_NO_WATCH", "BSV_NO_MDNS"} {
		if v := a.getenv(name); v != "" {
			if _, err := strconv.ParseBool(v); err != nil {
				return usage("set it to 1 or 0", "%s: %q is neither 1 nor 0", name, v)
			}
		}
	}
	if v := a.getenv("BSV_WAIT"); v != "" {
		if _, err := time.ParseDuration(v); err != nil {
			return usage("BSV_WAIT=30s", "BSV_WAIT: %q is no duration", v)
		}
	}
	if a.flags.wait < 0 {
		return usage("--wait 30s", "%s: %v is negative", a.origin(c, "wait", "BSV_WAIT"), a.flags.wait)
	}
	for _, x := range a.flags.listen {
		if err := discovery.CheckListen(x); err != nil {
			return usage("--listen /ip4/0.0.0.0/tcp/27800", "%s: %v", a.origin(c, "listen", "BSV_LISTEN"), err)
		}
	}
	if a.flags.dry && c.Annotations[changes] != "" {
		return usage(c.CommandPath()+" --help", "%s has no dry run, so nothing was done", strings.TrimPrefix(c.CommandPath(), "bsv "))
	}
	return nil
}

// origin says where a value came from.
func (a *app) origin(c *cobra.Command, flag, env string) string {
	if !c.Flags().Changed(flag) && a.getenv(env) != "" {
		return env
	}
	return "--" + flag
}

// colored reports whether results are coloured.
func (a *app) colored() bool {
	switch a.flags.color {
	case "always":
		return true
	case "never":
		return false
	}
	return isTerminal(a.out) && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// The colours that are used, and for what.
const (
	good  = "32" // added, connected
	bad   = "31" // removed
	other = "33" // changed, warnings
)

// paint colours a text.
func (a *app) paint(color, text string) string {
	if !a.colored() {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// unknown is the error of a name that no command of c has.
func unknown(c *cobra.Command, name string) error {
	c.SuggestionsMinimumDistance = 2
	hint := c.CommandPath() + " --help lists the commands"
	if s := c.SuggestionsFor(name); len(s) > 0 {
		hint = "did you mean: " + c.CommandPath() + " " + strings.Join(s, ", "+c.CommandPath()+" ") + "?"
	}
	return usage(hint, "unknown command %q", name)
}

// noun is the check of arguments of a command that has subcommands and lists
// without one.
func noun(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknown(c, args[0])
	}
	return nil
}
