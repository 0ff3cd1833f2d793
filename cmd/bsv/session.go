package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/node"
)

// session is a way to a node: a running one, or one in this process.
type session struct {
	*api.Client
	running bool
	node    *node.Node // nil when another process runs it
	home    *home.Home
	end     func() error
}

// need says what a command asks of its session.
type need struct {
	create  bool   // a home that does not exist is made
	network bool   // the node in this process reaches other devices
	words   string // recovery words, which mend what is damaged of the keys
}

func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.flags.verbose {
		level = slog.LevelDebug
	}
	if a.flags.quiet {
		level = slog.LevelError
	}
	return slog.New(&logLines{level: level, out: &lockedWriter{w: a.err}})
}

// fault reads BSV_FAULT: at the nth visit of a point the process is killed,
// as by a power cut. Only tests set it.
func (a *app) fault() (*fault.Injector, error) {
	text := a.getenv("BSV_FAULT")
	if text == "" {
		return nil, nil
	}
	points, err := fault.Parse(text)
	if err != nil {
		return nil, usage("", "BSV_FAULT: %v", err)
	}
	return fault.New(points, func(string) {
		p, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = p.Kill()
		}
		if err != nil {
			os.Exit(137)
		}
		select {} // the signal is on its way
	}), nil
}

func (a *app) paths() (home.Paths, error) { return home.Locate(a.flags.home, a.getenv) }

// dialNode connects to the socket of a running node.
func (a *app) dialNode(ctx context.Context, p home.Paths) (*session, error) {
	path := home.DialPath(p, a.getenv)
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	c.Close()
	client := api.NewClient(func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "unix", path) })
	return &session{Client: client, running: true, end: func() error { client.Close(); return nil }}, nil
}

const (
	// starts is how long a node may take from its lock to its socket.
	starts = 5 * time.Second
	// names is how long an owner may take from its lock to its name in it:
	// until then the lock names nobody, or the owner before.
	names = 200 * time.Millisecond
)

// connect finds the running node of the home, or opens one in this process.
// While another command holds the home it waits as --wait says.
func (a *app) connect(ctx context.Context, w need) (*session, error) {
	p, err := a.paths()
	if err != nil {
		return nil, usage("bsv --home DIR …", "%v", err)
	}
	begin := time.Now()
	end := begin.Add(a.flags.wait)
	for {
		if s, err := a.dialNode(ctx, p); err == nil {
			return s, nil
		}
		s, err := a.open(ctx, p, w)
		var busy *home.BusyError
		if err == nil || !errors.As(err, &busy) {
			return s, err
		}
		limit := names
		if busy.Owner.PID == 0 || strings.HasPrefix(busy.Owner.Command, "bsv node") {
			limit = starts
		}
		if time.Now().After(end) && time.Since(begin) > limit {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (a *app) open(ctx context.Context, p home.Paths, w need) (*session, error) {
	in, err := a.fault()
	if err != nil {
		return nil, err
	}
	log := a.logger()
	h, err := home.Open(ctx, p, home.Options{Create: w.create, Command: a.command, AnyUser: a.envBool("BSV_ALLOW_ROOT"), Log: log, Fault: in})
	if err != nil {
		return nil, err
	}
	n, err := node.Open(ctx, node.Options{Home: h, Log: log, Fault: in, Words: w.words})
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if w.network {
		if err = h.Writable(); err == nil {
			err = a.startNetwork(ctx, n)
		}
		if err != nil {
			return nil, errors.Join(err, n.Close(), h.Close())
		}
	}
	m := api.NewMemory()
	srv := api.Serve(m, api.Handler(n, api.Options{Local: true, Log: log}))
	client := api.NewClient(m.Dial)
	return &session{Client: client, node: n, home: h, end: func() error {
		client.Close()
		return errors.Join(srv.Close(), n.Close(), h.Close())
	}}, nil
}

// with runs a command in a session.
func (a *app) with(ctx context.Context, w need, f func(*session) error) (err error) {
	s, err := a.connect(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.end()) }()
	return f(s)
}

// absolute makes local paths of arguments absolute, keeping VPATH= in front,
// where NAME= means /NAME. What is there under the whole name is no VPATH=DIR.
func absolute(args []string) ([]string, error) {
	out := make([]string, len(args))
	for i, d := range args {
		pre := ""
		if v, rest, ok := strings.Cut(d, "="); ok && v != "" && !strings.HasPrefix(v, "./") && !strings.HasPrefix(v, "../") {
			if _, err := os.Lstat(d); err != nil {
				if rest == "" {
					return nil, usage("name the directory: "+v+"=DIR", "%s names no directory: what stands behind = is empty", d)
				}
				pre, d = "/"+strings.TrimPrefix(v, "/")+"=", rest
			}
		}
		p, err := filepath.Abs(d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d, err)
		}
		out[i] = pre + p
	}
	return out, nil
}
