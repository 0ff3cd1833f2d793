package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/node"
)

func (a *app) initCommand() *cobra.Command {
	var r node.InitRequest
	var keyFile string
	c := &cobra.Command{
		Use:   "init [DIR | VPATH=DIR]…",
		Short: "Make the home, the device's keys and a vault; map directories",
		Long:  "Makes a vault, or opens the one whose recovery words --key-file holds, and maps each DIR as /basename,\nor as VPATH (photos=DIR is /photos).\nA second run prints what is there; with --key-file it makes anew what is damaged of the home's keys,\nthe vault's header and its key ring, moves the damaged files into HOME/damaged, and admits this device\nagain when its admission is lost.",
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if r.Dirs, err = absolute(args); err != nil {
				return err
			}
			if err := checkNew(r.Dirs, r.Name); err != nil {
				return err
			}
			if r.Words, err = readWords(keyFile); err != nil {
				return err
			}
			return a.with(cmd.Context(), need{create: true, words: r.Words}, func(s *session) error {
				res, err := api.Do[node.InitResult](cmd.Context(), s.Client, "init", r)
				if err != nil {
					return errors.Join(err, a.keepWords(s, res)) // there may be a vault all the same
				}
				if !a.flags.json {
					if err := a.keepWords(s, res); err != nil {
						return err
					}
				}
				if err := a.result(res, func() {
					a.printf("device %s\nvault  %s\n", res.Device, res.Vault)
				}); err != nil {
					return err
				}
				if a.flags.json && res.Words != "" && s.home != nil {
					return s.home.RemoveWords()
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&r.Name, "name", a.getenv("BSV_NAME"), "name of this device; renames it when it has another one")
	c.Flags().StringVar(&r.Mode, "mode", a.envOr("BSV_MODE", "full"), "full (meta is not built yet)")
	c.Flags().StringVar(&keyFile, "key-file", a.getenv("BSV_KEY_FILE"), "file with the recovery words of an existing vault")
	return mark(c, changes)
}

// checkNew checks what a home is made for before it is made: directories that
// are to be mapped, and the device's name.
func checkNew(dirs []string, name string) error {
	if err := node.CheckDirs(dirs); err != nil {
		return err
	}
	return node.CheckName(name)
}

// maxKeyFile bounds a file of recovery words.
const maxKeyFile = 64 << 10

func readWords(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	const hint = "give a file that holds the 24 words"
	f, err := os.Open(file)
	if err != nil {
		return "", usage(hint, "key file: %v", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1)) // it may be a device without end
	words := strings.TrimSpace(string(b))
	switch {
	case err != nil:
		return "", usage(hint, "key file: %v", err)
	case len(b) > maxKeyFile:
		return "", usage(hint, "%s is too large for recovery words", file)
	case words == "": // without any there would be a vault of its own
		return "", &node.Error{Kind: node.WrongWords, Msg: file + " holds no recovery words", Hint: hint}
	}
	return words, nil
}

// keepWords shows new recovery words on the terminal; without one they stay
// in the file of the home where they lie since before there was a vault.
func (a *app) keepWords(s *session, res node.InitResult) error {
	if s.home == nil {
		return nil
	}
	if _, err := os.Lstat(s.home.Paths().Words()); err != nil {
		return nil // they were shown, or are somebody's who has them
	}
	if res.Words != "" && isTerminal(a.err) {
		fmt.Fprintf(a.err, "\nThe recovery words of this vault. Write them on paper: they open it when all\ndevices are lost, and nobody can show them again.\n\n")
		w := strings.Fields(res.Words)
		for i := 0; i < len(w); i += 6 {
			fmt.Fprintf(a.err, "   %s\n", strings.Join(w[i:min(i+6, len(w))], " "))
		}
		if _, err := fmt.Fprintln(a.err); err != nil {
			return err
		}
		return s.home.RemoveWords()
	}
	a.say("the recovery words are in %s: write them down elsewhere; only then remove the file", escape(s.home.Paths().Words()))
	return nil
}
