package nexus

import (
	"context"
	"encoding/json"
	"io"
	"iter"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
)

// eventWindow is how many events may wait here unread.
const eventWindow = 256

// eventKind is what one kind of stream of events says of itself. Its methods are called with the stream's mutex held.
type eventKind[T any] struct {
	method    string
	resumable bool

	// params begin the stream with a window, or continue it after a cursor; nil begins now.
	params func(cursor *string, window int64) any

	// decode returns one event; ok is false for one that is not for readers.
	decode func(cursor *string, event json.RawMessage) (value T, ok bool, err error)

	// opened reads the info of stream.open: where the stream begins, and whether it continues after the cursor without
	// a gap. It is nil where there is no info.
	opened func(info json.RawMessage) (cursor string, resumed bool, err error)

	// overflow makes the event that says that some were missed; it is nil where the stream cannot be resumed.
	overflow func(reason string) T
}

// events is a stream of events. They wait here within the credit that was granted, so a slow reader slows the daemon's
// stream, never the connection.
type events[T any] struct {
	stream
	noBytes
	noInput

	of     eventKind[T]
	detach func() bool

	// Guarded by the stream's mutex.
	queue    []T
	owed     int // how many of the first events need no credit: they were paid for, or made here
	receiver wire.Receiver
	received int64
	granted  int64
	asked    int64
	cursor   *string
	changed  chan struct{}
	done     bool
	failure  error
	result   json.RawMessage
}

func openEvents[T any](ctx context.Context, c *connection, of eventKind[T], cursor *string) (*events[T], error) {
	e := &events[T]{of: of, cursor: cursor}
	e.stream.init(c, of.method, e, of.resumable)
	if err := e.start(ctx); err != nil {
		return nil, err
	}
	e.detach = e.leaveWith(ctx)
	return e, nil
}

// next returns the next event, or io.EOF after the last one.
func (e *events[T]) next() (value T, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.queue) == 0 {
		if e.done {
			if e.failure == nil {
				return value, io.EOF
			}
			return value, e.failure
		}
		if e.changed == nil {
			e.changed = make(chan struct{})
		}
		changed := e.changed
		e.mu.Unlock()
		<-changed
		e.mu.Lock()
	}
	value = e.queue[0]
	e.queue = e.queue[1:]
	if e.owed > 0 {
		e.owed--
	} else {
		e.consume()
	}
	return value, nil
}

// all yields the events to the last one, or to an error.
func (e *events[T]) all() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			value, err := e.next()
			if err == io.EOF || !yield(value, err) || err != nil {
				return
			}
		}
	}
}

func (e *events[T]) close() {
	e.detach()
	e.stop()
}

func (e *events[T]) consume() {
	if limit := e.receiver.Consume(1); limit > 0 {
		e.granted = limit
		e.grant(limit)
	}
}

func (e *events[T]) push(value T) {
	e.queue = append(e.queue, value)
	e.wake()
}

func (e *events[T]) wake() {
	if e.changed != nil {
		close(e.changed)
		e.changed = nil
	}
}

func (e *events[T]) missed(reason string) {
	e.owed++
	e.push(e.of.overflow(reason))
}

// what the events say of themselves as a stream

func (e *events[T]) params() any {
	e.asked = max(eventWindow-int64(len(e.queue)), 1)
	return e.of.params(e.cursor, e.asked)
}

func (e *events[T]) onOpen(info json.RawMessage, _ bool) error {
	// Each attachment counts its events from 0; those that still wait here were paid for by an earlier one.
	e.owed = len(e.queue)
	e.receiver = wire.Receiver{Window: eventWindow, Limit: e.asked}
	e.received, e.granted = 0, e.asked
	if e.of.opened == nil {
		return nil
	}
	cursor, resumed, err := e.of.opened(info)
	if err != nil {
		return err
	}
	if e.cursor != nil && !resumed {
		e.missed("the watch could not be continued without a gap")
	}
	e.cursor = &cursor
	return nil
}

func (e *events[T]) onLost() {
	if e.of.overflow != nil && e.opened && e.cursor == nil {
		e.missed("the connection broke before the first event")
	}
}

func (e *events[T]) refused(err error) error {
	if e.of.overflow != nil && e.cursor != nil && isCursorExpired(err) {
		e.cursor = nil
		e.missed("events that came while the connection was broken are no longer kept")
		return nil
	}
	return err
}

func (e *events[T]) event(cursor *string, event json.RawMessage) error {
	e.received++
	if e.received > e.granted {
		return violation("%s: event %d exceeds the credit of %d", e.of.method, e.received, e.granted)
	}
	value, ok, err := e.of.decode(cursor, event)
	if err != nil {
		return err
	}
	if cursor != nil {
		own := *cursor
		e.cursor = &own
	}
	if ok {
		e.push(value)
	} else {
		e.consume()
	}
	return nil
}

func (e *events[T]) ended(result json.RawMessage, err error) {
	e.done, e.failure, e.result = true, err, result
	e.wake()
}
