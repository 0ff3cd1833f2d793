//go:build linux

package api

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// dialAs connects to the socket as another user; this test program runs
// itself for that.
func TestMain(m *testing.M) {
	if path := os.Getenv("BSV_TEST_DIAL"); path != "" {
		c, err := net.Dial("unix", path)
		if err != nil {
			os.Stdout.WriteString("dial: " + err.Error())
			os.Exit(0)
		}
		c.Write([]byte("GET /healthz HTTP/1.0\r\n\r\n"))
		b, _ := io.ReadAll(c) // a dropped connection reads nothing
		os.Stdout.Write(b)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Whoever else reaches the socket, its permissions being changed, is dropped.
func TestOtherUsersAreDropped(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become another user")
	}
	dir, err := os.MkdirTemp("", "bsv-api")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("secret")) }))
	defer srv.Close()
	if err := os.Chmod(path, 0o666); err != nil { // as if the permissions were no obstacle
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	prog := filepath.Join(dir, "dial")
	if err := os.WriteFile(prog, self, 0o755); err != nil {
		t.Fatal(err)
	}
	dial := func(uid uint32) string {
		c := exec.Command(prog)
		c.Dir = dir
		c.Env = []string{"BSV_TEST_DIAL=" + path}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got := dial(0); !strings.Contains(got, "secret") {
		t.Fatalf("the owner gets %q", got)
	}
	if got := dial(65534); got != "" {
		t.Errorf("another user gets %q", got)
	}
}
