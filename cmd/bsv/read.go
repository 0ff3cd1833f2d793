package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/node"
)

// reading makes a command that calls one operation and prints its result.
func reading[Out any](a *app, use, short, op string, args cobra.PositionalArgs, in func([]string) any, print func(Out)) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, argv []string) error {
		return a.with(cmd.Context(), need{}, func(s *session) error {
			res, err := api.Read[Out](cmd.Context(), s.Client, op, in(argv))
			if err != nil {
				return err
			}
			return a.result(res, func() { print(res) })
		})
	}}
}

func nothing([]string) any { return nil }

func first(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return ""
}

func (a *app) printEntry(e node.Entry, long bool) {
	name := escape(e.Raw())
	if e.Kind == "dir" && name != "/" {
		name += "/"
	}
	if e.Deleted {
		name += "  (last in " + short(e.Last) + ")"
	}
	if !long {
		a.printf("%s\n", name)
		return
	}
	if e.Target != "" {
		name += " -> " + escape(e.Target)
	}
	a.printf("%-7s %s %12d  %s  %s  %s\n", e.Kind, e.Mode, e.Size, when(e.MTime), short(e.ID), name)
}

func (a *app) printChanges(list []node.Change) {
	sign := map[string]string{"added": "+", "removed": "-", "changed": "M", "meta": "m"}
	for _, c := range list {
		color, waits := map[string]string{"added": good, "removed": bad}[c.Change], ""
		if c.Waiting {
			waits = "  (waits)"
		}
		a.printf("%s\n", a.paint(cmp.Or(color, other), sign[c.Change]+" "+escape(c.Raw()))+waits)
	}
}

func (a *app) showCommand() *cobra.Command {
	return reading(a, "show ID | REF[:PATH]", "A snapshot with its changes, or what stands at a path", "show", exactly(1), func(args []string) any {
		return node.ShowRequest{Ref: args[0]}
	}, func(r node.ShowResult) {
		if s := r.Snapshot; s != nil {
			a.printf("snapshot %s\ndevice   %s\ntime     %s\nfiles    %d, %s\n", s.ID, s.Device, when(s.Time), s.Files, size(s.Bytes))
			for _, p := range s.Parents {
				a.printf("parent   %s\n", p)
			}
			if s.Message != "" {
				a.printf("message  %s\n", escape(s.Message))
			}
			a.printf("\n")
			a.printChanges(r.Changes)
		}
		if r.Entry != nil {
			a.printEntry(*r.Entry, true)
		}
		for _, e := range r.Entries {
			a.printEntry(e, true)
		}
	})
}

func (a *app) lsCommand() *cobra.Command {
	var r node.ShowRequest
	var long bool
	c := reading(a, "ls [REF:]PATH", "List a directory of the vault", "ls", between(0, 1), func(args []string) any {
		r.Ref = first(args)
		return r
	}, func(l node.LsResult) {
		for _, e := range l.Entries {
			a.printEntry(e, long)
		}
	})
	c.Flags().BoolVarP(&long, "long", "l", false, "kind, mode, size, time and id, too")
	c.Flags().BoolVarP(&r.Recursive, "recursive", "R", false, "everything below, too")
	c.Flags().BoolVar(&r.Deleted, "deleted", false, "what was there once and is not now, and the last snapshot that holds it")
	return c
}

func (a *app) diffCommand() *cobra.Command {
	var stat bool
	c := &cobra.Command{Use: "diff [A] [B] [-- PATH…]", Short: "What differs: disk and state, or two refs",
		Long: "Without refs: + was added in the mapped directories since the last snapshot, - was\nremoved, M changed, m changed in mode or time alone. What other devices did and is\nnot on this disk yet stands as it will come, with (waits).\nWith A: what was done since then; with A and B: what led from A to B."}
	run := func(cmd *cobra.Command, args []string) (node.DiffRequest, error) {
		var r node.DiffRequest
		refs := args
		if i := cmd.ArgsLenAtDash(); i >= 0 {
			refs, r.Paths = args[:i], args[i:]
		}
		if len(refs) > 2 {
			return r, usage("bsv diff A B -- PATH…", "diff compares two refs at most")
		}
		for _, x := range refs {
			if _, path, ok := strings.Cut(x, ":/"); ok || strings.HasPrefix(x, "/") {
				if strings.HasPrefix(x, "/") {
					path = strings.TrimPrefix(x, "/")
				}
				hint := "bsv diff"
				for _, y := range refs {
					if ref, _, _ := strings.Cut(y, ":/"); !strings.HasPrefix(ref, "/") {
						hint += " " + node.Quote(ref)
					}
				}
				return r, usage(hint+" -- "+node.Quote("/"+path), "%s names a path; paths stand behind --", x)
			}
		}
		r.A = first(refs)
		if len(refs) == 2 {
			r.B = refs[1]
		}
		return r, nil
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := run(cmd, args)
		if err != nil {
			return err
		}
		return a.with(cmd.Context(), need{}, func(s *session) error {
			res, err := api.Read[node.DiffResult](cmd.Context(), s.Client, "diff", r)
			if err != nil {
				return err
			}
			return a.result(res, func() {
				if stat {
					here, waiting := map[string]uint64{}, map[string]uint64{}
					for _, x := range res.Changes {
						if x.Waiting {
							waiting[x.Change]++
						} else {
							here[x.Change]++
						}
					}
					text := changeCounts(here)
					if len(waiting) > 0 {
						text += "; waiting: " + changeCounts(waiting)
					}
					a.printf("%s\n", text)
					return
				}
				a.printChanges(res.Changes)
			})
		})
	}
	c.Flags().BoolVar(&stat, "stat", false, "counts only")
	return c
}

func changeCounts(n map[string]uint64) string {
	return fmt.Sprintf("%d added, %d removed, %d changed, %d metadata only", n["added"], n["removed"], n["changed"], n["meta"])
}

func (a *app) printConflicts(r node.ConflictsResult) {
	for _, c := range r.Conflicts {
		a.printf("%s  (%s)\n", escape(c.Raw()), c.Type)
		for i, s := range c.Sides {
			mark := " "
			if i == c.Winner {
				mark = "*"
			}
			a.printf("  %s %s, %s  %s\n", mark, size(s.Size), when(s.MTime), escape(s.Device))
		}
		for i, p := range c.RawCopies() {
			if i == 5 {
				a.printf("    and %d more copies\n", len(c.Copies)-5)
				break
			}
			a.printf("    the other version: %s\n", escape(p))
		}
	}
}

func (a *app) conflictsCommand() *cobra.Command {
	c := reading(a, "conflicts", "List conflicts: both versions are kept", "conflicts", noun, nothing, a.printConflicts)
	c.AddCommand(reading(a, "list", "List conflicts", "conflicts", exactly(0), nothing, a.printConflicts))
	return c
}
