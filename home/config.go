package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Config is config.toml with its defaults filled in. The person owns the
// file; bsv only reads it.
type Config struct {
	Device   DeviceConfig
	Snapshot SnapshotConfig
	Sync     SyncConfig
	Keep     KeepConfig
	Net      NetConfig
	HTTP     HTTPConfig
	Hooks    []Hook

	// Idle names the keys that the file sets and that this version of bsv
	// reads, but does not act on yet.
	Idle []string
}

// DeviceConfig is [device].
type DeviceConfig struct {
	Name string // the name a new device takes; empty: the host's
}

// SnapshotConfig is [snapshot].
type SnapshotConfig struct {
	Every       time.Duration // between full scans of a watching node
	Quiet       time.Duration // how long a directory must be still before it is scanned
	Exclude     []string      // gitignore patterns that are local to this device
	Compression string        // "fastest" or "default"
}

// SyncConfig is [sync].
type SyncConfig struct {
	Brake bool // ask before a peer's mass deletion is applied here
}

// KeepConfig is [keep]: how many snapshots stay. Zero: no rule.
type KeepConfig struct {
	Last, Hourly, Daily, Weekly, Monthly, Yearly int
	Within                                       time.Duration
}

// NetConfig is [net].
type NetConfig struct {
	Listen     []string // multiaddrs; empty: port 27800 of all interfaces
	MDNS       bool
	DHT, Relay bool
	Up, Down   int64 // bytes a second; 0: no limit
}

// HTTPConfig is [http].
type HTTPConfig struct {
	Listen string // host:port, or "off"
}

// Hook is one [[hook]]: a program or a URL that is told of an event.
type Hook struct {
	On   []string // event kinds
	Exec string
	URL  string
}

// DefaultConfig is the configuration of an empty file.
func DefaultConfig() Config {
	return Config{
		Snapshot: SnapshotConfig{Every: 10 * time.Minute, Quiet: 300 * time.Millisecond, Compression: "fastest"},
		Sync:     SyncConfig{Brake: true},
		Net:      NetConfig{MDNS: true},
		HTTP:     HTTPConfig{Listen: "off"},
	}
}

// maxConfig bounds the size of config.toml in bytes.
const maxConfig = 1 << 20

// ReadConfig reads config.toml. No file is an empty one. A fault is a
// *ConfigError.
func ReadConfig(p Paths) (Config, error) {
	f, err := os.Open(p.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return DefaultConfig(), nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	if fi, err := f.Stat(); err == nil && fi.IsDir() {
		return Config{}, &ConfigError{File: p.Config, Msg: "a directory, where the configuration file belongs", Hint: "move it away, or remove it: rmdir " + p.Config}
	}
	return parseFile(p.Config, f)
}
