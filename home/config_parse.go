package home

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// file is config.toml as written. A pointer tells "not set" from zero; values
// with a syntax of their own are strings here and are checked by the caller
// of parse, which knows where they stand.
type file struct {
	Device struct {
		Name *string `toml:"name"`
	} `toml:"device"`
	Snapshot struct {
		Every       *string  `toml:"every"`
		Quiet       *string  `toml:"quiet"`
		Exclude     []string `toml:"exclude"`
		Compression *string  `toml:"compression"`
	} `toml:"snapshot"`
	Sync struct {
		Brake *bool `toml:"brake"`
	} `toml:"sync"`
	Keep struct {
		Last    *int    `toml:"last"`
		Hourly  *int    `toml:"hourly"`
		Daily   *int    `toml:"daily"`
		Weekly  *int    `toml:"weekly"`
		Monthly *int    `toml:"monthly"`
		Yearly  *int    `toml:"yearly"`
		Within  *string `toml:"within"`
	} `toml:"keep"`
	Net struct {
		Listen  []string `toml:"listen"`
		MDNS    *bool    `toml:"mdns"`
		DHT     *bool    `toml:"dht"`
		Relay   *bool    `toml:"relay"`
		BWLimit *string  `toml:"bwlimit"`
	} `toml:"net"`
	HTTP struct {
		Listen *string `toml:"listen"`
	} `toml:"http"`
	Hook []struct {
		On   []string `toml:"on"`
		Exec *string  `toml:"exec"`
		URL  *string  `toml:"url"`
	} `toml:"hook"`
}

// keys are all keys that config.toml may hold; what an unknown one is
// compared with.
var keys = []string{
	"device", "device.name",
	"snapshot", "snapshot.every", "snapshot.quiet", "snapshot.exclude", "snapshot.compression",
	"sync", "sync.brake",
	"keep", "keep.last", "keep.hourly", "keep.daily", "keep.weekly", "keep.monthly", "keep.yearly", "keep.within",
	"net", "net.listen", "net.mdns", "net.dht", "net.relay", "net.bwlimit",
	"http", "http.listen",
	"hook", "hook.on", "hook.exec", "hook.url",
}

// idle are the keys whose features are not built yet.
var idle = []string{
	"keep.last", "keep.hourly", "keep.daily", "keep.weekly", "keep.monthly", "keep.yearly", "keep.within",
	"net.dht", "net.relay", "net.bwlimit", "http.listen", "hook.on", "hook.exec", "hook.url",
}

func parseFile(name string, r io.Reader) (Config, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if len(b) > maxConfig {
		return Config{}, &ConfigError{File: name, Msg: fmt.Sprintf("larger than %s", humanize.IBytes(maxConfig))}
	}
	return ParseConfig(name, b)
}

// ParseConfig reads the text of a config.toml; name is for messages. Every
// error is a *ConfigError: unknown keys and values out of range are errors.
func ParseConfig(name string, text []byte) (Config, error) {
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return Config{}, &ConfigError{File: name, Line: 1, Column: 1, Msg: "it begins with a byte order mark (BOM), which TOML has none of", Hint: "save it as UTF-8 without BOM"}
	}
	if !utf8.Valid(text) {
		return Config{}, &ConfigError{File: name, Line: badLine(text), Column: 1, Msg: "not valid UTF-8"}
	}
	var f file
	d := toml.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Config{}, decodeError(name, text, err)
	}
	at := places(text)
	c := DefaultConfig()
	if err := f.fill(&c); err != nil {
		var bad *valueError
		if errors.As(err, &bad) {
			p := at[bad.key]
			return Config{}, &ConfigError{File: name, Line: max(p.Line, 1), Column: max(p.Column, 1), Key: bad.key, Msg: bad.Error()}
		}
		return Config{}, &ConfigError{File: name, Msg: err.Error()}
	}
	for _, k := range idle {
		if _, set := at[k]; set {
			c.Idle = append(c.Idle, k)
		}
	}
	return c, nil
}

func badLine(text []byte) int {
	line := 1
	for l := range bytes.Lines(text) {
		if !utf8.Valid(l) {
			return line
		}
		line++
	}
	return line
}

// decodeError gives a fault of the TOML decoder its line and, for an unknown
// key, the known one that looks most like it.
func decodeError(name string, text []byte, err error) *ConfigError {
	var strict *toml.StrictMissingError
	var one *toml.DecodeError
	switch {
	case errors.As(err, &strict) && len(strict.Errors) > 0:
		e := &strict.Errors[0]
		row, col := e.Position()
		key := strings.Join(e.Key(), ".")
		for k, p := range places(text) { // in a table in braces it has no table's name
			if p.Line == row && strings.HasSuffix(k, "."+key) {
				key = k
			}
		}
		return &ConfigError{File: name, Line: row, Column: col, Key: key, Msg: fmt.Sprintf("unknown key %q", key), Meant: nearest(key, keys)}
	case errors.As(err, &one):
		row, col := one.Position()
		key := strings.Join(one.Key(), ".")
		msg := plainType(strings.TrimPrefix(one.Error(), "toml: "))
		if key != "" {
			msg = key + ": " + msg
		}
		return &ConfigError{File: name, Line: row, Column: col, Key: key, Msg: msg}
	}
	return &ConfigError{File: name, Msg: strings.TrimPrefix(err.Error(), "toml: ")}
}

// plainType says a decoder's complaint about a value's type without Go's
// types.
func plainType(msg string) string {
	text, ok := strings.CutPrefix(msg, "cannot decode TOML ")
	i := strings.LastIndex(text, " of type ")
	if !ok || i < 0 {
		return msg
	}
	is, _, _ := strings.Cut(text, " into ")
	want := map[string]string{"bool": "true or false", "string": "a text in quotes", "int": "a number", "[]string": "a list of texts in quotes"}[strings.TrimPrefix(text[i+len(" of type "):], "*")]
	if want == "" {
		want = "something else"
	}
	return "is of type " + is + ", should be " + want
}

// places maps each key that is set to where it stands. The text was decoded
// before, so it is well formed.
func places(text []byte) map[string]unstable.Position {
	at := map[string]unstable.Position{}
	var p unstable.Parser
	p.Reset(text)
	var table string
	for p.NextExpression() {
		e := p.Expression()
		var parts []string
		var first *unstable.Node
		for it := e.Key(); it.Next(); {
			if first == nil {
				first = it.Node()
			}
			parts = append(parts, string(it.Node().Data))
		}
		if first == nil {
			continue
		}
		key := strings.Join(parts, ".")
		pos := p.Shape(first.Raw).Start
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = key
			at[key] = pos
		case unstable.KeyValue:
			if table != "" {
				key = table + "." + key
			}
			at[key] = pos
			inline(at, key, pos, e.Value())
		default:
		}
	}
	return at
}

// inline adds the keys of a table that is written in braces: they count as
// standing where the table does.
func inline(at map[string]unstable.Position, prefix string, pos unstable.Position, v *unstable.Node) {
	if v.Kind != unstable.InlineTable && v.Kind != unstable.Array {
		return
	}
	for it := v.Children(); it.Next(); {
		n := it.Node()
		if n.Kind != unstable.KeyValue {
			inline(at, prefix, pos, n)
			continue
		}
		key := prefix
		for k := n.Key(); k.Next(); {
			key += "." + string(k.Node().Data)
		}
		at[key] = pos
		inline(at, key, pos, n.Value())
	}
}

// valueError is a value that TOML accepts and bsv does not.
type valueError struct {
	key, msg string
}

func (e *valueError) Error() string { return e.key + ": " + e.msg }

func bad(key, format string, args ...any) error {
	return &valueError{key: key, msg: fmt.Sprintf(format, args...)}
}

// fill checks what is set and puts it over the defaults.
func (f *file) fill(c *Config) error {
	if n := f.Device.Name; n != nil {
		if *n == "" || len(*n) > maxName || strings.ContainsFunc(*n, isControl) {
			return bad("device.name", "must have 1 to %d bytes without control characters", maxName)
		}
		c.Device.Name = *n
	}
	if err := cmp.Or(
		duration("snapshot.every", f.Snapshot.Every, time.Second, &c.Snapshot.Every),
		duration("snapshot.quiet", f.Snapshot.Quiet, 10*time.Millisecond, &c.Snapshot.Quiet),
		duration("keep.within", f.Keep.Within, time.Second, &c.Keep.Within),
		count("keep.last", f.Keep.Last, &c.Keep.Last),
		count("keep.hourly", f.Keep.Hourly, &c.Keep.Hourly),
		count("keep.daily", f.Keep.Daily, &c.Keep.Daily),
		count("keep.weekly", f.Keep.Weekly, &c.Keep.Weekly),
		count("keep.monthly", f.Keep.Monthly, &c.Keep.Monthly),
		count("keep.yearly", f.Keep.Yearly, &c.Keep.Yearly),
	); err != nil {
		return err
	}
	c.Snapshot.Exclude = f.Snapshot.Exclude
	if v := f.Snapshot.Compression; v != nil {
		if *v != "fastest" && *v != "default" {
			return bad("snapshot.compression", "%q is neither \"fastest\" nor \"default\"", *v)
		}
		c.Snapshot.Compression = *v
	}
	set(&c.Sync.Brake, f.Sync.Brake)
	set(&c.Net.MDNS, f.Net.MDNS)
	set(&c.Net.DHT, f.Net.DHT)
	set(&c.Net.Relay, f.Net.Relay)
	set(&c.HTTP.Listen, f.HTTP.Listen)
	for _, a := range f.Net.Listen {
		if !strings.HasPrefix(a, "/") {
			return bad("net.listen", "%q is no multiaddr (try \"/ip4/0.0.0.0/tcp/27800\")", a)
		}
	}
	c.Net.Listen = f.Net.Listen
	if v := f.Net.BWLimit; v != nil {
		up, down, err := ParseBandwidth(*v)
		if err != nil {
			return bad("net.bwlimit", "%v", err)
		}
		c.Net.Up, c.Net.Down = up, down
	}
	for _, h := range f.Hook {
		if len(h.On) == 0 || slices.Contains(h.On, "") {
			return bad("hook", "needs \"on\", a list of event kinds")
		}
		if (h.Exec == nil) == (h.URL == nil) {
			return bad("hook", "needs either \"exec\" or \"url\"")
		}
		k := Hook{On: h.On}
		set(&k.Exec, h.Exec)
		set(&k.URL, h.URL)
		c.Hooks = append(c.Hooks, k)
	}
	return nil
}

// maxName bounds a device's name in bytes, like a file's.
const maxName = 255

func isControl(r rune) bool { return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 }

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

func count(key string, v *int, to *int) error {
	if v != nil && *v < 0 {
		return bad(key, "%d is negative", *v)
	}
	set(to, v)
	return nil
}

func duration(key string, v *string, least time.Duration, to *time.Duration) error {
	if v == nil {
		return nil
	}
	d, err := time.ParseDuration(*v)
	if err != nil {
		return bad(key, "%q is no duration (try \"300ms\", \"10m\", \"24h\")", *v)
	}
	if d < least {
		return bad(key, "%q is less than %v", *v, least)
	}
	*to = d
	return nil
}

// ParseBandwidth reads "UP[:DOWN]" in bytes a second ("500K", "2MiB:10MiB");
// 0 or an empty part is no limit. Without a colon the limit holds for both.
func ParseBandwidth(s string) (up, down int64, err error) {
	u, d, two := strings.Cut(s, ":")
	if up, err = rate(u); err != nil {
		return 0, 0, err
	}
	if !two {
		return up, up, nil
	}
	if down, err = rate(d); err != nil {
		return 0, 0, err
	}
	return up, down, nil
}

func rate(s string) (int64, error) {
	if s = strings.TrimSpace(s); s == "" || s == "0" {
		return 0, nil
	}
	n, err := humanize.ParseBytes(strings.TrimSuffix(s, "/s"))
	if err != nil || n > 1<<50 {
		return 0, fmt.Errorf("%q is no rate in bytes a second (try \"500K\", \"10M\", \"2M:10M\")", s)
	}
	if n < 1024 {
		return 0, fmt.Errorf("%q is less than 1 KiB a second", s)
	}
	return int64(n), nil
}
