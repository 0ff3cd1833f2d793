package object

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
)

// ErrAdmission is wrapped by errors about statements of membership that do
// not verify.
var ErrAdmission = errors.New("admission does not verify")

const (
	admissionDomain  = "bsv/1/admission"
	revocationDomain = "bsv/1/revocation"
	generationDomain = "bsv/1/generation"
	// maxChain bounds the admissions between a device and the admission key.
	maxChain = 64
)

// Admission is a signed statement that a device is a member. Admitter is the
// admission key of the vault or a member's id.
type Admission struct {
	Tag        [16]byte
	Generation uint32
	Device     DeviceID
	Wrapping   [32]byte // X25519 key to which rings are wrapped
	Admitter   [32]byte
	Sig        [64]byte
}

func (a Admission) signed() []byte {
	b := appendArray([]byte(admissionDomain), 5)
	b = appendBytes(b, a.Tag[:])
	b = appendUint(b, uint64(a.Generation))
	b = appendBytes(b, a.Device[:])
	b = appendBytes(b, a.Wrapping[:])
	return appendBytes(b, a.Admitter[:])
}

// Admit signs an admission with the admitter's key.
func Admit(tag [16]byte, generation uint32, device DeviceID, wrapping [32]byte, admitter ed25519.PrivateKey) Admission {
	a := Admission{Tag: tag, Generation: generation, Device: device, Wrapping: wrapping}
	copy(a.Admitter[:], admitter.Public().(ed25519.PublicKey))
	copy(a.Sig[:], ed25519.Sign(admitter, a.signed()))
	return a
}

// Verify checks the signature alone.
func (a Admission) Verify() error {
	if !ed25519.Verify(a.Admitter[:], a.signed(), a.Sig[:]) {
		return fmt.Errorf("%w: signature of %s", ErrAdmission, a.Device)
	}
	return nil
}

// Encode returns the statement's canonical bytes.
func (a Admission) Encode() []byte {
	b := appendArray(nil, 6)
	b = append(b, a.signed()[len(admissionDomain)+1:]...)
	return appendBytes(b, a.Sig[:])
}

func (d *decoder) exactly(to []byte, what string) {
	b := d.bytes(len(to), what)
	if d.err == nil && len(b) != len(to) {
		d.fail("%s of %d bytes, not %d", what, len(b), len(to))
		return
	}
	copy(to, b)
}

func (d *decoder) admission() Admission {
	var a Admission
	d.fixed(6, "an admission")
	d.exactly(a.Tag[:], "a vault tag")
	a.Generation = uint32(d.uintMax(1<<32-1, "a generation"))
	d.exactly(a.Device[:], "a device id")
	d.exactly(a.Wrapping[:], "a wrapping key")
	d.exactly(a.Admitter[:], "an admitter")
	d.exactly(a.Sig[:], "a signature")
	return a
}

// DecodeAdmission reads an admission and checks its signature.
func DecodeAdmission(b []byte) (Admission, error) {
	d := &decoder{b: b}
	a := d.admission()
	if err := d.end(); err != nil {
		return Admission{}, fmt.Errorf("read admission: %w", err)
	}
	return a, a.Verify()
}

// EncodeChain writes an admission chain: first the one that the admission key
// signed, last the device's own.
func EncodeChain(chain []Admission) []byte {
	b := appendArray(nil, len(chain))
	for _, a := range chain {
		b = append(b, a.Encode()...)
	}
	return b
}

// DecodeChain reads a chain and verifies it from the admission key down to
// the device: every signature, tag and link.
func DecodeChain(b []byte, tag [16]byte, key ed25519.PublicKey) ([]Admission, error) {
	d := &decoder{b: b}
	var chain []Admission
	for range d.array(maxChain, "admissions") {
		if d.err != nil {
			break
		}
		chain = append(chain, d.admission())
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("read admission chain: %w", err)
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("%w: the chain is empty", ErrAdmission)
	}
	by := [32]byte(key)
	for _, a := range chain {
		if a.Tag != tag || a.Admitter != by || a.Generation != chain[0].Generation {
			return nil, fmt.Errorf("%w: the chain to %s is broken", ErrAdmission, a.Device)
		}
		if err := a.Verify(); err != nil {
			return nil, err
		}
		by = a.Device
	}
	return chain, nil
}

// Members returns the admitted devices of a set of admissions, each with a
// chain from the admission key; the set need not be sorted. Admissions of
// other vaults, of older generations and without a chain count nothing.
func Members(set []Admission, tag [16]byte, generation uint32, key ed25519.PublicKey) map[DeviceID][]Admission {
	by := map[[32]byte][]Admission{}
	for _, a := range set {
		if a.Tag == tag && a.Generation == generation {
			by[a.Admitter] = append(by[a.Admitter], a)
		}
	}
	out := map[DeviceID][]Admission{}
	type step struct {
		admitter [32]byte
		chain    []Admission
	}
	queue := []step{{admitter: [32]byte(key)}}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if len(s.chain) == maxChain {
			continue
		}
		next := by[s.admitter]
		for _, a := range next {
			if old, ok := out[a.Device]; ok && (len(old) < len(s.chain)+1 || bytes.Compare(old[len(old)-1].Sig[:], a.Sig[:]) <= 0) {
				continue
			}
			chain := append(append([]Admission(nil), s.chain...), a)
			if _, again := out[a.Device]; !again {
				queue = append(queue, step{[32]byte(a.Device), chain})
			}
			out[a.Device] = chain
		}
	}
	return out
}

// Revocation ends a device's membership: records beyond the cut do not count.
type Revocation struct {
	Tag         [16]byte
	Generation  uint32
	Device      DeviceID
	Incarnation uint64
	Seq         uint64
	Keep        [][32]byte // digests of the device's own admissions that stay, sorted
	Revoker     [32]byte
	Sig         [64]byte
}

func (r Revocation) signed() []byte {
	b := appendArray([]byte(revocationDomain), 7)
	b = appendBytes(b, r.Tag[:])
	b = appendUint(b, uint64(r.Generation))
	b = appendBytes(b, r.Device[:])
	b = appendUint(appendUint(b, r.Incarnation), r.Seq)
	b = appendArray(b, len(r.Keep))
	for _, k := range r.Keep {
		b = appendBytes(b, k[:])
	}
	return appendBytes(b, r.Revoker[:])
}

// Encode returns the statement's canonical bytes.
func (r Revocation) Encode() []byte {
	b := appendArray(nil, 8)
	b = append(b, r.signed()[len(revocationDomain)+1:]...)
	return appendBytes(b, r.Sig[:])
}

// DecodeRevocation reads a revocation and checks its signature.
func DecodeRevocation(b []byte) (Revocation, error) {
	d := &decoder{b: b}
	var r Revocation
	d.fixed(8, "a revocation")
	d.exactly(r.Tag[:], "a vault tag")
	r.Generation = uint32(d.uintMax(1<<32-1, "a generation"))
	d.exactly(r.Device[:], "a device id")
	r.Incarnation, r.Seq = d.uint(), d.uint()
	for range d.array(MaxDevices, "admissions that stay") {
		var k [32]byte
		d.exactly(k[:], "a digest")
		if d.err == nil && len(r.Keep) > 0 && bytes.Compare(r.Keep[len(r.Keep)-1][:], k[:]) >= 0 {
			d.fail("digests out of order")
		}
		if d.err != nil {
			break
		}
		r.Keep = append(r.Keep, k)
	}
	d.exactly(r.Revoker[:], "a revoker")
	d.exactly(r.Sig[:], "a signature")
	if err := d.end(); err != nil {
		return Revocation{}, fmt.Errorf("read revocation: %w", err)
	}
	if !ed25519.Verify(r.Revoker[:], r.signed(), r.Sig[:]) {
		return Revocation{}, fmt.Errorf("%w: signature of a revocation of %s", ErrAdmission, r.Device)
	}
	return r, nil
}

// Generation is the admission key's statement that opens the next generation
// of the vault's membership; older statements are void after it.
type Generation struct {
	Tag     [16]byte
	Number  uint32
	Members []Member // sorted by device
	Sig     [64]byte
}

// Member is a device of a new generation.
type Member struct {
	Device   DeviceID
	Wrapping [32]byte
}

func (g Generation) signed() []byte {
	b := appendArray([]byte(generationDomain), 3)
	b = appendBytes(b, g.Tag[:])
	b = appendUint(b, uint64(g.Number))
	b = appendArray(b, len(g.Members))
	for _, m := range g.Members {
		b = appendBytes(appendBytes(appendArray(b, 2), m.Device[:]), m.Wrapping[:])
	}
	return b
}

// Encode returns the statement's canonical bytes.
func (g Generation) Encode() []byte {
	b := appendArray(nil, 4)
	b = append(b, g.signed()[len(generationDomain)+1:]...)
	return appendBytes(b, g.Sig[:])
}

// DecodeGeneration reads a generation and checks its signature by the
// vault's admission key.
func DecodeGeneration(b []byte, key ed25519.PublicKey) (Generation, error) {
	d := &decoder{b: b}
	var g Generation
	d.fixed(4, "a generation")
	d.exactly(g.Tag[:], "a vault tag")
	g.Number = uint32(d.uintMax(1<<32-1, "a generation"))
	for range d.array(MaxDevices, "members") {
		var m Member
		d.fixed(2, "a member")
		d.exactly(m.Device[:], "a device id")
		d.exactly(m.Wrapping[:], "a wrapping key")
		if d.err == nil && len(g.Members) > 0 && bytes.Compare(g.Members[len(g.Members)-1].Device[:], m.Device[:]) >= 0 {
			d.fail("members out of order")
		}
		if d.err != nil {
			break
		}
		g.Members = append(g.Members, m)
	}
	d.exactly(g.Sig[:], "a signature")
	if err := d.end(); err != nil {
		return Generation{}, fmt.Errorf("read generation: %w", err)
	}
	if !ed25519.Verify(key, g.signed(), g.Sig[:]) {
		return Generation{}, fmt.Errorf("%w: signature of generation %d", ErrAdmission, g.Number)
	}
	return g, nil
}
