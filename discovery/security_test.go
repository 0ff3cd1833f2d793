package discovery

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
)

func newSecured(t *testing.T) (*security, peer.ID) {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSecurity(libp2ptls.ID, key, []upgrader.StreamMuxer{{ID: yamux.ID}})
	if err != nil {
		t.Fatal(err)
	}
	return s, s.local
}

// A device whose clock is years behind or ahead takes the certificate.
func TestCertificateHoldsAtAnyTime(t *testing.T) {
	s, _ := newSecured(t)
	conf, _ := s.config("")
	cert, err := x509.ParseCertificate(conf.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{time.Unix(1, 0), time.Now(), time.Now().AddDate(500, 0, 0)} {
		pool := x509.NewCertPool()
		pool.AddCert(cert)
		cert.UnhandledCriticalExtensions = nil // libp2p's own: the key
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: at}); err != nil {
			t.Errorf("%v: %v", at, err)
		}
	}
}

// Two devices shake hands, each knows the other one's key and the muxer, and one
// that is not who was meant is refused; libp2p's own TLS does it likewise.
func TestSecurityHandshake(t *testing.T) {
	ctx := context.Background()
	a, aID := newSecured(t)
	b, bID := newSecured(t)
	_, other := newSecured(t)
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := libp2ptls.New(libp2ptls.ID, key, []upgrader.StreamMuxer{{ID: yamux.ID}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		meant peer.ID
		ok    bool
	}{"meant": {bID, true}, "anybody": {"", true}, "another": {other, false}} {
		x, y := net.Pipe()
		type answer struct {
			remote peer.ID
			err    error
		}
		answers := make(chan answer, 1)
		go func() {
			in, err := b.SecureInbound(ctx, y, "")
			got := answer{err: err}
			if err == nil {
				got.remote = in.RemotePeer()
				_, got.err = in.Write([]byte("hello"))
			}
			answers <- got
		}()
		out, err := a.SecureOutbound(ctx, x, c.meant)
		if (err == nil) != c.ok {
			t.Fatalf("%s: %v", name, err)
		}
		if err == nil {
			if _, err := out.Read(make([]byte, 5)); err != nil {
				t.Fatal(name, err)
			}
			if s := out.ConnState(); out.RemotePeer() != bID || out.LocalPeer() != aID || s.StreamMultiplexer != yamux.ID || !s.UsedEarlyMuxerNegotiation {
				t.Errorf("%s: %v %v %+v", name, out.RemotePeer(), out.LocalPeer(), s)
			}
		}
		if got := <-answers; (got.err == nil) != c.ok || c.ok && got.remote != aID {
			t.Errorf("%s: the other side: %+v", name, got)
		}
	}
	// With libp2p's own on the other end, either way.
	x, y := net.Pipe()
	done := make(chan error, 1)
	go func() {
		in, err := theirs.SecureInbound(ctx, y, "")
		if err == nil {
			_, err = in.Write([]byte("hello"))
		}
		done <- err
	}()
	out, err := a.SecureOutbound(ctx, x, "")
	if err == nil {
		_, err = out.Read(make([]byte, 5))
	}
	if err != nil || <-done != nil || out.ConnState().StreamMultiplexer != yamux.ID {
		t.Errorf("%v", err)
	}
	if v := out.(*secured).ConnectionState().Version; v != tls.VersionTLS13 {
		t.Errorf("TLS %x", v)
	}
}
