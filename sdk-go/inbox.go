package nexus

import (
	"errors"
	"io"
	"sync"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
)

const (
	minWindow = 4096

	// blockFrom is the smallest payload that is held in a block. Smaller ones would waste most of it.
	blockFrom = wire.MaxPayload / 2
)

// block is memory for a large payload. It is used again when a reader is done with it: a fast stream would otherwise
// spend more time on fresh memory than on its bytes.
type block [wire.MaxPayload]byte

var blocks = sync.Pool{New: func() any { return new(block) }}

// piece is some output, as it came.
type piece struct {
	channel uint8
	offset  int64
	data    []byte
	block   *block // holds data, where it is large
}

func newPiece(channel uint8, offset int64, payload []byte) piece {
	if len(payload) < blockFrom {
		return piece{channel, offset, append([]byte(nil), payload...), nil}
	}
	held := blocks.Get().(*block)
	return piece{channel, offset, held[:copy(held[:], payload)], held}
}

// release says that nobody looks at the data any more. One that was given away for good is not released.
func (p piece) release() {
	if p.block != nil {
		blocks.Put(p.block)
	}
}

// lane is what one reader gets: one channel, or both in order.
type lane struct {
	pieces  []piece
	ended   bool
	err     error // how it ended; nil for io.EOF
	discard bool  // nobody reads: what comes is dropped, and its credit returned at once
}

// inbox holds bytes that came from the machine and wait for a reader. It is bounded by credit: the daemon sends no
// further than one window past what was read, so a reader who does not read makes the process wait, and nothing is lost.
// Its fields are guarded by the stream's mutex.
type inbox struct {
	mu       *sync.Mutex
	grant    func(limit int64)
	changed  chan struct{} // closed and replaced when a lane changes while somebody waits
	channels []uint8
	receiver wire.Receiver
	inbound  *wire.Inbound
	next     int64 // offset of the next byte expected
	split    bool
	lanes    [3]*lane // by channel; both are the same lane until split
}

func (b *inbox) init(mu *sync.Mutex, window int64, grant func(int64), channels ...uint8) {
	window = max(window, minWindow)
	b.mu, b.grant, b.channels = mu, grant, channels
	b.receiver = wire.Receiver{Window: window, Limit: window}
	shared := &lane{}
	for _, channel := range channels {
		b.lanes[channel] = shared
	}
}

// nextWindow is the initial credit to ask for when attaching at next: what is free of the window.
func (b *inbox) nextWindow() int64 {
	return max(b.receiver.Consumed+b.receiver.Window-b.next, minWindow)
}

// attach is called when a stream was opened whose data begins at start.
func (b *inbox) attach(start int64, again bool) error {
	if !again {
		b.next = start
		b.receiver.Consumed, b.receiver.Limit = start, start+b.receiver.Window
	} else if start > b.next {
		return &OutputGapError{Expected: b.next, Offset: start, Reason: "they are no longer kept"}
	}
	limit := b.next + b.nextWindow()
	b.receiver.Limit = max(b.receiver.Limit, limit)
	b.inbound = wire.NewInbound(b.next, limit, b.channels...)
	return nil
}

func (b *inbox) data(channel uint8, offset int64, payload []byte) error {
	if b.inbound == nil {
		return errors.New("data before the stream was opened")
	}
	start := b.inbound.Offset
	fresh, err := b.inbound.Data(channel, offset, payload)
	if err != nil {
		return gapOf(err)
	}
	if len(fresh) == 0 {
		return nil
	}
	b.next = b.inbound.Offset
	if into := b.lanes[channel]; into.discard {
		b.consumed(len(fresh))
	} else {
		into.pieces = append(into.pieces, newPiece(channel, start, fresh))
		b.wake()
	}
	return nil
}

func (b *inbox) eof(channel uint8, offset int64) error {
	if b.inbound == nil {
		return errors.New("an end before the stream was opened")
	}
	news, err := b.inbound.EOF(channel, offset)
	if err != nil || !news {
		return gapOf(err)
	}
	// A lane of both channels ends with the stream.
	if b.split || len(b.channels) == 1 {
		b.lanes[channel].ended = true
		b.wake()
	}
	return nil
}

func gapOf(err error) error {
	var gap *wire.GapError
	if errors.As(err, &gap) {
		return &OutputGapError{Expected: gap.Expected, Offset: gap.Offset}
	}
	return err
}

// finish ends every lane: readers end after what is here, or fail with err.
func (b *inbox) finish(err error) {
	for _, channel := range b.channels {
		if into := b.lanes[channel]; !into.ended {
			into.ended, into.err = true, err
		}
	}
	b.wake()
}

// divide gives each channel a lane of its own. Channels that keep says no to are dropped from here on.
func (b *inbox) divide(keep func(channel uint8) bool) {
	if b.split {
		return
	}
	b.split = true
	shared := b.lanes[b.channels[0]]
	for _, channel := range b.channels {
		own := *shared
		own.pieces, own.discard = nil, !keep(channel)
		b.lanes[channel] = &own
	}
	for _, piece := range shared.pieces {
		if into := b.lanes[piece.channel]; into.discard {
			b.consumed(len(piece.data))
		} else {
			into.pieces = append(into.pieces, piece)
		}
	}
	b.wake()
}

// drop forgets what waits in the lanes of some channels, and what still comes: nobody reads on.
func (b *inbox) drop(channels ...uint8) {
	for _, channel := range channels {
		into := b.lanes[channel]
		into.discard = true
		for _, piece := range into.pieces {
			b.consumed(len(piece.data))
		}
		into.pieces = nil
	}
	b.wake()
}

func (b *inbox) consumed(n int) {
	limit := b.receiver.Consume(int64(n))
	if limit > 0 && b.inbound != nil && limit > b.inbound.Limit {
		b.inbound.Limit = limit
		b.grant(limit)
	}
}

func (b *inbox) wake() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// wait returns a channel that is closed at the next change. The mutex is held.
func (b *inbox) wait() <-chan struct{} {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// take returns the next piece of the lane of a channel, io.EOF at its end, or what gaveUp returns when cancel is closed.
func (b *inbox) take(channel uint8, cancel <-chan struct{}, gaveUp func() error) (piece, error) {
	from, err := b.await(channel, cancel, gaveUp)
	if err != nil {
		return piece{}, err
	}
	defer b.mu.Unlock()
	taken := from.pieces[0]
	from.shift()
	b.consumed(len(taken.data))
	return taken, nil
}

// read copies from the next piece of the lane of a channel. Errors are those of take.
func (b *inbox) read(channel uint8, p []byte, cancel <-chan struct{}, gaveUp func() error) (int, error) {
	from, err := b.await(channel, cancel, gaveUp)
	if err != nil {
		return 0, err
	}
	// Within the lock: what another reader takes next may lie in the same block.
	defer b.mu.Unlock()
	next := &from.pieces[0]
	n := copy(p, next.data)
	if n < len(next.data) {
		next.data = next.data[n:]
		next.offset += int64(n)
	} else {
		next.release()
		from.shift()
	}
	b.consumed(n)
	return n, nil
}

// shift forgets the first piece.
func (l *lane) shift() {
	l.pieces[0] = piece{}
	if l.pieces = l.pieces[1:]; len(l.pieces) == 0 {
		l.pieces = nil
	}
}

// await returns the lane of a channel when it has a piece. The mutex is held then, and only then.
func (b *inbox) await(channel uint8, cancel <-chan struct{}, gaveUp func() error) (*lane, error) {
	b.mu.Lock()
	for {
		from := b.lanes[channel]
		if len(from.pieces) > 0 {
			return from, nil
		}
		if from.ended || from.discard {
			err := from.err
			b.mu.Unlock()
			if err == nil {
				err = io.EOF
			}
			return nil, err
		}
		changed := b.wait()
		b.mu.Unlock()
		select {
		case <-changed:
		case <-cancel:
			return nil, gaveUp()
		}
		b.mu.Lock()
	}
}

// laneReader reads one lane as a stream of bytes.
type laneReader struct {
	inbox   *inbox
	channel uint8
}

// Read reads what is there, waiting for at least a byte.
func (r laneReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return r.inbox.read(r.channel, p, nil, nil)
}

// WriteTo writes to the end without copying in between.
func (r laneReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		taken, err := r.inbox.take(r.channel, nil, nil)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(taken.data)
		taken.release()
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}
