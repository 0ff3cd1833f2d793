package node_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Where the kernel allows fewer watches than there are directories, the rest is
// scanned from time to time and status says so, until there are enough.
func TestNodeBeyondLimitOfWatches(t *testing.T) {
	t.Parallel()
	const child, limit = "NODE_WATCH_LIMIT", "/proc/sys/user/max_inotify_watches"
	if os.Getenv(child) == "" { // the limit is one of a user namespace
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		c.Env = append(os.Environ(), child+"=1")
		c.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		var out strings.Builder
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Skip("no namespaces here:", err)
		}
		if err := c.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
			t.Fatalf("%v\n%s", err, &out)
		}
		return
	}
	allow := func(n string) {
		if err := os.WriteFile(limit, []byte(n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	warned := func(l *looping) bool {
		st, err := l.Status(context.Background())
		return err == nil && strings.Contains(fmt.Sprint(st.Warnings), "the limit of watches is reached")
	}
	allow("3")
	l := newWatching(t, "[snapshot]\nevery = \"1s\"\n")
	all := func(file string) {
		t.Helper()
		for i := range 4 {
			l.create(t, fmt.Sprintf("d%d/%s", i, file))
		}
		for i := range 4 {
			name := fmt.Sprintf("d%d/%s", i, file)
			l.until(t, "snapshot with "+name, func() bool { return l.holds(name) })
		}
	}
	all("1")
	l.until(t, "warning", func() bool { return warned(l) })
	all("2")
	allow("1000")
	l.until(t, "end of the warning", func() bool { return !warned(l) })
	all("3")
}
