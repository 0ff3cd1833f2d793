package node

import (
	"runtime"
	"sync"
)

// maxAtOnce is how many blocks of an answer are verified and kept at once, each
// by a processor. One takes about 2 MiB as it came and as much when it is open;
// a larger one is alone, and one more waits: less than 32 MiB, whatever a peer
// sends. Full packs that are being written come to that, one for each at most.
const maxAtOnce = 3

// intake does what there is to do with an answer while more of it comes. One
// goroutine calls run and wait.
type intake struct {
	slots chan struct{}
	wg    sync.WaitGroup
	fail  func() // called at the first error

	mu  sync.Mutex
	err error // the first
}

func newIntake(fail func()) *intake {
	return &intake{slots: make(chan struct{}, min(runtime.GOMAXPROCS(0), maxAtOnce)), fail: fail}
}

// run does f beside the caller as soon as there is room for it, and returns
// when it begins. After an error nothing begins any more: it is returned.
func (in *intake) run(f func() error) error {
	in.slots <- struct{}{}
	if err := in.failed(); err != nil {
		<-in.slots
		return err
	}
	in.wg.Go(func() {
		defer func() { <-in.slots }()
		if err := f(); err != nil {
			in.end(err)
		}
	})
	return nil
}

// wait returns when nothing is under way any more: with the first error.
func (in *intake) wait() error {
	in.wg.Wait()
	return in.failed()
}

func (in *intake) failed() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}

func (in *intake) end(err error) {
	in.mu.Lock()
	first := in.err == nil
	if first {
		in.err = err
	}
	in.mu.Unlock()
	if first {
		in.fail()
	}
}
