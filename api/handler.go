package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bsvsync/bsv/node"
)

// Prefix is where the API stands.
const Prefix = "/api/v1"

// Problem is an error on the wire: RFC 9457 with the command line's kind,
// exit code and hint.
type Problem struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Kind   string `json:"kind"`
	Code   int    `json:"code"`
	Hint   string `json:"hint,omitempty"`
	Cause  string `json:"cause,omitempty"` // the chain of errors, where Detail leaves it out

	// Result is what was done all the same: an operation that stops for want
	// of consent, or reached nobody, tells it.
	Result json.RawMessage `json:"result,omitempty"`
}

// maxCause bounds a chain of errors on the wire, in bytes.
const maxCause = 16 << 10

func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status (huma.StatusError).
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func problem(err error) *Problem {
	e := node.Explain(err)
	p := &Problem{Type: "about:blank", Title: string(e.Kind), Status: e.Kind.HTTP(), Detail: node.Legible(e.Msg), Kind: string(e.Kind), Code: e.Kind.Exit(), Hint: node.Legible(e.Hint)}
	if text := node.Legible(err.Error()); text != p.Detail {
		p.Cause = text[:min(len(text), maxCause)]
	}
	return p
}

// Options of a handler.
type Options struct {
	Local bool         // the caller is this machine's owner: operations may name local paths
	Log   *slog.Logger // nil: silent
}

type server struct {
	n    *node.Node
	api  huma.API
	mux  *http.ServeMux
	opts Options
}

// Handler serves a node.
func Handler(n *node.Node, o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{n: n, mux: http.NewServeMux(), opts: o}
	c := huma.DefaultConfig("bsv", "1")
	c.OpenAPIPath = Prefix + "/openapi"
	c.DocsPath = ""
	c.SchemasPath = Prefix + "/schemas"
	c.CreateHooks = nil // bodies are exactly the types, without a $schema field
	s.api = humago.New(s.mux, c)
	s.register()
	return tellNewest(n, s.guard(s.mux))
}

// guard turns a panic of an operation into an internal error.
func (s *server) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); {
			case p == nil:
			case p == http.ErrAbortHandler:
				panic(p)
			default:
				s.opts.Log.Error("an operation panicked", "operation", r.Method+" "+r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				fail(w, &node.Error{Kind: node.Internal, Msg: fmt.Sprintf("internal error in %s: %v", r.URL.Path, p), Hint: "report it with what bsv -v prints; nothing that was acknowledged is lost"})
			}
		}()
		h.ServeHTTP(w, r)
	})
}

// body is a request or an answer.
type body[T any] struct{ Body T }

// do registers an operation that changes something: POST with a JSON body.
func do[In, Out any](s *server, name string, f func(context.Context, In) (Out, error)) {
	huma.Register(s.api, huma.Operation{OperationID: name, Method: http.MethodPost, Path: Prefix + "/" + name, MaxBodyBytes: 8 << 20, BodyReadTimeout: -1, SkipValidateBody: false},
		func(ctx context.Context, in *body[In]) (*body[Out], error) {
			if err := unpack(reflect.ValueOf(&in.Body).Elem()); err != nil {
				return nil, problem(&node.Error{Kind: node.Usage, Msg: err.Error()})
			}
			out, err := f(ctx, in.Body)
			if err != nil {
				p := problem(err)
				if p.Kind == string(node.Brake) || p.Kind == string(node.Unreachable) {
					if p.Result, err = json.Marshal(out); err != nil {
						return nil, problem(err)
					}
				}
				return nil, p
			}
			return &body[Out]{out}, nil
		})
}

// read registers an operation that changes nothing: GET with a query.
func read[In, Out any](s *server, name string, f func(context.Context, In) (Out, error)) {
	huma.Register(s.api, huma.Operation{OperationID: name, Method: http.MethodGet, Path: Prefix + "/" + name},
		func(ctx context.Context, in *In) (*body[Out], error) {
			out, err := f(ctx, *in)
			if err != nil {
				return nil, problem(err)
			}
			return &body[Out]{out}, nil
		})
}

// Nothing is the input of an operation without any.
type Nothing struct{}

func none[Out any](f func(context.Context) (Out, error)) func(context.Context, Nothing) (Out, error) {
	return func(ctx context.Context, _ Nothing) (Out, error) { return f(ctx) }
}

func (s *server) register() {
	n := s.n
	read(s, "status", none(n.Status))
	read(s, "info", none(n.Info))
	read(s, "info/of", n.InfoOf)
	read(s, "maps", none(n.MapList))
	read(s, "log", n.Log)
	read(s, "show", n.Show)
	read(s, "ls", n.Ls)
	read(s, "diff", n.Diff)
	read(s, "repos", none(n.RepoList))
	read(s, "peers", none(n.Peers))
	read(s, "conflicts", none(n.Conflicts))
	do(s, "snapshot", n.Snapshot)
	do(s, "mkdir", n.Mkdir)
	do(s, "rm", n.Rm)
	do(s, "maps/remove", n.MapRemove)
	do(s, "repos/remove", n.RepoRemove)
	s.network()
	if s.opts.Local {
		do(s, "init", n.Init)
		do(s, "maps/add", n.MapAdd)
		do(s, "restore", n.Restore)
		do(s, "add", n.Add)
		do(s, "get", n.GetTo)
	}
	s.mux.HandleFunc("GET "+Prefix+"/content", s.content)
	s.mux.HandleFunc("PUT "+Prefix+"/content", s.putContent)
	s.mux.HandleFunc("GET "+Prefix+"/events", s.events)
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &node.Error{Kind: node.NotFound, Msg: "no operation " + r.Method + " " + r.URL.Path})
	})
}

func fail(w http.ResponseWriter, err error) {
	p := problem(err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the peer went away: nobody is left to tell
}

// content sends a file's bytes: as an attachment that no browser interprets.
func (s *server) content(w http.ResponseWriter, r *http.Request) {
	e, stream, err := s.n.Get(r.Context(), r.URL.Query().Get("ref"))
	if err != nil {
		fail(w, err)
		return
	}
	begun, told := false, r.Header.Get("TE") == "trailers"
	begin := func() {
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", "attachment")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "sandbox")
		h.Set("ETag", `"`+e.ID+`"`)
		if told {
			h.Set("Trailer", problemTrailer)
		} else {
			h.Set("Content-Length", strconv.FormatUint(e.Size, 10))
		}
		begun = true
	}
	for b, err := range stream {
		switch {
		case err != nil && !begun:
			fail(w, err)
			return
		case err != nil && told:
			text, jerr := json.Marshal(problem(err))
			if jerr != nil {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set(problemTrailer, base64.StdEncoding.EncodeToString(text))
			return
		case err != nil:
			panic(http.ErrAbortHandler) // the length is promised: break the answer off
		case !begun:
			begin()
		}
		if _, err := w.Write(b); err != nil {
			return
		}
	}
	if !begun {
		begin()
	}
}

// problemTrailer is the trailer with the Problem, in base64, that ended a content
// early, for a client that says TE: trailers. Any other sees the answer broken off.
const problemTrailer = "Bsv-Problem"

func (s *server) putContent(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	res, err := s.n.PutFile(r.Context(), node.PathRequest{Path: q.Get("path"), Umask: q.Get("umask"), DryRun: q.Get("dry_run") == "true"}, r.Body)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(res) // the peer went away: nobody is left to tell
}

// events is the event stream (SSE). Last-Event-ID continues after one.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64) // a bad one counts as none
	events, stop := s.n.Bus.Subscribe(after)
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	f := http.NewResponseController(w)
	io.WriteString(w, ": bsv\n\n")
	if f.Flush() != nil {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case e := <-events:
			b, err := json.Marshal(e)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, b); err != nil || f.Flush() != nil {
				return
			}
		}
	}
}
