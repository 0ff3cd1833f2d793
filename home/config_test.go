package home

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// Every fault of config.toml says where it stands, and what was meant.
func TestConfigFaults(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		key, meant string
		says       string
	}{
		{"unknown key", "[snapshot]\nevry = \"10m\"\n", 2, "snapshot.evry", "snapshot.every", "unknown key"},
		{"unknown table", "\n[snapshots]\nevery = \"10m\"\n", 2, "", "", "unknown key"},
		{"nothing like it", "[net]\nfrobnicate = 1\n", 2, "net.frobnicate", "", "unknown key"},
		{"syntax", "[net\nmdns = true\n", 1, "", "", ""},
		{"wrong type", "[net]\nmdns = \"yes\"\n", 2, "net.mdns", "", "is of type string, should be true or false"},
		{"a number for a text", "[device]\nname = 3\n", 2, "device.name", "", "is of type integer, should be a text in quotes"},
		{"a text for a number", "[keep]\nlast = \"3\"\n", 2, "keep.last", "", "is of type string, should be a number"},
		{"a duration", "[snapshot]\n\nevery = \"often\"\n", 3, "snapshot.every", "", "no duration"},
		{"too short", "[snapshot]\nquiet = \"1ms\"\n", 2, "snapshot.quiet", "", "less than"},
		{"a rate", "[net]\nbwlimit = \"fast\"\n", 2, "net.bwlimit", "", "no rate"},
		{"a small rate", "[net]\nbwlimit = \"10\"\n", 2, "net.bwlimit", "", "less than 1 KiB"},
		{"an address", "[net]\nlisten = [\"0.0.0.0:27800\"]\n", 2, "net.listen", "", "no multiaddr"},
		{"compression", "[snapshot]\ncompression = \"xz\"\n", 2, "snapshot.compression", "", "neither"},
		{"a name", "[device]\nname = \"a\\u0007b\"\n", 2, "device.name", "", "control characters"},
		{"negative", "[keep]\nlast = -1\n", 2, "keep.last", "", "negative"},
		{"a hook", "[[hook]]\non = [\"snapshot\"]\n", 1, "hook", "", "either"},
		{"twice", "[sync]\nbrake = true\nbrake = false\n", 3, "", "", ""},
		{"an inline table", "device = { nme = \"x\" }\n", 1, "device.nme", "device.name", "unknown key"},
		{"not UTF-8", "[device]\n# \xff\nname = \"x\"\n", 2, "", "", "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseConfig("config.toml", []byte(c.text))
			var e *ConfigError
			if !errors.As(err, &e) || !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v, want a *ConfigError", err)
			}
			if e.Line != c.line || c.key != "" && e.Key != c.key || e.Meant != c.meant && c.meant != "" || !strings.Contains(e.Msg, c.says) {
				t.Errorf("got %+v", e)
			}
			if want := "config.toml:"; !strings.HasPrefix(e.Error(), want) {
				t.Errorf("%q does not begin with %q", e.Error(), want)
			}
			if c.meant != "" && !strings.Contains(e.Error(), `did you mean "`+c.meant+`"?`) {
				t.Errorf("%q does not say what was meant", e.Error())
			}
		})
	}
}

func TestConfigValues(t *testing.T) {
	c, err := ParseConfig("config.toml", []byte(`
[device]
name = "attic"
[snapshot]
every = "1h"
quiet = "2s"
exclude = ["*.tmp"]
compression = "default"
[sync]
brake = false
[net]
listen = ["/ip4/127.0.0.1/tcp/1"]
mdns = false
bwlimit = "500K:2MiB"
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Device.Name != "attic" || c.Snapshot.Every != time.Hour || c.Snapshot.Quiet != 2*time.Second || len(c.Snapshot.Exclude) != 1 ||
		c.Snapshot.Compression != "default" || c.Sync.Brake || c.Net.MDNS || len(c.Net.Listen) != 1 || c.Net.Up != 500_000 || c.Net.Down != 2<<20 {
		t.Errorf("got %+v", c)
	}
	if len(c.Idle) != 1 || c.Idle[0] != "net.bwlimit" {
		t.Errorf("idle keys: %q, want the limit that nothing heeds yet", c.Idle)
	}
	d, err := ParseConfig("config.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Snapshot.Every != 10*time.Minute || !d.Sync.Brake || !d.Net.MDNS || d.HTTP.Listen != "off" {
		t.Errorf("an empty file gives %+v", d)
	}
}

// Every key that is known is accepted by the parser, so that what an unknown
// one is compared with is no dead list.
func TestKnownKeys(t *testing.T) {
	for _, k := range keys {
		table, name, ok := strings.Cut(k, ".")
		if !ok {
			continue
		}
		head := "[" + table + "]\n"
		if table == "hook" {
			head = "[[hook]]\n"
		}
		_, err := ParseConfig("c", []byte(head+name+" = 1979-05-27\n")) // a value that fits nothing
		var e *ConfigError
		if errors.As(err, &e) && strings.Contains(e.Msg, "unknown key") {
			t.Errorf("%s is listed, but not known", k)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("[snapshot]\nevery = \"10m\"\n"))
	f.Add([]byte("[[hook]]\non = [\"a\"]\nexec = \"x\"\n"))
	f.Add([]byte("net = { bwlimit = \"1M\" }\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := ParseConfig("c", text)
		if err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("%v is no fault of the configuration", err)
		}
	})
}

// Every key that config.toml may hold is in docs/configuration.md.
func TestEveryKeyIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) < 20 {
		t.Fatalf("%d keys", len(keys))
	}
	for _, k := range keys {
		if strings.Contains(k, ".") && !strings.Contains(string(doc), "`"+k+"`") {
			t.Errorf("%s is not documented", k)
		}
	}
}
