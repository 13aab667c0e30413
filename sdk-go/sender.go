package nexus

import (
	"errors"
	"sync"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
)

// errWriteClosed is the error of writing after the end was sent.
var errWriteClosed = errors.New("write after the end was sent")

// sender holds bytes on their way to the machine until they are acknowledged. The daemon's credit is its
// acknowledgement: with a limit L and the window W that it announced, everything before L - W was taken. What was not is
// kept, and sent again from where the daemon says it stands after a break. Its fields are guarded by the stream's mutex.
type sender struct {
	mu         *sync.Mutex
	stream     *stream
	rewindable bool // whether the writer can produce again what was acknowledged before: a file, not a pipe

	attached     bool
	window       int64
	limit        int64 // how far the daemon lets this end go
	sent         int64
	acknowledged int64 // offset before which everything was taken
	end          int64 // offset of the next byte to be written
	unsent       [][]byte
	kept         [][]byte // sent and not acknowledged
	started      bool
	closed       bool
	eofSent      bool
	over         bool
	err          error
	changed      chan struct{}
}

func (b *sender) init(s *stream, rewindable bool) {
	b.mu, b.stream, b.rewindable = &s.mu, s, rewindable
}

// attach is called when a stream was opened which takes bytes from offset on, window of them for now.
func (b *sender) attach(offset, window int64) error {
	b.window = window
	switch {
	case !b.started:
		b.started = true
		b.acknowledged, b.sent, b.end = offset, offset, offset
	case offset < b.acknowledged || offset > b.end:
		if !b.rewindable {
			return violation("it continues input at %d; this end has %d to %d", offset, b.acknowledged, b.end)
		}
		b.unsent, b.kept, b.closed = nil, nil, false
		b.acknowledged, b.sent, b.end = offset, offset, offset
	default:
		b.unsent = append(b.kept, b.unsent...)
		b.kept = nil
		b.sent = b.acknowledged
		b.unsent = b.forget(b.unsent, offset)
		b.sent = offset
	}
	b.attached, b.limit, b.eofSent = true, offset+window, false
	b.wake()
	b.pump()
	return nil
}

// detach is called when the link is gone; nothing can be sent until the next attach.
func (b *sender) detach() { b.attached, b.limit = false, 0 }

// credit is called when the daemon allows bytes up to limit.
func (b *sender) credit(limit int64) error {
	if limit <= b.limit {
		return nil
	}
	b.limit = limit
	if taken := min(limit-b.window, b.sent); taken > b.acknowledged {
		b.kept = b.forget(b.kept, taken)
	}
	b.pump()
	b.wake()
	return nil
}

// fail ends writing: who waits, and who writes from now on, gets err.
func (b *sender) fail(err error) {
	if b.err == nil {
		b.err = err
	}
	b.wake()
}

// finish is called when the stream ended well.
func (b *sender) finish() {
	b.over = true
	b.wake()
}

// write hands bytes over, waiting while the daemon allows none. With at not negative it stops when the stream was
// rewound and no longer wants bytes from there. It returns how many bytes were taken.
func (b *sender) write(p []byte, at int64, cancel <-chan struct{}, gaveUp func() error) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	total := 0
	for len(p) > 0 {
		switch {
		case b.err != nil:
			return total, b.err
		case at >= 0 && b.end != at:
			return total, nil
		case at < 0 && b.closed:
			return total, errWriteClosed
		case b.attached && b.limit > b.end:
			part := append([]byte(nil), p[:min(int64(len(p)), b.limit-b.end)]...)
			b.unsent = append(b.unsent, part)
			b.end += int64(len(part))
			b.pump()
			p = p[len(part):]
			total += len(part)
			if at >= 0 {
				at += int64(len(part))
			}
			continue
		}
		if err := b.pause(cancel, gaveUp); err != nil {
			return total, err
		}
	}
	return total, nil
}

// closeInput ends the input after what was written. It is sent as soon as credit allows; closing twice does nothing.
func (b *sender) closeInput() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.pump()
}

// settle waits, after closeInput, for what becomes of it: true when the stream is over, false when it was rewound.
func (b *sender) settle(cancel <-chan struct{}, gaveUp func() error) (over bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case b.err != nil:
			return false, b.err
		case b.over:
			return true, nil
		case !b.closed:
			return false, nil
		}
		if err := b.pause(cancel, gaveUp); err != nil {
			return false, err
		}
	}
}

// pause waits for a change with the mutex released.
func (b *sender) pause(cancel <-chan struct{}, gaveUp func() error) error {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	changed := b.changed
	b.mu.Unlock()
	defer b.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-cancel:
		return gaveUp()
	}
}

func (b *sender) wake() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// pump sends what credit allows.
func (b *sender) pump() {
	if !b.attached {
		return
	}
	for len(b.unsent) > 0 && b.sent < b.limit {
		part := b.unsent[0]
		size := min(int64(len(part)), wire.MaxPayload, b.limit-b.sent)
		if size < int64(len(part)) {
			b.unsent[0] = part[size:]
			part = part[:size]
		} else {
			b.unsent = b.unsent[1:]
		}
		b.kept = append(b.kept, part)
		b.stream.post(dataFrame(b.stream.number, b.sent, part))
		b.sent += size
	}
	if b.closed && len(b.unsent) == 0 && !b.eofSent {
		b.eofSent = true
		b.stream.post(eofFrame(b.stream.number, b.sent))
	}
}

// forget drops parts up to an offset, which is then acknowledged, and returns the rest.
func (b *sender) forget(parts [][]byte, offset int64) [][]byte {
	for b.acknowledged < offset {
		size := min(int64(len(parts[0])), offset-b.acknowledged)
		if size < int64(len(parts[0])) {
			parts[0] = parts[0][size:]
		} else {
			parts = parts[1:]
		}
		b.acknowledged += size
	}
	return parts
}
