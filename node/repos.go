package node

import (
	"context"
	"slices"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/object"
)

// RepoResult lists repositories.
type RepoResult struct {
	Repos []RepoInfo `json:"repos"`
}

// RepoList is bsv repo list.
func (n *Node) RepoList(ctx context.Context) (RepoResult, error) {
	res := RepoResult{Repos: []RepoInfo{}}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	st, err := v.repo.Stats(ctx)
	if err != nil {
		return res, err
	}
	res.Repos = append(res.Repos, RepoInfo{Name: "local", URL: n.home.Paths().Repo(), Kind: "local", Mode: "full", Packs: st.Packs, Bytes: st.Bytes, Objects: st.Objects, State: "ok"})
	setup, err := n.home.Setup()
	if err != nil {
		return res, err
	}
	for _, p := range setup.Peers {
		i := RepoInfo{Name: p.Name, Kind: "peer", Mode: "full", State: "away"}
		if len(p.Addrs) > 0 {
			i.URL = p.Addrs[0]
		}
		if id, err := object.ParseDeviceID(p.Device); err == nil && n.pathTo(id) != "" {
			i.State = "connected"
		}
		res.Repos = append(res.Repos, i)
	}
	return res, nil
}

// NameRequest names a thing.
type NameRequest struct {
	Name string `json:"name"`
}

// RepoRemove is bsv repo remove: the peer stays a member.
func (n *Node) RepoRemove(ctx context.Context, r NameRequest) (RepoResult, error) {
	if _, err := n.openToChange(); err != nil {
		return RepoResult{Repos: []RepoInfo{}}, err
	}
	n.work.Lock()
	setup, err := n.home.Setup()
	if err == nil {
		i := slices.IndexFunc(setup.Peers, func(p home.Peer) bool { return p.Name == r.Name || p.Device == r.Name })
		switch {
		case r.Name == "local":
			err = fail(Usage, "bsv map remove VPATH ends a mapping", "the local repository cannot be removed: it holds the history")
		case i < 0:
			err = fail(NotFound, "bsv repo list", "no repository is named %q", r.Name)
		default:
			setup.Peers = slices.Delete(setup.Peers, i, i+1)
			err = n.home.SetSetup(setup)
		}
	}
	n.work.Unlock()
	if err != nil {
		return RepoResult{Repos: []RepoInfo{}}, err
	}
	return n.RepoList(ctx)
}
