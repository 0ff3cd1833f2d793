package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/node"
)

// flags are those of every command. Each has a BSV_… variable.
type flags struct {
	home     string
	json     bool
	quiet    bool
	verbose  bool
	yes      bool
	dry      bool
	wait     time.Duration
	progress string
	color    string
	noMDNS   bool
	listen   []string
}

func usage(hint, format string, args ...any) error {
	return &node.Error{Kind: node.Usage, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

func (a *app) root() *cobra.Command {
	var version bool
	c := &cobra.Command{
		Use:           "bsv",
		Short:         "Back up, synchronise and version directories between your devices",
		Long:          "bsv keeps every version of your directories on your own devices, in sync, sealed.\n\nBegin with:  bsv node DIR        (this device keeps DIR from now on)\nand then:    bsv invite          (a ticket for your next device: bsv join TICKET)",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknown(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return a.printVersion()
			}
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			a.command = cmd.CommandPath()
			if err := empty(cmd, args); err != nil {
				return err
			}
			return a.check(cmd)
		},
	}
	c.SuggestionsMinimumDistance = 2
	c.CompletionOptions.HiddenDefaultCmd = false
	f := c.PersistentFlags()
	f.StringVar(&a.flags.home, "home", a.getenv("BSV_HOME"), "home directory of this device's bsv (BSV_HOME)")
	f.BoolVar(&a.flags.json, "json", a.envBool("BSV_JSON"), "print one JSON document (BSV_JSON)")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", a.envBool("BSV_QUIET"), "print errors only (BSV_QUIET)")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", a.envBool("BSV_VERBOSE"), "print causes and debug logs (BSV_VERBOSE)")
	f.BoolVarP(&a.flags.yes, "yes", "y", a.envBool("BSV_YES"), "answer yes to questions (BSV_YES)")
	f.BoolVarP(&a.flags.dry, "dry-run", "n", a.envBool("BSV_DRY_RUN"), "say what would be done, and do nothing (BSV_DRY_RUN)")
	wait, _ := time.ParseDuration(a.getenv("BSV_WAIT")) // check tells of a bad one
	f.DurationVar(&a.flags.wait, "wait", wait, "how long to wait for another bsv to give up the home (BSV_WAIT)")
	f.StringVar(&a.flags.progress, "progress", a.envOr("BSV_PROGRESS", "auto"), "progress: auto, bar, plain, json or none (BSV_PROGRESS)")
	f.StringVar(&a.flags.color, "color", a.envOr("BSV_COLOR", "auto"), "colours: auto, always or never (BSV_COLOR; auto heeds NO_COLOR)")
	c.Flags().BoolVar(&version, "version", false, "print the version")
	c.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 { // the flag is of a command that there is not
			return unknown(cmd, words[0])
		}
		return usage(cmd.CommandPath()+" --help", "%v", err)
	})
	c.AddCommand(
		a.initCommand(), a.nodeCommand(), a.infoCommand(), a.statusCommand(), a.mapCommand(), a.snapshotCommand(), a.restoreCommand(),
		a.logCommand(), a.showCommand(), a.lsCommand(), a.diffCommand(), a.addCommand(), a.getCommand(), a.mkdirCommand(), a.rmCommand(),
		a.repoCommand(), a.fetchCommand(), a.syncCommand(), a.inviteCommand(), a.joinCommand(), a.peersCommand(), a.conflictsCommand(),
		a.watchCommand(), a.versionCommand(),
	)
	a.completions(c)
	return c
}

// ownCommands makes cobra's own commands refuse what they do not know.
func ownCommands(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Args = func(_ *cobra.Command, args []string) error {
				at := root
				for _, name := range args {
					next, _, err := at.Find([]string{name})
					if err != nil || next == at {
						return unknown(at, name)
					}
					at = next
				}
				return nil
			}
		case "completion":
			c.Args = noun
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

func (a *app) envBool(name string) bool {
	v := a.getenv(name)
	yes, err := strconv.ParseBool(v)
	return err == nil && yes // check tells of others
}

func (a *app) envOr(name, otherwise string) string {
	if v := a.getenv(name); v != "" {
		return v
	}
	return otherwise
}

// exactly checks the number of arguments and says what belongs there.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usage(cmd.CommandPath()+" --help", "usage: %s", cmd.UseLine())
		}
		return nil
	}
}
