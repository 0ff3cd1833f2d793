package node

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestALocalTimeThatIsShownTwiceSaysWhichItIs(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for utc, want := range map[string]string{
		"2026-10-24T23:59:59Z": "2026-10-25 01:59:59",
		"2026-10-25T00:00:00Z": "2026-10-25 02:00:00 +02:00",
		"2026-10-25T00:30:00Z": "2026-10-25 02:30:00 +02:00",
		"2026-10-25T01:30:00Z": "2026-10-25 02:30:00 +01:00",
		"2026-10-25T01:59:59Z": "2026-10-25 02:59:59 +01:00",
		"2026-10-25T02:00:00Z": "2026-10-25 03:00:00",
		"2026-03-29T00:30:00Z": "2026-03-29 01:30:00",
		"2026-03-29T01:30:00Z": "2026-03-29 03:30:00",
		"2026-07-01T10:00:00Z": "2026-07-01 12:00:00",
	} {
		at, err := time.Parse(time.RFC3339, utc)
		if err != nil {
			t.Fatal(err)
		}
		at = at.In(berlin)
		got := wallClock(at)
		if got != want {
			t.Errorf("%s is shown as %s, want %s", utc, got, want)
		}
		if back, err := parseTime(got, at); err != nil || !back.Equal(at) {
			t.Errorf("%s is read as %v, %v", got, back, err)
		}
	}
}
