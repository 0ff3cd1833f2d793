package worktree

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A directory that cannot be read when watching begins is watched when it can
// be read; so is what was made in one that could not be read for a while.
func TestWatchUnreadable(t *testing.T) {
	w := mapped(t, "a/b", "c")
	w.must(os.Chmod(w.path("a"), 0))
	w.before = func() { // root reads everything, unless this thread does not
		runtime.LockOSThread()
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var d [2]unix.CapUserData
		if err := unix.Capset(&h, &d[0]); err != nil {
			t.Error(err)
		}
	}
	w.start(func(err error) { t.Error("limited:", err) })
	w.must(os.Chmod(w.path("a"), 0o755))
	w.edits("a", "a/b")

	w.must(os.Chmod(w.path("c"), 0o600)) // its names are read, and no more
	w.settle()
	if os.Getuid() == 0 {
		w.mkdir("c/d/e")
		w.settle()
	}
	w.must(os.Chmod(w.path("c"), 0o755))
	w.mkdir("c/d/e")
	w.edits("c", "c/d", "c/d/e")
}

// When more happens than the kernel keeps, everything is watched anew.
func TestWatchOverflow(t *testing.T) {
	b, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	n, perr := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || perr != nil || n > 1<<17 {
		t.Skip("events are kept without end here:", n, err, perr)
	}
	w := mapped(t, "a")
	w.write("x")
	w.ready = func() {
		for range n { // four events, and fsnotify has read some thousands already
			w.rename("x", "y")
			w.rename("y", "x")
		}
		w.mkdir("a/unseen/below")
	}
	w.start(func(err error) { t.Error("limited:", err) })
	w.until("the loss", func(d Dirty) bool { return d.Dirs == nil })
	w.edits("a", "a/unseen/below")
}

// A disk that is unmounted and mounted again, at once or later, is watched.
func TestWatchRemount(t *testing.T) {
	if !namespace(t) {
		return
	}
	disk := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(unix.Mount("none", disk, "tmpfs", 0, "")) // overlayfs lies on most, not on itself
	t.Cleanup(func() { must(unix.Unmount(disk, unix.MNT_DETACH)) })
	for _, d := range []string{"lower", "upper", "work", "docs"} {
		must(os.Mkdir(filepath.Join(disk, d), 0o755))
	}
	w := &watching{T: t, m: Mapping{Path: "/docs", Dir: filepath.Join(disk, "docs")}}
	mount := func() {
		t.Helper()
		must(unix.Mount("none", w.m.Dir, "overlay", 0, "userxattr,lowerdir="+disk+"/lower,upperdir="+disk+"/upper,workdir="+disk+"/work"))
	}
	unmount := func() {
		t.Helper()
		err := unix.Unmount(w.m.Dir, 0)
		for limit := time.Now().Add(20 * time.Second); err == unix.EBUSY && time.Now().Before(limit); err = unix.Unmount(w.m.Dir, 0) {
			time.Sleep(time.Millisecond) // Watch reads a directory or the marker just now
		}
		must(err)
	}
	mount()
	w.mkdir("barrier", "a/b")
	w.mark()
	w.start(func(err error) { t.Error("limited:", err) })
	w.edits("a", "a/b")

	unmount()
	mount()
	w.until("the disk that was mounted again", func(d Dirty) bool { return d.Dirs == nil })
	w.edits("a", "a/b")

	unmount()
	w.until("that the disk is away", func(d Dirty) bool { return d.Dirs == nil })
	mount()
	w.until("that the disk is back", func(d Dirty) bool { return d.Dirs == nil })
	w.edits("a", "a/b")
}

// namespace runs the calling test in a process where it is root over mounts of
// its own; it returns true there, and false here when that has passed.
func namespace(t *testing.T) bool {
	const name = "WORKTREE_NAMESPACE"
	if os.Getenv(name) != "" {
		return true
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), name+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
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
	return false
}

// Where nothing can be watched that is said once, and nothing counts as changed
// for it.
func TestWatchWithoutWatches(t *testing.T) {
	if !namespace(t) {
		return
	}
	w := mapped(t, "a/b")
	w.must(os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("0"), 0o644))
	said := make(chan error, 2)
	w.start(func(err error) { said <- err })
	select {
	case err := <-said:
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is said")
	}
	select {
	case d := <-w.out:
		t.Fatalf("a burst of nothing: %v", d)
	case err := <-said:
		t.Fatal("said again:", err)
	case <-time.After(300 * time.Millisecond): // many looks
	}
}
