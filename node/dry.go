package node

// littleStored is how many bytes who only asks may leave in the store: to forget
// them makes others, who fetch meanwhile, put again what they had put.
const littleStored = 4 << 20

// storeNothing returns what forgets all that was put since, when that is much:
// what was only asked of may be large.
func (n *Node) storeNothing(v *vault) func() {
	before := v.repo.Added()
	return func() {
		if v.repo.Added()-before <= littleStored {
			return
		}
		if err := v.repo.Rollback(); err != nil {
			n.log.Warn("forget what was only looked at", "err", err)
		}
	}
}
