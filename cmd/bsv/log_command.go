package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/node"
)

func (a *app) logCommand() *cobra.Command {
	var r node.LogRequest
	var graph bool
	c := reading(a, "log [A..B] [PATH]", "List snapshots; with PATH its versions, with A..B what led to B and not to A", "log", between(0, 2), func(args []string) any {
		for _, x := range args {
			if isRange(x) {
				r.Range = x
			} else {
				r.Path = x
			}
		}
		return r
	}, func(l node.LogResult) { a.printLog(l, graph) })
	c.Args = func(cmd *cobra.Command, args []string) error {
		ranges := 0
		for _, x := range args {
			if _, err := strconv.Atoi(x); err == nil && a.flags.dry {
				return usage("bsv log -N "+x, "-n is the dry run, which log has no use for; -N is the number of snapshots")
			}
			if isRange(x) {
				ranges++
			}
		}
		if ranges > 1 || len(args)-ranges > 1 {
			return usage("bsv log --help", "log takes one range A..B and one path at most")
		}
		return nil
	}
	c.Flags().IntVarP(&r.Limit, "number", "N", 0, "at most so many")
	c.Flags().StringVar(&r.Device, "device", "", "of this device only")
	c.Flags().StringVar(&r.Since, "since", "", "not older than (yesterday, 2 days ago, 2026-11-01)")
	c.Flags().StringVar(&r.Until, "until", "", "not newer than")
	c.Flags().BoolVar(&r.Stat, "stat", false, "count what each snapshot changed")
	c.Flags().BoolVar(&graph, "graph", false, "draw which snapshot came from which")
	return c
}

// isRange reports whether an argument of log is A..B and no path.
func isRange(x string) bool { return !strings.HasPrefix(x, "/") && strings.Contains(x, "..") }

func (a *app) printLog(l node.LogResult, graph bool) {
	var rows [][]string
	var g lanes
	for _, s := range l.Snapshots {
		name := s.DeviceName
		if name == "" || name == s.Device {
			name = shortPeer(s.Device)
		}
		row := []string{short(s.ID), when(s.Time), escape(name), count(s.Files, "file"), size(s.Bytes)}
		if s.Stat != nil {
			row = append(row, fmt.Sprintf("%d added, %d removed, %d changed", s.Stat.Added, s.Stat.Removed, s.Stat.Changed))
		}
		if row = append(row, escape(s.Message)); graph {
			at, joins := g.step(s.ID, s.Parents)
			row[0] = at + row[0]
			rows = append(rows, row)
			if joins != "" {
				rows = append(rows, []string{joins})
			}
			continue
		}
		rows = append(rows, row)
	}
	a.table(rows)
}

// lanes draws a history: each lane waits for a snapshot.
type lanes []string

// step places a snapshot: what stands before its line, and the line below it
// when lanes part or meet there.
func (g *lanes) step(id string, parents []string) (at, joins string) {
	i := slices.Index(*g, id)
	if i < 0 {
		i = len(*g)
		*g = append(*g, id)
	}
	var b strings.Builder
	for k := range *g {
		if k == i {
			b.WriteString("* ")
		} else {
			b.WriteString("| ")
		}
	}
	at = b.String()
	rest := slices.Clone(parents)
	rest = slices.DeleteFunc(rest, func(p string) bool { return slices.Contains(*g, p) })
	if len(rest) > 0 {
		(*g)[i] = rest[0]
		if len(rest) > 1 {
			joins = strings.Repeat("| ", i) + "|" + strings.Repeat("\\ ", len(rest)-1)
			*g = slices.Insert(*g, i+1, rest[1:]...)
		}
		return at, joins
	}
	*g = slices.Delete(*g, i, i+1)
	if len(parents) > 0 {
		joins = strings.Repeat("| ", max(i-1, 0)) + "|/"
	}
	return at, joins
}
