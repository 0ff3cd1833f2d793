package discovery

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
)

// security is libp2p's TLS (github.com/libp2p/specs, tls/tls.md) with a
// certificate that holds at any time. A peer is who holds the key that the
// certificate names; when it was made proves nothing, and libp2p's own, which
// holds from an hour ago, is refused by a device whose clock is further behind:
// such devices would not see each other, without a word why.
type security struct {
	id       protocol.ID
	local    peer.ID
	identity *libp2ptls.Identity
	muxers   []string
}

func newSecurity(id protocol.ID, key crypto.PrivKey, muxers []upgrader.StreamMuxer) (*security, error) {
	local, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	cert, err := timeless()
	if err != nil {
		return nil, err
	}
	s := &security{id: id, local: local}
	if s.identity, err = libp2ptls.NewIdentity(key, libp2ptls.WithCertTemplate(cert)); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	for _, m := range muxers {
		s.muxers = append(s.muxers, string(m.ID))
	}
	return s, nil
}

// timeless is a template of certificates that hold from 1970 to 9999, which is
// as long as can be said.
func timeless() (*x509.Certificate, error) {
	most := new(big.Int).Lsh(big.NewInt(1), 62)
	serial, err := rand.Int(rand.Reader, most)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{SerialNumber: serial.String()},
		NotBefore:    time.Unix(0, 0).UTC(),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}, nil
}

// ID is the protocol's.
func (s *security) ID() protocol.ID { return s.id }

// SecureInbound answers a handshake. The muxer is the first of the dialing side's
// that this one has, too.
func (s *security) SecureInbound(ctx context.Context, c net.Conn, p peer.ID) (sec.SecureConn, error) {
	conf, key := s.config(p)
	conf.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		for _, name := range hello.SupportedProtos {
			if slices.Contains(s.muxers, name) {
				chosen := conf.Clone()
				chosen.NextProtos = []string{name}
				return chosen, nil
			}
		}
		return nil, nil
	}
	return s.handshake(ctx, c, tls.Server(c, conf), key)
}

// SecureOutbound begins a handshake.
func (s *security) SecureOutbound(ctx context.Context, c net.Conn, p peer.ID) (sec.SecureConn, error) {
	conf, key := s.config(p)
	return s.handshake(ctx, c, tls.Client(c, conf), key)
}

func (s *security) config(p peer.ID) (*tls.Config, <-chan crypto.PubKey) {
	conf, key := s.identity.ConfigForPeer(p)
	conf.NextProtos = slices.Concat(s.muxers, conf.NextProtos)
	return conf, key
}

func (s *security) handshake(ctx context.Context, c net.Conn, t *tls.Conn, key <-chan crypto.PubKey) (sec.SecureConn, error) {
	out := &secured{Conn: t, local: s.local}
	err := t.HandshakeContext(ctx)
	if err == nil {
		select {
		case out.key = <-key:
			out.remote, err = peer.IDFromPublicKey(out.key)
		default:
			err = errors.New("tls: the other side showed no key")
		}
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if name := t.ConnectionState().NegotiatedProtocol; slices.Contains(s.muxers, name) {
		out.state = network.ConnectionState{StreamMultiplexer: protocol.ID(name), UsedEarlyMuxerNegotiation: true}
	}
	return out, nil
}

// secured is a connection with a known peer.
type secured struct {
	*tls.Conn
	local, remote peer.ID
	key           crypto.PubKey
	state         network.ConnectionState
}

// LocalPeer is this device.
func (c *secured) LocalPeer() peer.ID { return c.local }

// RemotePeer is the other one.
func (c *secured) RemotePeer() peer.ID { return c.remote }

// RemotePublicKey is the other one's key.
func (c *secured) RemotePublicKey() crypto.PubKey { return c.key }

// ConnState tells which muxer was chosen with the handshake, if one was.
func (c *secured) ConnState() network.ConnectionState { return c.state }
