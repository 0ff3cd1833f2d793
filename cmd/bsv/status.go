package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/node"
)

func (a *app) infoCommand() *cobra.Command {
	c := reading(a, "info [REF | PATH | REPO]", "Sizes, compression and keys; of a snapshot, a path or a repository", "info", exactly(0), nothing, a.printInfo)
	whole := c.RunE
	c.Args = between(0, 1)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return whole(cmd, args)
		}
		return a.with(cmd.Context(), need{}, func(s *session) error {
			res, err := api.Read[node.InfoOf](cmd.Context(), s.Client, "info/of", node.InfoRequest{Of: args[0]})
			if err != nil {
				return err
			}
			return a.result(res, func() { a.printInfoOf(res) })
		})
	}
	return c
}

func (a *app) printInfo(i node.Info) {
	a.printf("device    %s\nvault     %s\nhome      %s\n", i.Device, i.Vault, escape(i.Home))
	a.printf("state     %s, %s\n", count(i.Files, "file"), size(i.Bytes))
	a.printf("history   %s, %s if each were stored whole\n", count(uint64(i.Snapshots), "snapshot"), size(i.AllContent))
	a.printf("stored    %s in %s, %s\n", size(i.Stored), count(uint64(i.Packs), "pack"), count(uint64(i.Objects), "object"))
	if i.Stored > 0 && i.AllContent > i.Stored {
		a.printf("saved     %.1f times by storing equal content once and compressing it\n", float64(i.AllContent)/float64(i.Stored))
	}
	a.printf("keys      %s\n", count(uint64(i.Epochs), "epoch"))
	for _, x := range i.Addrs {
		a.printf("address   %s\n", x)
	}
	for _, k := range i.Rows {
		a.say("config.toml: %s has no effect in this version", k)
	}
}

func (a *app) printInfoOf(i node.InfoOf) {
	if r := i.Repo; r != nil {
		a.printf("repository  %s (%s, %s), %s\nplace       %s\n", escape(r.Name), r.Kind, r.Mode, r.State, escape(r.URL))
		if r.Kind == "local" {
			a.printf("stored      %s in %s, %s\n", size(r.Bytes), count(uint64(r.Packs), "pack"), count(uint64(r.Objects), "object"))
		}
		return
	}
	a.printf("%-9s %s\n", i.Kind, escape(i.Path.Raw()))
	if i.Snapshot != "" {
		a.printf("of        snapshot %s\n", short(i.Snapshot))
	}
	a.printf("id        %s\nholds     %s, %s", i.ID, count(i.Files, "file"), size(i.Bytes))
	if i.Dirs > 0 {
		a.printf(" in %s", directories(i.Dirs))
	}
	a.printf("\n")
}

func directories(n uint64) string {
	if n == 1 {
		return "1 directory"
	}
	return strings.TrimSuffix(count(n, "directory"), "ys") + "ies"
}

func (a *app) statusCommand() *cobra.Command {
	var check bool
	c := &cobra.Command{Use: "status", Short: "One screen: device, state, mappings, peers, warnings", Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
		return a.with(cmd.Context(), need{}, func(s *session) error {
			res, err := api.Read[node.Status](cmd.Context(), s.Client, "status", nil)
			if err != nil {
				return err
			}
			a.damaged = len(res.Damaged) > 0 || slices.ContainsFunc(res.Maps, func(m node.MapInfo) bool { return m.State == "damaged" })
			if check {
				a.judge(res)
			}
			return a.result(res, func() { a.printStatus(res) })
		})
	}}
	c.Flags().BoolVar(&check, "check", false, "exit 18 when a mapping is OVERDUE (not looked at, or not stored, for a day), with the code of what the node fails with, 5 when a mass deletion waits for consent, or 3 when paths could not be read or written")
	return c
}

// judge is what status --check ends with: the longest trouble first.
func (a *app) judge(s node.Status) {
	waiting := false
	for _, m := range s.Maps {
		a.overdue = a.overdue || m.Overdue
		waiting = waiting || m.State == "waiting"
	}
	switch {
	case a.overdue:
	case len(s.Failing) > 0:
		a.failing = s.Failing[0].Kind
	case waiting:
		a.failing = node.Brake
	default:
		a.problems = s.Unread+s.Unapplied > 0
	}
}

func (a *app) printStatus(s node.Status) {
	running := "no node is running"
	if s.Running {
		running = "node is running"
	}
	state := "no snapshot yet"
	if s.State != "" {
		state = short(s.State)
	}
	if len(s.Pending) > 0 {
		state += fmt.Sprintf(", %s on the way", count(uint64(len(s.Pending)), "snapshot"))
	}
	a.printf("device     %s (%s), %s\nvault      %s\nstate      %s\n", escape(s.Name), s.Device, running, s.Vault, state)
	var rows [][]string
	for _, m := range s.Maps {
		color := other
		if m.State == "clean" {
			color = good
		}
		rows = append(rows, []string{"map      ", escape(m.Raw()), escape(node.Path{Path: m.Dir, PathB64: m.DirB64}.Raw()), a.paint(color, m.State), count(m.Files, "file") + ", " + size(m.Bytes)})
	}
	a.table(rows)
	rows = nil
	for _, p := range s.Peers {
		state := p.State
		if p.UpToDate {
			state += ", up to date"
		}
		if p.Full {
			state += ", its disk is full"
		}
		color := other
		if p.State == "connected" {
			color = good
		}
		rows = append(rows, []string{"peer     ", escape(p.Name), shortPeer(p.ID), a.paint(color, state)})
	}
	a.table(rows)
	for _, w := range s.Warnings {
		a.printf("%s\n", a.paint(other, "! "+escape(w.Text)))
		if w.Command != "" {
			a.printf("    %s\n", escape(w.Command))
		}
	}
}

// shortPeer is the end of a device's id: the beginning is the same for all.
func shortPeer(id string) string { return "…" + id[max(len(id)-8, 0):] }
