package node

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/bsvsync/bsv/cas"
)

// suspectKey names, in the state, the blocks that were found damaged. The index
// leaves them out; one that is built anew would not know.
const suspectKey = "suspect" // generation of the index, then of each its pack and offset

// maxSuspect bounds how many are kept: the last ones.
const maxSuspect = 1 << 12

const suspectSize = 32 + 4

// suspect notes a damaged block that the index has left out, and asks the peers
// that are there for what it held.
func (n *Node) suspect(p cas.Place, generation [16]byte) {
	n.suspectMu.Lock()
	if p.Pack != [32]byte{} {
		n.suspects = append(n.suspects, p)
		n.suspects = n.suspects[max(0, len(n.suspects)-maxSuspect):]
	}
	err := n.keepSuspects(generation)
	n.suspectMu.Unlock()
	if err != nil {
		n.log.Warn("note damage", "err", err)
	}
	go n.fetchAll() // whatever locks the reader holds
}

// fetchAll has every peer that is there asked for what is missing.
func (n *Node) fetchAll() {
	if s := n.syncer(); s != nil {
		for _, x := range s.all() {
			x.fetch()
		}
	}
}

// keepSuspects writes them down. The caller holds suspectMu.
func (n *Node) keepSuspects(generation [16]byte) error {
	b := generation[:]
	for _, p := range n.suspects {
		b = binary.LittleEndian.AppendUint32(append(b, p.Pack[:]...), p.Off)
	}
	return n.home.State().SetValue(suspectKey, b)
}

// lookAgain reads what was noted, and looks at the blocks again when the index was
// built anew since.
func (n *Node) lookAgain(ctx context.Context, v *vault) error {
	b, err := n.home.State().Value(suspectKey)
	if err != nil || len(b) < 16 {
		return err
	}
	noted := [16]byte(b)
	n.suspectMu.Lock()
	n.suspects = nil
	for b = b[16:]; len(b) >= suspectSize; b = b[suspectSize:] {
		n.suspects = append(n.suspects, cas.Place{Pack: [32]byte(b), Off: binary.LittleEndian.Uint32(b[32:])})
	}
	old := slices.Clone(n.suspects)
	n.suspectMu.Unlock()
	if len(old) == 0 || noted == v.repo.Generation() {
		return nil
	}
	left, err := v.repo.Suspect(ctx, old)
	if err != nil {
		return err
	}
	n.suspectMu.Lock()
	defer n.suspectMu.Unlock()
	n.suspects = left
	return n.keepSuspects(v.repo.Generation())
}
