package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/node"
)

// completeAfter bounds how long a shell waits for suggestions.
const completeAfter = 2 * time.Second

type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// complete makes a completer. What goes wrong completes nothing: a shell has
// no place for errors.
func (a *app) complete(f func(context.Context, *session, string) ([]string, error)) completer {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeAfter)
		defer cancel()
		var out []string
		err := a.with(ctx, need{}, func(s *session) (err error) {
			out, err = f(ctx, s, begun)
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveDefault
		}
		for i := len(out) - 1; i >= 0; i-- {
			if !strings.HasPrefix(out[i], begun) {
				out = append(out[:i], out[i+1:]...)
			}
		}
		return out, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
}

// refs completes [REF:]PATH: names below the directory that was begun, and
// without a / also snapshots.
func (a *app) refs() completer {
	return a.complete(func(ctx context.Context, s *session, begun string) ([]string, error) {
		var out []string
		if !strings.Contains(begun, "/") {
			out = append(out, "latest", "latest~1")
			l, err := api.Read[node.LogResult](ctx, s.Client, "log", node.LogRequest{Limit: 20})
			if err != nil {
				return nil, err
			}
			for _, x := range l.Snapshots {
				out = append(out, short(x.ID))
			}
		}
		ref, path, found := strings.Cut(begun, "/")
		if !found {
			path, ref = "", strings.TrimSuffix(begun, ":")
			if ref != "" && ref == begun {
				return out, nil
			}
			if ref != "" {
				ref += ":"
			}
		}
		dir := "/" + path[:strings.LastIndexByte(path, '/')+1]
		l, err := api.Read[node.LsResult](ctx, s.Client, "ls", node.ShowRequest{Ref: ref + dir})
		if err != nil {
			return out, nil // no such directory: only snapshots are left
		}
		for _, e := range l.Entries {
			if e.PathB64 != "" || escape(e.Path.Path) != e.Path.Path {
				continue // no shell writes it
			}
			p := ref + e.Path.Path
			if e.Kind == "dir" {
				p += "/"
			}
			out = append(out, p)
		}
		return out, nil
	})
}

// repos completes names of repositories.
func (a *app) repos() completer {
	return a.complete(func(ctx context.Context, s *session, _ string) ([]string, error) {
		l, err := api.Read[node.RepoResult](ctx, s.Client, "repos", nil)
		var out []string
		for _, r := range l.Repos {
			if r.Kind == "peer" {
				out = append(out, r.Name)
			}
		}
		return out, err
	})
}

// maps completes the mapped virtual paths.
func (a *app) maps() completer {
	return a.complete(func(ctx context.Context, s *session, _ string) ([]string, error) {
		l, err := api.Read[node.MapResult](ctx, s.Client, "maps", nil)
		var out []string
		for _, m := range l.Maps {
			if m.PathB64 == "" {
				out = append(out, m.Path.Path)
			}
		}
		return out, err
	})
}

// asking completes the devices that ask to join.
func (a *app) asking() completer {
	return a.complete(func(ctx context.Context, s *session, _ string) ([]string, error) {
		l, err := api.Read[node.PeersResult](ctx, s.Client, "peers", nil)
		var out []string
		for _, p := range l.Peers {
			if p.State == "waiting" {
				out = append(out, p.ID)
			}
		}
		return out, err
	})
}

// completions gives the commands their completers.
func (a *app) completions(root *cobra.Command) {
	for path, f := range map[string]completer{
		"restore": a.refs(), "show": a.refs(), "ls": a.refs(), "diff": a.refs(), "log": a.refs(), "get": a.refs(), "info": a.refs(), "rm": a.refs(), "mkdir": a.refs(),
		"snapshot": a.maps(), "map remove": a.maps(), "fetch": a.repos(), "sync": a.repos(), "repo remove": a.repos(), "peers approve": a.asking(),
	} {
		if c, _, err := root.Find(strings.Fields(path)); err == nil {
			c.ValidArgsFunction = f
		}
	}
	a.flagValues(root)
}

// devices completes the names of the other devices.
func (a *app) devices() completer {
	return a.complete(func(ctx context.Context, s *session, _ string) ([]string, error) {
		l, err := api.Read[node.PeersResult](ctx, s.Client, "peers", nil)
		var out []string
		for _, p := range l.Peers {
			if p.State != "waiting" && escape(p.Name) == p.Name {
				out = append(out, p.Name)
			}
		}
		return out, err
	})
}

// flagValues gives flags with few values their completers.
func (a *app) flagValues(root *cobra.Command) {
	oneOf := func(values ...string) completer {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	for _, x := range []struct {
		command, flag string
		f             completer
	}{
		{"", "progress", oneOf(progressValues...)},
		{"", "color", oneOf(colorValues...)},
		{"restore", "overwrite", oneOf("changed", "newer", "never", "always")},
		{"log", "device", a.devices()},
	} {
		c, _, err := root.Find(strings.Fields(x.command))
		if err == nil {
			err = c.RegisterFlagCompletionFunc(x.flag, x.f)
		}
		if err != nil {
			panic(err) // a flag of this package is named wrongly
		}
	}
}
