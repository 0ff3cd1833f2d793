package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// empty refuses arguments and flags that say nothing: a variable of a script
// that is not set must not mean the current directory, or all of the vault.
func empty(c *cobra.Command, args []string) error {
	if strings.HasPrefix(c.Name(), cobra.ShellCompRequestCmd) { // there it is what is yet to be typed
		return nil
	}
	for i, x := range args {
		if x == "" {
			return usage(c.UseLine(), "the %s argument of %s is empty", humanize.Ordinal(i+1), c.CommandPath())
		}
	}
	var errs []error
	c.Flags().Visit(func(f *pflag.Flag) {
		blank := f.Value.Type() == "string" && f.Value.String() == "" && f.Name != "message"
		if list, ok := f.Value.(pflag.SliceValue); ok {
			items := list.GetSlice()
			blank = len(items) == 0 || slices.Contains(items, "")
		}
		if blank {
			errs = append(errs, usage(c.CommandPath()+" --help", "--%s is empty", f.Name))
		}
	})
	return errors.Join(errs...)
}
