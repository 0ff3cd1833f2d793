package node

import (
	"context"

	"github.com/bsvsync/bsv/object"
)

// syncer and pairing are the node's two protocols.
type syncer struct{ kick chan struct{} }
type pairing struct{}

// StopNetwork ends the network.
func (n *Node) StopNetwork() {}

func (n *Node) netAddrs() []string { return nil }

func (n *Node) pathTo(object.DeviceID) string { return "" }

func (n *Node) changed() {}

func (n *Node) mapsChanged() {}

// PeersResult lists devices.
type PeersResult struct {
	Peers []PeerInfo `json:"peers"`
}

// Peers is bsv peers.
func (n *Node) Peers(context.Context) (PeersResult, error) {
	return PeersResult{Peers: []PeerInfo{}}, nil
}
