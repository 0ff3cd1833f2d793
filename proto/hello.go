package proto

import "encoding/binary"

const helloDomain = "bsv/hello/1"

// HelloAAD is what a Hello is bound to beside its key: the epoch and both
// ends, so that it can be neither reflected nor used towards another device.
func HelloAAD(epoch uint32, from, to [32]byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte(helloDomain), epoch)
	b = append(b, from[:]...)
	return append(b, to[:]...)
}
