package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bsvsync/bsv/home"
)

// rawName is no UTF-8.
const rawName = "x\xff"

// commands are what scripts know beside testscript's own.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"home":     homeCommand,
	"code":     codeCommand,
	"started":  startedCommand,
	"raw":      rawCommand,
	"rawcode":  rawCodeCommand,
	"fullcode": fullCodeCommand,
	"jsonnode": jsonNodeCommand,
	"garbage":  garbageCommand,
	"prefix":   prefixCommand,
	"node":     nodeCommand,
	"endnode":  endNodeCommand,
	"until":    untilCommand,
	"intcode":  signalCode(os.Interrupt),
	"hupcode":  signalCode(syscall.SIGHUP),
	"words":    wordsCommand,
	"keep":     keepCommand,
	"damage":   damageCommand,
	"rmpacks":  rmPacksCommand,
	"rmindex":  rmIndexCommand,
	"heal":     healCommand,
	"refuse":   refuseCommand,
	"cid":      cidCommand,
	"bom":      bomCommand,
	"touched":  touchedCommand,
	"many":     manyCommand,
	"random":   randomCommand, "address": addressCommand, "rawmessage": rawMessageCommand, "later": laterCommand,
	"eachpage": eachPageCommand, "cutfile": cutFileCommand, "flip": flipCommand,
	"unwritable": unwritableCommand, "usercode": userCodeCommand, "watching": watchingCommand, "seen": seenCommand, "smalldisk": smallDiskCommand,
	"remount": remountCommand,
}

// program is the path of bsv.
func program(ts *testscript.TestScript) string {
	if self, err := exec.LookPath("bsv"); err == nil {
		return self
	}
	return filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], "bsv")
}

// bsv is a command in the script's environment.
func bsv(ts *testscript.TestScript, args ...string) *exec.Cmd {
	c := exec.Command(program(ts), args...)
	c.Dir = ts.MkAbs(".")
	c.Env = os.Environ()
	for _, name := range []string{"BSV_HOME", "HOME", "BSV_JSON", "BSV_FAULT", "BSV_LISTEN", "BSV_NO_MDNS"} {
		c.Env = append(c.Env, name+"="+ts.Getenv(name))
	}
	return c
}

func exitCode(ts *testscript.TestScript, err error) int {
	var ee *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &ee):
		ts.Fatalf("%v", err)
	case !ee.Exited():
		return 128 + int(ee.Sys().(syscall.WaitStatus).Signal())
	}
	return ee.ExitCode()
}

func same(ts *testscript.TestScript, args []string, want string, got int) {
	if strconv.Itoa(got) != want {
		ts.Fatalf("bsv %q: exit code %d, want %s", args, got, want)
	}
}

// raw DIR makes a file in DIR whose name is no UTF-8.
func rawCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), rawName), []byte("bytes\n"), 0o644))
}

// rawcode is code with that file's virtual path for %x.
func rawCodeCommand(ts *testscript.TestScript, _ bool, args []string) {
	argv := make([]string, len(args)-1)
	for i, s := range args[1:] {
		argv[i] = strings.ReplaceAll(s, "%x", "/docs/"+rawName)
	}
	err := ts.Exec("bsv", argv...)
	same(ts, argv, args[0], exitCode(ts, err))
}

// fullcode is code with a standard output that takes nothing.
func fullCodeCommand(ts *testscript.TestScript, _ bool, args []string) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	ts.Check(err)
	defer full.Close()
	c := bsv(ts, args[1:]...)
	c.Stdout = full
	errs, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	text, err := io.ReadAll(errs)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("full.err"), text, 0o644))
	same(ts, args[1:], args[0], exitCode(ts, c.Wait()))
}

// running starts a command and waits until ready says so; the script's end,
// or the returned function, ends it with SIGTERM.
func running(ts *testscript.TestScript, c *exec.Cmd, what string, ready func() bool) (end func() error) {
	ts.Check(c.Start())
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	ended := false
	end = func() error {
		if ended {
			return nil
		}
		ended = true
		_ = c.Process.Signal(syscall.SIGTERM)
		return <-done
	}
	ts.Defer(func() {
		if err := end(); err != nil {
			ts.Logf("%s: %v", what, err)
		}
	})
	for stop := time.Now().Add(20 * time.Second); time.Now().Before(stop); time.Sleep(10 * time.Millisecond) {
		if ready() {
			return end
		}
	}
	ts.Fatalf("%s does not start", what)
	return nil
}

// jsonnode runs a node that makes its home, with --json, and ends it.
func jsonNodeCommand(ts *testscript.TestScript, _ bool, _ []string) {
	c := bsv(ts, "--json", "node")
	ts.Check(running(ts, c, "node", func() bool {
		_, err := os.Stat(filepath.Join(ts.Getenv("BSV_HOME"), "bsv.sock"))
		return err == nil
	})())
}

// garbage answers at the home's socket as no node would.
func garbageCommand(ts *testscript.TestScript, _ bool, _ []string) {
	path := filepath.Join(ts.Getenv("BSV_HOME"), "bsv.sock")
	_ = os.Remove(path) // of the running node
	l, err := net.Listen("unix", path)
	ts.Check(err)
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "what?") }))
	}()
	ts.Defer(func() { l.Close() })
}

// prefix VAR REF sets VAR to the first characters of a snapshot's id.
func prefixCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := bsv(ts, "log")
	out, err := c.Output()
	ts.Check(err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	n, err := strconv.Atoi(strings.TrimPrefix(args[1], "latest~"))
	ts.Check(err)
	ts.Setenv(args[0], lines[n][:4])
}

// home makes a home that maps docs, an empty directory; in node mode a node
// runs from then on.
func homeCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(os.MkdirAll(ts.MkAbs("docs"), 0o755))
	ts.Check(ts.Exec("bsv", "init", "-q", ts.MkAbs("docs")))
	if ts.Getenv("MODE") == "node" {
		start(ts)
	}
}

// started runs a node in both modes.
func startedCommand(ts *testscript.TestScript, _ bool, _ []string) {
	if ts.Getenv("MODE") != "node" {
		start(ts)
	}
}

// node starts a node of the home that BSV_HOME names.
func nodeCommand(ts *testscript.TestScript, _ bool, _ []string) { start(ts) }

// nodesKey finds the running nodes of a script, by home.
type nodesKey struct{}

func nodes(ts *testscript.TestScript) map[string]func() error {
	return ts.Value(nodesKey{}).(map[string]func() error)
}

func start(ts *testscript.TestScript) {
	c := bsv(ts, "node", "--no-watch")
	if testing.Verbose() {
		c.Stderr = os.Stderr
	}
	nodes(ts)[ts.Getenv("BSV_HOME")] = running(ts, c, "node", func() bool {
		if home.ReadOwner(home.Paths{Dir: ts.Getenv("BSV_HOME")}).Socket == "" {
			return false
		}
		out, err := bsv(ts, "--json", "status").Output()
		return err == nil && strings.Contains(string(out), `"running":true`) // its first scan is over
	})
}

// endnode ends the node of the home that BSV_HOME names. (stop is testscript's
// own word: it ends the script, which passes.)
func endNodeCommand(ts *testscript.TestScript, _ bool, _ []string) {
	h := ts.Getenv("BSV_HOME")
	ts.Check(nodes(ts)[h]())
	delete(nodes(ts), h)
}

// code runs bsv and compares its exit code.
func codeCommand(ts *testscript.TestScript, _ bool, args []string) {
	same(ts, args[1:], args[0], exitCode(ts, ts.Exec("bsv", args[1:]...)))
}

// until PATTERN ARG… runs bsv until its output holds the text.
func untilCommand(ts *testscript.TestScript, _ bool, args []string) {
	var out []byte
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, _ = bsv(ts, args[1:]...).Output()
		if strings.Contains(string(out), args[0]) {
			return
		}
	}
	ts.Fatalf("bsv %q never prints %q, but: %s", args[1:], args[0], out)
}

// keep VAR sets VAR to what the last command printed.
func keepCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// signalCode makes intcode and hupcode: CODE ARG… runs bsv with a standard input
// that never ends, and sends it the signal once it has read from it.
func signalCode(sig os.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		c := bsv(ts, args[1:]...)
		in, err := c.StdinPipe()
		ts.Check(err)
		defer in.Close()
		ts.Check(c.Start())
		// More than a pipe holds: when this returns, bsv has read some of it.
		_, err = in.Write(make([]byte, 256<<10))
		ts.Check(err)
		ts.Check(c.Process.Signal(sig))
		same(ts, args[1:], args[0], exitCode(ts, c.Wait()))
	}
}

// words HOME ADDR lets the device of HOME ask for admission and lets the one
// of BSV_HOME approve it, when both show the same words. -y answers neither.
func wordsCommand(ts *testscript.TestScript, _ bool, args []string) {
	ask := bsv(ts, "-y", "repo", "add", args[1])
	ask.Env = append(ask.Env, "BSV_HOME="+ts.MkAbs(args[0]))
	in, err := ask.StdinPipe()
	ts.Check(err)
	errs, err := ask.StderrPipe()
	ts.Check(err)
	ts.Check(ask.Start())
	shown := ""
	lines := bufio.NewScanner(errs)
	for lines.Scan() && shown == "" {
		if w := strings.Fields(lines.Text()); len(w) == 4 && strings.HasPrefix(lines.Text(), "    ") {
			shown = strings.Join(w, " ")
		}
	}
	untilCommand(ts, false, []string{shown, "peers"}) // the proof is on its way
	no := bsv(ts, "-y", "peers", "approve")
	no.Stdin = strings.NewReader("n\n")
	same(ts, []string{"approve, no"}, "15", exitCode(ts, no.Run()))
	same(ts, []string{"approve, unseen"}, "2", exitCode(ts, bsv(ts, "-y", "peers", "approve").Run()))
	yes := bsv(ts, "peers", "approve")
	yes.Stdin = strings.NewReader("y\n")
	out, err := yes.CombinedOutput()
	if err != nil || shown == "" || !strings.Contains(string(out), shown) {
		ts.Fatalf("words %q; the other side: %s %v", shown, out, err)
	}
	fmt.Fprintln(in, "y")
	for lines.Scan() { // to the end
		ts.Logf("%s", lines.Text())
	}
	ts.Check(ask.Wait())
}

// rmpacks removes the packs and the index of the home.
func rmPacksCommand(ts *testscript.TestScript, _ bool, _ []string) {
	home := ts.Getenv("BSV_HOME")
	ts.Check(errors.Join(os.RemoveAll(filepath.Join(home, "repo", "packs")), os.Remove(filepath.Join(home, "index.db"))))
}

// rmindex removes the index of the home.
func rmIndexCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(os.Remove(filepath.Join(ts.Getenv("BSV_HOME"), "index.db")))
}

// damage [DIR] changes bytes in every pack of the home, or of a directory of its
// repository.
func damageCommand(ts *testscript.TestScript, _ bool, args []string) {
	found := 0
	ts.Check(filepath.WalkDir(filepath.Join(append([]string{ts.Getenv("BSV_HOME"), "repo"}, args...)...), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(p) != ".pack" {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for i := len(b) / 4; i < len(b)*3/4; i += 16 {
			b[i] ^= 0xff
		}
		found++
		return os.WriteFile(p, b, 0o644)
	}))
	if found == 0 {
		ts.Fatalf("no packs")
	}
}

// touched DIR gives all files of a directory another time, so that they are read
// again.
func touchedCommand(ts *testscript.TestScript, _ bool, args []string) {
	at := time.Now().Add(-time.Hour)
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(p, at, at)
	}))
}

// heal ARG… runs bsv, and as long as it finds damage does what the hint of damage says.
func healCommand(ts *testscript.TestScript, _ bool, args []string) {
	met := false
	for range 20 {
		c := bsv(ts, args...)
		var errs strings.Builder
		c.Stderr = &errs
		code := exitCode(ts, c.Run())
		ts.Logf("bsv %q: %d, %s", args, code, errs.String())
		if code == 0 {
			if !met {
				ts.Fatalf("there is no damage")
			}
			return
		}
		met = true
		same(ts, args, "13", code)
		if !strings.Contains(errs.String(), "hint: bsv snapshot stores anew what the mapped directories still hold, bsv sync fetches the rest from another device") {
			ts.Fatalf("another hint: %s", errs.String())
		}
		ts.Check(ts.Exec("bsv", "sync"))
	}
	ts.Fatalf("it does not heal")
}

// refuse runs the commands that status names to refuse what waits.
func refuseCommand(ts *testscript.TestScript, _ bool, _ []string) {
	out, err := bsv(ts, "status").Output()
	ts.Check(err)
	_, text, _ := strings.Cut(string(out), "or refuse it: bsv ")
	text, _, found := strings.Cut(text, "\n")
	if !found {
		ts.Fatalf("nothing to refuse: %s", out)
	}
	for command := range strings.SplitSeq(text, "; then: bsv ") {
		ts.Check(ts.Exec("bsv", strings.Fields(command)...))
	}
}

// many DIR N makes N files.
func manyCommand(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for i := range n {
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), fmt.Sprintf("file%03d", i)), fmt.Appendf(nil, "%d\n", i), 0o644))
	}
}

// cid VAR N sets VAR to the first N characters of the newest snapshot's id in
// its whole form.
func cidCommand(ts *testscript.TestScript, _ bool, args []string) {
	out, err := bsv(ts, "show", "latest").Output()
	ts.Check(err)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Setenv(args[0], strings.Fields(string(out))[1][:n])
}

// bom FILE makes an empty file that begins with a byte order mark.
func bomCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("\xef\xbb\xbf"), 0o644))
}
