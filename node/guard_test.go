package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, path, text string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != text {
		t.Errorf("%s holds %q: %v", path, b, err)
	}
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || Explain(err).Kind != Usage {
		t.Errorf("%s: %v", what, err)
	}
}

// mapped is a node with a mapped directory that holds a file.
func mapped(t *testing.T) (n *Node, top, docs string) {
	t.Helper()
	n, _, _ = lone(t)
	top = filepath.Dir(n.Home().Paths().Dir)
	docs = filepath.Join(top, "docs")
	write(t, filepath.Join(docs, "a"), "one")
	if _, err := n.MapAdd(t.Context(), MapRequest{Path: "/docs", Dir: docs}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Snapshot(t.Context(), SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	return n, top, docs
}

// A restore into another directory reaches neither the home nor a mapped
// directory, by whatever links its path goes.
func TestRestoreThroughALink(t *testing.T) {
	n, top, docs := mapped(t)
	for name, to := range map[string]string{"home": n.Home().Paths().Dir, "mapping": docs} {
		link := filepath.Join(top, "link to "+name)
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
		for _, below := range []string{"", "new", "new/er"} {
			_, err := n.Restore(t.Context(), RestoreRequest{Refs: []string{"/docs"}, To: filepath.Join(link, below), Overwrite: "always"})
			refused(t, name+" "+below, err)
			_, err = n.GetTo(t.Context(), GetRequest{Ref: "/docs/a", To: filepath.Join(link, below, "got")})
			if name == "home" && below == "" {
				refused(t, "get into the "+name, err)
			}
		}
	}
}

// A restore over a directory that holds bsv's home leaves the home alone, and
// with --delete one that holds a mapped directory is refused: what is in no
// snapshot would go.
func TestRestoreOverWhatHoldsTheHome(t *testing.T) {
	n, top, docs := mapped(t)
	write(t, filepath.Join(top, "other"), "other")
	r := RestoreRequest{Refs: []string{"/docs"}, To: top, Overwrite: "always", Delete: true}
	_, err := n.Restore(t.Context(), r)
	refused(t, "with a mapping", err)
	holds(t, filepath.Join(docs, "a"), "one")
	if _, err := n.MapRemove(t.Context(), MapRequest{Path: "/docs"}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Restore(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	holds(t, filepath.Join(top, "a"), "one")
	if _, err := os.Lstat(filepath.Join(top, "other")); err == nil {
		t.Error("--delete deletes nothing")
	}
	if _, err := os.Lstat(n.Home().Paths().Repo()); err != nil {
		t.Errorf("the repository is gone: %v", err)
	}
	if _, err := n.Log(t.Context(), LogRequest{}); err != nil {
		t.Error(err)
	}
}

// Where a file stands above a path nothing is restored in place of it, and no
// directory is mapped over a file of the vault.
func TestNothingTakesTheFileAboveAPath(t *testing.T) {
	n, top, docs := mapped(t)
	ctx := t.Context()
	write(t, filepath.Join(docs, "d", "f"), "deep")
	old, err := n.Snapshot(ctx, SnapshotRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(docs, "d")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(docs, "d"), "a file now")
	if _, err := n.Snapshot(ctx, SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err = n.Restore(ctx, RestoreRequest{Refs: []string{old.Snapshot + ":/docs/d/f"}})
	refused(t, "restore below a file", err)
	holds(t, filepath.Join(docs, "d"), "a file now")

	if _, err := n.PutFile(ctx, PathRequest{Path: "/single"}, strings.NewReader("alone")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(top, "other", "x"), "x")
	for _, path := range []string{"/single", "/single/below"} {
		_, err = n.MapAdd(ctx, MapRequest{Path: path, Dir: filepath.Join(top, "other")})
		refused(t, "map "+path, err)
	}
	if _, err := n.Ls(ctx, ShowRequest{Ref: "/single"}); err != nil {
		t.Error(err)
	}
}

// What is added from a directory that holds bsv's home leaves the home out:
// keys do not belong into the vault.
func TestAddLeavesTheHomeOut(t *testing.T) {
	n, top, _ := mapped(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(top), link); err != nil {
		t.Fatal(err)
	}
	for at, src := range map[string]string{"/all": top, "/linked": filepath.Join(link, filepath.Base(top))} {
		if _, err := n.Add(t.Context(), AddRequest{Sources: []string{src}, Path: at, Recursive: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Ls(t.Context(), ShowRequest{Ref: at + "/docs/a"}); err != nil {
			t.Error(err)
		}
		if _, err := n.Ls(t.Context(), ShowRequest{Ref: at + "/home"}); err == nil {
			t.Errorf("the home is in the vault: %s", at)
		}
	}
	_, err := n.Add(t.Context(), AddRequest{Sources: []string{n.Home().Paths().Dir}, Path: "/home", Recursive: true})
	refused(t, "the home itself", err)
}
