package proto

import "time"

// Protocol ids.
const (
	SyncProtocol = "/bsv/sync/1"
	DataProtocol = "/bsv/data/1"
	PairProtocol = "/bsv/pair/1"
)

// Limits of the wire. A peer's number never sizes an allocation beyond them.
const (
	// MaxControl bounds a control message, MaxFrame a frame of a data stream.
	MaxControl = 1 << 20
	MaxFrame   = 8<<20 + 64<<10
	// MaxStranger bounds what a device that has proven nothing may send.
	MaxStranger = 4 << 10
	// MaxTips bounds the records that a Hello names; a peer is sent again what
	// was left out. MaxHello bounds a Hello: the tips and a chain.
	MaxTips  = 4096
	MaxHello = 192 << 10
	// MaxAccept bounds what an inviter answers.
	MaxAccept = 256 << 10
	// MaxHave bounds the snapshots that a FETCH names, MaxGet the ids of a GET.
	MaxHave = 4096
	MaxGet  = 1024
	// MaxInline bounds the blocks that travel with an announcement.
	MaxInline = 192 << 10
	// Handshake is how long a peer may take to prove itself, Idle how long a
	// stream may be silent in the middle of something,
	// and Floor how many bytes a second it moves at least beside that.
	Handshake = 10 * time.Second
	Idle      = 30 * time.Second
	Floor     = 8 << 10
	// MaxData bounds the data streams on which a peer is answered at once: each
	// may hold a request, its answer's block and buffers, about 10 MiB. With
	// the control stream a peer costs less than 64 MiB.
	MaxData = 4
	// PairWait is how long a request without a ticket waits for its answer.
	PairWait = 10 * time.Minute
	// MaxPending bounds the requests that wait.
	MaxPending = 8
)
