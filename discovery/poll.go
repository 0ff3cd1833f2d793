package discovery

import (
	"context"
	"fmt"
	"net"
	"time"
)

// pollEvery is how often interfaces are looked at where the system does not
// tell of changes.
const pollEvery = time.Second

// pollNetwork calls f when the addresses of this machine change.
func pollNetwork(ctx context.Context, f func()) {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	last := addresses()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if now := addresses(); now != last {
			last = now
			f()
		}
	}
}

func addresses() string {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(list)
}
