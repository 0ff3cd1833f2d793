package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"syscall"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// DefaultPort is where a device listens unless told otherwise.
const DefaultPort = 27800

// TakenError is that another program listens on an address.
type TakenError struct {
	Addr string // multiaddr
	err  error
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("listen on %s: another program listens there: address already in use", e.Addr)
}

// Unwrap returns the cause.
func (e *TakenError) Unwrap() error { return e.err }

// startHost makes the host and lets it listen: on the addresses that were asked
// for, otherwise on a port of all interfaces, or, where another program has any
// part of that, on free ports alone. Two nodes of one machine so never share a
// port, and never one by TCP and another by QUIC.
func startHost(key crypto.PrivKey, asked []string, port int, log *slog.Logger) (host.Host, error) {
	if len(asked) > 0 {
		return hostOn(key, asked, slog.LevelWarn, log)
	}
	// A machine without IPv6 is no news.
	h, err := hostOn(key, listenOn(port), slog.LevelDebug, log)
	var taken *TakenError
	if !errors.As(err, &taken) {
		return h, err
	}
	if h, err = hostOn(key, listenOn(0), slog.LevelDebug, log); err == nil {
		log.Warn(fmt.Sprintf("port %d is taken by another program, perhaps by another node of this machine: listening on free ports", port), "taken", taken.Addr)
	}
	return h, err
}

func listenOn(port int) []string {
	return []string{
		fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", port), fmt.Sprintf("/ip6/::/tcp/%d", port),
		fmt.Sprintf("/ip4/0.0.0.0/udp/%d/quic-v1", port), fmt.Sprintf("/ip6/::/udp/%d/quic-v1", port),
	}
}

// hostOn makes a host that listens on addresses. One that is taken is an
// error; another that fails is logged, as long as one is left.
func hostOn(key crypto.PrivKey, addrs []string, level slog.Level, log *slog.Logger) (host.Host, error) {
	h, err := newHost(key)
	if err != nil {
		return nil, err
	}
	if err := listenAll(h, addrs, level, log); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// CheckListen checks the form of an address to listen on.
func CheckListen(addr string) error {
	if _, err := ma.NewMultiaddr(addr); err != nil {
		return fmt.Errorf("%q is no multiaddr: %w", addr, err)
	}
	return nil
}

// listenAll is not Swarm.Listen, which succeeds when one of the addresses does.
func listenAll(h host.Host, addrs []string, level slog.Level, log *slog.Logger) error {
	s, ok := h.Network().(*swarm.Swarm)
	if !ok {
		return fmt.Errorf("listen: unknown network %T", h.Network())
	}
	var errs []error
	var done []string
	for _, text := range addrs {
		if slices.Contains(done, text) {
			continue
		}
		done = append(done, text)
		a, err := ma.NewMultiaddr(text)
		if err == nil {
			err = s.AddListenAddr(a)
		}
		switch {
		case err == nil:
		case inUse(err):
			return &TakenError{text, err}
		default:
			errs = append(errs, fmt.Errorf("listen on %s: %w", text, err))
		}
	}
	if len(errs) == len(done) {
		return errors.Join(errs...)
	}
	for _, err := range errs {
		log.Log(context.Background(), level, err.Error())
	}
	return nil
}

// wsaInUse is EADDRINUSE of Windows.
const wsaInUse = syscall.Errno(10048)

func inUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaInUse)
}
