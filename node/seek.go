package node

import (
	"context"
	"slices"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/object"
)

// seek looks through the packs when no record is left that can be read, or none
// that names a head while state.db knows of none either. Settings tell who the
// members are, and a snapshot that no other one names is a head. Of a vault
// without snapshots there is next to nothing to read. The caller holds mu.
func (w *view) seek(ctx context.Context) error {
	unnamed, err := w.unnamed()
	if err != nil {
		return err
	}
	headless := len(unnamed) == 0 && len(w.accepted) == 0
	records := len(w.recs) + len(w.strange)
	for _, list := range []map[[32]byte]known{w.recs, w.strange} {
		for _, k := range list {
			headless = headless && k.said.Head.IsZero()
		}
	}
	if records > 0 && !headless {
		return nil
	}
	there, named := map[object.ID]bool{}, map[object.ID]bool{} // snapshots, and those that others name
	err = w.v.repo.Each(ctx, cas.Meta, func(kind object.Kind, id object.ID, plain []byte) error {
		switch kind {
		case object.KindSettings:
			if s, err := object.DecodeSettings(plain, w.v.header.Admission); err == nil {
				w.joinLocked(s)
			}
		case object.KindSnapshot:
			if s, err := object.DecodeSnapshot(plain); err == nil {
				there[id] = true
				for _, p := range s.Parents {
					named[p] = true
				}
			}
		}
		return nil
	})
	if err != nil || !headless {
		return err
	}
	for id := range there {
		if !named[id] {
			w.found = append(w.found, id)
		}
	}
	slices.SortFunc(w.found, compareID)
	if len(w.found) > 0 {
		w.heads = nil
		w.n.log.Warn("no record says what was stored last: the newest snapshots were found in the packs", "snapshots", len(w.found))
	}
	return nil
}
