package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/node"
)

func (a *app) nodeCommand() *cobra.Command {
	var keyFile, name, http string
	var noWatch, once bool
	c := &cobra.Command{
		Use: "node [DIR | VPATH=DIR]…", Short: "Run this device's node: watch, snapshot, find the other devices, sync",
		Long: "Runs in the foreground until it is interrupted. A home that does not exist is made,\nand each DIR is mapped as /basename, or as VPATH (photos=DIR is /photos).",
		RunE: func(cmd *cobra.Command, args []string) error {
			if http != "off" && http != "" {
				return usage("bsv node --http off", "the web page is not built yet")
			}
			dirs, err := absolute(args)
			if err != nil {
				return err
			}
			if err := checkNew(dirs, name); err != nil {
				return err
			}
			words, err := readWords(keyFile)
			if err != nil {
				return err
			}
			return a.runNode(cmd.Context(), node.InitRequest{Dirs: dirs, Words: words, Name: name}, node.RunOptions{NoWatch: noWatch}, once)
		},
	}
	f := c.Flags()
	f.StringVar(&keyFile, "key-file", a.getenv("BSV_KEY_FILE"), "file with the recovery words of an existing vault")
	f.StringVar(&name, "name", a.getenv("BSV_NAME"), "name of this device; renames it when it has another one")
	f.StringVar(&http, "http", "off", "off (the web page is not built yet)")
	f.BoolVar(&noWatch, "no-watch", a.envBool("BSV_NO_WATCH"), "do not watch; scan from time to time")
	f.BoolVar(&once, "once", false, "snapshot, sync with who is there, and end")
	a.networkFlags(c)
	return mark(c, changes)
}

// networkFlags are those of commands that may run the network themselves.
func (a *app) networkFlags(c *cobra.Command) {
	var listen []string
	if v := a.getenv("BSV_LISTEN"); v != "" {
		listen = strings.Split(v, ",")
	}
	c.Flags().StringSliceVar(&a.flags.listen, "listen", listen, "multiaddrs to listen on (default port 27800 of all interfaces)")
	c.Flags().BoolVar(&a.flags.noMDNS, "no-mdns", a.envBool("BSV_NO_MDNS"), "do not look for devices on the LAN")
}

func (a *app) runNode(ctx context.Context, r node.InitRequest, o node.RunOptions, once bool) (err error) {
	p, err := a.paths()
	if err != nil {
		return err
	}
	s, err := a.open(ctx, p, need{create: true, words: r.Words})
	var busy *home.BusyError
	for begin := time.Now(); errors.As(err, &busy) && busy.Owner.Command != "bsv node" && time.Since(begin) < max(starts, a.flags.wait) && ctx.Err() == nil; {
		time.Sleep(20 * time.Millisecond) // a command that is about to end
		s, err = a.open(ctx, p, need{create: true, words: r.Words})
	}
	if err != nil {
		if errors.As(err, &busy) {
			return &node.Error{Kind: node.Busy, Msg: busy.Error(), Hint: "one node runs per home; use another home with --home DIR", Err: err}
		}
		return err
	}
	defer func() { err = errors.Join(err, s.end()) }()
	res, err := s.node.Init(ctx, r)
	if err != nil {
		return errors.Join(err, a.keepWords(s, res)) // there may be a vault all the same
	}
	if err := a.keepWords(s, res); err != nil {
		return err
	}
	if err := a.startNetwork(ctx, s.node); err != nil {
		return err
	}
	sock, err := s.home.SocketPath(a.getenv)
	if err != nil {
		return err
	}
	l, err := api.ListenUnix(sock)
	if err != nil {
		return err
	}
	srv := api.Serve(l, api.Handler(s.node, api.Options{Local: true, Log: a.logger()}))
	defer func() { err = errors.Join(err, srv.Close()) }()
	a.say("node of device %s, vault %s", res.Device, res.Vault)
	for _, addr := range s.node.Addrs() {
		a.say("listening on %s", addr)
	}
	if once {
		return a.afterSync(s.node.Sync(ctx, node.SyncRequest{}))
	}
	err = s.node.Run(ctx, o)
	if ctx.Err() != nil {
		a.say("stopped")
		return nil
	}
	return err
}
