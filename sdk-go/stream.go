package nexus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

const (
	openTimeout = 30 * time.Second

	// retryStep is the pause before a stream is attached again to a daemon that said it is busy.
	retryStep = 200 * time.Millisecond
)

// streamKind is what one kind of stream says of itself. All methods are called with the stream's mutex held and must not wait.
type streamKind interface {
	// params begin the stream, or continue it where it stands.
	params() any

	// onOpen is called when the stream is in place; again says whether it was before.
	onOpen(info json.RawMessage, again bool) error

	// onLost is called when the link is gone, and with it what was on its way.
	onLost()

	// refused translates the answer to an attempt to continue; nil tries once more with changed params.
	refused(err error) error

	// ended is called once, with the final response or an error.
	ended(result json.RawMessage, err error)

	data(channel uint8, offset int64, payload []byte) error
	eof(channel uint8, offset int64) error
	credit(limit int64) error
	event(cursor *string, event json.RawMessage) error
}

// stream outlives links: it opens its method, and opens it again where it stood when the link breaks. One goroutine
// drives it from start to its final answer.
type stream struct {
	conn      *connection
	spec      *protocol.Method
	kind      streamKind
	resumable bool
	lost      func(cause error) error // the error of a break that cannot be survived; nil for the usual one

	ctx   context.Context         // ends when this side leaves the stream
	leave context.CancelCauseFunc // leaves it, for the reason that is given to whoever waits
	first chan struct{}           // closed when the stream is in place, or over
	over  chan struct{}           // closed when it is over

	mu         sync.Mutex
	link       *link // where it is attached; nil in between
	number     uint32
	opened     bool
	finished   bool
	reconnects int
	err        error // why it is over; nil after a final response
}

func (s *stream) init(c *connection, method string, kind streamKind, resumable bool) {
	s.conn, s.spec, s.kind, s.resumable = c, protocol.Methods[method], kind, resumable
	s.ctx, s.leave = context.WithCancelCause(c.closed)
	s.first, s.over = make(chan struct{}), make(chan struct{})
}

// start opens the stream and returns when it is in place, or ended at once. When ctx ends before that, the stream is
// left.
func (s *stream) start(ctx context.Context) error {
	go s.drive()
	select {
	case <-s.first:
	case <-ctx.Done():
		s.stop()
		return &InterruptedError{Method: s.spec.Name, Err: ctx.Err()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.opened {
		return s.err
	}
	return nil
}

// stop leaves the stream and waits until it is left: the daemon is told to cancel it, which for an attachment means to
// detach.
func (s *stream) stop() {
	s.leave(context.Canceled)
	<-s.over
}

// leaveWith leaves the stream when ctx ends. The function it returns undoes that.
func (s *stream) leaveWith(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() { s.leave(ctx.Err()) })
}

// grant tells the daemon how far it may go. The mutex is held.
func (s *stream) grant(limit int64) {
	if s.link != nil {
		s.link.post(creditFrame(s.number, limit))
	}
}

// post sends a frame of this stream. The mutex is held.
func (s *stream) post(frame []byte) {
	if s.link != nil {
		s.link.post(frame)
	}
}

func (s *stream) drive() {
	result, err := s.run()
	if err != nil && s.ctx.Err() != nil {
		reason := context.Cause(s.ctx)
		if s.conn.closed.Err() != nil {
			reason = ErrClosed
		}
		err = &InterruptedError{Method: s.spec.Name, MayHaveRun: true, Err: reason}
	}
	s.leave(context.Canceled) // releases what waits for it
	s.mu.Lock()
	s.link, s.finished, s.err = nil, true, err
	s.kind.ended(result, err)
	s.signalFirst()
	s.mu.Unlock()
	close(s.over)
}

func (s *stream) signalFirst() {
	select {
	case <-s.first:
	default:
		close(s.first)
	}
}

func (s *stream) run() (json.RawMessage, error) {
	var deadline time.Time
	for {
		l, err := s.conn.link(s.ctx)
		if err != nil {
			return nil, err
		}
		if err := checkLevel(s.spec, l); err != nil {
			return nil, err
		}
		result, err := s.attach(l)
		if err == nil {
			return result, nil
		}
		s.mu.Lock()
		attached, opened := s.link != nil, s.opened
		s.link = nil
		var down *linkDown
		switch {
		case errors.As(err, &down):
			s.kind.onLost()
			deadline = time.Now().Add(s.conn.options.ReconnectTimeout)
			if opened {
				s.reconnects++
			}
			s.mu.Unlock()
			if !s.resumable && down.sent {
				if s.lost != nil {
					return nil, s.lost(down.cause)
				}
				return nil, brokenOff(s.spec.Name, !s.spec.Idempotent, down.cause)
			}
			continue
		case !opened || attached || s.ctx.Err() != nil:
			s.mu.Unlock()
			return nil, err
		case (errors.Is(err, ErrDraining) || errors.Is(err, ErrTooManyRequests)) && time.Now().Before(deadline):
			s.mu.Unlock()
			select {
			case <-time.After(retryStep):
			case <-s.ctx.Done():
				return nil, s.ctx.Err()
			}
			continue
		}
		err = s.kind.refused(err)
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
}

func (s *stream) attach(l *link) (json.RawMessage, error) {
	s.mu.Lock()
	params, err := encodeParams(s.kind.params())
	s.mu.Unlock()
	if err != nil {
		text := fmt.Sprintf("%s: %v", s.spec.Name, err)
		return nil, protocol.NewRemoteError(protocol.ErrInvalidParams.Code, text, nil)
	}
	r, err := l.begin(s.spec.Name, params, streamSink{s}, false)
	if err != nil {
		return nil, err
	}
	overdue := time.NewTimer(openTimeout)
	defer overdue.Stop()
	for {
		select {
		case <-r.done:
			s.mu.Lock()
			attached := s.link != nil
			s.mu.Unlock()
			if r.err == nil && !attached {
				return nil, violation("%s was answered before it was open", s.spec.Name)
			}
			return r.result, r.err
		case <-s.ctx.Done():
			l.abandon(r)
			return nil, s.ctx.Err()
		case <-overdue.C:
			s.mu.Lock()
			attached := s.link != nil
			s.mu.Unlock()
			if !attached {
				l.abandon(r)
				return nil, &CallTimeoutError{Method: s.spec.Name, After: openTimeout, MayHaveRun: true}
			}
		}
	}
}

// broken makes an error of the rules of a stream one of the protocol; those that callers know stay.
func (s *stream) broken(err error) error {
	var gap *OutputGapError
	var own *ProtocolError
	if err == nil || errors.As(err, &gap) || errors.As(err, &own) {
		return err
	}
	return violation("%s: %w", s.spec.Name, err)
}

// streamSink is a stream as its link sees it.
type streamSink struct{ *stream }

func (s streamSink) opened(l *link, number uint32, info json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link, s.number = l, number
	if err := s.kind.onOpen(info, s.stream.opened); err != nil {
		return s.broken(err)
	}
	s.stream.opened = true
	s.signalFirst()
	return nil
}

func (s streamSink) data(channel uint8, offset int64, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken(s.kind.data(channel, offset, payload))
}

func (s streamSink) eof(channel uint8, offset int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken(s.kind.eof(channel, offset))
}

func (s streamSink) credit(channel uint8, limit int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if channel != 0 {
		return violation("%s takes no credit on channel %d", s.spec.Name, channel)
	}
	return s.broken(s.kind.credit(limit))
}

func (s streamSink) event(cursor *string, event json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken(s.kind.event(cursor, event))
}

// noBytes, noInput and noEvents refuse what a kind of stream does not carry; kinds embed those they need.

type noBytes struct{}

func (noBytes) data(channel uint8, _ int64, _ []byte) error {
	return fmt.Errorf("no data belongs on channel %d", channel)
}

func (noBytes) eof(channel uint8, _ int64) error { return fmt.Errorf("no channel %d to end", channel) }

type noInput struct{}

func (noInput) credit(int64) error { return errors.New("nothing to take credit for") }

type noEvents struct{}

func (noEvents) event(*string, json.RawMessage) error { return errors.New("no events belong here") }
