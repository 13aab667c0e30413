package nexus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/strict"
	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

const (
	// readLimit is the largest message that is read: the schema's 1 MiB, and room for a daemon of a later level.
	readLimit = 4 << 20

	closeTimeout = 2 * time.Second
)

// Progress says how far a call or a transfer is.
type Progress struct {
	// Done is how many units are done; it never decreases.
	Done int64

	// Total is how many there are in all; -1 while that is not known.
	Total int64

	// Message says what is being done, for a person.
	Message string
}

// linkDown is the end of a WebSocket connection, for whom something was under way.
type linkDown struct {
	cause error
	sent  bool // whether the request had been handed to the transport
}

func (d *linkDown) Error() string { return d.cause.Error() }
func (d *linkDown) Unwrap() error { return d.cause }

// sink receives the messages of one stream, from the goroutine that reads the connection. Its methods must not wait;
// credit keeps what they hold bounded. An error fails the stream, not the connection. Payloads and events are valid
// during the call only.
type sink interface {
	opened(l *link, stream uint32, info json.RawMessage) error
	data(channel uint8, offset int64, payload []byte) error
	eof(channel uint8, offset int64) error
	credit(channel uint8, limit int64) error
	event(cursor *string, event json.RawMessage) error
}

// request is one request on one link, until its single answer.
type request struct {
	id       int64
	sink     sink
	progress chan Progress // the latest one, where it was asked for
	done     chan struct{} // closed when result and err are set
	result   json.RawMessage
	err      error

	// The fields below are guarded by the link's mutex.
	stream uint32
	sent   bool
	over   bool
}

type outgoing struct {
	data    []byte
	kind    websocket.MessageType
	request *request // set for a request that need not be sent once it is over
}

// link is one WebSocket connection, from its handshake to its end. It is never repaired; connection makes another. One
// goroutine reads, one writes. No context of a caller ever reaches the WebSocket: there, a context that ends closes the
// connection for everybody.
type link struct {
	ready protocol.SessionReady

	conn   *websocket.Conn
	cork   *corkConn
	ctx    context.Context // ends with the link
	cancel context.CancelFunc
	gone   chan struct{} // closed when the link has ended

	mu       sync.Mutex
	requests map[int64]*request
	streams  map[uint32]*request
	calls    int // requests that are no streams
	lastID   int64
	outbox   []outgoing
	waiting  []chan struct{} // callers that wait for room below the daemon's limit of requests, in order
	down     *linkDown
	useful   bool // whether it carried an answer, bytes or an event; one that did not is followed by a pause
	closing  string
	reported bool

	wake chan struct{} // tells the writer that the outbox is not empty
}

// startLink takes over a connection whose handshake is done.
func startLink(conn *websocket.Conn, cork *corkConn, ready protocol.SessionReady, pingInterval time.Duration) *link {
	ctx, cancel := context.WithCancel(context.Background())
	l := &link{
		ready: ready, conn: conn, cork: cork, ctx: ctx, cancel: cancel, gone: make(chan struct{}),
		requests: map[int64]*request{}, streams: map[uint32]*request{}, wake: make(chan struct{}, 1),
	}
	go l.read()
	go l.write()
	if pingInterval > 0 {
		l.schedulePing(pingInterval)
	}
	return l
}

func (l *link) alive() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down == nil
}

// end returns why the link ended, and whether it was of use; nil while it lives.
func (l *link) end() (*linkDown, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down, l.useful
}

// reportOnce returns true the first time: a break that another attempt cannot mend is told to whoever asks first.
// Afterwards it is worth an attempt again, for the daemon may have been replaced.
func (l *link) reportOnce() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.reported
	l.reported = true
	return first
}

// admit waits until the daemon's limit of requests leaves room for one more.
func (l *link) admit(ctx context.Context) error {
	limit := int(l.ready.Limits.MaxRequests)
	for {
		l.mu.Lock()
		if l.down != nil || limit <= 0 || len(l.requests) < limit {
			l.mu.Unlock()
			return nil
		}
		if l.calls == 0 {
			l.mu.Unlock()
			text := fmt.Sprintf("this connection has %d open streams and takes no more calls", limit)
			return protocol.NewRemoteError(protocol.ErrTooManyRequests.Code, text, nil)
		}
		turn := make(chan struct{})
		l.waiting = append(l.waiting, turn)
		l.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			l.mu.Lock()
			l.giveUp(turn)
			l.mu.Unlock()
			return ctx.Err()
		}
	}
}

// giveUp takes a caller out of the queue, or passes on the turn it was given meanwhile.
func (l *link) giveUp(turn chan struct{}) {
	for i, waiting := range l.waiting {
		if waiting == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return
		}
	}
	l.passTurn()
}

func (l *link) passTurn() {
	if len(l.waiting) > 0 {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
	}
}

// begin queues a request, whose done is closed exactly once.
func (l *link) begin(method string, params json.RawMessage, s sink, wantProgress bool) (*request, error) {
	r := &request{sink: s, done: make(chan struct{})}
	if wantProgress {
		r.progress = make(chan Progress, 1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return nil, &linkDown{cause: l.down.cause}
	}
	r.id = l.lastID + 1
	encoded := encodeRequest(r.id, method, params)
	if limit := l.ready.Limits.MaxMessage; limit > 0 && int64(len(encoded)) > limit {
		text := fmt.Sprintf("the params of %s take %d bytes; the daemon accepts %d", method, len(encoded), limit)
		return nil, protocol.NewRemoteError(protocol.ErrMessageTooLarge.Code, text, nil)
	}
	l.lastID = r.id
	l.requests[r.id] = r
	if s == nil {
		l.calls++
	}
	l.queue(outgoing{encoded, websocket.MessageText, r})
	return r, nil
}

// abandon stops waiting for a request and tells the daemon to cancel it. Its late answer is ignored. It returns whether
// the request had been handed to the transport.
func (l *link) abandon(r *request) (sent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests[r.id] == r {
		l.forget(r)
		if l.down == nil && r.sent {
			l.queue(outgoing{encodeCancel(r.id), websocket.MessageText, nil})
		}
	}
	l.complete(r, nil, context.Canceled)
	return r.sent
}

// wasSent reports whether a request had been handed to the transport.
func (l *link) wasSent(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return r.sent
}

// post queues a frame without waiting. Senders are bounded by the credit of their stream.
func (l *link) post(frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down == nil {
		l.queue(outgoing{frame, websocket.MessageBinary, nil})
	}
}

func (l *link) queue(message outgoing) {
	l.outbox = append(l.outbox, message)
	if len(l.outbox) == 1 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// fail ends one request, and with it its stream, because of err.
func (l *link) fail(r *request, err error) {
	l.mu.Lock()
	l.complete(r, nil, err)
	l.mu.Unlock()
	l.abandon(r)
}

func (l *link) complete(r *request, result json.RawMessage, err error) {
	if !r.over {
		r.over, r.result, r.err = true, result, err
		close(r.done)
	}
}

func (l *link) forget(r *request) {
	delete(l.requests, r.id)
	if r.stream != 0 {
		delete(l.streams, r.stream)
	}
	if r.sink == nil {
		l.calls--
	}
	l.passTurn()
}

// close shakes hands on the end, for at most two seconds.
func (l *link) close(code websocket.StatusCode, reason string) {
	shaken := make(chan struct{})
	go func() {
		defer close(shaken)
		_ = l.conn.Close(code, reason) // what goes wrong here ends the connection too
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-shaken:
	case <-timer.C:
		_ = l.cork.Close() // wakes the reader
	}
	<-l.gone
}

// write sends what is queued, a batch at a time.
func (l *link) write() {
	var batch []outgoing
	for {
		l.mu.Lock()
		batch, l.outbox = l.outbox, batch[:0]
		kept := batch[:0]
		for _, message := range batch {
			if message.request != nil {
				if message.request.over {
					continue
				}
				message.request.sent = true
			}
			kept = append(kept, message)
		}
		l.mu.Unlock()
		if len(kept) == 0 {
			select {
			case <-l.wake:
				continue
			case <-l.ctx.Done():
				return
			}
		}
		if err := l.send(kept); err != nil {
			// The reader says why; it must not wait for a peer that is not there.
			_ = l.conn.CloseNow()
			return
		}
		clear(batch)
	}
}

func (l *link) send(batch []outgoing) error {
	large := len(batch) > 1 || len(batch[0].data) > 2048
	if large {
		l.cork.cork()
	}
	for _, message := range batch {
		if err := l.conn.Write(context.Background(), message.kind, message.data); err != nil {
			return errors.Join(err, l.cork.uncork())
		}
	}
	if large {
		return l.cork.uncork()
	}
	return nil
}

// schedulePing pings at an interval and ends the link when no pong comes within another. It needs no goroutine in between.
func (l *link) schedulePing(interval time.Duration) {
	time.AfterFunc(interval, func() {
		if l.ctx.Err() != nil {
			return
		}
		ctx, cancel := context.WithTimeout(l.ctx, interval)
		defer cancel()
		if err := l.conn.Ping(ctx); err != nil {
			l.mu.Lock()
			if l.closing == "" {
				l.closing = fmt.Sprintf("no answer to a ping within %v", interval)
			}
			l.mu.Unlock()
			_ = l.conn.CloseNow()
			return
		}
		l.schedulePing(interval)
	})
}

// read hands on every message until the connection ends.
func (l *link) read() {
	err := l.receive()
	var broken *ProtocolError
	if errors.As(err, &broken) {
		go l.close(closeViolation, "protocol violation")
	} else {
		_ = l.conn.CloseNow()
	}
	l.mu.Lock()
	if l.closing != "" {
		err = fmt.Errorf("%s: %w", l.closing, err)
	}
	l.down = &linkDown{cause: err}
	requests := l.requests
	l.requests, l.streams, l.outbox = map[int64]*request{}, map[uint32]*request{}, nil
	for _, r := range requests {
		l.complete(r, nil, &linkDown{cause: err, sent: r.sent})
	}
	for len(l.waiting) > 0 {
		l.passTurn()
	}
	l.mu.Unlock()
	l.cancel()
	close(l.gone)
}

func (l *link) receive() error {
	scratch := make([]byte, 0, 4096)
	for {
		kind, reader, err := l.conn.Reader(context.Background())
		if err == nil {
			scratch, err = readInto(scratch[:0], reader)
		}
		if err != nil {
			return noWebSocket(err)
		}
		if kind == websocket.MessageBinary {
			err = l.binary(scratch)
		} else {
			err = l.text(scratch)
		}
		if err != nil {
			return err
		}
	}
}

// noWebSocket makes what ended the reading an error of the protocol where the peer sent what is no WebSocket: the library
// has no type for that, but the network's errors and the peer's farewell are told apart from it.
func noWebSocket(err error) error {
	if websocket.CloseStatus(err) == -1 && !IsTransient(err) {
		return &ProtocolError{Err: err}
	}
	return err
}

// readInto reads to the end of a message, into the same memory each time.
func readInto(buffer []byte, reader io.Reader) ([]byte, error) {
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, make([]byte, cap(buffer)*3)...)[:len(buffer)]
		}
		n, err := reader.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if err == io.EOF {
			return buffer, nil
		}
		if err != nil {
			return buffer, err
		}
	}
}

func (l *link) binary(message []byte) error {
	frame, err := wire.Decode(message)
	if err != nil {
		return &ProtocolError{Err: err}
	}
	l.mu.Lock()
	l.useful = true
	r := l.streams[frame.Stream]
	l.mu.Unlock()
	if r == nil {
		return nil // a stream that this end has left
	}
	switch frame.Type {
	case wire.Data:
		err = r.sink.data(frame.Channel, frame.Offset, frame.Payload)
	case wire.EOF:
		err = r.sink.eof(frame.Channel, frame.Offset)
	default:
		err = r.sink.credit(frame.Channel, frame.Offset)
	}
	if err != nil {
		l.fail(r, err)
	}
	return nil
}

func (l *link) text(data []byte) error {
	m, err := decodeMessage(data)
	switch {
	case err != nil:
		return &ProtocolError{Err: err}
	case !m.identified():
		return violation("the id %.40s is neither a text nor an integer that JavaScript holds", m.id)
	case m.method != "" && m.id != nil:
		return nil // a request of a later level is not ours to answer
	case m.method != "":
		return l.notified(m.method, m.params)
	case m.err != nil && m.result != nil:
		return violation("an answer with both a result and an error")
	case m.err != nil:
		var object errorObject
		if err := strict.Decode(m.err, &object, readErrorObject); err != nil {
			return &ProtocolError{Err: err}
		}
		remote := protocol.NewRemoteError(object.code, object.message, object.data)
		remote.MayHaveRun = errors.Is(remote, ErrDeadlineExceeded) || errors.Is(remote, ErrOutcomeUnknown)
		if m.id == nil || string(m.id) == "null" {
			return violation("it could not read a message of ours: %v", remote)
		}
		l.answer(m.number(), nil, remote)
	case m.result != nil && m.id != nil && string(m.id) != "null":
		l.answer(m.number(), append(json.RawMessage(nil), m.result...), nil)
	default:
		return violation("a message that is neither response nor notification")
	}
	return nil
}

func (l *link) answer(id int64, result json.RawMessage, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.useful = l.useful || err == nil
	if r := l.requests[id]; r != nil {
		l.forget(r)
		l.complete(r, result, err)
	}
}
