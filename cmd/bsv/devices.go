package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/node"
)

func (a *app) printRepos(r node.RepoResult) {
	rows := make([][]string, len(r.Repos))
	for i, x := range r.Repos {
		rows[i] = []string{escape(x.Name), x.Kind, x.Mode, x.State, escape(x.URL)}
	}
	a.table(rows)
}

func (a *app) repoCommand() *cobra.Command {
	list := func() *cobra.Command {
		return reading(a, "list", "List repositories", "repos", exactly(0), nothing, a.printRepos)
	}
	c := list()
	c.Use, c.Short, c.Args = "repo", "Places that hold the vault: this device's repository and peers", noun
	add := &cobra.Command{
		Use: "add [NAME] MULTIADDR", Short: "Add a peer; from outside its vault this asks to be admitted", Args: between(1, 2),
		Long: "Between members this connects, syncs and remembers the address.\nFrom a device outside the vault the other side sees a request: compare the four\nwords on both screens, run `bsv peers approve` there and confirm here.",
		RunE: func(cmd *cobra.Command, args []string) error {
			r := node.RepoAddRequest{Addr: args[len(args)-1], Yes: a.flags.yes}
			if len(args) == 2 {
				r.Name = args[0]
			}
			return a.addPeer(cmd.Context(), r)
		},
	}
	a.networkFlags(add)
	c.AddCommand(list(), mark(add, changes), mark(&cobra.Command{
		Use: "remove NAME", Short: "Forget a peer's address; it stays a member", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), need{}, func(s *session) error {
				res, err := api.Do[node.RepoResult](cmd.Context(), s.Client, "repos/remove", node.NameRequest{Name: args[0]})
				if err != nil {
					return err
				}
				return a.result(res, func() { a.printRepos(res) })
			})
		},
	}, changes))
	return c
}

// addPeer adds a member, or asks a device of another vault for admission.
func (a *app) addPeer(ctx context.Context, r node.RepoAddRequest) error {
	if err := checkAddr(r.Addr); err != nil {
		return err
	}
	return a.with(ctx, need{create: true, network: true}, func(s *session) error {
		res, err := consented(ctx, a, func(yes bool) (node.RepoAddResult, error) {
			r.Yes = yes
			return api.Do[node.RepoAddResult](ctx, s.Client, "repos/add", r)
		})
		if err != nil {
			return err
		}
		if res.Words != "" {
			return a.confirm(ctx, s, res.Words, nil)
		}
		if res.Sync != nil {
			a.tellSync(*res.Sync)
		}
		return a.result(res, func() { a.printf("added %s (%s)\n", escape(res.Name), res.Device) })
	})
}

// confirm shows the four words and waits for both sides.
func (a *app) confirm(ctx context.Context, s *session, words string, maps []string) error {
	fmt.Fprintf(a.err, "bsv: the other device must show the same four words:\n\n    %s\n\nbsv: run there: bsv peers approve\n", words)
	yes, err := a.compare(ctx, "do they match?")
	if ctx.Err() != nil {
		return err
	}
	if !yes {
		if _, gone := api.Do[node.JoinResult](ctx, s.Client, "join/confirm", node.ConfirmRequest{Accept: false}); err != nil || gone != nil {
			return errors.Join(err, gone)
		}
		return &node.Error{Kind: node.NotAuthorised, Msg: "not joined: the words were not confirmed", Hint: "run it again and compare the words on both screens"}
	}
	res, err := api.Do[node.JoinResult](ctx, s.Client, "join/confirm", node.ConfirmRequest{Accept: true, Maps: maps})
	if err != nil {
		return err
	}
	return a.joined(res)
}

func (a *app) joined(res node.JoinResult) error {
	return a.result(res, func() {
		a.printf("joined vault %s as %s\n", res.Vault, res.Device)
		for _, m := range res.Maps {
			a.printf("%s = %s\n", escape(m.Raw()), escape(node.Path{Path: m.Dir, PathB64: m.DirB64}.Raw()))
		}
		if len(res.Maps) == 0 {
			a.say("hint: bsv ls / shows what it holds; map a directory: bsv map add VPATH DIR; then: bsv node")
		}
		if res.SetAside != "" {
			a.printf("the history of this device's own vault is kept in %s\n", escape(res.SetAside))
		}
	})
}

// afterSync reports what a sync did, and how it ended.
func (a *app) afterSync(res node.SyncResult, err error) error {
	if err != nil && !(a.flags.json && res.Problems != nil) {
		return err
	}
	return errors.Join(a.synced(res), err) // what was done counts, too
}

// tellSync tells what went otherwise than it should, and sets the exit code.
func (a *app) tellSync(res node.SyncResult) {
	a.tell(res.Problems)
	a.note(res.Notices)
	a.conflicts = a.conflicts || res.NewConflicts
	for _, p := range res.Unreachable {
		a.say("not reached: %s", escape(p))
	}
	for _, p := range res.Full {
		a.say("not up to date: %s: its disk is full", escape(p))
	}
}

func (a *app) synced(res node.SyncResult) error {
	a.tellSync(res)
	return a.result(res, func() {
		state := "nothing is stored yet"
		if res.State != "" {
			state = "state " + short(res.State)
		}
		a.printf("fetched %s (%s), sent %s (%s); %d created, %d updated, %d deleted; %s\n",
			count(res.FetchedObjects, "object"), size(res.FetchedBytes), count(res.SentObjects, "object"), size(res.SentBytes),
			res.Applied.Created, res.Applied.Updated, res.Applied.Deleted, state)
	})
}

func (a *app) syncing(use, short, op string, r *node.SyncRequest) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
		r.Repos = args
		return a.with(cmd.Context(), need{network: true}, func(s *session) error {
			stop := a.progress(cmd.Context(), s)
			res, err := api.Do[node.SyncResult](cmd.Context(), s.Client, op, *r)
			stop()
			return a.afterSync(res, err)
		})
	}}
	a.networkFlags(c)
	return mark(c, changes)
}

func (a *app) fetchCommand() *cobra.Command {
	return a.syncing("fetch [REPO]…", "Copy in what other devices have; the disk stays as it is", "fetch", &node.SyncRequest{})
}

func (a *app) syncCommand() *cobra.Command {
	var r node.SyncRequest
	c := a.syncing("sync [REPO]…", "Snapshot, fetch, merge, apply and push", "sync", &r)
	c.Flags().BoolVar(&r.AcceptDeletes, "accept-deletes", false, "apply what waits: another device deleted most files, or made most incompressible")
	return c
}

func (a *app) inviteCommand() *cobra.Command {
	var r node.InviteRequest
	c := &cobra.Command{
		Use: "invite", Short: "Print a ticket with which another device joins", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if cmd.Flags().Changed("expires") && r.Expires < time.Second {
				return usage("bsv invite --expires 1h", "--expires: %v is no time to join in", r.Expires)
			}
			return a.with(ctx, need{network: true}, func(s *session) error {
				res, err := api.Do[node.InviteResult](ctx, s.Client, "invite", r)
				if err != nil {
					return err
				}
				if err := a.result(res, func() {
					a.printf("%s\n", res.Ticket)
					a.say("on the other device: bsv join TICKET   (good until %s)", when(res.Expires))
				}); err != nil || s.running {
					return err
				}
				a.say("waiting for the device; interrupt to end the invite")
				end, err := time.Parse(time.RFC3339, res.Expires)
				if err != nil {
					return fmt.Errorf("ticket's end: %w", err)
				}
				wait, cancel := context.WithDeadline(ctx, end.Add(time.Second)) // the text has whole seconds
				defer cancel()
				err = s.node.Wait(wait)
				if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
					return &node.Error{Kind: node.NotAuthorised, Msg: "the invite expired: no device has joined", Hint: "make a new one: bsv invite"}
				}
				return err
			})
		},
	}
	c.Flags().StringVar(&r.Role, "role", "full", "full (others come later)")
	c.Flags().DurationVar(&r.Expires, "expires", 0, "how long the ticket is good (default 1h)")
	a.networkFlags(c)
	return mark(c, changes)
}

func (a *app) joinCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "join TICKET|MULTIADDR [VPATH=DIR | DIR]…", Short: "Join a vault with a ticket of one of its devices", Args: between(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			maps, err := absolute(args[1:])
			if err != nil {
				return err
			}
			if err := checkNew(maps, name); err != nil {
				return err
			}
			ctx := cmd.Context()
			if len(args[0]) > 0 && args[0][0] == '/' {
				if err := checkAddr(args[0]); err != nil {
					return err
				}
				return a.with(ctx, need{create: true, network: true}, func(s *session) error {
					res, err := consented(ctx, a, func(yes bool) (node.RepoAddResult, error) {
						return api.Do[node.RepoAddResult](ctx, s.Client, "repos/add", node.RepoAddRequest{Addr: args[0], Yes: yes, Maps: maps, DeviceName: name})
					})
					if err != nil {
						return err
					}
					if res.Sync != nil {
						a.tellSync(*res.Sync)
					}
					if res.Words == "" {
						return a.result(res, func() { a.printf("%s is of this vault already\n", res.Device) })
					}
					return a.confirm(ctx, s, res.Words, maps)
				})
			}
			if err := node.CheckTicket(args[0]); err != nil { // before anything is made
				return err
			}
			return a.with(ctx, need{create: true, network: true}, func(s *session) error {
				res, err := consented(ctx, a, func(yes bool) (node.JoinResult, error) {
					return api.Do[node.JoinResult](ctx, s.Client, "join", node.JoinRequest{Ticket: args[0], Maps: maps, Yes: yes, Name: name})
				})
				if err != nil {
					return err
				}
				return a.joined(res)
			})
		},
	}
	c.Flags().StringVar(&name, "name", a.getenv("BSV_NAME"), "name of this device")
	a.networkFlags(c)
	return mark(c, changes)
}

func (a *app) printPeers(r node.PeersResult) {
	rows := make([][]string, len(r.Peers))
	for i, p := range r.Peers {
		up := ""
		if p.UpToDate {
			up = "up to date"
		}
		if p.Words != "" {
			up = "words: " + p.Words
		}
		rows[i] = []string{escape(p.Name), p.State, p.ID, up}
	}
	a.table(rows)
}

func (a *app) peersCommand() *cobra.Command {
	list := func() *cobra.Command {
		return reading(a, "list", "List the other devices", "peers", exactly(0), nothing, a.printPeers)
	}
	c := list()
	c.Use, c.Short, c.Args = "peers", "The other devices of the vault, and those that ask to join", noun
	approve := &cobra.Command{
		Use: "approve [ID]", Short: "Admit a device that asks; compare the four words first", Args: between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.with(ctx, need{}, func(s *session) error {
				r := node.ApproveRequest{ID: first(args)}
				req, err := api.Do[node.ApproveResult](ctx, s.Client, "peers/approve", r)
				if err != nil {
					return err
				}
				fmt.Fprintf(a.err, "bsv: device %s (%s) asks to join. Its screen must show:\n\n    %s\n\n", escape(req.Name), req.Device, req.Words)
				yes, err := a.compare(ctx, "does it?")
				if err != nil {
					return err
				}
				if !yes {
					return &node.Error{Kind: node.NotAuthorised, Msg: "not admitted", Hint: "bsv peers approve, when the words match"}
				}
				r.ID, r.Words = req.Device, req.Words
				res, err := api.Do[node.ApproveResult](ctx, s.Client, "peers/approve", r)
				if err != nil {
					return err
				}
				return a.result(res, func() { a.printf("admitted %s\n", res.Device) })
			})
		},
	}
	c.AddCommand(list(), mark(approve, changes))
	return c
}
