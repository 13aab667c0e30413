package session

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/process"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

const (
	// mostLater is how many requests may be answered later at once.
	mostLater = 256
	// partingTime is how long a peer that is sent away may take to read why.
	partingTime = time.Second
)

// connection is one daemon that has authenticated. One goroutine reads and handles requests in their order; another
// writes, answers before news.
type connection struct {
	server *Server
	wire   *wire.Conn
	// idle is closed when the reader has handled its last request.
	idle chan struct{}
	// later counts the requests that are being answered by goroutines of their own.
	later chan struct{}

	// mu guards what follows.
	mu      sync.Mutex
	answers []answer
	// cursors are of the processes that the daemon was told about; it hears of no other. Only the writer looks into them.
	cursors map[*process.Process]*process.Cursor
	// news are the processes that have some, in the order in which they had the first; noted says whether one is there.
	news  []*process.Process
	noted map[*process.Process]bool
	// settling are requests that are answered once the news of a process are written.
	settling map[*process.Process][]json.RawMessage
	// writing: the writer has taken something that is not on the socket yet.
	writing bool
	// parting is why the peer is sent away; empty while it is not.
	parting string
	closed  bool
	// work wakes the writer, and whoever waits for it to be done.
	work *sync.Cond
}

// answer is a message that is ready to be written.
type answer struct {
	payload []byte
	// file is sent with it and closed afterwards; nil for none.
	file *os.File
}

// serve serves a daemon that has authenticated with request, until it leaves.
func (s *Server) serve(conn *wire.Conn, request *wire.Request, proof []byte) {
	c := &connection{
		server:   s,
		wire:     conn,
		idle:     make(chan struct{}),
		later:    make(chan struct{}, mostLater),
		cursors:  map[*process.Process]*process.Cursor{},
		noted:    map[*process.Process]bool{},
		settling: map[*process.Process][]json.RawMessage{},
	}
	c.work = sync.NewCond(&c.mu)
	s.entering.Lock()
	s.enter(c)
	id := s.Identity
	c.answerPage(request.ID, 0, func(page page) any {
		return authenticated{proof, os.Getpid(), id.Name, id.Boot, id.Generation, s.Ports.List(), page}
	})
	s.entering.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.write()
	}()
	err := c.read()
	close(c.idle)
	var violation wire.Violation
	switch {
	case errors.As(err, &violation):
		c.shut(string(violation))
	case !c.isParting():
		c.drop()
	}
	<-done
	s.leave(c)
}

// read handles messages until there are no more.
func (c *connection) read() error {
	for {
		message, err := c.wire.Read(wire.MaxText)
		if err != nil {
			return err
		}
		if c.isParting() {
			message.Close()
			return io.EOF
		}
		err = c.handle(message)
		message.Close()
		if err != nil {
			return err
		}
	}
}

func (c *connection) handle(message *wire.Message) error {
	if message.Kind == wire.Binary {
		if len(message.Files) > 0 {
			return wire.Violation("descriptors that nobody asked for")
		}
		frame, err := wire.ParseFrame(message.Payload)
		if err != nil {
			return err
		}
		return c.input(frame)
	}
	request, err := wire.ParseRequest(message.Payload)
	if err != nil {
		return err
	}
	if request.ID == nil {
		return c.notified(request, message)
	}
	return c.requested(request, message)
}

func (c *connection) input(frame wire.Frame) error {
	if frame.Channel != 0 || frame.Type == wire.Credit {
		return wire.Violation("output is not sent on streams, and needs no credit")
	}
	target := c.server.Table.ByStream(frame.Stream)
	if target == nil {
		// It may have been forgotten while this was under way.
		return nil
	}
	return target.Input(frame)
}

// changed notes that a process has news.
func (c *connection) changed(target *process.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(target)
}

func (c *connection) note(target *process.Process) {
	if c.cursors[target] != nil && !c.noted[target] {
		c.noted[target] = true
		c.news = append(c.news, target)
		c.work.Broadcast()
	}
}

// send queues an answer.
func (c *connection) send(payload []byte, file *os.File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(answer{payload, file})
}

func (c *connection) queue(one answer) {
	if c.closed {
		if one.file != nil {
			one.file.Close()
		}
		return
	}
	c.answers = append(c.answers, one)
	c.work.Broadcast()
}

// reply answers a request with a result, or with a failure unless that is nil.
func (c *connection) reply(id json.RawMessage, result any, failure *wire.Error) {
	if failure != nil {
		c.send(wire.Failure(id, failure), nil)
		return
	}
	c.send(wire.Result(id, result), nil)
}

// tell queues an answer that tells of processes. From now on the daemon hears what happens to them, beginning with what
// has happened since they were viewed.
func (c *connection) tell(payload []byte, targets []*process.Process, views []process.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(answer{payload, nil})
	for at, target := range targets {
		if c.cursors[target] == nil {
			c.cursors[target] = process.Begin(views[at])
		}
		c.note(target)
	}
}

// untell ends the news of a process that was forgotten.
func (c *connection) untell(target *process.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.cursors, target)
	for _, id := range c.settling[target] {
		c.queue(answer{wire.Result(id, empty{}), nil})
	}
	delete(c.settling, target)
}

// shut sends the peer away: it is told why, as soon as the message that is being written is out.
func (c *connection) shut(reason string) {
	c.mu.Lock()
	if c.parting == "" {
		c.parting = reason
	}
	c.work.Broadcast()
	c.mu.Unlock()
	socket := c.wire.Socket()
	socket.SetReadDeadline(time.Unix(1, 0))
	socket.SetWriteDeadline(time.Now().Add(partingTime))
}

func (c *connection) isParting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parting != ""
}

// drop closes the connection.
func (c *connection) drop() {
	c.mu.Lock()
	c.closed = true
	for _, left := range c.answers {
		if left.file != nil {
			left.file.Close()
		}
	}
	c.answers, c.news = nil, nil
	c.work.Broadcast()
	c.mu.Unlock()
	c.wire.Close()
}

// flush waits until everything that was queued is on the socket, or for a while.
func (c *connection) flush(patience time.Duration) {
	timer := time.AfterFunc(patience, c.drop)
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed && (len(c.answers) > 0 || c.writing) {
		c.work.Wait()
	}
}

// write writes answers and news until the connection is closed.
func (c *connection) write() {
	defer c.drop()
	for {
		next, target, cursor, reason := c.next()
		var err error
		switch {
		case reason != "":
			c.wire.Write(wire.Text, wire.Notification("closing", closing{reason}), -1)
			return
		case target != nil:
			err = c.writeNews(target, cursor)
		case next.payload != nil:
			err = c.writeAnswer(next)
		default:
			return
		}
		if err != nil {
			return
		}
	}
}

// next waits for something to write: an answer, a process with news, or a reason to go. None of them: it is closed.
func (c *connection) next() (answer, *process.Process, *process.Cursor, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	c.work.Broadcast()
	for {
		switch {
		case c.closed:
			return answer{}, nil, nil, ""
		case c.parting != "":
			return answer{}, nil, nil, c.parting
		case len(c.answers) > 0:
			next := c.answers[0]
			c.answers = c.answers[1:]
			c.writing = true
			return next, nil, nil, ""
		case len(c.news) > 0:
			target := c.news[0]
			c.news = c.news[1:]
			delete(c.noted, target)
			if cursor := c.cursors[target]; cursor != nil {
				c.writing = true
				return answer{}, target, cursor, ""
			}
		default:
			c.work.Wait()
		}
	}
}

func (c *connection) writeAnswer(next answer) error {
	if next.file == nil {
		return c.wire.Write(wire.Text, next.payload, -1)
	}
	defer next.file.Close()
	raw, err := next.file.SyscallConn()
	if err != nil {
		return err
	}
	failure := raw.Control(func(fd uintptr) { err = c.wire.Write(wire.Text, next.payload, int(fd)) })
	return errors.Join(failure, err)
}

func (c *connection) writeNews(target *process.Process, cursor *process.Cursor) error {
	news, more := target.News(cursor)
	// In one piece: the daemon wakes up once for the end of a process and of its output.
	var buffer []byte
	for _, one := range news {
		buffer = wire.Append(buffer, one.Kind, one.Payload)
	}
	if err := c.wire.Send(buffer); err != nil {
		return err
	}
	if more {
		// The others first.
		c.changed(target)
		return nil
	}
	c.mu.Lock()
	waiting := c.settling[target]
	delete(c.settling, target)
	c.mu.Unlock()
	for _, id := range waiting {
		c.reply(id, empty{}, nil)
	}
	return nil
}

// settle answers a request once all news about a process up to now are written.
func (c *connection) settle(id json.RawMessage, target *process.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cursors[target] == nil {
		c.queue(answer{wire.Result(id, empty{}), nil})
		return
	}
	c.settling[target] = append(c.settling[target], id)
	c.note(target)
}
