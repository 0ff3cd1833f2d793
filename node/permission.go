package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/home"
)

// denied explains that the system refused something in bsv's home: whose it is,
// and how it becomes the right account's. nil: err is something else.
func denied(err error) *Error {
	var other *home.AccountError
	if errors.As(err, &other) {
		as := fmt.Sprintf("sudo -u %s %s …", quote(other.Account.Name), other.Command)
		return &Error{Kind: NotAuthorised, Msg: other.Error(), Hint: as + "; root is let in by BSV_ALLOW_ROOT=1", Err: err}
	}
	var pe *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &pe) || !filepath.IsAbs(pe.Path) || !errors.Is(pe.Err, fs.ErrPermission) {
		return nil
	}
	dir, ok := homeAround(pe.Path)
	if !ok {
		return nil
	}
	place := pe.Path
	whose, ok := home.AccountOf(place)
	for !ok && place != dir { // it was to be made
		place = filepath.Dir(place)
		whose, ok = home.AccountOf(place)
	}
	keeper, known := home.AccountOf(dir)
	if !ok || !known {
		return nil
	}
	e := &Error{Kind: NotAuthorised, Err: err}
	switch {
	case !keeper.Ours():
		e.Msg = fmt.Sprintf("%s: %v: the home %s belongs to %s", pe.Path, pe.Err, dir, keeper.Name)
		e.Hint = fmt.Sprintf("sudo -u %s bsv …, or use another home with --home DIR", quote(keeper.Name))
	case !whose.Ours():
		e.Msg = fmt.Sprintf("%s: %v: %s belongs to %s, as after a run by that account", pe.Path, pe.Err, place, whose.Name)
		e.Hint = fmt.Sprintf("sudo chown -R %s %s", quote(strings.TrimPrefix(keeper.Name, "#")), quote(dir))
	default:
		e.Msg = fmt.Sprintf("%s: %v", pe.Path, pe.Err)
		e.Hint = "chmod -R u+rwX " + quote(dir)
	}
	return e
}

// homeFiles are the names below a home that its opening meets.
var homeFiles = []string{"keys", "lock", "config.toml", "format", "state.db", "index.db", "setup.json", "recovery-words", "repo"}

// homeAround is the home in which a path lies.
func homeAround(path string) (dir string, ok bool) {
	for dir = filepath.Dir(path); ; dir = filepath.Dir(dir) {
		rel := strings.TrimPrefix(strings.TrimPrefix(path, dir), string(filepath.Separator))
		first, _, _ := strings.Cut(rel, string(filepath.Separator))
		if slices.ContainsFunc(homeFiles, func(name string) bool { return first == name || strings.HasPrefix(first, name+".") }) {
			_, err := os.Lstat(filepath.Join(dir, "keys", "device"))
			_, kept := os.Lstat(dir)
			if err == nil || errors.Is(err, fs.ErrPermission) && kept == nil {
				return dir, true
			}
		}
		if filepath.Dir(dir) == dir {
			return "", false
		}
	}
}
