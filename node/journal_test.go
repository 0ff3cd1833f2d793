package node

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
)

func at(incarnation, seq uint64, digest byte) number {
	return number{incarnation, seq, [32]byte{digest}}
}

// The numbers of records: none twice, and a new incarnation over what somebody
// else has published in this device's name.
func TestNextNumber(t *testing.T) {
	const one, two, three = 1 << 32, 2 << 32, 3 << 32
	mine := journal{records: []number{at(one, 1, 1), at(one, 2, 2)}}
	full := journal{}
	for i := range maxJournal {
		full.records = append(full.records, at(one, uint64(100+i), byte(100+i)))
	}
	opened := journal{opened: two, records: []number{at(one, 2, 2), at(two, 1, 3)}}
	settled := journal{opened: two, records: []number{at(two, cloneWindow+1, 3)}}
	for name, c := range map[string]struct {
		j      journal
		found  []number
		want   number
		opened uint64
		err    error
	}{
		"the first record":                     {journal{}, nil, at(one+7, 1, 0), 0, nil},
		"the next":                             {mine, []number{at(one, 2, 2)}, at(one, 3, 0), 0, nil},
		"older ones of our own":                {mine, []number{at(one, 1, 1), at(one, 2, 2)}, at(one, 3, 0), 0, nil},
		"noted, then a crash before it lay":    {mine, []number{at(one, 1, 1)}, at(one, 3, 0), 0, nil},
		"all records were lost":                {mine, nil, at(one, 3, 0), 0, nil},
		"state.db was lost":                    {journal{}, []number{at(one, 9, 9)}, at(two+7, 1, 0), 0, nil},
		"a restored image: a newer one":        {mine, []number{at(one, 2, 2), at(one, 3, 9)}, at(two+7, 1, 0), two + 7, nil},
		"a restored image: a newer life":       {mine, []number{at(three, 1, 9)}, at(4<<32+7, 1, 0), 4<<32 + 7, nil},
		"a fork at our number":                 {mine, []number{at(one, 2, 2), at(one, 2, 9)}, at(two+7, 1, 0), two + 7, nil},
		"a fork below our number":              {mine, []number{at(one, 2, 2), at(one, 1, 9)}, at(two+7, 1, 0), two + 7, nil},
		"older than what is remembered":        {full, []number{at(one, 5, 9), full.last()}, at(one, 100+maxJournal, 0), 0, nil},
		"what was answered":                    {opened, []number{at(one, 3, 9), at(two, 1, 3)}, at(two, 2, 0), two, nil},
		"what goes on in the answered life":    {opened, []number{at(one, 30, 9), at(two, 1, 3)}, at(two, 2, 0), two, nil},
		"a second foreign life":                {opened, []number{at(two, 1, 3), at(three, 1, 9)}, number{}, 0, ErrClone},
		"a second image, long after the first": {settled, []number{at(three, 1, 9)}, at(4<<32+7, 1, 0), 4<<32 + 7, nil},
	} {
		got, opened, err := c.j.next(c.found, 7)
		if got != c.want || opened != c.opened || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, opened %x, %v", name, got, opened, err)
		}
		if back := decodeJournal(c.j.encode()); back.opened != c.j.opened || len(back.records) != len(c.j.records) || back.last() != c.j.last() {
			t.Errorf("%s: the journal reads back as %+v", name, back)
		}
	}
	for _, b := range [][]byte{nil, make([]byte, 39), make([]byte, 41)} {
		if j := decodeJournal(b); len(j.records) != 0 {
			t.Errorf("%d bytes read as %+v", len(b), j)
		}
	}
}

// Two copies of one device that hear of each other: one of them stops.
func TestCopiesOfADevice(t *testing.T) {
	base := journal{records: []number{at(1<<32, 1, 1)}}
	type life struct {
		j       journal
		stopped bool
		salt    byte
	}
	var published []number
	lives := []*life{{j: base, salt: 0x40}, {j: base, salt: 0x80}}
	count := 1
	publish := func(l *life, all bool) {
		found := published
		if !all { // apart: each sees its own alone
			found = nil
			for _, p := range published {
				for _, r := range l.j.records {
					if r.digest == p.digest {
						found = append(found, p)
					}
				}
			}
		}
		n, opened, err := l.j.next(found, uint32(l.salt)<<8|uint32(count))
		if err != nil {
			l.stopped = true
			return
		}
		count++
		n.digest = [32]byte{l.salt, byte(count)}
		for _, p := range published {
			if all && p.incarnation == n.incarnation && p.seq == n.seq {
				t.Fatalf("number %x/%d is used twice", n.incarnation, n.seq)
			}
		}
		l.j.opened, l.j.records = opened, append(l.j.records, n)
		published = append(published, n)
	}
	for range 5 {
		publish(lives[0], false)
		publish(lives[1], false)
	}
	for range 10 {
		for _, l := range lives {
			if !l.stopped {
				publish(l, true)
			}
		}
	}
	if lives[0].stopped == lives[1].stopped {
		t.Errorf("stopped: %v and %v", lives[0].stopped, lives[1].stopped)
	}
}

func TestHeartbeatDue(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		last time.Time
		news bool
		want bool
	}{
		"just now":                  {now, true, false},
		"almost a day":              {now.Add(-heartbeatEvery + 1), true, false},
		"a day":                     {now.Add(-heartbeatEvery), true, true},
		"a day without news":        {now.Add(-heartbeatEvery), false, false},
		"a year without news":       {now.AddDate(-1, 0, 0), false, false},
		"the clock was a bit ahead": {now.Add(time.Hour), true, false},
		"the clock was years ahead": {now.AddDate(5, 0, 0), true, true},
	} {
		if got := heartbeatDue(now, c.last, c.news); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Forks are seen by equal numbers and by neighbours that do not follow each
// other; gaps are none.
func TestForked(t *testing.T) {
	rec := func(seq uint64, digest, prev byte) known {
		return known{rec: object.Record{Outer: object.Outer{Incarnation: 1, Seq: seq, Prev: [32]byte{prev}}}, digest: [32]byte{digest}}
	}
	for name, c := range map[string]struct {
		list []known
		want bool
	}{
		"a history":           {[]known{rec(1, 1, 0), rec(2, 2, 1), rec(3, 3, 2)}, false},
		"a gap":               {[]known{rec(1, 1, 0), rec(3, 3, 2)}, false},
		"one number twice":    {[]known{rec(1, 1, 0), rec(2, 2, 1), rec(2, 3, 1)}, true},
		"another predecessor": {[]known{rec(1, 1, 0), rec(2, 2, 9)}, true},
	} {
		if got := forked(c.list); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Warnings of several devices come in the same order every time.
func TestRecordWarningsAreInOrder(t *testing.T) {
	n, v, _ := lone(t)
	var s keyring.Secret
	copy(s[:], "a view's own secret of 32 bytes.")
	for range 8 {
		o := newTeller(t, v, s)
		v.view.join(object.Settings{}.Admit(o.admission))
		o.tell(garbage(1))
		o.seq--
		o.tell(garbage(2))
	}
	first, err := n.recordWarnings(v)
	if err != nil || len(first) < 8 {
		t.Fatalf("%v, %v", first, err)
	}
	for range 20 {
		if again, err := n.recordWarnings(v); err != nil || !slices.Equal(again, first) {
			t.Fatalf("%v, then %v, %v", first, again, err)
		}
	}
}
