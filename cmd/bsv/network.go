package main

import (
	"context"

	"github.com/bsvsync/bsv/discovery"
	"github.com/bsvsync/bsv/node"
)

// startNetwork gives a node its network.
func (a *app) startNetwork(ctx context.Context, n *node.Node) error {
	c := n.Home().Config().Net
	listen := a.flags.listen
	if len(listen) == 0 {
		listen = c.Listen
	}
	h, err := discovery.New(ctx, discovery.Options{Key: n.Identity(), Listen: listen, MDNS: c.MDNS && !a.flags.noMDNS, Log: a.logger()})
	if err != nil {
		return &node.Error{Kind: node.Failed, Msg: err.Error(), Hint: "give other addresses by --listen or net.listen, as in: --listen /ip4/0.0.0.0/tcp/0, which takes a free port", Err: err}
	}
	n.StartNetwork(h)
	return nil
}

func checkAddr(addr string) error {
	_, err := node.CheckAddr(addr)
	return err
}
