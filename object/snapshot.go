package object

// Snapshot names a root tree and its parents; see docs/format.md.
type Snapshot struct {
	Root         ID   // KindTree
	Parents      []ID // KindSnapshot, sorted, unique
	Base         ID   // root of f(parents) as its author's disk had been given it; zero with no parents
	MergeVersion uint32
	Device       DeviceID
	Time         int64 // nanoseconds since 1970, UTC; for people and retention only
	Message      string
	Files        uint64
	Bytes        uint64
	Conflicts    []Conflict
}

// Side is one of the versions that met in a conflict.
type Side struct {
	Entry    Entry // Name is the base name it had
	Snapshot ID    // smallest-id head that holds it
	Device   DeviceID
	Time     int64
}

// Conflict is the record of one conflict; it lives as long as a copy exists.
type Conflict struct {
	Path   string // virtual path of the name in dispute, "/a/b"
	Type   string // "content", "kind"
	Base   *Entry // nil when the name was absent in the base
	Sides  []Side
	Winner int      // index into Sides
	Copies []string // virtual paths of the conflict copies
}
