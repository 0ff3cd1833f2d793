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
