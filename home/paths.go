package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Paths are the places of one home. All are absolute.
type Paths struct {
	Dir    string // the home directory
	Config string // config.toml
}

// Locate finds the home: dir when it is given, otherwise $BSV_HOME, otherwise
// the directories of the platform (XDG on Linux). A home that was named keeps
// its configuration inside. getenv is os.Getenv outside of tests.
func Locate(dir string, getenv func(string) string) (Paths, error) {
	if dir == "" {
		dir = getenv("BSV_HOME")
	}
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return Paths{}, fmt.Errorf("locate home %q: %w", dir, err)
		}
		return Paths{Dir: abs, Config: filepath.Join(abs, "config.toml")}, nil
	}
	data, config, err := platformDirs(runtime.GOOS, getenv)
	if err != nil {
		return Paths{}, fmt.Errorf("locate home: %w", err)
	}
	return Paths{Dir: filepath.Join(data, "bsv"), Config: filepath.Join(config, "bsv", "config.toml")}, nil
}

// platformDirs returns where data and configuration of a person's programs
// stand. A relative XDG variable is ignored, as its specification demands.
func platformDirs(goos string, getenv func(string) string) (data, config string, err error) {
	if goos == "windows" {
		data, config = getenv("LocalAppData"), getenv("AppData")
		if data == "" || config == "" {
			return "", "", errors.New("neither --home nor BSV_HOME is given, and %LocalAppData% or %AppData% is not set")
		}
		return data, config, nil
	}
	user := getenv("HOME")
	if goos == "darwin" && user != "" {
		support := filepath.Join(user, "Library", "Application Support")
		return support, support, nil
	}
	data, config = getenv("XDG_DATA_HOME"), getenv("XDG_CONFIG_HOME")
	if (!filepath.IsAbs(data) || !filepath.IsAbs(config)) && user == "" {
		return "", "", errors.New("neither --home nor BSV_HOME nor HOME is set")
	}
	if !filepath.IsAbs(data) {
		data = filepath.Join(user, ".local", "share")
	}
	if !filepath.IsAbs(config) {
		config = filepath.Join(user, ".config")
	}
	return data, config, nil
}

// Repo is the directory of the local repository.
func (p Paths) Repo() string { return filepath.Join(p.Dir, "repo") }

// Index is the file of the local repository's index.
func (p Paths) Index() string { return filepath.Join(p.Dir, "index.db") }

// DeviceKey is the file with the device's private keys.
func (p Paths) DeviceKey() string { return filepath.Join(p.Dir, "keys", "device") }

// Words is where recovery words wait when there is no terminal to show them.
func (p Paths) Words() string { return filepath.Join(p.Dir, "recovery-words") }

// wordsIn is where the words of a repository lie that was set aside.
func (p Paths) wordsIn(repo string) string { return filepath.Join(repo, filepath.Base(p.Words())) }

func (p Paths) keys() string   { return filepath.Join(p.Dir, "keys") }
func (p Paths) format() string { return filepath.Join(p.Dir, "format") }
func (p Paths) lock() string   { return filepath.Join(p.Dir, "lock") }
func (p Paths) state() string  { return filepath.Join(p.Dir, "state.db") }
func (p Paths) setup() string  { return filepath.Join(p.Dir, "setup.json") }

// noHome is the error that there is no device key.
func (p Paths) noHome() error {
	_, err := os.Lstat(p.Repo())
	_, words := os.Lstat(p.Words())
	if err == nil && errors.Is(words, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w: %w", p.Dir, ErrNoHome, ErrNoKeys)
	}
	return fmt.Errorf("%s: %w", p.Dir, ErrNoHome)
}

// Exists reports whether there is a home: a directory with a device key. An
// error means that it could not be found out.
func (p Paths) Exists() (bool, error) {
	_, err := os.Lstat(p.DeviceKey())
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, syscall.ENOTDIR):
		return false, fmt.Errorf("%s: %w", p.Dir, ErrNotDir)
	}
	return false, fmt.Errorf("look for home %s: %w", p.Dir, err)
}
