package home

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/internal/fault"
)

func place(t *testing.T) Paths {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	return Paths{Dir: dir, Config: filepath.Join(dir, "config.toml")}
}

// open opens a home that is closed at the end of the test; key makes it one.
func open(t *testing.T, p Paths, key bool) *Home {
	t.Helper()
	h, err := Open(context.Background(), p, Options{Create: true, Command: "bsv test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	if key {
		if err := h.WriteDeviceKey([]byte("key")); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestNoHome(t *testing.T) {
	p := place(t)
	if _, err := Open(context.Background(), p, Options{}); !errors.Is(err, ErrNoHome) {
		t.Fatalf("got %v, want ErrNoHome", err)
	}
	if _, err := os.Lstat(p.Dir); err == nil {
		t.Error("a home that was only looked for was made")
	}
	h := open(t, p, false)
	if fresh, err := h.Fresh(); err != nil || !fresh {
		t.Errorf("fresh: %v, %v", fresh, err)
	}
}

// A home that another process holds names it; who may wait gets it when its
// owner ends.
func TestBusyNamesTheOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := place(t)
		h := open(t, p, true)
		_, err := Open(context.Background(), p, Options{})
		var busy *BusyError
		if !errors.As(err, &busy) || !errors.Is(err, ErrBusy) {
			t.Fatalf("got %v, want a *BusyError", err)
		}
		if busy.Owner.PID != os.Getpid() || busy.Owner.Command != "bsv test" || !strings.Contains(err.Error(), "(bsv test) since ") {
			t.Errorf("owner %+v, error %q", busy.Owner, err)
		}
		const stays = 10 * time.Second
		begin := time.Now()
		time.AfterFunc(stays, func() { h.Close() })
		h2, err := Open(context.Background(), p, Options{Wait: 2 * stays})
		if err != nil {
			t.Fatalf("after the owner ended: %v", err)
		}
		if waited := time.Since(begin); waited < stays || waited > stays+2*lockPoll {
			t.Errorf("it had to wait %v, and did %v", stays, waited)
		}
		if err := h2.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestOwnerText(t *testing.T) {
	for _, o := range []Owner{
		{PID: 7, Since: time.Unix(1700000000, 0).UTC(), Command: "bsv node", Socket: "/run/bsv.sock"},
		{PID: 1, Since: time.Unix(1, 0).UTC(), Command: "a \"quoted\"\nline", Socket: "/with\nnewline"},
	} {
		if got := parseOwner(o.text()); got != o {
			t.Errorf("%+v reads back as %+v", o, got)
		}
	}
	for _, text := range []string{"", "pid", "pid -3\n", "pid 9", "socket \"relative\"\n", "since yesterday\ncommand bad\n"} {
		if got := parseOwner(text); got != (Owner{}) {
			t.Errorf("%q reads as %+v", text, got)
		}
	}
	if got := (Owner{}).String(); got != "another process" {
		t.Errorf("nobody is %q", got)
	}
}

func TestNewerFormat(t *testing.T) {
	for text, want := range map[string]error{"bsv home 2\n": ErrNewer, "bsv home 99\n": ErrNewer, "bsv home 0\n": ErrDamaged, "bsv hut 1\n": ErrDamaged, "": ErrDamaged, "bsv home x\n": ErrDamaged} {
		p := place(t)
		h := open(t, p, true)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.Dir, "format"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(context.Background(), p, Options{}); !errors.Is(err, want) {
			t.Errorf("format %q: got %v, want %v", text, err, want)
		}
		// Nothing holds on to the home that was refused.
		if err := os.WriteFile(filepath.Join(p.Dir, "format"), []byte("bsv home 1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		open(t, p, false)
	}
}

// A long path has its socket in the runtime directory, and the lock says
// where.
func TestSocketPath(t *testing.T) {
	run := t.TempDir()
	env := func(name string) string {
		if name == "XDG_RUNTIME_DIR" {
			return run
		}
		return ""
	}
	short := Paths{Dir: "/h"}
	if got, own := socketPath(short, env); got != "/h/bsv.sock" || own != "" {
		t.Errorf("short: %q in %q", got, own)
	}
	p := place(t)
	p.Dir = filepath.Join(p.Dir, strings.Repeat("long/", 30))
	p.Config = filepath.Join(p.Dir, "config.toml")
	h := open(t, p, true)
	path, err := h.SocketPath(env)
	if len(path) > maxSocketPath && errors.Is(err, ErrSocketPath) {
		t.Skip("the temporary directory itself is too long")
	}
	if err != nil || filepath.Dir(path) != filepath.Join(run, "bsv") {
		t.Fatalf("got %q, %v", path, err)
	}
	if got := DialPath(p, func(string) string { return "" }); got != path {
		t.Errorf("a command with another environment looks at %q, not %q", got, path)
	}
	fi, err := os.Stat(filepath.Dir(path))
	if err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("directory %v, %v", fi.Mode(), err)
	}
	far := func(name string) string { return "/" + strings.Repeat("far/", 40) }
	if _, err := h.SocketPath(far); !errors.Is(err, ErrSocketPath) {
		t.Errorf("no short place: %v", err)
	}
}

// What somebody else put at the place of the socket directory is not used.
func TestForeignSocketDirectory(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "bsv")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if err := privateDir(link); !errors.Is(err, ErrSocketPath) {
		t.Errorf("a link: %v", err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := privateDir(open); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(open); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("an open directory stays %v, %v", fi.Mode(), err)
	}
}

// A command asks nobody at a place for the socket that somebody else has made.
func TestForeignSocketIsNotAsked(t *testing.T) {
	run := t.TempDir()
	env := func(name string) string { return map[string]string{"XDG_RUNTIME_DIR": run}[name] }
	p := place(t)
	p.Dir = filepath.Join(p.Dir, strings.Repeat("long/", 30))
	place := filepath.Join(run, "bsv")
	if got := DialPath(p, env); got != "" {
		t.Errorf("nothing is there: %q", got)
	}
	if err := os.Symlink(t.TempDir(), place); err != nil {
		t.Fatal(err)
	}
	if got := DialPath(p, env); got != "" {
		t.Errorf("through a link: %q", got)
	}
	if err := errors.Join(os.Remove(place), os.Mkdir(place, 0o700)); err != nil {
		t.Fatal(err)
	}
	if got := DialPath(p, env); filepath.Dir(got) != place {
		t.Errorf("in our own: %q", got)
	}
	if os.Getuid() != 0 {
		return
	}
	if err := os.Chown(place, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if got := DialPath(p, env); got != "" {
		t.Errorf("in another account's: %q", got)
	}
	if err := errors.Join(os.MkdirAll(p.Dir, 0o700), os.Chown(p.Dir, 12345, -1)); err != nil {
		t.Fatal(err)
	}
	if got := DialPath(p, env); filepath.Dir(got) != place {
		t.Errorf("in that of the home's account: %q", got)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSetup(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	want := Setup{Mappings: []Mapping{{Path: "/docs", Dir: []byte("/home/\xff")}, {Path: "/caf\xe9", Dir: []byte("/a")}, {Path: "/caf\xe8", Dir: []byte("/b")}}, Peers: []Peer{{Name: "b", Device: "12D3", Addrs: []string{"/ip4/127.0.0.1/tcp/1"}}}}
	if err := h.SetSetup(want); err != nil {
		t.Fatal(err)
	}
	got, err := h.Setup()
	if err != nil || !reflect.DeepEqual(got.Mappings, want.Mappings) || got.Peers[0].Addrs[0] != want.Peers[0].Addrs[0] {
		t.Fatalf("got %+v, %v", got, err)
	}
	write(t, p.setup(), []byte(`{"version": 2}`))
	if _, err := h.Setup(); !errors.Is(err, ErrNewer) {
		t.Errorf("newer: %v", err)
	}
	write(t, p.setup(), []byte(`{"version": `))
	if _, err := h.Setup(); !errors.Is(err, ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
}

func TestWords(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	if err := h.WriteWords("a b c"); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(p.Words()); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	for range 2 {
		if err := h.RemoveWords(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(p.Words()); err == nil {
		t.Error("the words are still there")
	}
}

// The words of a vault stay with its repository, wherever setting it aside or
// taking it back is interrupted: they never lie in the home of another vault.
func TestWordsAreSetAside(t *testing.T) {
	for _, point := range []string{"", "home.aside.renamed", "home.aside.words", "home.back.words"} {
		p := place(t)
		ctx := context.Background()
		points := map[string]int{}
		if point != "" {
			points[point] = 1
		}
		h, err := Open(ctx, p, Options{Create: true, Fault: fault.New(points, func(name string) { panic(name) })})
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(os.Mkdir(p.Repo(), 0o700), os.WriteFile(filepath.Join(p.Repo(), "own"), nil, 0o600), h.WriteWords("a b c"))
		if err != nil {
			t.Fatal(err)
		}
		crashed := func(f func() error) (at any) {
			defer func() { at = recover() }()
			if err := f(); err != nil {
				t.Fatal(err)
			}
			return nil
		}
		died := crashed(func() error {
			to, err := h.SetAside("own")
			if err != nil {
				return err
			}
			if _, err := os.Lstat(p.Words()); err == nil {
				t.Error("the words lie in the home of another vault")
			}
			if b, err := os.ReadFile(filepath.Join(to, "recovery-words")); err != nil || string(b) != "a b c\n" {
				t.Errorf("the words are not with their repository: %q, %v", b, err)
			}
			return os.Mkdir(p.Repo(), 0o700) // the joined vault's
		})
		back := func() error { _, err := h.TakeBack("own"); return err }
		if again := crashed(back); again != nil {
			died = again
			if err := back(); err != nil {
				t.Fatal(err)
			}
		}
		if point != "" && died != point {
			t.Fatalf("%s was not reached: %v", point, died)
		}
		if b, err := os.ReadFile(p.Words()); err != nil || string(b) != "a b c\n" {
			t.Errorf("%s: %q, %v", point, b, err)
		}
		if list, err := os.ReadDir(p.Repo()); err != nil || len(list) != 1 || list[0].Name() != "own" {
			t.Errorf("%s: %v, %v", point, list, err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPlatformDirs(t *testing.T) {
	for _, c := range []struct {
		goos         string
		env          map[string]string
		data, config string
	}{
		{"linux", map[string]string{"HOME": "/u"}, "/u/.local/share", "/u/.config"},
		{"linux", map[string]string{"HOME": "/u", "XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "rel"}, "/d", "/u/.config"},
		{"linux", map[string]string{}, "", ""},
		{"darwin", map[string]string{"HOME": "/u"}, "/u/Library/Application Support", "/u/Library/Application Support"},
		{"windows", map[string]string{"LocalAppData": `C:\l`, "AppData": `C:\r`}, `C:\l`, `C:\r`},
		{"windows", map[string]string{"AppData": `C:\r`}, "", ""},
	} {
		data, config, err := platformDirs(c.goos, func(n string) string { return c.env[n] })
		if data != c.data || config != c.config || (err == nil) != (c.data != "") {
			t.Errorf("%s %v: %q, %q, %v", c.goos, c.env, data, config, err)
		}
	}
}
