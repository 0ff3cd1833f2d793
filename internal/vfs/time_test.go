package vfs

import (
	"math"
	"testing"
	"time"
)

func TestNanoseconds(t *testing.T) {
	for _, ns := range []int64{0, 1, -1, 1_600_000_000_000_000_300, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1} {
		at := time.Unix(0, ns)
		if got, cut := nanoseconds(at.Unix(), int64(at.Nanosecond())); got != ns || cut {
			t.Errorf("%d: %d, %v", ns, got, cut)
		}
	}
	for at, want := range map[time.Time]int64{
		time.Unix(0, math.MaxInt64).Add(1):                     math.MaxInt64,
		time.Unix(0, math.MinInt64).Add(-1):                    math.MinInt64,
		time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC):            math.MaxInt64,
		time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC):            math.MinInt64,
		time.Unix(math.MaxInt64/2, 0):                          math.MaxInt64,
		time.Unix(math.MinInt64/2, 0):                          math.MinInt64,
		time.Date(2262, 4, 11, 23, 47, 17, 0, time.UTC):        math.MaxInt64,
		time.Date(1677, 9, 21, 0, 12, 43, 145224191, time.UTC): math.MinInt64,
	} {
		if got, cut := nanoseconds(at.Unix(), int64(at.Nanosecond())); got != want || !cut {
			t.Errorf("%v: %d, %v", at, got, cut)
		}
	}
}
