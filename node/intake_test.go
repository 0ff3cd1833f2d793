package node

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// No more runs at once than there is room for, whoever waits for whom.
func TestIntakeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newIntake(func() { t.Error("failed") })
		var begun atomic.Int64
		free, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			for range 10 * maxAtOnce {
				if err := in.run(func() error { begun.Add(1); <-free; return nil }); err != nil {
					t.Error(err)
				}
			}
			if err := in.wait(); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		if n := begun.Load(); n < 1 || n > maxAtOnce {
			t.Errorf("%d at once", n)
		}
		close(free)
		<-over
		if n := begun.Load(); n != 10*maxAtOnce {
			t.Errorf("%d have run", n)
		}
	})
}

// The first error counts, whatever comes after it: it is told at once, nothing
// begins any more, and what is under way is waited for.
func TestIntakeEndsWithTheFirstError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, later := errors.New("first"), errors.New("later")
		told := 0
		in := newIntake(func() { told++ })
		in.slots = make(chan struct{}, 2)
		free := make(chan struct{})
		if err := in.run(func() error { <-free; return later }); err != nil {
			t.Fatal(err)
		}
		if err := in.run(func() error { return first }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if told != 1 {
			t.Fatalf("told %d times", told)
		}
		if err := in.run(func() error { t.Error("begun after an error"); return nil }); !errors.Is(err, first) {
			t.Errorf("%v", err)
		}
		over := make(chan error, 1)
		go func() { over <- in.wait() }()
		synctest.Wait()
		select {
		case <-over:
			t.Error("not waited for what is under way")
		default:
		}
		close(free)
		if err := <-over; !errors.Is(err, first) || told != 1 {
			t.Errorf("%v, told %d times", err, told)
		}
	})
}
