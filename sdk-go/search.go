package nexus

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// SearchParams says what to search for; Workspace and Window are filled in.
type SearchParams = protocol.FsSearchParams

// Search is a search of the content of files.
type Search struct {
	events *events[protocol.FsMatch]
}

// Search searches the content of files and yields matches as they are found. It fails with ErrPatternInvalid. A search
// that a broken connection interrupts fails with a *ConnectionLostError: search again.
func (w *Workspace) Search(ctx context.Context, params SearchParams) iter.Seq2[protocol.FsMatch, error] {
	return func(yield func(protocol.FsMatch, error) bool) {
		search, err := w.OpenSearch(ctx, params)
		if err != nil {
			yield(protocol.FsMatch{}, err)
			return
		}
		defer search.Close()
		search.Matches()(yield)
	}
}

// OpenSearch is Search for who also wants its Result.
func (w *Workspace) OpenSearch(ctx context.Context, params SearchParams) (*Search, error) {
	params.Workspace = w.id
	opened, err := openEvents(ctx, w.conn, eventKind[protocol.FsMatch]{
		method: "fs.search",
		params: func(_ *string, window int64) any {
			params.Window = window
			return &params
		},
		decode: func(_ *string, data json.RawMessage) (protocol.FsMatch, bool, error) {
			decoded, err := protocol.DecodeFsSearchEvent(data)
			match, ok := decoded.(protocol.FsMatch)
			return match, ok, err
		},
	}, nil)
	if err != nil {
		return nil, err
	}
	return &Search{opened}, nil
}

// Matches yields the matches to the last one, or to an error.
func (s *Search) Matches() iter.Seq2[protocol.FsMatch, error] { return s.events.all() }

// Result returns what the search did, when all matches were read; before that it is an error.
func (s *Search) Result() (result protocol.FsSearched, err error) {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	switch {
	case s.events.failure != nil:
		return result, s.events.failure
	case !s.events.done || len(s.events.queue) > 0:
		return result, errors.New("nexus: the search has not ended; read its matches first")
	}
	return result, decodeResult("fs.search", s.events.result, &result)
}

// Close gives the search up. Closing twice does nothing.
func (s *Search) Close() error {
	s.events.close()
	return nil
}
