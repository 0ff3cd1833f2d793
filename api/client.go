package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/node"
)

// Client calls a node.
type Client struct {
	h      *http.Client
	newest atomic.Uint64 // event, as the last answer told
}

// NewClient makes a client that connects by dial.
func NewClient(dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{h: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}}}
}

// Newest is the number of the newest event when the last answer began.
func (c *Client) Newest() uint64 { return c.newest.Load() }

// Close drops idle connections.
func (c *Client) Close() { c.h.CloseIdleConnections() }

const origin = "http://bsv" + Prefix + "/"

func (c *Client) send(ctx context.Context, method, name string, body io.Reader, contentType string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, origin+name, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("TE", "trailers")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.h.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, away(err)
	}
	if n, err := strconv.ParseUint(res.Header.Get(newestHeader), 10, 64); err == nil {
		c.newest.Store(n)
	}
	if res.StatusCode >= 400 {
		defer res.Body.Close()
		return nil, readProblem(res)
	}
	return res, nil
}

// away is the error that no whole answer came.
func away(err error) error {
	return &node.Error{Kind: node.Failed, Msg: "the node went away before it answered", Hint: "run it again: without a node the command does the work itself", Err: err}
}

func readProblem(res *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		b = nil
	}
	return decodeProblem(b, res.Status)
}

// decodeProblem is the error that a Problem tells of; what is none is an
// internal error of the answer's status.
func decodeProblem(b []byte, status string) error {
	var p struct {
		Problem
		Errors []struct {
			Message, Location string
		} `json:"errors"`
	}
	if json.Unmarshal(b, &p) != nil {
		return &node.Error{Kind: node.Internal, Msg: fmt.Sprintf("the node answered %s", status)}
	}
	if p.Kind == "" { // the framework's own check of a request
		p.Kind = string(node.Usage)
		for _, e := range p.Errors {
			p.Detail += "; " + e.Location + ": " + e.Message
		}
	}
	e := &node.Error{Kind: node.Kind(p.Kind), Msg: p.Detail, Hint: p.Hint}
	if p.Cause != "" {
		e.Err = errors.New(p.Cause)
	}
	if len(p.Result) > 0 {
		return &withResult{e, p.Result}
	}
	return e
}

// withResult is an error that has a result beside it.
type withResult struct {
	err    *node.Error
	result json.RawMessage
}

func (e *withResult) Error() string { return e.err.Error() }

func (e *withResult) Unwrap() error { return e.err }

// Do calls an operation that changes something. An error of the kinds Brake
// and Unreachable comes with the result of what was done all the same.
func Do[Out, In any](ctx context.Context, c *Client, name string, in In) (Out, error) {
	var out Out
	if err := pack(reflect.ValueOf(&in).Elem()); err != nil {
		return out, err
	}
	b, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	res, err := c.send(ctx, http.MethodPost, name, bytes.NewReader(b), "application/json")
	if err != nil {
		var p *withResult
		if errors.As(err, &p) {
			if err := json.Unmarshal(p.result, &out); err != nil {
				return out, err
			}
			return out, p.err
		}
		return out, err
	}
	return out, decode(res, &out)
}

// Read calls an operation that changes nothing; in has query tags.
func Read[Out any](ctx context.Context, c *Client, name string, in any) (Out, error) {
	var out Out
	if q := query(in); q != "" {
		name += "?" + q
	}
	res, err := c.send(ctx, http.MethodGet, name, nil, "")
	if err != nil {
		return out, err
	}
	return out, decode(res, &out)
}

func decode(res *http.Response, out any) error {
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return &node.Error{Kind: node.Internal, Msg: "the node's answer cannot be read: " + err.Error(), Err: err}
	}
	return nil
}

func query(in any) string {
	if in == nil {
		return ""
	}
	q := url.Values{}
	v := reflect.ValueOf(in)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("query"), ",")
		f := v.Field(i)
		if name == "" || f.IsZero() {
			continue
		}
		if f.Kind() == reflect.Slice {
			for j := range f.Len() { // each by itself: a path may hold commas
				q.Add(name, fmt.Sprint(f.Index(j)))
			}
			continue
		}
		q.Set(name, fmt.Sprint(f.Interface()))
	}
	return q.Encode()
}

// Content opens a file of the vault. What ends it early is an error of a read,
// the same that the node had.
func (c *Client) Content(ctx context.Context, ref string) (io.ReadCloser, error) {
	res, err := c.send(ctx, http.MethodGet, "content?ref="+url.QueryEscape(ref), nil, "")
	if err != nil {
		return nil, err
	}
	return &content{ctx, res}, nil
}

type content struct {
	ctx context.Context
	res *http.Response
}

func (c *content) Close() error { return c.res.Body.Close() }

func (c *content) Read(b []byte) (int, error) {
	n, err := c.res.Body.Read(b)
	switch {
	case err == io.EOF:
		if text := c.res.Trailer.Get(problemTrailer); text != "" {
			b, _ := base64.StdEncoding.DecodeString(text) // what is none is no Problem
			err = decodeProblem(b, c.res.Status)
		}
	case err != nil && c.ctx.Err() != nil:
		err = c.ctx.Err()
	case err != nil:
		err = away(err)
	}
	return n, err
}

// PutContent stores a stream as a file, with the permissions that a umask (octal)
// leaves; a dry run says what that would do.
// After ctx ends r may be read once more.
func (c *Client) PutContent(ctx context.Context, path string, r io.Reader, umask string, dry bool) (node.EditResult, error) {
	var out node.EditResult
	// A transport waits for a read of its body to return, and one of a
	// terminal or a pipe may never: ctx must end it.
	body, w := io.Pipe()
	var unread atomic.Pointer[error] // why r gave no more: it is not the node's fault
	go func() {
		_, err := io.Copy(w, source{r, &unread})
		w.CloseWithError(err)
	}()
	stop := context.AfterFunc(ctx, func() { body.CloseWithError(ctx.Err()) })
	defer stop()
	res, err := c.send(ctx, http.MethodPut, fmt.Sprintf("content?path=%s&umask=%s&dry_run=%t", url.QueryEscape(path), url.QueryEscape(umask), dry), body, "application/octet-stream")
	if why := unread.Load(); err != nil && why != nil && ctx.Err() == nil {
		return out, &node.Error{Kind: node.Failed, Msg: fmt.Sprintf("what is to be stored as %s cannot be read: %v", path, *why), Hint: "nothing was stored; mend that, then run it again", Err: *why}
	}
	if err != nil {
		return out, err
	}
	return out, decode(res, &out)
}

// source remembers why it could not be read to its end.
type source struct {
	io.Reader
	why *atomic.Pointer[error]
}

func (s source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && err != io.EOF {
		s.why.Store(&err)
	}
	return n, err
}

// Events calls f with what happens until ctx ends or f returns false. ready
// is closed when the stream stands.
func (c *Client) Events(ctx context.Context, ready chan<- struct{}, f func(event.Event) bool) error {
	res, err := c.send(ctx, http.MethodGet, "events", nil, "")
	if ready != nil {
		close(ready)
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	s := bufio.NewScanner(res.Body)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		data, ok := strings.CutPrefix(s.Text(), "data: ")
		if !ok {
			continue
		}
		var e event.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return err
		}
		if !f(e) {
			return nil
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return &node.Error{Kind: node.Failed, Msg: "the node ended", Hint: "bsv node starts it again", Err: s.Err()}
}
