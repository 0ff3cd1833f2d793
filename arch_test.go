package bsv

import (
	"bufio"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bsvsync/bsv"

// layers is the policy: a package may import packages of lower layers only,
// never of its own or a higher one, except where also says so. If a change
// wants to break it, the change is wrong or this table needs the reason in
// its text. A package that is not listed fails the test.
var layers = []struct {
	pkg   string
	level int
	also  []string // lower-named neighbours of the same level, each with its reason below
}{
	{"internal/fault", 0, nil},
	{"internal/event", 0, nil},
	// durable is written in terms of vfs, so that atomic files can be crashed in memory.
	{"internal/vfs", 0, []string{"internal/fault"}},
	{"internal/durable", 0, []string{"internal/vfs", "internal/fault"}},
	{"internal/boltfile", 0, nil},
	{"keyring", 0, nil},
	{"object", 1, nil},
	{"merge", 2, nil},
	{"proto", 2, nil},
	{"cas", 2, nil},
	// The backend implements cas.Backend and is chosen by whoever opens a store.
	{"cas/backend/dir", 2, nil},
	{"home", 3, nil},
	{"repo", 3, nil},
	{"worktree", 3, nil},
	{"discovery", 3, nil},
	// A network in memory, so that several nodes run in one process: it is to
	// proto what discovery is, without libp2p.
	{"node/memnet", 3, nil},
	{"node", 4, nil},
	{"api", 5, nil},
	{"cmd/bsv", 6, nil},
}

// owners says which packages alone may import a dependency directly, and why.
var owners = []struct {
	dep  string
	pkgs []string
	why  string
}{
	{"go.etcd.io/bbolt", []string{"internal/boltfile", "cas", "home"}, "the index and state.db are disposable details of their packages"},
	{"github.com/ipfs/go-cid", []string{"object"}, "everybody else handles object.ID"},
	{"github.com/multiformats/go-multihash", []string{"object"}, "everybody else handles object.ID"},
	{"github.com/restic/chunker", []string{"cas"}, "chunking stands behind an interface"},
	{"github.com/libp2p", []string{"discovery"}, "the node must run in a simulator without libp2p"},
	{"github.com/spf13", []string{"cmd/bsv"}, "flags are a matter of the command"},
	{"github.com/danielgtaylor/huma", []string{"api"}, "HTTP is a matter of api"},
}

// pure packages do no I/O and read no clock: what they return depends on
// their arguments alone, on every device.
var pure = []string{"object", "merge"}

type listed struct {
	ImportPath   string
	Dir          string
	Imports      []string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
}

func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func rel(path string) (string, bool) {
	r, ok := strings.CutPrefix(path, module+"/")
	return r, ok
}

func TestArchLayers(t *testing.T) {
	level := map[string]int{}
	also := map[string][]string{}
	for _, l := range layers {
		level[l.pkg], also[l.pkg] = l.level, l.also
	}
	for _, p := range list(t) {
		name, ok := rel(p.ImportPath)
		if !ok || strings.HasPrefix(name, "test/") { // the root has no code; tests in test/ stand above everything
			continue
		}
		from, ok := level[name]
		if !ok {
			t.Errorf("package %s has no layer: give it a place in the table of arch_test.go, with the reason in docs/architecture.md", name)
			continue
		}
		for _, imp := range p.Imports {
			dep, ours := rel(imp)
			if !ours {
				continue
			}
			to, known := level[dep]
			if known && to < from || slices.Contains(also[name], dep) {
				continue
			}
			if known && strings.HasPrefix(name, dep+"/backend/") { // an implementation sees the interface it implements
				continue
			}
			t.Errorf("%s (layer %d) imports %s (layer %d): imports go down only, never sideways", name, from, dep, to)
		}
	}
}

func TestArchOwners(t *testing.T) {
	for _, p := range list(t) {
		name, _ := rel(p.ImportPath)
		if strings.HasPrefix(name, "test/") {
			continue
		}
		for _, o := range owners {
			if slices.Contains(o.pkgs, name) {
				continue
			}
			for _, imp := range p.Imports {
				if imp == o.dep || strings.HasPrefix(imp, o.dep+"/") {
					t.Errorf("%s imports %s, which only %s may: %s", name, imp, strings.Join(o.pkgs, " and "), o.why)
				}
			}
		}
	}
}

func TestArchPurity(t *testing.T) {
	for _, p := range list(t) {
		name, _ := rel(p.ImportPath)
		for _, imp := range p.Imports {
			switch {
			case imp == "testing" && !strings.HasPrefix(name, "test/"):
				t.Errorf("%s imports testing outside of its tests", name)
			case slices.Contains(pure, name) && slices.Contains([]string{"os", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand", "io/fs"}, imp):
				t.Errorf("%s imports %s: the package is pure", name, imp)
			}
		}
		for _, f := range p.GoFiles {
			inspect(t, name, filepath.Join(p.Dir, f))
		}
	}
}

// inspect looks for what no import shows: a clock in a pure package,
// registration by init, package variables that change.
func inspect(t *testing.T, pkg, path string) {
	t.Helper()
	if generated(t, path) {
		return
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			t.Errorf("%s: init(): nothing registers itself; the composition root wires", set.Position(f.Pos()))
		}
	}
	vars := map[string]bool{}
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					vars[n.Name] = n.Name != "_"
				}
			}
		}
	}
	locals := map[string]bool{} // a name that is also a local somewhere in the file gets the benefit of the doubt
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				for _, id := range n.Names {
					locals[id.Name] = true
				}
			case *ast.ValueSpec:
				for _, id := range n.Names {
					locals[id.Name] = true
				}
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE {
					for _, l := range n.Lhs {
						if id, ok := l.(*ast.Ident); ok {
							locals[id.Name] = true
						}
					}
				}
			}
			return true
		})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == "time" && n.Sel.Name == "Now" && slices.Contains(pure, pkg) {
				t.Errorf("%s: time.Now in a pure package", set.Position(n.Pos()))
			}
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && n.Tok == token.ASSIGN && vars[id.Name] && !locals[id.Name] {
					t.Errorf("%s: assigns the package variable %s: state belongs to a value", set.Position(n.Pos()), id.Name)
				}
			}
		}
		return true
	})
}

func TestArchDoc(t *testing.T) {
	for _, p := range list(t) {
		name, _ := rel(p.ImportPath)
		if strings.HasPrefix(name, "test/") && len(p.GoFiles) == 0 {
			continue
		}
		if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go: purpose, words, invariants, concurrency, format", p.ImportPath)
		}
	}
}

func generated(t *testing.T, path string) bool {
	t.Helper()
	if strings.HasSuffix(path, ".pb.go") || strings.HasSuffix(path, "_gen.go") {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	return s.Scan() && strings.HasPrefix(s.Text(), "// Code generated")
}

// A file that outgrows this holds more than one noun.
const maxLines = 500

func TestArchFileLength(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || generated(t, path) {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := strings.Count(string(b), "\n"); n > maxLines {
			t.Errorf("%s has %d lines: split it by noun (limit %d)", path, n, maxLines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
