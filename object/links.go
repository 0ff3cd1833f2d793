package object

import "fmt"

// Link is a reference from one object to another.
type Link struct {
	ID    ID
	Chunk bool
}

// maxDepthCBOR bounds nesting in a generic reading.
const maxDepthCBOR = 16

// Links returns the objects that an object refers to, in order, without
// knowing more of its kind than that chunks have none. Content inside an
// entry is skipped.
func Links(kind Kind, plain []byte) ([]Link, error) {
	if kind == KindChunk {
		return nil, nil
	}
	d := &decoder{b: plain}
	var out []Link
	d.collect(&out, kind == KindTree || kind == KindSnapshot, 0)
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	return out, nil
}

// collect reads one value; entries says whether content may stand in a link.
func (d *decoder) collect(out *[]Link, entries bool, depth int) {
	if d.err != nil {
		return
	}
	if depth > maxDepthCBOR {
		d.fail("nested too deep")
		return
	}
	if d.off >= len(d.b) {
		d.fail("ends early")
		return
	}
	switch c := d.b[d.off]; {
	case c>>5 == majorTag:
		id, raw, same := d.anyLink()
		switch {
		case d.err != nil:
		case same == nil:
			*out = append(*out, Link{id, raw})
		case !entries:
			d.fail("content inside a link where an object belongs")
		}
	case c>>5 == majorArray:
		for range d.array(len(d.b), "items") {
			if d.err != nil {
				return
			}
			d.collect(out, entries, depth+1)
		}
	case c == cborNull, c == cborTrue, c == cborFalse:
		d.off++
	case c>>5 == majorBytes, c>>5 == majorText:
		_, n := d.head()
		d.take(n)
	case c>>5 == majorUint, c>>5 == majorNeg:
		d.head()
	default:
		d.fail("unknown head %#x", c)
	}
}
