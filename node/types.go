package node

import (
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// Path is a name for JSON: as text, or in base64 when it is not UTF-8.
type Path struct {
	Path    string `json:"path,omitempty"`
	PathB64 string `json:"path_b64,omitempty"`
}

// NewPath makes a Path of raw bytes.
func NewPath(p string) Path {
	if utf8.ValidString(p) {
		return Path{Path: p}
	}
	return Path{PathB64: base64.StdEncoding.EncodeToString([]byte(p))}
}

// Raw is the path's bytes.
func (p Path) Raw() string {
	if p.PathB64 != "" {
		if b, err := base64.StdEncoding.DecodeString(p.PathB64); err == nil {
			return string(b)
		}
	}
	return p.Path
}

// Problem is a path that could not be read or written.
type Problem struct {
	Path
	Reason string `json:"reason"`
	Kind   Kind   `json:"kind,omitempty"` // Damage: what is stored for it cannot be read
	Hint   string `json:"hint,omitempty"` // of damage: what heals it
}

func problems(list []worktree.Problem) []Problem {
	out := []Problem{}
	for _, p := range list {
		o := Problem{Path: NewPath(p.Path), Reason: Legible(p.Reason)}
		if isDamage(p.Err) {
			o.Kind, o.Hint = Damage, Explain(p.Err).Hint
		}
		out = append(out, o)
	}
	return out
}

// Entry is a name in the vault.
type Entry struct {
	Path
	Kind   string `json:"kind"` // file, dir, symlink
	Size   uint64 `json:"size"`
	Mode   string `json:"mode"`            // octal
	MTime  string `json:"mtime,omitempty"` // the root and mapped directories have none
	ID     string `json:"id"`              // content id
	Target string `json:"target,omitempty"`

	Deleted bool   `json:"deleted,omitempty"`
	Last    string `json:"last,omitempty"` // the newest snapshot that holds it, when it is deleted
}

func kindName(k object.EntryKind) string {
	switch k {
	case object.File:
		return "file"
	case object.Dir:
		return "dir"
	}
	return "symlink"
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// SnapshotInfo is a snapshot for people.
type SnapshotInfo struct {
	ID      string   `json:"id"`
	Root    string   `json:"root"`
	Parents []string `json:"parents"`
	Device  string   `json:"device"`
	Time    string   `json:"time"`
	Message string   `json:"message"`
	Files   uint64   `json:"files"`
	Bytes   uint64   `json:"bytes"`

	DeviceName string       `json:"device_name,omitempty"`
	Stat       *ChangeCount `json:"stat,omitempty"`
}

// ChangeCount counts the paths that a snapshot changed.
type ChangeCount struct {
	Added   uint64 `json:"added"`
	Removed uint64 `json:"removed"`
	Changed uint64 `json:"changed"`
	Meta    uint64 `json:"meta"` // mode or time alone
}

// SnapshotRequest is bsv snapshot.
type SnapshotRequest struct {
	Paths   []string `json:"paths,omitempty"`
	Message string   `json:"message,omitempty"`
	Tag     string   `json:"tag,omitempty"`
	DryRun  bool     `json:"dry_run,omitempty"`

	AcceptDamage bool `json:"accept_damage,omitempty"` // go on without what the repository has lost
}

// SnapshotResult is what bsv snapshot did.
type SnapshotResult struct {
	Snapshot string    `json:"snapshot"`
	Root     string    `json:"root"`
	Files    uint64    `json:"files"`
	Dirs     uint64    `json:"dirs"`
	Bytes    uint64    `json:"bytes"`
	NewBytes uint64    `json:"new_bytes"`
	Problems []Problem `json:"problems"`
	Notices  []Problem `json:"notices,omitempty"` // what was left out on purpose
	Created  bool      `json:"created"`

	Stat *ChangeCount `json:"stat,omitempty"` // of a dry run: the files that it would store
}

// MapInfo is a mapping and how it fares.
type MapInfo struct {
	Path
	Dir          string `json:"dir"`
	DirB64       string `json:"dir_b64,omitempty"`
	State        string `json:"state"` // clean, changed, unread, unapplied, failing, paused, waiting, unmerged, covered, new, OVERDUE
	Reason       string `json:"reason,omitempty"`
	Files        uint64 `json:"files"`
	Bytes        uint64 `json:"bytes"`
	LastSnapshot string `json:"last_snapshot"`
	LastScan     string `json:"last_scan,omitempty"` // to the hour
	Overdue      bool   `json:"overdue,omitempty"`
}

// PeerInfo is another device.
type PeerInfo struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	State    string   `json:"state"` // connected, away, waiting
	Path     string   `json:"path"`  // the address in use
	UpToDate bool     `json:"up_to_date"`
	Full     bool     `json:"full,omitempty"`  // its disk: it takes nothing new
	Words    string   `json:"words,omitempty"` // of a pending request
	Addrs    []string `json:"addrs,omitempty"`
	LastSeen string   `json:"last_seen,omitempty"`
}

// RepoInfo is a repository.
type RepoInfo struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Kind    string `json:"kind"` // local, peer
	Mode    string `json:"mode"` // full
	Packs   int    `json:"packs,omitempty"`
	Bytes   uint64 `json:"bytes,omitempty"`
	Objects int    `json:"objects,omitempty"`
	State   string `json:"state"`
}

// Status is one screen of everything.
type Status struct {
	Device    string     `json:"device"`
	Name      string     `json:"name"`
	Vault     string     `json:"vault"`
	State     string     `json:"state"`
	Pending   []string   `json:"pending"`
	Heads     []string   `json:"heads"`
	Maps      []MapInfo  `json:"maps"`
	Peers     []PeerInfo `json:"peers"`
	Repos     []RepoInfo `json:"repos"`
	Conflicts int        `json:"conflicts"`
	Warnings  []Warning  `json:"warnings"`
	Failing   []Failing  `json:"failing"`
	Unread    int        `json:"unread"`            // paths that could not be read
	Unapplied int        `json:"unapplied"`         // paths that could not be written
	Damaged   []string   `json:"damaged,omitempty"` // ids of snapshots that this device had and has lost
	Running   bool       `json:"running"`
	Addrs     []string   `json:"addrs"`
}

// Warning says what is wrong and the command that mends it.
type Warning struct {
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// ConflictInfo is one conflict.
type ConflictInfo struct {
	Path
	Type   string         `json:"type"`
	Winner int            `json:"winner"`
	Copies []string       `json:"copies"` // those that are not UTF-8 in base64, behind "b64:"
	Sides  []ConflictSide `json:"sides"`
}

// ConflictSide is one version that met in a conflict.
type ConflictSide struct {
	Entry
	Snapshot string `json:"snapshot"`
	Device   string `json:"device"`
	Time     string `json:"time"`
}

// Applied counts what an apply did to files on disk.
type Applied struct {
	Created uint64 `json:"created"`
	Updated uint64 `json:"updated"`
	Deleted uint64 `json:"deleted"`
}

// SyncResult is what bsv sync did.
type SyncResult struct {
	FetchedObjects uint64    `json:"fetched_objects"`
	FetchedBytes   uint64    `json:"fetched_bytes"`
	SentObjects    uint64    `json:"sent_objects"`
	SentBytes      uint64    `json:"sent_bytes"`
	Merged         bool      `json:"merged"`
	Conflicts      int       `json:"conflicts"`
	Applied        Applied   `json:"applied"`
	State          string    `json:"state"`
	Problems       []Problem `json:"problems"`
	Notices        []Problem `json:"notices,omitempty"` // what was left out on purpose, and what the merge decided by itself
	Unreachable    []string  `json:"unreachable,omitempty"`
	Full           []string  `json:"full,omitempty"` // devices whose disk takes nothing new
	NewConflicts   bool      `json:"new_conflicts"`
}

// ShortID is the form for people of an id in its whole form.
func ShortID(cid string) (string, bool) {
	id, _, err := object.ParseCID(cid)
	if err != nil {
		return "", false
	}
	return id.Short(), true
}
