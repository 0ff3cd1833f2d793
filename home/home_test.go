package home

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/object"
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

func TestGivenReadsBack(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	g, err := h.State().Given()
	if err != nil || g.Known {
		t.Fatalf("a new state knows %+v, %v", g, err)
	}
	id := func(b byte) (out object.ID) { out[0] = b; return out }
	for _, want := range []Given{
		{Known: true, Materialised: map[string]object.ID{}},
		{Known: true, A: []object.ID{id(1), id(2)}, Materialised: map[string]object.ID{"/docs": id(3), "/\xff": id(4)}},
		{Known: true, A: []object.ID{id(5)}, Materialised: map[string]object.ID{"/docs": id(6)}},
	} {
		if err := h.State().SetGiven(want); err != nil {
			t.Fatal(err)
		}
		got, err := h.State().Given()
		if err != nil || got.Known != want.Known || len(got.A) != len(want.A) || len(got.Materialised) != len(want.Materialised) {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
		for i := range want.A {
			if got.A[i] != want.A[i] {
				t.Errorf("A: got %v, want %v", got.A, want.A)
			}
		}
		for k, v := range want.Materialised {
			if got.Materialised[k] != v {
				t.Errorf("%q: got %v, want %v", k, got.Materialised[k], v)
			}
		}
	}
	if err := h.State().Reset(); err != nil {
		t.Fatal(err)
	}
	if g, err := h.State().Given(); err != nil || g.Known {
		t.Errorf("after a reset: %+v, %v", g, err)
	}
}

func TestRows(t *testing.T) {
	s := open(t, place(t), true).State()
	set := func(m string, rows map[string][]byte) {
		t.Helper()
		if err := s.NoteRows(m, rows); err != nil {
			t.Fatal(err)
		}
	}
	set("/a", map[string][]byte{"": []byte("root"), "sub": []byte("sub"), strings.Repeat("x", maxKey): []byte("too long")})
	set("/ab", map[string][]byte{"": []byte("other")})
	set("/a", map[string][]byte{"sub": nil})
	for _, c := range []struct{ m, dir, want string }{{"/a", "", "root"}, {"/a", "sub", ""}, {"/ab", "", "other"}, {"/a", strings.Repeat("x", maxKey), ""}} {
		if b, err := s.Row(c.m, c.dir); err != nil || string(b) != c.want {
			t.Errorf("%s %.10s: %q, %v", c.m, c.dir, b, err)
		}
	}
	if err := s.DropRows("/a"); err != nil {
		t.Fatal(err)
	}
	if b, _ := s.Row("/a", ""); b != nil {
		t.Errorf("a dropped row: %q", b)
	}
	if b, _ := s.Row("/ab", ""); string(b) != "other" {
		t.Errorf("another mapping's row: %q", b)
	}
}

// A damaged state.db is set aside, whatever is damaged in it, and a new one
// begins.
func TestDamagedStateIsSetAside(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, file string){
		"garbage":  func(t *testing.T, f string) { write(t, f, bytes.Repeat([]byte("x"), 1<<16)) },
		"cut":      func(t *testing.T, f string) { b := read(t, f); write(t, f, b[:5000]) },
		"no pages": func(t *testing.T, f string) { b := read(t, f); clear(b[8192:]); write(t, f, b) },
		"bad A": func(t *testing.T, f string) {
			s, err := tryState(f)
			if err != nil {
				t.Fatal(err)
			}
			err = s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketGiven).Put([]byte("A"), []byte("short")) })
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := place(t)
			h := open(t, p, true)
			if err := h.State().SetGiven(Given{Known: true, A: []object.ID{{1}}}); err != nil {
				t.Fatal(err)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, p.state())
			var log bytes.Buffer
			h, err := Open(context.Background(), p, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if g, err := h.State().Given(); err != nil || g.Known {
				t.Errorf("a new state knows %+v, %v", g, err)
			}
			if _, err := os.Lstat(p.state() + ".damaged"); err != nil {
				t.Error(err)
			}
			if !strings.Contains(log.String(), "set aside") {
				t.Errorf("nobody was told: %s", log.String())
			}
		})
	}
}

// What is no damage is an error, and the state stays: a full disk or a
// directory in the way must not make bsv forget.
func TestStateErrorsAreNoDamage(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(p.state(), p.state()+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.state(), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), p, Options{}); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(p.state() + ".damaged"); err == nil {
		t.Error("it was set aside")
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

// What is noted is read at once, is durable with what is set next, and a crash
// loses its end alone.
func TestNoted(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	crash := func() { // as if the process ended here
		t.Helper()
		if err := h.state.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if h.state, err = openState(p.state(), h.log); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want map[string]string) {
		t.Helper()
		for name, w := range want {
			b, err := h.state.Value(name)
			if dir, ok := strings.CutPrefix(name, "row "); ok {
				b, err = h.state.Row("/m", dir)
			}
			if err != nil || string(b) != w {
				t.Errorf("%s, %s: %q, %v, want %q", when, name, b, err, w)
			}
		}
	}
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	do(h.state.NoteValue("a", []byte("1")), h.state.NoteRows("/m", map[string][]byte{"": []byte("root"), "d": []byte("dir")}))
	check("noted", map[string]string{"a": "1", "row ": "root", "row d": "dir"})
	crash()
	check("lost", map[string]string{"a": "", "row ": "", "row d": ""})

	do(h.state.NoteValue("a", []byte("1")), h.state.NoteRows("/m", map[string][]byte{"": []byte("root")}), h.state.SetValue("b", []byte("2")), h.state.NoteValue("a", nil), h.state.NoteValue("c", []byte("3")))
	check("noted", map[string]string{"a": "", "b": "2", "c": "3", "row ": "root"})
	crash()
	check("the end lost", map[string]string{"a": "1", "b": "2", "c": "", "row ": "root"})

	do(h.state.NoteValue("a", nil), h.state.SetGiven(Given{Known: true}))
	crash()
	check("with what was given", map[string]string{"a": ""})

	do(h.state.NoteValue("x/1", []byte("1")), h.state.NoteValue("x/2", []byte("2")), h.state.NoteValue("x/3", []byte("3")), h.state.NoteValue("y", []byte("y")))
	do(h.state.DropValues("x/", "x/2"))
	check("dropped", map[string]string{"x/1": "", "x/2": "2", "x/3": "", "y": "y"})
	do(h.state.NoteRows("/m", map[string][]byte{"d": []byte("dir")}), h.state.DropRows("/m"))
	check("dropped", map[string]string{"row ": "", "row d": ""})
	do(h.state.NoteValue("z", []byte("z")), h.state.Reset())
	check("reset", map[string]string{"y": "", "z": "", "x/2": ""})

	do(h.state.NoteValue("kept", []byte("by close")))
	do(h.Close())
	h = open(t, p, false)
	check("opened again", map[string]string{"kept": "by close"})

	// Much does not wait: what was noted first is durable.
	for i := range 3 * maxNoted / (1 << 20) {
		do(h.state.NoteValue(fmt.Sprint("much", i), make([]byte, 1<<20)))
		if h.state.noted.size > maxNoted {
			t.Fatalf("%d bytes wait", h.state.noted.size)
		}
	}
	crash()
	if b, _ := h.state.Value("much0"); len(b) != 1<<20 {
		t.Errorf("much0 has %d bytes", len(b))
	}
	do(h.Close())
}
