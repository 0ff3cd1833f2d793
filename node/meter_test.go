package node_test

import (
	"context"
	"sync"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// meter counts all that a node says and hears, on every stream.
type meter struct {
	node.Network
	mu      sync.Mutex
	in, out int
	trips   int // times that something came after something had been said
	said    bool
}

type metered struct {
	proto.Stream
	m *meter
}

func (s metered) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	if n > 0 {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		s.m.in += n
		if s.m.said {
			s.m.trips++
			s.m.said = false
		}
	}
	return n, err
}

func (s metered) Write(b []byte) (int, error) {
	n, err := s.Stream.Write(b)
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.out += n
	s.m.said = true
	return n, err
}

func (m *meter) Dial(ctx context.Context, id object.DeviceID, protocol string, addrs []string) (proto.Stream, error) {
	s, err := m.Network.Dial(ctx, id, protocol, addrs)
	if err != nil {
		return nil, err
	}
	return metered{s, m}, nil
}

func (m *meter) Handle(protocol string, f func(context.Context, object.DeviceID, proto.Stream)) {
	m.Network.Handle(protocol, func(ctx context.Context, from object.DeviceID, s proto.Stream) { f(ctx, from, metered{s, m}) })
}

// begin counts from now on.
func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.in, m.out, m.trips, m.said = 0, 0, 0, false
}

func (m *meter) read() (bytes, trips int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.in + m.out, m.trips
}
