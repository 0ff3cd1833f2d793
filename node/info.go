package node

import (
	"context"
	"fmt"

	"github.com/bsvsync/bsv/object"
)

// Info is bsv info.
type Info struct {
	Device     string   `json:"device"`
	Vault      string   `json:"vault"`
	Home       string   `json:"home"`
	Snapshots  int      `json:"snapshots"`
	Files      uint64   `json:"files"`
	Bytes      uint64   `json:"bytes"`
	Stored     uint64   `json:"stored_bytes"`
	Packs      int      `json:"packs"`
	Objects    int      `json:"objects"`
	Epochs     int      `json:"epochs"`
	Addrs      []string `json:"addrs"`
	Rows       []string `json:"unused_keys,omitempty"`
	AllContent uint64   `json:"all_bytes"` // of all snapshots together, as if each were stored whole
}

// Info tells sizes, compression and keys.
func (n *Node) Info(ctx context.Context) (Info, error) {
	v, err := n.open()
	if err != nil {
		return Info{Addrs: []string{}}, err
	}
	i := Info{Device: v.id.String(), Vault: fmt.Sprintf("%x", v.header.Tag), Home: n.home.Paths().Dir, Epochs: len(v.keys.Epochs), Addrs: append([]string{}, n.netAddrs()...), Rows: n.home.Config().Idle}
	st, err := v.repo.Stats(ctx)
	if err != nil {
		return i, err
	}
	i.Stored, i.Packs, i.Objects = st.Bytes, st.Packs, st.Objects
	list, err := n.history(ctx, v)
	if err != nil {
		return i, err
	}
	var newest *snapshotAt
	for h, err := range list {
		if err != nil {
			return i, err
		}
		i.Snapshots++
		i.AllContent += h.s.Bytes
		if newest == nil {
			newest = &h
		}
	}
	p, err := n.resolve(ctx, v, "")
	if err != nil {
		return i, err
	}
	sum, err := object.Summarise(ctx, v.repo, p.root)
	if err != nil {
		return i, err
	}
	i.Bytes = sum.Bytes
	if newest != nil && newest.s.Root == p.root {
		i.Files = newest.s.Files
		return i, nil
	}
	i.Files, err = n.filesIn(ctx, v, p.root) // of several heads
	return i, err
}

// InfoRequest says what bsv info is asked about: a REF, a path or a
// repository.
type InfoRequest struct {
	Of string `json:"of" query:"of"`
}

// InfoOf is how much a thing holds.
type InfoOf struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"` // snapshot, state, dir, file, symlink, repository
	Path     Path      `json:"path"`
	Snapshot string    `json:"snapshot"`
	ID       string    `json:"id"`
	Files    uint64    `json:"files"`
	Dirs     uint64    `json:"dirs"`
	Bytes    uint64    `json:"bytes"`
	Repo     *RepoInfo `json:"repo,omitempty"`
}

// InfoOf is bsv info REF|PATH|REPO. A snapshot's name goes before a
// repository's.
func (n *Node) InfoOf(ctx context.Context, r InfoRequest) (InfoOf, error) {
	res := InfoOf{Name: NewPath(r.Of).Path}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	p, path, e, err := n.at(ctx, v, r.Of)
	if err != nil {
		if Explain(err).Kind != NotFound {
			return res, err
		}
		l, lerr := n.RepoList(ctx)
		if lerr != nil {
			return res, lerr
		}
		for _, x := range l.Repos {
			if x.Name == r.Of {
				res.Kind, res.Repo, res.Bytes = "repository", &x, x.Bytes
				return res, nil
			}
		}
		return res, err
	}
	i := n.entryInfo(v, path, e)
	res.Path, res.Kind, res.ID = i.Path, i.Kind, i.ID
	if !p.snap.IsZero() {
		res.Snapshot = p.snap.CID(object.KindSnapshot)
	}
	switch {
	case e.Kind != object.Dir:
		res.Files, res.Bytes = 1, e.Size
		return res, nil
	case path == "/" && res.Snapshot != "":
		res.Kind = "snapshot"
	case path == "/":
		res.Kind = "state"
	}
	for pe, err := range object.Walk(ctx, v.repo, e.Tree) {
		if err != nil {
			return res, err
		}
		if pe.Entry.Kind == object.Dir {
			res.Dirs++
			continue
		}
		res.Files++
		if pe.Entry.Kind == object.File {
			res.Bytes += pe.Entry.Size
		}
	}
	return res, nil
}
