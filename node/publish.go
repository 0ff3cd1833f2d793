package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/bsvsync/bsv/object"
)

// heartbeatEvery is how often a device says that it has seen something, when
// it has nothing else to say; heartbeatLook how often the loop asks.
const (
	heartbeatEvery = 24 * time.Hour
	heartbeatLook  = time.Hour
)

// chainKey names this device's admission chain in the state: with it the device
// is a member, and a peer lets it in, even when all settings are lost.
const chainKey = "chain"

// heartbeatDue decides whether a record is written only to tell what was
// seen. A clock that was set back by more than a day does not silence it.
func heartbeatDue(now, last time.Time, news bool) bool {
	d := now.Sub(last)
	return news && (d >= heartbeatEvery || d <= -heartbeatEvery)
}

// news digests what the other devices have said beside heartbeats: their
// heads, and the vault's settings. The caller holds mu.
func (w *view) newsLocked() ([32]byte, error) {
	h := sha256.New()
	var others []object.DeviceID
	for d := range w.members {
		if d != w.v.id {
			others = append(others, d)
		}
	}
	slices.SortFunc(others, func(a, b object.DeviceID) int { return bytes.Compare(a[:], b[:]) })
	for _, d := range others {
		if k, ok := w.newestLocked(d); ok {
			h.Write(d[:])
			h.Write(k.said.Head[:])
		}
	}
	b, err := w.settings.Encode()
	h.Write(b)
	return [32]byte(h.Sum(nil)), err
}

// heartbeat publishes what was seen, when that is due. The caller holds work.
func (n *Node) heartbeat(ctx context.Context, v *vault) error {
	b, err := n.home.State().Value("journal")
	if err != nil {
		return err
	}
	v.view.mu.Lock()
	last, ok := v.view.newestLocked(v.id)
	news, err := v.view.newsLocked()
	v.view.mu.Unlock()
	if err != nil || !ok || !heartbeatDue(n.now(), time.Unix(0, last.said.Time), news != decodeJournal(b).news) {
		return err
	}
	if err := n.publish(ctx, v, object.ID{}); err != nil {
		return err
	}
	n.changed()
	return nil
}

// publish writes this device's next record; without a head it names the
// newest one again. The caller holds work.
func (n *Node) publish(ctx context.Context, v *vault, head object.ID) error {
	if err := v.mayWrite(); err != nil {
		return err
	}
	b, err := n.home.State().Value("journal")
	if err != nil {
		return err
	}
	j := decodeJournal(b)
	var random [4]byte
	rand.Read(random[:])
	w := v.view
	w.mu.Lock()
	own := w.ofLocked(v.id)
	s := object.Statement{Time: n.now().UnixNano(), Head: head}
	o := object.Outer{Tag: v.header.Tag, Device: v.id, Epoch: v.keys.Current}
	for _, k := range own {
		o.Prev, s.Addresses = k.digest, k.said.Addresses
		if !head.IsZero() || k.said.Head.IsZero() {
			continue
		}
		if _, ok, err := w.counts(ctx, k.said.Head); ok { // a copy's head may not be here
			s.Head = k.said.Head
		} else if err != nil && !isBroken(err) {
			w.mu.Unlock()
			return err
		}
	}
	for d := range w.members {
		if k, ok := w.newestLocked(d); ok {
			s.Seen = append(s.Seen, object.Seen{Device: d, Incarnation: k.rec.Incarnation, Seq: k.rec.Seq})
		}
	}
	settings, chain := w.settings, object.EncodeChain(w.members[v.id])
	news, err := w.newsLocked()
	w.mu.Unlock()
	if err != nil {
		return err
	}
	next, opened, err := j.next(numbers(own), binary.LittleEndian.Uint32(random[:]))
	if err != nil {
		return &Error{Kind: Failed, Msg: cloneMsg, Hint: cloneHint, Err: err}
	}
	o.Incarnation, o.Seq = next.incarnation, next.seq
	if addrs := n.netAddrs(); addrs != nil {
		s.Addresses = addrs[:min(len(addrs), object.MaxAddresses)]
	}
	if b, err = settings.Encode(); err != nil {
		return err
	}
	if s.Settings, err = v.repo.Put(ctx, object.KindSettings, b); err != nil {
		return err
	}
	if err := v.repo.Commit(ctx); err != nil {
		return err
	}
	r, err := object.SealRecord(v.keys, v.dev.Signing, o, s)
	if err != nil {
		return err
	}
	next.digest = r.Digest()
	j.opened, j.news, j.records = opened, news, append(j.records, next)
	if old, err := n.home.State().Value(chainKey); err != nil || !bytes.Equal(old, chain) {
		if err := errors.Join(err, n.home.State().NoteValue(chainKey, chain)); err != nil {
			return err
		}
	}
	n.fault.Hit("record.begin")
	if err := n.home.State().SetValue("journal", j.encode()); err != nil {
		return err
	}
	n.fault.Hit("record.noted")
	if err := v.repo.PutRecord(r); err != nil {
		return err
	}
	n.fault.Hit("record.published")
	if _, err := w.take(ctx, r); err != nil {
		return err
	}
	w.mu.Lock() // it is stored already
	w.unsaved = slices.DeleteFunc(w.unsaved, func(u object.Record) bool { return u.Sig == r.Sig })
	w.mu.Unlock()
	return n.prune(ctx, v, v.id)
}
