// Package e2e runs the real binary on real directories, processes and
// network namespaces. Each test says what it skips, and why.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the built command; set once by TestMain before any test runs.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "bsv-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "bsv")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/bsv")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build bsv: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// device is one home with one mapped directory, in a network namespace of
// its own when netns is not empty.
type device struct {
	t     *testing.T
	name  string
	home  string
	dir   string
	netns string
	env   []string

	node *process
}

func newDevice(t *testing.T, name string) *device {
	t.Helper()
	root := t.TempDir()
	d := &device{t: t, name: name, home: filepath.Join(root, "home"), dir: filepath.Join(root, "docs")}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *device) command(ctx context.Context, args ...string) *exec.Cmd {
	argv := append([]string{binary, "--home", d.home}, args...)
	if d.netns != "" {
		argv = append([]string{"ip", "netns", "exec", d.netns}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), d.env...)
	return cmd
}

// run runs a command to its end and returns standard output, standard error
// and the exit code.
func (d *device) run(args ...string) (stdout, stderr string, code int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := d.command(ctx, args...)
	var out, errb bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errb
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatalf("%s: bsv %s: %v", d.name, strings.Join(args, " "), err)
	}
	return out.String(), errb.String(), cmd.ProcessState.ExitCode()
}

// ok runs a command that must succeed.
func (d *device) ok(args ...string) string {
	d.t.Helper()
	out, errs, code := d.run(args...)
	if code != 0 {
		d.t.Fatalf("%s: bsv %s: exit %d\n%s%s", d.name, strings.Join(args, " "), code, out, errs)
	}
	return out
}

// json runs a command with --json and decodes its one document into v.
func (d *device) json(v any, args ...string) {
	d.t.Helper()
	out := d.ok(append([]string{"--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		d.t.Fatalf("%s: bsv --json %s: %v\n%s", d.name, strings.Join(args, " "), err, out)
	}
}

type status struct {
	Device  string   `json:"device"`
	State   string   `json:"state"`
	Pending []string `json:"pending"`
	Maps    []struct {
		Path  string `json:"path"`
		State string `json:"state"`
	} `json:"maps"`
	Peers []struct {
		ID    string `json:"id"`
		State string `json:"state"`
	} `json:"peers"`
	Conflicts int `json:"conflicts"`
}

func (d *device) status() status {
	d.t.Helper()
	var s status
	d.json(&s, "status")
	return s
}

// process is a running node. Its output is kept for failures.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	mu   sync.Mutex
	log  bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// start runs `bsv node` until stop or kill, and waits until it answers.
func (d *device) start(args ...string) {
	d.t.Helper()
	p := &process{done: make(chan struct{})}
	p.cmd = d.command(context.Background(), append([]string{"node"}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	d.node = p
	d.t.Cleanup(func() {
		if d.t.Failed() {
			d.t.Logf("%s: output of the node:\n%s", d.name, tail(p.output(), 4000))
		}
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	eventually(d.t, 20*time.Second, d.name+": the node answers", func() error {
		select {
		case <-p.done:
			d.t.Fatalf("%s: the node ended: %v\n%s", d.name, p.cmd.ProcessState, p.output())
		default:
		}
		if _, err := os.Stat(filepath.Join(d.home, "bsv.sock")); err != nil && !strings.Contains(p.output(), "/p2p/") {
			return errors.New("no socket")
		}
		return nil
	})
}

// stop ends the node as a service manager would.
func (d *device) stop() {
	d.t.Helper()
	_ = d.node.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.node.done:
	case <-time.After(15 * time.Second):
		d.t.Fatalf("%s: the node did not end on SIGTERM\n%s", d.name, tail(d.node.output(), 4000))
	}
}

// kill ends the node as a power cut of the process would.
func (d *device) kill() {
	_ = d.node.cmd.Process.Kill()
	<-d.node.done
}

// eventually polls until f returns nil.
func eventually(t *testing.T, within time.Duration, what string, f func() error) time.Duration {
	t.Helper()
	begin := time.Now()
	for {
		err := f()
		if err == nil {
			return time.Since(begin)
		}
		if time.Since(begin) > within {
			t.Fatalf("%s: not within %v: %v", what, within, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}

func write(t *testing.T, path string, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(b)
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp -a: %v: %s", err, out)
	}
}

// program skips the test when a program that it needs is not there.
func program(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			t.Skipf("skipped: needs %s (make test installs it when run as root on Debian)", n)
		}
	}
}

var _ io.Writer = (*process)(nil)
