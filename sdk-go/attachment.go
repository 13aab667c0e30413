package nexus

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

const (
	processWindow = 1 << 20
	holdTime      = time.Minute
)

// AttachOptions says how to follow a process. The zero value follows it from its first byte.
type AttachOptions struct {
	// Offset is the first byte of output wanted.
	Offset int64

	// Tail begins so many bytes before the end instead, or at the earliest that is kept, when it is above 0.
	Tail int64

	// Role is what the attachment may do; empty stands for protocol.AttachRoleAuto.
	Role protocol.AttachRole

	// Takeover takes control from another attachment.
	Takeover bool

	// Window is how much output may wait here unread, in bytes, before the process has to wait; 0 stands for 1 MiB.
	Window int64

	// Hold is for how long unread output is kept for this attachment after a lost connection; 0 stands for a minute.
	Hold time.Duration
}

// Chunk is some output of a process, as it came.
type Chunk struct {
	// Stderr is false for stdout. A terminal writes everything to stdout.
	Stderr bool

	// Offset is the position of the first byte in the process's one output log.
	Offset int64

	// Data holds the bytes, at most 64 KiB.
	Data []byte
}

// Attachment follows a process that is or was running: it is made again at the exact byte where it stood when a
// connection breaks. Nothing is lost, doubled or reordered; where that cannot be kept, reading fails with an
// *OutputGapError.
//
// While it is attached, the process waits rather than lose a byte that was not read. So read its output, with Chunks,
// Copy, or Stdout and Stderr, or call Wait, which drops it.
type Attachment struct {
	stream
	noEvents

	inbox  inbox
	sender sender

	id        string
	options   AttachOptions
	name      string // by which output is held for this attachment
	detach    func() bool
	claimed   [3]bool
	claimOnce sync.Once

	// Guarded by the stream's mutex.
	record protocol.Process
	role   protocol.AttachRole
	state  *ProcessState
	result error
}

// Attach follows a process from an offset of its output. When ctx ends, the attachment detaches and the process runs on;
// reading and waiting then fail with an *InterruptedError.
func (w *Workspace) Attach(ctx context.Context, processID string, offset int64) (*Attachment, error) {
	return w.AttachWith(ctx, processID, AttachOptions{Offset: offset})
}

// AttachWith is Attach with options. Errors are ErrProcessNotFound, ErrOffsetExpired where output at the offset is no
// longer kept, and ErrNotController where another attachment controls the process.
func (w *Workspace) AttachWith(ctx context.Context, processID string, options AttachOptions) (*Attachment, error) {
	a := newAttachment(w.conn, processID, options)
	if err := a.start(ctx); err != nil {
		return nil, err
	}
	a.detach = a.leaveWith(ctx)
	return a, nil
}

func newAttachment(c *connection, processID string, options AttachOptions) *Attachment {
	if options.Window == 0 {
		options.Window = processWindow
	}
	if options.Hold == 0 {
		options.Hold = holdTime
	}
	a := &Attachment{id: processID, options: options, name: newID(), role: options.Role}
	a.stream.init(c, "exec.attach", a, true)
	a.inbox.init(&a.mu, options.Window, a.grant, wire.Down, wire.Stderr)
	a.sender.init(&a.stream, false)
	return a
}

// ProcessID returns the id of the process.
func (a *Attachment) ProcessID() string { return a.id }

// Process returns what the daemon said of the process last: when it was attached to, or ended.
func (a *Attachment) Process() protocol.Process {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.record
}

// Role returns what this attachment may do: protocol.AttachRoleController or protocol.AttachRoleObserver.
func (a *Attachment) Role() protocol.AttachRole {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.role
}

// Offset returns the offset of the next byte expected: where another attachment could go on.
func (a *Attachment) Offset() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.inbox.next
}

// Reconnects returns how often it was attached again after a break.
func (a *Attachment) Reconnects() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reconnects
}

// Chunks yields everything that the process writes, in order. The last pair has an error when the attachment failed.
// Use it instead of Stdout and Stderr, not beside them.
func (a *Attachment) Chunks() iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for {
			taken, err := a.inbox.take(wire.Down, nil, nil)
			if err == io.EOF {
				return
			}
			chunk := Chunk{Stderr: taken.channel == wire.Stderr, Offset: taken.offset, Data: taken.data}
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

// Copy writes the output to stdout and stderr until the process ends, and returns how it ended. A nil writer drops what
// it would be given; when both are the same, the order of the output is kept.
func (a *Attachment) Copy(stdout, stderr io.Writer) (*ProcessState, error) {
	if err := a.pump(stdout, stderr); err != nil {
		return nil, err
	}
	return a.Wait()
}

// Stdout returns a reader of what the process writes to stdout. Ask for both, or for Stderr alone, before reading: what
// was not asked for by then is dropped.
func (a *Attachment) Stdout() io.Reader { return a.claim(wire.Down) }

// Stderr returns a reader of what the process writes to stderr; see Stdout.
func (a *Attachment) Stderr() io.Reader { return a.claim(wire.Stderr) }

func (a *Attachment) claim(channel uint8) io.Reader {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claimed[channel] = true
	return claimedReader{a, laneReader{&a.inbox, channel}}
}

// claimedReader gives each channel a lane of its own when the first byte is asked for.
type claimedReader struct {
	a *Attachment
	laneReader
}

func (r claimedReader) Read(p []byte) (int, error) {
	r.a.divide()
	return r.laneReader.Read(p)
}

// WriteTo writes to the end.
func (r claimedReader) WriteTo(w io.Writer) (int64, error) {
	r.a.divide()
	return r.laneReader.WriteTo(w)
}

func (a *Attachment) divide() {
	a.claimOnce.Do(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.inbox.divide(func(channel uint8) bool { return a.claimed[channel] })
	})
}

// pump writes the output to the writers until it ends. An error of a writer drops the rest of its channel, so that the
// process does not wait for a reader who is gone.
func (a *Attachment) pump(stdout, stderr io.Writer) error {
	if stdout != nil && sameWriter(stdout, stderr) {
		return a.pumpLane(wire.Down, stdout)
	}
	to := [...]io.Writer{wire.Down: stdout, wire.Stderr: stderr}
	a.mu.Lock()
	a.inbox.divide(func(channel uint8) bool { return to[channel] != nil })
	a.mu.Unlock()
	failed := make(chan error, len(to))
	copied := 0
	for channel, writer := range to {
		if writer != nil {
			copied++
			go func() { failed <- a.pumpLane(uint8(channel), writer) }()
		}
	}
	var errs []error
	for range copied {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// pumpLane writes one lane to its end. A pipe is closed then, for its reader waits for the end.
func (a *Attachment) pumpLane(channel uint8, to io.Writer) error {
	_, err := laneReader{&a.inbox, channel}.WriteTo(to)
	if err != nil {
		a.mu.Lock()
		a.inbox.drop(channel)
		a.mu.Unlock()
	}
	if pipe, ok := to.(*io.PipeWriter); ok {
		_ = pipe.CloseWithError(err) // nil gives the reader io.EOF
		if err == io.ErrClosedPipe {
			return nil // its reader closed it, or Cmd.Wait did: nobody wants the rest
		}
	}
	return err
}

// sameWriter compares as package os/exec does: types that cannot be compared are not the same.
func sameWriter(a, b io.Writer) bool {
	defer func() { _ = recover() }()
	return a == b
}

// Stdin returns the process's stdin. Bytes that it did not take yet are kept, and sent again after a break. Writing waits
// while the process does not read, and fails with ErrStdinClosed when it has no stdin or has ended. Close ends the input.
func (a *Attachment) Stdin() io.WriteCloser { return stdin{a} }

type stdin struct{ a *Attachment }

func (s stdin) Write(p []byte) (int, error) { return s.a.sender.write(p, -1, nil, nil) }

func (s stdin) Close() error {
	s.a.sender.closeInput()
	return nil
}

// Wait waits until the process has ended and all its output has come, drops what nobody has read of it, and returns how
// it ended. An error means that this is not known.
func (a *Attachment) Wait() (*ProcessState, error) {
	a.mu.Lock()
	if !a.finished {
		a.inbox.drop(wire.Down, wire.Stderr)
	}
	a.mu.Unlock()
	<-a.over
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state, a.result
}

// Resize tells the process's terminal its size. It fails with ErrNotATerminal where there is none.
func (a *Attachment) Resize(ctx context.Context, columns, rows int) error {
	return resize(ctx, a.conn, a.id, columns, rows)
}

// Close detaches: the process runs on. Closing twice does nothing.
func (a *Attachment) Close() error {
	if a.detach != nil {
		a.detach()
	}
	a.stop()
	return nil
}

// what the attachment says of itself as a stream

func (a *Attachment) params() any {
	params := &protocol.ExecAttachParams{
		Process: a.id, Role: a.options.Role, Attachment: a.name,
		HoldMS: protocol.Ptr(a.options.Hold.Milliseconds()), Window: a.inbox.nextWindow(),
	}
	switch {
	case a.opened:
		params.Offset = a.inbox.next
	case a.options.Tail > 0:
		params.Tail = &a.options.Tail
		params.Takeover = a.options.Takeover
	default:
		params.Offset = a.options.Offset
		params.Takeover = a.options.Takeover
	}
	return params
}

func (a *Attachment) onOpen(info json.RawMessage, again bool) error {
	var open protocol.ExecAttachOpen
	if err := open.UnmarshalJSON(info); err != nil {
		return err
	}
	a.record, a.role = open.Process, open.Role
	start := open.Offset
	if !again && a.options.Tail == 0 {
		if start > a.options.Offset {
			return &OutputGapError{Expected: a.options.Offset, Offset: start, Reason: "they are no longer kept"}
		}
		start = a.options.Offset
	}
	if err := a.inbox.attach(start, again); err != nil {
		return err
	}
	if open.StdinWindow > 0 && open.Process.Stdin {
		return a.sender.attach(open.StdinOffset, open.StdinWindow)
	}
	a.sender.fail(a.noStdin("is not open for this attachment"))
	return nil
}

func (a *Attachment) onLost() { a.sender.detach() }

func (a *Attachment) refused(err error) error {
	var remote *RemoteError
	if errors.Is(err, ErrOffsetExpired) && errors.As(err, &remote) {
		gap := &OutputGapError{Expected: a.inbox.next, Offset: a.inbox.next, Reason: "dropped while the connection was broken"}
		if details, ok := remote.Details.(*protocol.OffsetData); ok {
			gap.Offset = details.Earliest
		}
		return gap
	}
	return err
}

func (a *Attachment) data(channel uint8, offset int64, payload []byte) error {
	return a.inbox.data(channel, offset, payload)
}

func (a *Attachment) eof(channel uint8, offset int64) error { return a.inbox.eof(channel, offset) }

func (a *Attachment) credit(limit int64) error { return a.sender.credit(limit) }

func (a *Attachment) ended(result json.RawMessage, err error) {
	var exit protocol.ExecExit
	if err == nil {
		if wrong := exit.UnmarshalJSON(result); wrong != nil {
			err = violation("the result of exec.attach: %w", wrong)
		}
	}
	if err == nil {
		a.record = exit.Process
		a.state = &ProcessState{exit: exit}
		if exit.OutputEnd > a.inbox.next {
			err = &OutputGapError{Expected: a.inbox.next, Offset: exit.OutputEnd, Reason: "the output ended early"}
		} else if exit.OutputEnd < a.inbox.next {
			err = violation("the output ends at %d, but %d bytes came", exit.OutputEnd, a.inbox.next)
		}
	}
	a.result = err
	a.inbox.finish(err)
	if err == nil {
		err = a.noStdin("is closed: the process has ended")
	}
	a.sender.fail(err)
}

func (a *Attachment) noStdin(reason string) error {
	return protocol.NewRemoteError(protocol.ErrStdinClosed.Code, "stdin of process "+a.id+" "+reason, nil)
}
