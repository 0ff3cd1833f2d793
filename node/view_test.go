package node

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// lone is a node of one vault and another device of it.
func lone(t *testing.T) (*Node, *vault, *teller) { return loneOn(t, vfs.OS{}) }

func loneOn(t *testing.T, disk vfs.FS) (*Node, *vault, *teller) {
	t.Helper()
	ctx := context.Background()
	tmp := t.TempDir()
	h, err := home.Open(ctx, home.Paths{Dir: filepath.Join(tmp, "home"), Config: filepath.Join(tmp, "config.toml")}, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open(ctx, Options{Home: h, FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	s := secretOfLone()
	if _, err := n.Init(ctx, InitRequest{Words: s.Words()}); err != nil {
		t.Fatal(err)
	}
	v, err := n.open()
	if err != nil {
		t.Fatal(err)
	}
	return n, v, newTeller(t, v, s)
}

func secretOfLone() (s keyring.Secret) {
	copy(s[:], "a view's own secret of 32 bytes.")
	return s
}

// teller is a device that makes records.
type teller struct {
	t         *testing.T
	v         *vault
	dev       keyring.Device
	id        object.DeviceID
	admission object.Admission
	seq       uint64
}

func newTeller(t *testing.T, v *vault, s keyring.Secret) *teller {
	o := &teller{t: t, v: v, dev: keyring.NewDevice(v.header)}
	o.id = object.DeviceID(o.dev.ID())
	o.admission = object.Admit(v.header.Tag, 0, o.id, o.dev.Recipient(), s.Admission())
	return o
}

func (o *teller) record(head object.ID) object.Record {
	o.t.Helper()
	o.seq++
	r, err := object.SealRecord(o.v.keys, o.dev.Signing, object.Outer{Tag: o.v.header.Tag, Device: o.id, Incarnation: 1 << 32, Seq: o.seq}, object.Statement{Head: head})
	if err != nil {
		o.t.Fatal(err)
	}
	return r
}

func (o *teller) tell(head object.ID) bool {
	o.t.Helper()
	kept, err := o.v.view.take(o.t.Context(), o.record(head))
	if err != nil {
		o.t.Fatal(err)
	}
	return kept
}

func garbage(n int) object.ID {
	var id object.ID
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	return id
}

func stored(t *testing.T, v *vault, d object.DeviceID) int {
	t.Helper()
	n := 0
	for r, err := range v.repo.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Device == d {
			n++
		}
	}
	return n
}

// A member cannot make others keep more records than a few hundred, and what
// counts is never dropped for what does not.
func TestRecordsOfAMemberAreBounded(t *testing.T) {
	_, v, o := lone(t)
	w := v.view
	w.join(object.Settings{}.Admit(o.admission))
	for range 100 {
		if !o.tell(garbage(1)) {
			t.Fatal("a newer record is not kept")
		}
	}
	if n := len(w.ofLocked(o.id)); n != 1 {
		t.Errorf("%d records of one head are kept", n)
	}
	counts := garbage(2)
	o.tell(counts)
	if err := w.complete.mark(counts); err != nil { // as if everything below it had come
		t.Fatal(err)
	}
	for i := range maxRecords + 200 {
		if !o.tell(garbage(10 + i)) {
			t.Fatal("a newer record is not kept")
		}
	}
	if err := w.save(); err != nil {
		t.Fatal(err)
	}
	list := w.ofLocked(o.id)
	if len(list) != maxRecords || stored(t, v, o.id) != maxRecords {
		t.Errorf("%d records are kept, %d stored", len(list), stored(t, v, o.id))
	}
	if !w.names(o.id, []object.ID{counts}) {
		t.Error("a head that is complete here was dropped for garbage")
	}
	if !w.names(o.id, []object.ID{garbage(10 + maxRecords + 199)}) {
		t.Error("the newest record is not among them")
	}
}

// Of a flood of records the disk sees those that stay, and the log a few lines.
func TestFloodOfRecords(t *testing.T) {
	const many = 5 * maxRecords
	disk := &vfs.Fail{FS: vfs.OS{}}
	n, v, o := loneOn(t, disk)
	var log strings.Builder
	n.log = slog.New(slog.NewTextHandler(&log, nil))
	w := v.view
	w.join(object.Settings{}.Admit(o.admission))
	before := disk.Calls()
	for i := range many {
		o.tell(garbage(i))
	}
	if err := w.save(); err != nil {
		t.Fatal(err)
	}
	if calls := disk.Calls() - before; calls > 3*many {
		t.Errorf("%d records are %d calls to the disk", many, calls)
	}
	if n := stored(t, v, o.id); n != maxRecords {
		t.Errorf("%d records are stored", n)
	}
	o.seq = 0
	for i := range 10 * perMinute {
		o.tell(garbage(many + i)) // older than all others
	}
	if n := strings.Count(log.String(), "\n"); n == 0 || n > 2*perMinute { // twice when a minute ends meanwhile
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// Records of devices that are no members wait in memory, bounded, and are
// stored once their device is admitted.
func TestRecordsOfStrangers(t *testing.T) {
	_, v, o := lone(t)
	w := v.view
	o.tell(garbage(1))
	if err := w.save(); err != nil {
		t.Fatal(err)
	}
	if len(w.records()) != 1 || stored(t, v, o.id) != 0 {
		t.Errorf("%d records count, %d are stored", len(w.records()), stored(t, v, o.id))
	}
	w.join(object.Settings{}.Admit(o.admission))
	if err := w.save(); err != nil {
		t.Fatal(err)
	}
	if len(w.records()) != 2 || stored(t, v, o.id) != 1 || w.strangeB != 0 {
		t.Errorf("after the admission %d records count, %d are stored, %d bytes wait", len(w.records()), stored(t, v, o.id), w.strangeB)
	}
	kept := 0
	stranger := newTeller(t, v, keyring.Secret{1})
	for i := 0; ; i++ {
		if !stranger.tell(garbage(100 + i)) {
			break
		}
		kept++
	}
	if kept == 0 || w.strangeB > maxStrange {
		t.Errorf("%d records wait, %d bytes", kept, w.strangeB)
	}
}

// A Hello names the newest record of every device first, and no more than
// fit.
func TestTips(t *testing.T) {
	_, v, o := lone(t)
	w := v.view
	w.join(object.Settings{}.Admit(o.admission))
	for i := range 10 {
		o.tell(garbage(i))
	}
	if n := len(w.tips(proto.MaxTips)); n != 11 {
		t.Errorf("%d tips of 11 records", n)
	}
	few := w.tips(2)
	newest := map[[32]byte]bool{}
	for _, d := range []object.DeviceID{o.id, v.id} {
		k, ok := w.newest(d)
		if !ok {
			t.Fatal("no record")
		}
		newest[k.digest] = true
	}
	for _, b := range few {
		if !newest[[32]byte(b)] {
			t.Error("an old record goes before a newest one")
		}
	}
}

// A member that fills the settings keeps nobody from publishing.
func TestFullSettings(t *testing.T) {
	n, v, o := lone(t)
	w := v.view
	flood := object.Settings{}
	for i := range 1 << 16 {
		flood.Registers = append(flood.Registers, object.Register{Name: fmt.Sprintf("tag/%05d", i), Value: "x", Counter: 1, Writer: o.id})
	}
	w.join(flood)
	w.join(object.Settings{}.Admit(o.admission))
	if !w.isMember(o.id) {
		t.Error("full settings admit nobody")
	}
	n.work.Lock()
	defer n.work.Unlock()
	if err := n.publish(t.Context(), v, object.ID{}); err != nil {
		t.Error(err)
	}
	if _, ok := w.get("name/" + v.id.String()); !ok {
		t.Error("what was set before is gone")
	}
}

// However many records name some settings, and whenever objects come, they are
// read once: checking thousands of admissions takes its time.
func TestSettingsAreReadOnce(t *testing.T) {
	n, v, o := lone(t)
	w := v.view
	var log strings.Builder
	n.log = slog.New(slog.NewTextHandler(&log, nil))
	w.join(object.Settings{}.Admit(o.admission))
	none := maker{t, v}.put(object.KindTree, []byte{0x82, 0x00, 0x80})
	for i := range 5 {
		o.seq++
		r, err := object.SealRecord(v.keys, o.dev.Signing, object.Outer{Tag: v.header.Tag, Device: o.id, Incarnation: 1 << 32, Seq: o.seq}, object.Statement{Head: garbage(i), Settings: none})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.take(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		w.fresh(t.Context())
	}
	if n := strings.Count(log.String(), "settings cannot be read"); n != 1 {
		t.Errorf("settings that are none are read %d times", n)
	}
	w.recs = map[[32]byte]known{} // as if newer ones had taken their place
	if w.fresh(t.Context()); len(w.read) != 0 {
		t.Errorf("%d settings are remembered that nothing names", len(w.read))
	}
}

// A peer that sends records without end takes no memory beyond those that are
// kept, whether they are too many or take each other's place.
func TestWhatAPeerKnowsIsBounded(t *testing.T) {
	n, v, o := lone(t)
	v.view.join(object.Settings{}.Admit(o.admission))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody fetches or tells
	x := &session{s: &syncer{n: n, log: n.log}, v: v, id: o.id, ctx: ctx, known: map[[32]byte]bool{}, want: make(chan struct{}, 1)}
	o.seq = 1 << 20
	for i := range 8 {
		if i == 4 { // from now on older ones, which are not kept
			o.seq = 0
		}
		m := &proto.Records{}
		for j := range maxRecords {
			m.Records = append(m.Records, o.record(garbage(i*maxRecords+j)).Encode())
		}
		if err := x.takeRecords(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if most := 4*len(v.view.records()) + 256; len(x.known) > most {
		t.Errorf("%d records are noted, of %d that are kept", len(x.known), len(v.view.records()))
	}
}

// A member makes up more heads than fit a request: what a peer itself has
// published is asked for all the same, and first.
func TestHeadsThatNobodyHasHideNoOthers(t *testing.T) {
	_, v, honest := lone(t)
	w := v.view
	s := object.Settings{}.Admit(honest.admission)
	var made []*teller
	for range proto.MaxHave/maxRecords + 1 {
		o := newTeller(t, v, secretOfLone())
		made, s = append(made, o), s.Admit(o.admission)
	}
	w.join(s)
	for i := range maxRecords {
		for j, o := range made {
			o.tell(garbage(1 + i*len(made) + j))
		}
	}
	head := garbage(0)
	honest.tell(head)
	x := &session{v: v, id: honest.id}
	want, _, err := x.lacking(t.Context())
	if err != nil || len(want) <= proto.MaxHave || want[0] != head {
		t.Errorf("the head is the %d. of %d: %v", slices.Index(want, head)+1, len(want), err)
	}
}

// A name that no device would take is not shown.
func TestNamesBeyondTheirLength(t *testing.T) {
	n, v, o := lone(t)
	for size, shown := range map[int]bool{object.MaxTag: true, object.MaxTag + 1: false} {
		name := strings.Repeat("n", size)
		v.view.join(v.view.set(o.id, "name/"+o.id.String(), name, false))
		if got := n.nameOf(v, o.id); (got == name) != shown {
			t.Errorf("%d bytes: %q", size, got)
		}
	}
}
