package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node/memnet"
)

// crashed closes a member as a crash in the middle of an apply leaves it: what
// was being swapped stands under bsv's own name.
func (m *member) crashed(text string) {
	m.t.Helper()
	if err := m.home.State().NoteValue("applying", []byte{1}); err != nil {
		m.t.Fatal(err)
	}
	m.close()
	m.write(".bsv-swap-0123456789abcdef", text)
}

// back is what came back of what was being swapped, and whether bsv's own
// names are gone.
func (m *member) back() (text string, clean bool) {
	clean = true
	for name, held := range m.files() {
		clean = clean && !strings.HasPrefix(name, ".bsv-swap-")
		if strings.HasPrefix(name, "recovered-") {
			text = held
		}
	}
	return text, clean
}

// The disk is away when a node starts that was interrupted in an apply: what
// was being swapped comes back with the disk.
func TestSwappedWhileTheDiskIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, memnet.New(), testSecret().Words())
		m.write("f", "1")
		m.save()
		m.crashed("the only copy")
		marker := filepath.Join(m.dir, ".bsvmap")
		if err := os.Rename(marker, marker+".away"); err != nil {
			t.Fatal(err)
		}
		m.open()
		m.start()
		quiet(time.Minute)
		if text, _ := m.back(); text != "" {
			t.Fatal("nothing stood in the way: this test is about a disk that is away")
		}
		if err := os.Rename(marker+".away", marker); err != nil {
			t.Fatal(err)
		}
		quiet(time.Minute)
		if text, clean := m.back(); text != "the only copy" || !clean {
			t.Errorf("%q came back: %v", text, m.files())
		}
	})
}

// A mapped directory in which nothing can be cleaned keeps neither other
// mappings nor the history from anybody.
func TestSwappedWhereNothingCanBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, memnet.New(), testSecret().Words())
		m.write("f", "1")
		m.save()
		m.crashed("the only copy")
		if err := os.Chmod(m.dir, 0o555); err != nil {
			t.Fatal(err)
		}
		m.open()
		m.start()
		quiet(time.Minute)
		if s := m.status(); len(s.Heads) != 1 {
			t.Errorf("%+v", s)
		}
		if err := os.Chmod(m.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		quiet(time.Hour)
		if text, clean := m.back(); text != "the only copy" || !clean {
			t.Errorf("%q came back: %v", text, m.files())
		}
	})
}
