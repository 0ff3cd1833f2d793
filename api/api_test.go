package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/node"
)

var update = flag.Bool("update", false, "write the golden files anew")

// newNode is a node that maps docs, a directory with a file.
func newNode(t *testing.T, init bool) (*node.Node, string) {
	t.Helper()
	ctx := context.Background()
	tmp := t.TempDir()
	h, err := home.Open(ctx, home.Paths{Dir: filepath.Join(tmp, "home"), Config: filepath.Join(tmp, "config.toml")}, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(ctx, node.Options{Home: h})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(n.Close(), h.Close()); err != nil {
			t.Error(err)
		}
	})
	docs := filepath.Join(tmp, "docs")
	if err := os.Mkdir(docs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(docs, "a.txt"), []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if init {
		if _, err := n.Init(ctx, node.InitRequest{Dirs: []string{docs}, Name: "test"}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	return n, docs
}

// client is a client of a handler over a listener within the process.
func client(t *testing.T, h http.Handler) *Client {
	t.Helper()
	m := NewMemory()
	srv := Serve(m, h)
	c := NewClient(m.Dial)
	t.Cleanup(func() {
		c.Close()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func call(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Every error is a problem with the command line's kind, code and hint.
func TestProblems(t *testing.T) {
	n, _ := newNode(t, true)
	fresh, _ := newNode(t, false)
	h, empty := Handler(n, Options{Local: true}), Handler(fresh, Options{Local: true})
	for _, c := range []struct {
		h                  http.Handler
		method, path, body string
		status, code       int
		kind               node.Kind
		hint               string
	}{
		{empty, "GET", "/api/v1/status", "", 404, 10, node.NoHome, "bsv init"},
		{h, "GET", "/api/v1/ls?ref=/nope", "", 404, 17, node.NotFound, "bsv ls /"},
		{h, "GET", "/api/v1/content?ref=/nope", "", 404, 17, node.NotFound, "bsv ls /"},
		{h, "GET", "/api/v1/content?ref=/docs", "", 400, 2, node.Usage, "bsv get -r"},
		{h, "GET", "/api/v1/ls?ref=/../x", "", 400, 2, node.Usage, "looks like"},
		{h, "POST", "/api/v1/rm", `{"path":"/docs"}`, 400, 2, node.Usage, "bsv rm -r /docs"},
		{h, "POST", "/api/v1/rm", `{"path":"b64:&"}`, 400, 2, node.Usage, ""},
		{h, "POST", "/api/v1/sync", `{"repos":["nobody"]}`, 404, 17, node.NotFound, "bsv repo list"},
		{h, "POST", "/api/v1/init", `{"words":"one two"}`, 403, 12, node.WrongWords, "24 words"},
		{h, "GET", "/api/v1/nothing", "", 404, 17, node.NotFound, ""},
		{h, "POST", "/api/v1/status", "{}", 404, 17, node.NotFound, ""},
		{h, "PUT", "/api/v1/content?path=/", "x", 400, 2, node.Usage, "bsv add"},
	} {
		w := call(c.h, c.method, c.path, c.body)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Errorf("%s %s: %v in %q", c.method, c.path, err, w.Body)
			continue
		}
		if w.Code != c.status || p.Status != c.status || p.Code != c.code || p.Kind != string(c.kind) || !strings.Contains(p.Hint, c.hint) || p.Detail == "" {
			t.Errorf("%s %s: %d %+v", c.method, c.path, w.Code, p)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s %s: Content-Type %q", c.method, c.path, got)
		}
	}
}

// The client gives back the error that the node had.
func TestClientErrors(t *testing.T) {
	n, _ := newNode(t, true)
	c := client(t, Handler(n, Options{Local: true}))
	_, err := Read[node.LsResult](context.Background(), c, "ls", node.ShowRequest{Ref: "/nope"})
	var e *node.Error
	if !errors.As(err, &e) || e.Kind != node.NotFound || e.Hint != "bsv ls /" {
		t.Errorf("got %#v", err)
	}
	// A request that does not fit the schema is a matter of usage.
	_, err = Do[node.EditResult](context.Background(), c, "rm", struct {
		Path int `json:"path"`
	}{7})
	if !errors.As(err, &e) || e.Kind != node.Usage || !strings.Contains(e.Msg, "path") {
		t.Errorf("got %v", err)
	}
}

// An operation that reached nobody tells what it did all the same.
func TestErrorsWithResults(t *testing.T) {
	type out struct {
		N int `json:"n"`
	}
	for _, c := range []struct {
		kind node.Kind
		want int
	}{{node.Unreachable, 7}, {node.Brake, 7}, {node.Failed, 0}} {
		s := &server{mux: http.NewServeMux()}
		s.api = testAPI(s)
		do(s, "op", func(context.Context, Nothing) (out, error) { return out{7}, &node.Error{Kind: c.kind, Msg: "no"} })
		res, err := Do[out](context.Background(), client(t, s.mux), "op", Nothing{})
		var e *node.Error
		if !errors.As(err, &e) || e.Kind != c.kind || res.N != c.want {
			t.Errorf("%s: %+v, %v", c.kind, res, err)
		}
	}
}

// A panic is an internal error of one operation, not the end of the node.
func TestPanicIsInternal(t *testing.T) {
	h := (&server{opts: Options{Log: slog.New(slog.DiscardHandler)}}).guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	w := call(h, "GET", "/x", "")
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != 70 || w.Code != 500 || !strings.Contains(p.Detail, "boom") {
		t.Errorf("%d %s %v", w.Code, w.Body, err)
	}
}

// Operations that name local paths exist for this machine's owner alone.
func TestLocalOperations(t *testing.T) {
	n, docs := newNode(t, true)
	local, remote := Handler(n, Options{Local: true}), Handler(n, Options{})
	body := fmt.Sprintf(`{"path":"/x","dir":%q,"to":%q,"ref":"/docs/a.txt","refs":["/docs"],"sources":[%q]}`, docs, docs, docs)
	for _, op := range []string{"init", "maps/add", "restore", "add", "get", "join", "join/confirm", "repos/add"} {
		if w := call(remote, "POST", "/api/v1/"+op, body); w.Code != 404 {
			t.Errorf("%s over TCP: %d %s", op, w.Code, w.Body)
		}
		if w := call(local, "POST", "/api/v1/"+op, "{}"); w.Code == 404 {
			t.Errorf("%s is missing here: %s", op, w.Body)
		}
	}
	for _, doc := range []struct {
		h     http.Handler
		local bool
	}{{local, true}, {remote, false}} {
		w := call(doc.h, "GET", "/api/v1/openapi.json", "")
		if got := strings.Contains(w.Body.String(), `"/api/v1/restore"`); got != doc.local {
			t.Errorf("document of local=%v names restore: %v", doc.local, got)
		}
	}
}

// GET changes nothing: every operation by GET leaves the heads as they are.
func TestGetChangesNothing(t *testing.T) {
	n, docs := newNode(t, true)
	h := Handler(n, Options{Local: true})
	if err := os.WriteFile(filepath.Join(docs, "new.txt"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	heads := func() string {
		st, err := n.Status(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(st.Heads, " ")
	}
	before := heads()
	for path, item := range paths(t, h) {
		if _, ok := item["get"]; !ok {
			continue
		}
		call(h, "GET", path+"?ref=/docs&of=/docs", "")
	}
	if got := heads(); got != before {
		t.Errorf("heads were %s, are %s", before, got)
	}
}

func paths(t *testing.T, h http.Handler) map[string]map[string]any {
	t.Helper()
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(call(h, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || len(doc.Paths) < 20 {
		t.Fatalf("OpenAPI %s with %d paths", doc.OpenAPI, len(doc.Paths))
	}
	return doc.Paths
}

// The document of the API is part of what others build on.
func TestOpenAPIDocument(t *testing.T) {
	n, _ := newNode(t, false)
	got := call(Handler(n, Options{Local: true}), "GET", "/api/v1/openapi.json", "").Body.Bytes()
	var nice bytes.Buffer
	if err := json.Indent(&nice, got, "", " "); err != nil {
		t.Fatal(err)
	}
	nice.WriteByte('\n')
	const file = "testdata/openapi.json"
	if *update {
		if err := os.WriteFile(file, nice.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, nice.Bytes()) {
		t.Errorf("the document differs from %s; if that is meant: go test ./api -run OpenAPI -update", file)
	}
}

// Stored content comes as an attachment that no browser interprets.
func TestContentHeaders(t *testing.T) {
	n, _ := newNode(t, true)
	w := call(Handler(n, Options{}), "GET", "/api/v1/content?ref=/docs/a.txt", "")
	if w.Code != 200 || w.Body.String() != "hello\n" {
		t.Fatalf("%d %q", w.Code, w.Body)
	}
	for k, want := range map[string]string{"Content-Type": "application/octet-stream", "Content-Disposition": "attachment",
		"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Content-Length": "6"} {
		if got := w.Header().Get(k); got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
	if e := w.Header().Get("ETag"); len(e) < 20 || e[0] != '"' {
		t.Errorf("ETag %q", e)
	}
}

// Names reach the node as they are, whatever bytes they have.
func TestRawStrings(t *testing.T) {
	type request struct {
		Path  string   `json:"path"`
		List  []string `json:"list"`
		Count int      `json:"count"`
	}
	for _, s := range []string{"", "plain", "grüße", "\xff\xfe", "a\x00b", "b64:abc", "b64:", "new\nline", strings.Repeat("\x80", 1000)} {
		var got request
		s0 := &server{mux: http.NewServeMux()}
		s0.api = testAPI(s0)
		do(s0, "op", func(_ context.Context, r request) (Nothing, error) {
			got = r
			return Nothing{}, nil
		})
		list := []string{s, "x", s}
		if _, err := Do[Nothing](context.Background(), client(t, s0.mux), "op", request{s, list, 3}); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if got.Path != s || !slices.Equal(got.List, list) || got.Count != 3 || list[0] != s {
			t.Errorf("%q arrives as %+v", s, got)
		}
	}
}

// A body that is too large is refused before it is kept.
func TestBodyLimit(t *testing.T) {
	n, _ := newNode(t, true)
	h := Handler(n, Options{Local: true})
	w := call(h, "POST", "/api/v1/rm", `{"path":"/`+strings.Repeat("x", 9<<20)+`"}`)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
}

// A reader that lost its connection continues after the last event it saw.
func TestEventsContinue(t *testing.T) {
	n, _ := newNode(t, true)
	srv := httptest.NewServer(Handler(n, Options{}))
	defer srv.Close()
	read := func(after string, want int) []event.Event {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Last-Event-ID", after)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type %q", got)
		}
		var out []event.Event
		var text strings.Builder
		b := make([]byte, 4096)
		for len(out) < want {
			k, err := res.Body.Read(b)
			if err != nil {
				t.Fatalf("after %d events: %v", len(out), err)
			}
			text.Write(b[:k])
			out = nil
			for line := range strings.Lines(text.String()) {
				if data, ok := strings.CutPrefix(line, "data: "); ok && strings.HasSuffix(line, "\n") {
					var e event.Event
					if err := json.Unmarshal([]byte(data), &e); err != nil {
						t.Fatal(err)
					}
					out = append(out, e)
				}
			}
		}
		return out
	}
	var first uint64
	for i := range 5 {
		n.Bus.Publish(event.Event{Kind: event.Notice, Message: fmt.Sprint(i)})
	}
	got := read("1", 5)
	for _, e := range got {
		if e.Kind == event.Notice && e.Message == "1" {
			first = e.Seq
		}
	}
	if first == 0 {
		t.Fatalf("no event 1 in %+v", got)
	}
	got = read(fmt.Sprint(first), 3)
	for i, e := range got {
		if e.Message != fmt.Sprint(i+2) || e.Seq != first+uint64(i)+1 {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}

// An upload whose input never ends is given up when its context is.
func TestUploadIsInterrupted(t *testing.T) {
	n, _ := newNode(t, true)
	c := client(t, Handler(n, Options{Local: true}))
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		w.Write(make([]byte, 1<<20)) // it was read: the upload is under way
		cancel()
	}()
	if _, err := c.PutContent(ctx, "/docs/endless", r, "022", false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := Read[node.LsResult](context.Background(), c, "ls", node.ShowRequest{Ref: "/docs/endless"}); err == nil {
		t.Error("half of a file was stored")
	}
}

func TestPathsWithCommas(t *testing.T) {
	if got := query(node.DiffRequest{Paths: []string{"/a,b", "/c"}}); got != "path=%2Fa%2Cb&path=%2Fc" {
		t.Errorf("got %q", got)
	}
}
