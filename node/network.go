package node

import (
	"context"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// Network is the network as the node sees it. Package discovery implements it
// over libp2p, tests in memory.
type Network interface {
	Self() object.DeviceID
	// Addrs are the multiaddrs under which this device can be reached.
	Addrs() []string
	// Dial opens a stream; addrs are hints.
	Dial(ctx context.Context, id object.DeviceID, protocol string, addrs []string) (proto.Stream, error)
	// Handle sets who takes the streams of a protocol. Only members reach
	// any but the pairing protocol.
	Handle(protocol string, f func(ctx context.Context, from object.DeviceID, s proto.Stream))
	// SetMembers says who may connect, and where they may be.
	SetMembers(map[object.DeviceID][]string)
	// SetRendezvous sets the key from which devices of a vault derive the name
	// under which they find each other on a LAN.
	SetRendezvous(key [32]byte)
	// Found calls f whenever a member was reached or found, until ctx ends.
	Found(ctx context.Context, f func(id object.DeviceID, connected bool))
	// Path is the address in use to a device, "" when there is none.
	Path(id object.DeviceID) string
	Close() error
}
