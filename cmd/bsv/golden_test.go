package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/node"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant: go test ./cmd/bsv -run Golden -update\n%s", file, got)
	}
}

func runApp(args ...string) (out, errs string, code int) {
	var o, e bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &o, err: &e, getenv: func(string) string { return "" }}
	code = a.run(context.Background(), args)
	return o.String(), e.String(), code
}

// The help of every command.
func TestGoldenHelp(t *testing.T) {
	var all []string
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		all = append(all, strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), "bsv"), " "))
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	a := &app{getenv: func(string) string { return "" }}
	walk(a.root())
	var text strings.Builder
	for _, path := range all {
		out, errs, code := runApp(append(strings.Fields(path), "--help")...)
		if code != 0 || errs != "" {
			t.Errorf("bsv %s --help: exit code %d, %s", path, code, errs)
		}
		fmt.Fprintf(&text, "$ bsv %s--help\n%s\n", strings.TrimLeft(path+" ", " "), out)
	}
	golden(t, "help.txt", []byte(text.String()))
}

// shape describes what a type looks like in JSON.
func shape(t reflect.Type) any {
	switch t.Kind() {
	case reflect.Pointer:
		return shape(t.Elem())
	case reflect.Slice:
		return []any{shape(t.Elem())}
	case reflect.Struct:
		if t.String() == "time.Time" {
			return "time"
		}
		out := map[string]any{}
		for i := range t.NumField() {
			f := t.Field(i)
			name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous && name == "" {
				maps.Copy(out, shape(f.Type).(map[string]any))
				continue
			}
			if opts == "omitempty" {
				name += "?"
			}
			out[name] = shape(f.Type)
		}
		return out
	}
	return t.Kind().String()
}

// The documents of --json, by command, with their types; a ? marks a field
// that may be missing. Fields may be added, never renamed or taken away.
func TestGoldenJSON(t *testing.T) {
	docs := map[string]any{
		"init": node.InitResult{}, "info": node.Info{}, "info OF": node.InfoOf{}, "status": node.Status{}, "map": node.MapResult{},
		"snapshot": node.SnapshotResult{}, "restore, get": node.RestoreResult{}, "log": node.LogResult{}, "show": node.ShowResult{}, "ls": node.LsResult{},
		"diff": node.DiffResult{}, "add, mkdir, rm": node.EditResult{}, "repo": node.RepoResult{}, "repo add": node.RepoAddResult{}, "fetch, sync": node.SyncResult{},
		"invite": node.InviteResult{}, "join": node.JoinResult{}, "peers": node.PeersResult{}, "peers approve": node.ApproveResult{},
		"conflicts": node.ConflictsResult{}, "version": versionInfo{}, "watch, --progress json (one a line)": event.Event{},
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		text, err := json.MarshalIndent(shape(reflect.TypeOf(docs[name])), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n\n", name, text)
	}
	golden(t, "json.txt", b.Bytes())
}

// A document with nothing in it has empty lists, not null, and all fields
// that are promised.
func TestJSONHasNoNull(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	docs := filepath.Join(t.TempDir(), "docs")
	if err := os.Mkdir(docs, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init"}, {"status"}, {"info"}, {"map"}, {"log"}, {"ls"}, {"show"}, {"diff"}, {"repo"}, {"peers"}, {"conflicts"}, {"snapshot"},
		{"map", "add", "/docs", docs}, {"snapshot"}, {"mkdir", "/docs/x"}, {"show", "latest"}, {"info", "/docs"}, {"info", "local"}, {"ls", "--deleted", "/"},
		{"restore", "latest:/docs"}, {"rm", "-r", "/docs/x"}, {"map", "remove", "/docs"}, {"version"},
	} {
		if args[0] == "show" && len(args) == 1 {
			args = append(args, "/")
		}
		out, errs, code := runApp(append([]string{"--home", home, "--json"}, args...)...)
		var doc map[string]any
		if err := json.Unmarshal([]byte(out), &doc); err != nil || code != 0 {
			t.Errorf("%q: exit code %d, %v, %q %s", args, code, err, out, errs)
			continue
		}
		if strings.Contains(out, "null") || !strings.HasPrefix(out, `{"v":1`) || strings.Count(out, "\n") != 1 {
			t.Errorf("%q prints %s", args, out)
		}
	}
}
