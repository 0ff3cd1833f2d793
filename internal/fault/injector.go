package fault

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// ErrInjected is what Err returns at a point that was told to fail.
var ErrInjected = errors.New("injected fault")

// Injector counts visits of points and acts at the chosen one.
type Injector struct {
	mu     sync.Mutex
	seen   map[string]int
	points map[string]int // point → visit (from 1) at which to act; 0: at every one
	act    func(point string)
	trace  func(point string)
}

// New returns an Injector that calls act at the nth visit (from 1) of each
// point; 0 stands for every visit.
func New(points map[string]int, act func(point string)) *Injector {
	return &Injector{seen: map[string]int{}, points: points, act: act}
}

// Trace returns an Injector that calls f at every point.
func Trace(f func(point string)) *Injector {
	return &Injector{seen: map[string]int{}, trace: f}
}

// Parse reads "point[:n],…" as BSV_FAULT gives it.
func Parse(text string) (map[string]int, error) {
	points := map[string]int{}
	for part := range strings.SplitSeq(text, ",") {
		name, num, counted := strings.Cut(strings.TrimSpace(part), ":")
		n := 1
		if counted {
			var err error
			if n, err = strconv.Atoi(num); err != nil || n < 0 {
				return nil, fmt.Errorf("fault %q: want point[:n]", part)
			}
		}
		if name == "" {
			return nil, fmt.Errorf("fault %q: want point[:n]", part)
		}
		points[name] = n
	}
	return points, nil
}

// Hit tells the injector that the point was reached.
func (i *Injector) Hit(point string) {
	if i.visit(point) && i.act != nil {
		i.act(point)
	}
}

// Err is Hit for a step that can be told to fail: it returns ErrInjected at
// the chosen visit.
func (i *Injector) Err(point string) error {
	if i.visit(point) {
		return fmt.Errorf("%s: %w", point, ErrInjected)
	}
	return nil
}

// On reports whether the point was chosen at all: for negative controls that
// leave a step out.
func (i *Injector) On(point string) bool {
	if i == nil {
		return false
	}
	_, ok := i.points[point]
	return ok
}

func (i *Injector) visit(point string) bool {
	if i == nil {
		return false
	}
	if i.trace != nil {
		i.trace(point)
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.seen[point]++
	n, ok := i.points[point]
	return ok && (n == 0 || n == i.seen[point])
}
