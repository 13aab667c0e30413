package nexus

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

func isCursorExpired(err error) bool { return errors.Is(err, ErrCursorExpired) }

// Event is a change in a watched tree.
type Event struct {
	// Path is what changed, relative to the workspace's root.
	Path string

	// Change says what happened, after coalescing.
	Change protocol.ChangeType

	// Overflow says that changes were missed: list again. Path and Change are then empty.
	Overflow bool

	// Reason says why changes were missed.
	Reason string

	// Cursor is where another watch can continue after this event; it may be empty.
	Cursor string
}

// WatchOptions says what to watch; the zero value watches everything but what .gitignore excludes.
type WatchOptions struct {
	// Path is a file or directory; empty stands for the workspace's root.
	Path string

	// Flat leaves out what is below the directories in Path.
	Flat bool

	// Ignored includes what .gitignore excludes, and .git.
	Ignored bool

	// Cursor continues after an event of an earlier watch; empty begins now.
	Cursor string
}

// Watch follows changes of files. It is continued after a break; where changes were missed, an event with Overflow says
// so.
type Watch struct {
	events *events[Event]
}

// Watch yields changes below a path, until ctx ends or the loop is left. The watch is in place when the loop begins: what
// happens before is not reported. To know when it is, use OpenWatch.
func (w *Workspace) Watch(ctx context.Context, path string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		watch, err := w.OpenWatch(ctx, WatchOptions{Path: path})
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer watch.Close()
		watch.Events()(yield)
	}
}

// OpenWatch returns when the watch is in place: whatever happens afterwards is reported. It fails with ErrCursorExpired
// where events after the cursor are no longer kept. When ctx ends, the watch is closed.
func (w *Workspace) OpenWatch(ctx context.Context, options WatchOptions) (*Watch, error) {
	kind := eventKind[Event]{
		method: "fs.watch", resumable: true,
		params: func(cursor *string, window int64) any {
			return &protocol.FsWatchParams{
				Workspace: w.id, Path: options.Path, Recursive: falseIf(options.Flat),
				Gitignore: falseIf(options.Ignored), Cursor: cursor, Window: window,
			}
		},
		opened: func(info json.RawMessage) (string, bool, error) {
			var open protocol.FsWatchOpen
			err := open.UnmarshalJSON(info)
			return open.Cursor, open.Resumed, err
		},
		decode: func(cursor *string, data json.RawMessage) (Event, bool, error) {
			event := Event{}
			if cursor != nil {
				event.Cursor = *cursor
			}
			decoded, err := protocol.DecodeFsWatchEvent(data)
			switch decoded := decoded.(type) {
			case protocol.FsChange:
				event.Path, event.Change = decoded.Path, decoded.Change
			case protocol.FsOverflow:
				event.Overflow, event.Reason = true, decoded.Reason
			}
			return event, true, err
		},
		overflow: func(reason string) Event { return Event{Overflow: true, Reason: reason} },
	}
	opened, err := openEvents(ctx, w.conn, kind, optional(options.Cursor))
	if err != nil {
		return nil, err
	}
	return &Watch{opened}, nil
}

func falseIf(condition bool) *bool {
	if condition {
		return protocol.Ptr(false)
	}
	return nil
}

// Events yields the changes, until the watch is closed or fails; the last pair then has the error.
func (w *Watch) Events() iter.Seq2[Event, error] { return w.events.all() }

// Close ends the watch. Closing twice does nothing.
func (w *Watch) Close() error {
	w.events.close()
	return nil
}

// WorkspaceEvent is a change of a workspace's record.
type WorkspaceEvent struct {
	// Workspace is the record as it is now.
	Workspace protocol.Workspace

	// Overflow says that changes were missed: list again. Workspace is then empty.
	Overflow bool

	// Cursor is where another watch can continue after this event; it may be empty.
	Cursor string
}

// WorkspaceWatch follows changes of workspaces. It is continued after a break.
type WorkspaceWatch struct {
	events *events[WorkspaceEvent]
}

// OpenWatch follows changes of one workspace, or of all that the identity can see with an empty one, and returns when the
// watch is in place. An empty cursor begins now. When ctx ends, the watch is closed.
func (w Workspaces) OpenWatch(ctx context.Context, workspace, cursor string) (*WorkspaceWatch, error) {
	kind := eventKind[WorkspaceEvent]{
		method: "workspace.watch", resumable: true,
		params: func(cursor *string, window int64) any {
			return &protocol.WorkspaceWatchParams{Workspace: workspace, Cursor: cursor, Window: window}
		},
		decode: func(cursor *string, data json.RawMessage) (WorkspaceEvent, bool, error) {
			event := WorkspaceEvent{}
			if cursor != nil {
				event.Cursor = *cursor
			}
			decoded, err := protocol.DecodeWorkspaceEvent(data)
			switch decoded := decoded.(type) {
			case protocol.WorkspaceChanged:
				event.Workspace = decoded.Workspace
			case protocol.WorkspaceOverflow:
				event.Overflow = true
			}
			return event, true, err
		},
		overflow: func(string) WorkspaceEvent { return WorkspaceEvent{Overflow: true} },
	}
	opened, err := openEvents(ctx, w.conn, kind, optional(cursor))
	if err != nil {
		return nil, err
	}
	return &WorkspaceWatch{opened}, nil
}

// Events yields the changes, until the watch is closed or fails; the last pair then has the error.
func (w *WorkspaceWatch) Events() iter.Seq2[WorkspaceEvent, error] { return w.events.all() }

// Close ends the watch. Closing twice does nothing.
func (w *WorkspaceWatch) Close() error {
	w.events.close()
	return nil
}
