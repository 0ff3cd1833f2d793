package object

import "fmt"

// Validate checks everything about an object that can be known without other
// objects and keys: canonical form, order, limits.
func Validate(kind Kind, plain []byte) error {
	if len(plain) > MaxObject {
		return fmt.Errorf("%w: an object of %d bytes", ErrLimit, len(plain))
	}
	var err error
	switch kind {
	case KindChunk:
		if len(plain) == 0 {
			err = malformed("an empty chunk")
		}
	case KindList:
		_, err = decodeNode(listShape, plain)
	case KindTree:
		_, err = decodeNode(treeShape, plain)
	case KindSnapshot:
		_, err = DecodeSnapshot(plain)
	case KindSettings:
		err = checkSettings(plain)
	case KindSet, KindMail:
		_, err = Links(kind, plain)
	default:
		err = malformed("an object of unknown kind %d", kind)
	}
	return err
}
