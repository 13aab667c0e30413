package nexus

import (
	"encoding/json"
	"strconv"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// notified handles what the daemon sends without being asked. An error ends the link.
func (l *link) notified(method string, params json.RawMessage) error {
	var err error
	switch method {
	case "stream.event":
		var event protocol.StreamEventParams
		if err = event.UnmarshalJSON(params); err == nil {
			l.streamEvent(event)
		}
	case "stream.open":
		var open protocol.StreamOpenParams
		if err = open.UnmarshalJSON(params); err == nil {
			return l.streamOpen(open)
		}
	case "$/progress":
		var progress protocol.ProgressParams
		if err = progress.UnmarshalJSON(params); err == nil {
			l.progress(progress)
		}
	case "session.closing":
		var closing protocol.SessionClosingParams
		if err = closing.UnmarshalJSON(params); err == nil {
			l.mu.Lock()
			l.closing = "the daemon closed the connection: " + closing.Reason
			l.mu.Unlock()
		}
	}
	if err != nil {
		return violation("%s: %w", method, err)
	}
	return nil
}

func (l *link) streamEvent(event protocol.StreamEventParams) {
	l.mu.Lock()
	l.useful = true
	r := l.streams[uint32(event.Stream)]
	l.mu.Unlock()
	if r == nil {
		return
	}
	if err := r.sink.event(event.Cursor, event.Event); err != nil {
		l.fail(r, err)
	}
}

func (l *link) streamOpen(open protocol.StreamOpenParams) error {
	stream := uint32(open.Stream)
	if open.Stream < 1 || int64(stream) != open.Stream {
		return violation("there is no stream %d", open.Stream)
	}
	l.mu.Lock()
	r := l.requests[requestID(open.ID)]
	if r == nil || r.sink == nil {
		l.mu.Unlock()
		return nil // a request that this end has given up
	}
	if r.stream != 0 || l.streams[stream] != nil {
		l.mu.Unlock()
		return violation("stream %d was opened twice", stream)
	}
	r.stream = stream
	l.streams[stream] = r
	l.mu.Unlock()
	if err := r.sink.opened(l, stream, open.Info); err != nil {
		l.fail(r, err)
	}
	return nil
}

func (l *link) progress(params protocol.ProgressParams) {
	l.mu.Lock()
	r := l.requests[requestID(params.ID)]
	l.mu.Unlock()
	if r == nil || r.progress == nil {
		return
	}
	progress := Progress{Done: params.Done, Total: -1, Message: params.Message}
	if params.Total != nil {
		progress.Total = *params.Total
	}
	// Only the latest one matters. This goroutine alone sends, so there is room after one was taken out.
	select {
	case <-r.progress:
	default:
	}
	r.progress <- progress
}

// requestID returns an id as one of ours; others are 0, which is never used.
func requestID(id json.RawMessage) int64 {
	number, err := strconv.ParseInt(string(id), 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// frames that are sent for a stream

func dataFrame(stream uint32, offset int64, payload []byte) []byte {
	return wire.Encode(wire.Data, wire.Up, stream, offset, payload)
}

func eofFrame(stream uint32, offset int64) []byte {
	return wire.Encode(wire.EOF, wire.Up, stream, offset, nil)
}

func creditFrame(stream uint32, limit int64) []byte {
	return wire.Encode(wire.Credit, wire.Down, stream, limit, nil)
}
