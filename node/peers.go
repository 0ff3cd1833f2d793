package node

import (
	"context"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
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
	heads, pending, err := v.view.H(ctx)
	if err != nil {
		return res, err
	}
	s, devices := n.syncer(), n.names(v)
	for d := range v.view.memberChains() {
		if d == v.id {
			continue
		}
		p := PeerInfo{ID: d.String(), Name: devices.of(d), State: "away", Path: n.pathTo(d)}
		if k, ok := v.view.newest(d); ok {
			p.LastSeen, p.Addrs = stamp(k.said.Time), k.said.Addresses
			if p.UpToDate, err = n.has(v, d, heads); err != nil {
				return res, err
			}
		}
		if s != nil {
			if x := s.session(d); x != nil {
				p.State = "connected"
				p.UpToDate, p.Full = x.hasAcked(heads), x.peerFull()
			}
		}
		if v.view.names(d, pending) { // it has what is not here
			p.UpToDate = false
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

func ackedKey(d object.DeviceID) string { return "acknowledged " + d.String() }

// noteAcked keeps which of the heads a session's peer has acknowledged: its
// records name the heads alone that it made.
func (x *session) noteAcked() error {
	heads, _, err := x.v.view.H(context.WithoutCancel(x.ctx))
	if err != nil {
		return err
	}
	x.settleAcks()
	var b []byte
	x.mu.Lock()
	for _, h := range heads {
		if x.acked[h] {
			b = append(b, h[:]...)
		}
	}
	x.mu.Unlock()
	if len(b) == 0 { // a session that was too short says nothing
		return nil
	}
	state := x.s.n.home.State()
	if old, err := state.Value(ackedKey(x.id)); err != nil || string(old) == string(b) {
		return err
	}
	return state.NoteValue(ackedKey(x.id), b)
}

// has reports whether a device is known to have all of some heads: its records
// name them, or it acknowledged them when it was here last.
func (n *Node) has(v *vault, d object.DeviceID, heads []object.ID) (bool, error) {
	had, err := n.acknowledged(d)
	if err != nil {
		return false, err
	}
	for _, h := range heads {
		if !slices.Contains(had, h) && !v.view.names(d, []object.ID{h}) {
			return false, nil
		}
	}
	return true, nil
}
