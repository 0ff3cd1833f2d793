package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/node"
)

func (a *app) printMaps(r node.MapResult) {
	for _, m := range r.Maps {
		a.printf("%s = %s  %s\n", escape(m.Raw()), escape(node.Path{Path: m.Dir, PathB64: m.DirB64}.Raw()), m.State)
		if m.Reason != "" {
			a.printf("    %s\n", escape(m.Reason))
		}
	}
}

func (a *app) mapCommand() *cobra.Command {
	list := func() *cobra.Command {
		return reading(a, "list", "List the mappings of this device", "maps", exactly(0), nothing, a.printMaps)
	}
	c := list()
	c.Use, c.Short, c.Args = "map", "Virtual paths and the directories they stand for", noun
	c.AddCommand(list(), mark(&cobra.Command{
		Use: "add VPATH DIR", Short: "Map a directory, or put its lost marker back", Args: exactly(2),
		Long: "Maps a directory. Of a mapping that is paused because .bsvmap is missing in the\ndirectory this puts it back, when that is meant: what is no longer there then\ncounts as deleted, and what was edited as edited.",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[1])
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), need{}, func(s *session) error {
				res, err := consented(cmd.Context(), a, func(yes bool) (node.MapResult, error) {
					return api.Do[node.MapResult](cmd.Context(), s.Client, "maps/add", node.MapRequest{Path: args[0], Dir: dir, Yes: yes})
				})
				if err != nil {
					return err
				}
				return a.result(res, func() { a.printMaps(res) })
			})
		},
	}, changes), mark(&cobra.Command{
		Use: "remove VPATH", Short: "End a mapping; files and history stay", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), need{}, func(s *session) error {
				res, err := api.Do[node.MapResult](cmd.Context(), s.Client, "maps/remove", node.MapRequest{Path: args[0]})
				if err != nil {
					return err
				}
				return a.result(res, func() { a.printMaps(res) })
			})
		},
	}, changes))
	return c
}

func (a *app) snapshotCommand() *cobra.Command {
	var r node.SnapshotRequest
	c := &cobra.Command{
		Use: "snapshot [VPATH]…", Short: "Store what the mapped directories hold now",
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Paths, r.DryRun = args, a.flags.dry
			return a.with(cmd.Context(), need{}, func(s *session) error {
				stop := a.progress(cmd.Context(), s)
				res, err := api.Do[node.SnapshotResult](cmd.Context(), s.Client, "snapshot", r)
				stop()
				if err != nil {
					return err
				}
				a.tell(res.Problems)
				a.note(res.Notices)
				return a.result(res, func() {
					switch {
					case r.DryRun && res.Stat != nil:
						a.printf("would store %d added, %d changed, %d deleted files; %s, %s in all\n",
							res.Stat.Added, res.Stat.Changed+res.Stat.Meta, res.Stat.Removed, count(res.Files, "file"), size(res.Bytes))
					case res.Created:
						a.printf("snapshot %s  %s, %s, %s new\n", short(res.Snapshot), count(res.Files, "file"), size(res.Bytes), size(res.NewBytes))
					case res.Snapshot == "" && res.Dirs > 0:
						a.printf("nothing to store: the mapped directories are empty\n")
					case res.Snapshot == "":
						a.printf("nothing to store: map a directory with: bsv map add VPATH DIR\n")
					default:
						a.printf("unchanged since snapshot %s\n", short(res.Snapshot))
					}
				})
			})
		},
	}
	c.Flags().StringVarP(&r.Message, "message", "m", "", "a message for people")
	c.Flags().StringVarP(&r.Tag, "tag", "t", "", "name the snapshot")
	c.Flags().BoolVar(&r.AcceptDamage, "accept-damage", false, "go on without what the repository has lost and no peer has")
	return c
}

func (a *app) restored(res node.RestoreResult, dry bool, overwrite string) error {
	a.tell(res.Problems)
	a.note(res.Notices)
	return a.result(res, func() {
		verb := "restored"
		if dry {
			verb = "would restore"
		}
		a.printChanges(res.Changes)
		left := ""
		if res.Left > 0 || overwrite == "never" || overwrite == "newer" {
			left = fmt.Sprintf(", %d left as they are", res.Left)
		}
		a.printf("%s: %d created, %d updated, %d deleted%s\n", verb, res.Applied.Created, res.Applied.Updated, res.Applied.Deleted, left)
		if res.Verified {
			a.printf("verified\n")
		}
	})
}

func (a *app) restoreCommand() *cobra.Command {
	var r node.RestoreRequest
	c := &cobra.Command{
		Use: "restore [REF:][PATH]…", Short: "Bring files back: in place, or into another directory with --to",
		Long: "In place, a snapshot is taken first, so nothing is lost.\nA single directory with --to DIR: its children land directly in DIR, and --delete\nmakes DIR exactly that directory. With -n, --delete names what would change.\nInterrupted, it is finished by the same command with --overwrite changed (in\nplace: by bsv sync, or by the next scan of a running node).",
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Refs, r.DryRun = args, a.flags.dry
			if len(args) == 0 && r.To == "" {
				return usage("bsv restore latest~1:/docs, or: bsv restore --to DIR", "say what to restore")
			}
			a.finish = finishEdit
			if r.To != "" {
				to, err := filepath.Abs(r.To)
				if err != nil {
					return err
				}
				r.To, a.finish = to, "run it again with --overwrite changed: what is whole there is not written again"
			}
			return a.with(cmd.Context(), need{}, func(s *session) error {
				stop := a.progress(cmd.Context(), s)
				res, err := api.Do[node.RestoreResult](cmd.Context(), s.Client, "restore", r)
				stop()
				if err != nil {
					return err
				}
				return a.restored(res, r.DryRun, r.Overwrite)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&r.To, "to", "", "restore into this directory")
	f.StringArrayVar(&r.Include, "include", nil, "only paths that match the pattern")
	f.StringArrayVar(&r.Exclude, "exclude", nil, "no paths that match the pattern")
	f.StringVar(&r.Overwrite, "overwrite", "", "changed, newer, never or always: what happens to files that are there")
	f.BoolVar(&r.Delete, "delete", false, "delete files that the snapshot does not hold; with --to, of one directory only")
	f.BoolVar(&r.Verify, "verify", false, "read everything back and compare it with the snapshot")
	return c
}

// finishEdit is how an edit of the vault that is interrupted comes to its end.
const finishEdit = "bsv sync finishes what it had begun on the disk (a running node does with its next scan); bsv status says whether something is left"

func (a *app) edited(res node.EditResult) error {
	a.tell(res.Problems)
	a.note(res.Notices)
	return a.result(res, func() {
		if a.flags.dry {
			a.printf("would change the disk: %d created, %d updated, %d deleted\n", res.Applied.Created, res.Applied.Updated, res.Applied.Deleted)
		}
	})
}

func (a *app) addCommand() *cobra.Command {
	var r node.AddRequest
	c := &cobra.Command{
		Use: "add [-r] SRC… VPATH", Short: "Put files into the vault; - reads the standard input", Args: between(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			src, dst := args[:len(args)-1], args[len(args)-1]
			stream := len(src) == 1 && src[0] == "-"
			if !stream { // of which nothing is in the vault before it ends
				a.finish = finishEdit
			}
			return a.with(cmd.Context(), need{}, func(s *session) error {
				if stream {
					res, err := s.PutContent(cmd.Context(), dst, a.in, a.umaskText(), a.flags.dry)
					if err != nil {
						return err
					}
					return a.edited(res)
				}
				r.Path, r.DryRun = dst, a.flags.dry
				for _, p := range src {
					full, err := filepath.Abs(p)
					if err != nil {
						return err
					}
					if err := linkNamedAsDir(p, full); err != nil {
						return err
					}
					r.Sources = append(r.Sources, full)
				}
				res, err := api.Do[node.EditResult](cmd.Context(), s.Client, "add", r)
				if err != nil {
					return err
				}
				return a.edited(res)
			})
		},
	}
	c.Flags().BoolVarP(&r.Recursive, "recursive", "r", false, "directories, too")
	return c
}

// linkNamedAsDir refuses DIR/, DIR/. and . where that is a link: a link is stored
// as a link, and this names what it leads to.
func linkNamedAsDir(arg, full string) error {
	if base := filepath.Base(arg + "x"); base != "x" && base != ".x" { // no separator, and no dot behind one, ends it
		return nil
	}
	if fi, err := os.Lstat(full); err != nil || fi.Mode()&os.ModeSymlink == 0 {
		return nil
	}
	to, err := filepath.EvalSymlinks(full)
	if err != nil {
		return nil // it leads nowhere
	}
	return usage("bsv add -r "+node.Quote(to)+" VPATH", "%s is a link, which is stored as a link: name the directory that it leads to", arg)
}

func (a *app) getCommand() *cobra.Command {
	var r node.GetRequest
	c := &cobra.Command{
		Use: "get [-r] [REF:]VPATH [DEST | -]", Short: "Copy a file of the vault out; - writes to the standard output", Args: between(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Ref = args[0]
			if a.flags.json && len(args) == 2 && args[1] == "-" {
				return usage("bsv get "+node.Quote(args[0])+" FILE", "the standard output holds either the file or a JSON document")
			}
			dest := "."
			if len(args) == 2 && args[1] != "" {
				dest = args[1]
			}
			return a.with(cmd.Context(), need{}, func(s *session) error {
				if dest == "-" {
					b, err := s.Content(cmd.Context(), r.Ref)
					if err != nil {
						return err
					}
					defer b.Close()
					_, err = io.Copy(a.out, b)
					return err
				}
				to, err := filepath.Abs(dest)
				if err != nil {
					return err
				}
				if r.To = to; os.IsPathSeparator(dest[len(dest)-1]) {
					r.To += string(filepath.Separator)
				}
				stop := a.progress(cmd.Context(), s)
				res, err := api.Do[node.RestoreResult](cmd.Context(), s.Client, "get", r)
				stop()
				if err != nil {
					return err
				}
				a.tell(res.Problems)
				return a.result(res, func() {})
			})
		},
	}
	c.Flags().BoolVarP(&r.Recursive, "recursive", "r", false, "directories, too")
	return mark(c, changes)
}

func (a *app) pathCommand(use, short, op string, recursive bool) *cobra.Command {
	var r node.PathRequest
	c := &cobra.Command{Use: use, Short: short, Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
		r.Path, r.DryRun, r.Umask = args[0], a.flags.dry, a.umaskText()
		a.finish = finishEdit
		return a.with(cmd.Context(), need{}, func(s *session) error {
			res, err := api.Do[node.EditResult](cmd.Context(), s.Client, op, r)
			if err != nil {
				return err
			}
			return a.edited(res)
		})
	}}
	if recursive {
		c.Flags().BoolVarP(&r.Recursive, "recursive", "r", false, "directories, too")
	}
	return c
}

func (a *app) mkdirCommand() *cobra.Command {
	return a.pathCommand("mkdir VPATH", "Make a directory in the vault", "mkdir", false)
}

func (a *app) rmCommand() *cobra.Command {
	return a.pathCommand("rm [-r] VPATH", "Remove from the state; the history keeps it", "rm", true)
}
