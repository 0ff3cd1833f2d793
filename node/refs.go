package node

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bsvsync/bsv/object"
)

// place is what a REF means: a tree, and the snapshot it is of.
type place struct {
	root object.ID
	snap object.ID // zero for the merged state of several heads
	name string
}

const refForms = "a REF is: latest, latest~3, an id or its first characters, a tag, a device's name, @{yesterday}, @{2 days ago}, @{2026-11-01 09:00}"

// parseRef splits [REF:]/path. Without a colon before a slash there is only a
// path. A colon has something on both sides: what is left empty was not meant
// to be the newest, or everything.
func parseRef(s string) (ref, path string, err error) {
	switch i := strings.Index(s, ":/"); {
	case strings.HasPrefix(s, "/"):
		path = s
	case strings.HasPrefix(s, ":"):
		return "", "", fail(Usage, "latest"+s+" is of the state; "+refForms, "the REF before the colon of %q is empty", s)
	case i >= 0:
		ref, path = s[:i], s[i+1:]
	case strings.HasSuffix(s, ":"):
		return "", "", fail(Usage, s+"/ is all of it", "the path behind the colon of %q is empty", s)
	default:
		ref, path = s, "/"
	}
	path, err = object.CleanPath(path)
	return ref, path, err
}

// namesPath reports whether [REF:]PATH names a path, and not a snapshot alone.
func namesPath(s string) bool {
	return strings.HasPrefix(s, "/") || strings.HasSuffix(s, ":") || strings.Contains(s, ":/")
}

// slashless splits REF:PATH whose path does not begin with a slash. The time
// of @{…} is no path.
func slashless(s string) (ref, path string, ok bool) {
	at := 0
	if strings.HasPrefix(s, "@{") {
		if at = strings.Index(s, "}") + 1; at == 0 {
			return "", "", false
		}
	}
	ref, path, ok = strings.Cut(s[at:], ":")
	return s[:at] + ref, path, ok && path != ""
}

// outside is the error of a path that leads out of the vault, given where a REF
// is wanted; nil for anything else.
func outside(ref string) error {
	path := ref[strings.LastIndexByte(ref, ':')+1:]
	if !slices.Contains(strings.Split(path, "/"), "..") {
		return nil
	}
	_, err := object.CleanPath(path)
	return err
}

// parseRange splits A..B. A path like ../x is none.
func parseRange(s string) (a, b string, ok bool, err error) {
	if strings.Contains(s, "/") {
		if err := outside(s); err != nil {
			return "", "", false, err
		}
	}
	a, b, ok = strings.Cut(s, "..")
	return a, b, ok, nil
}

// latest is the state, damaged or not.
func (n *Node) latest(ctx context.Context, v *vault) (place, error) {
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return place{}, err
	}
	st, err := n.state(ctx, v, heads)
	if err != nil {
		return place{}, err
	}
	p := place{root: st.Root, name: "latest"}
	if len(heads) == 1 {
		p.snap = heads[0]
	}
	return p, nil
}

// resolve finds what a REF names. In a damaged repository only an id, a tag
// or a device's name means what it did.
func (n *Node) resolve(ctx context.Context, v *vault, ref string) (place, error) {
	if ref == "" || ref == "latest" {
		if err := n.whole(ctx, v); err != nil {
			return place{}, err
		}
		return n.latest(ctx, v)
	}
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return place{}, err
	}
	notFound := func() (place, error) {
		if err := outside(ref); err != nil {
			return place{}, err
		}
		hint := "bsv log shows what there is; " + refForms
		at, path, colon := slashless(ref)
		switch {
		case colon:
			hint = "did you mean " + quote(at+":/"+path) + "? A path begins with /; " + refForms
		case object.BeginsAll(ref) && len(ref) > object.MinPrefix:
			hint = "the whole ids of all snapshots begin with that: give more characters; bsv log shows what there is"
		case len(ref) < object.MinPrefix && object.AnyIDText(ref):
			hint = fmt.Sprintf("of an id at least %d characters are given; ", object.MinPrefix) + hint
		}
		if st, err := n.state(ctx, v, heads); err == nil {
			if path, err := object.CleanPath(ref); err == nil {
				if _, ok, err := object.LookupPath(ctx, v.repo, st.Root, path); err == nil && ok {
					hint = "did you mean " + path + "? A path begins with /; " + refForms
				}
			}
		}
		return place{}, fail(NotFound, hint, "no snapshot %q", ref)
	}
	of := func(id object.ID) (place, error) {
		s, err := object.GetSnapshot(ctx, v.repo, id)
		if err != nil {
			return place{}, err
		}
		return place{s.Root, id, ref}, nil
	}
	if back, ok := strings.CutPrefix(ref, "latest~"); ok {
		k, err := strconv.Atoi(back)
		if err != nil || k < 0 {
			return notFound()
		}
		list, err := n.history(ctx, v)
		if err != nil {
			return place{}, err
		}
		for h, err := range list {
			if err != nil {
				return place{}, err
			}
			if k == 0 {
				return place{h.s.Root, h.id, ref}, nil
			}
			k--
		}
		return notFound()
	}
	if strings.HasPrefix(ref, "@{") && strings.HasSuffix(ref, "}") {
		at, err := parseTime(ref[2:len(ref)-1], n.now())
		if err != nil {
			return place{}, err
		}
		list, err := n.history(ctx, v)
		if err != nil {
			return place{}, err
		}
		var oldest *snapshotAt
		for h, err := range list {
			if err != nil {
				return place{}, err
			}
			if h.s.Time <= at.UnixNano() {
				return place{h.s.Root, h.id, ref}, nil
			}
			oldest = &h
		}
		if oldest == nil {
			return notFound()
		}
		return place{}, fail(NotFound, "bsv log", "no snapshot is as old as %s; the oldest is of %s", ref, LocalTime(time.Unix(0, oldest.s.Time)))
	}
	if value, ok := v.view.get("tag/" + ref); ok {
		if id, _, err := object.ParseCID(value); err == nil {
			return of(id)
		}
	}
	switch id, err := n.deviceNamed(v, ref, "bsv ls %s:/"); {
	case err == nil:
		if k, ok := v.view.newest(id); ok && !k.said.Head.IsZero() {
			return of(k.said.Head)
		}
	case Explain(err).Kind != NotFound:
		return place{}, err
	}
	prefix, err := object.ParsePrefix(ref)
	if err != nil {
		return notFound()
	}
	lost, err := n.lost(ctx, v)
	if err != nil {
		return place{}, err
	}
	given, err := n.givenUp()
	if err != nil {
		return place{}, err
	}
	list := n.historyOf(ctx, v, heads)
	if lost = append(lost, given...); len(lost) > 0 {
		list = n.historyLeft(ctx, v, slices.Concat(heads, lost))
	}
	var found []object.ID
	for h, err := range list {
		if err != nil {
			return place{}, err
		}
		if prefix.Of(h.id) {
			found = append(found, h.id)
			if prefix.Whole() {
				break
			}
		}
	}
	switch len(found) {
	case 0:
		if err := n.whole(ctx, v); err != nil {
			return place{}, err
		}
		return notFound()
	case 1:
		return of(found[0])
	}
	return place{}, fail(Usage, "give more characters of it", "%q is the beginning of %d snapshots", ref, len(found))
}

var agoForm = regexp.MustCompile(`^(\d+)\s*(second|minute|hour|day|week|month|year)s?\s+ago$`)

// parseTime reads the times that people write; all lie in the past.
func parseTime(s string, now time.Time) (time.Time, error) {
	s = strings.TrimSpace(s)
	switch s {
	case "now":
		return now, nil
	case "today":
		return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()), nil
	case "yesterday":
		return now.AddDate(0, 0, -1), nil
	}
	if m := agoForm.FindStringSubmatch(s); m != nil {
		k, err := strconv.Atoi(m[1])
		if err == nil && k < 1_000_000 {
			switch m[2] {
			case "second":
				return now.Add(-time.Duration(k) * time.Second), nil
			case "minute":
				return now.Add(-time.Duration(k) * time.Minute), nil
			case "hour":
				return now.Add(-time.Duration(k) * time.Hour), nil
			case "day":
				return now.AddDate(0, 0, -k), nil
			case "week":
				return now.AddDate(0, 0, -7*k), nil
			case "month":
				return now.AddDate(0, -k, 0), nil
			default:
				return now.AddDate(-k, 0, 0), nil
			}
		}
	}
	for _, form := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04", "2006-01-02", time.RFC3339Nano, "15:04"} {
		t, err := time.ParseInLocation(form, s, now.Location())
		if err != nil {
			continue
		}
		if form == "15:04" {
			t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
			if t.After(now) {
				t = t.AddDate(0, 0, -1)
			}
		}
		return t, nil
	}
	return time.Time{}, fail(Usage, "forms: yesterday, 2 days ago, 2026-11-01, 2026-11-01 09:00", "%q is no time", s)
}
