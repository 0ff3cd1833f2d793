package node

import (
	"context"
	"slices"
	"strings"
)

// PeersResult lists devices.
type PeersResult struct {
	Peers []PeerInfo `json:"peers"`
}

// Peers is bsv peers: the other members, and who asks to become one.
func (n *Node) Peers(ctx context.Context) (PeersResult, error) {
	res := PeersResult{Peers: []PeerInfo{}}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return res, err
	}
	s := n.syncer()
	for d := range v.view.memberChains() {
		if d == v.id {
			continue
		}
		p := PeerInfo{ID: d.String(), Name: n.nameOf(v, d), State: "away", Path: n.pathTo(d)}
		if k, ok := v.view.newest(d); ok {
			p.LastSeen, p.Addrs = stamp(k.said.Time), k.said.Addresses
			p.UpToDate = len(heads) == 1 && k.said.Head == heads[0]
		}
		if s != nil {
			if x := s.session(d); x != nil {
				p.State = "connected"
				p.UpToDate = x.hasAcked(heads)
			}
		}
		res.Peers = append(res.Peers, p)
	}
	if p := n.pairings(); p != nil {
		res.Peers = append(res.Peers, p.waiting()...)
	}
	slices.SortFunc(res.Peers, func(a, b PeerInfo) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return res, nil
}

func (n *Node) pairings() *pairing {
	n.netMu.Lock()
	defer n.netMu.Unlock()
	return n.pair
}
