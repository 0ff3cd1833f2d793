package node

import "time"

// LocalTime is a time for people, by the clock on the wall. Where that shows
// the same twice, because it is set back, the offset from UTC says which.
func LocalTime(t time.Time) string { return wallClock(t.Local()) }

// wallClock is a time as its zone shows it.
func wallClock(t time.Time) string {
	if shownTwice(t) {
		return t.Format(time.DateTime + " -07:00")
	}
	return t.Format(time.DateTime)
}

// shownTwice reports whether the wall clock shows the same at another time, in
// the zone before this one or after it.
func shownTwice(t time.Time) bool {
	_, off := t.Zone()
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		_, before := start.Add(-1).Zone()
		if t.Sub(start) < time.Duration(before-off)*time.Second {
			return true
		}
	}
	if !end.IsZero() {
		_, after := end.Zone()
		return end.Sub(t) <= time.Duration(off-after)*time.Second
	}
	return false
}
