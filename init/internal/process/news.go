package process

import (
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// mostRuns is how many runs one message tells at most.
const mostRuns = 1024

// Cursor is what one connection was told about one process.
type Cursor struct {
	// start, end and nextRun are where the log stood.
	start, end, nextRun uint64
	exited, ended       bool
	stalled             stall
	// taken is the position of the input that was last credited.
	taken uint64
}

// News is one message about a process.
type News struct {
	// Kind is wire.Text or wire.Binary.
	Kind    byte
	Payload []byte
}

type outputNews struct {
	Process  string   `json:"process"`
	Start    uint64   `json:"start"`
	End      uint64   `json:"end"`
	FirstRun uint64   `json:"first_run"`
	At       uint64   `json:"at"`
	Runs     []uint64 `json:"runs"`
}

type stalledNews struct {
	Process string  `json:"process"`
	Why     *string `json:"why"`
	Reason  string  `json:"reason"`
}

type exitedNews struct {
	Process string `json:"process"`
	Exit    *Exit  `json:"exit"`
}

type endedNews struct {
	Process  string `json:"process"`
	End      uint64 `json:"end"`
	Complete bool   `json:"complete"`
}

// Begin makes the cursor of a connection that is told view. The runs that the log has already come as its first news.
func Begin(view View) *Cursor {
	cursor := &Cursor{
		start: view.Start, end: view.End, nextRun: view.FirstRun, exited: view.Exit != nil, ended: view.Ended,
	}
	if view.Stdin != nil {
		cursor.taken = view.Stdin.Taken
	}
	return cursor
}

// News returns what has happened since the cursor, merged into a few messages, and moves it. more says that there is more
// than was returned.
func (p *Process) News(cursor *Cursor) (news []News, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	tell := func(method string, params any) {
		news = append(news, News{wire.Text, wire.Notification(method, params)})
	}
	if p.log != nil {
		log := p.log.State()
		if log.Start != cursor.start || log.End != cursor.end || log.NextRun > cursor.nextRun {
			at := max(cursor.nextRun, log.FirstRun)
			// A slot that cannot be read is the disk's trouble, which its own news tell; the next growth asks again.
			runs, err := p.log.Runs(at, mostRuns+1)
			if err == nil {
				end := log.End
				if len(runs) > mostRuns {
					more = true
					end = runs[mostRuns] >> 2
					runs = runs[:mostRuns]
				}
				cursor.start, cursor.end, cursor.nextRun = log.Start, end, at+uint64(len(runs))
				tell("output", outputNews{p.ID, log.Start, max(end, log.Start), log.FirstRun, at, runs})
			}
		}
	}
	if more {
		return news, true
	}
	if now := p.stalled(); now != cursor.stalled {
		cursor.stalled = now
		message := stalledNews{Process: p.ID, Reason: now.reason}
		if now.why != "" {
			message.Why = &now.why
		}
		tell("stalled", message)
	}
	if in := p.stdin; in != nil && in.taken != cursor.taken {
		cursor.taken = in.taken
		credit := wire.Frame{Type: wire.Credit, Stream: p.Stream, Offset: in.taken + Window}
		news = append(news, News{wire.Binary, credit.Append(nil)})
	}
	if p.tellExit() && !cursor.exited {
		cursor.exited = true
		tell("exited", exitedNews{p.ID, p.exit})
	}
	if p.tellEnded() && !cursor.ended {
		cursor.ended = true
		end := uint64(0)
		if p.log != nil {
			end = p.log.State().End
		}
		tell("ended", endedNews{p.ID, end, p.complete})
	}
	return news, false
}
