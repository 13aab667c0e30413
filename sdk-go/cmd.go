package nexus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// Cmd is a command in a workspace, with the fields and methods of os/exec.Cmd. Make one with Workspace.Command or
// Workspace.CommandContext, and use it once.
//
// It differs from os/exec where the machine is another one: Path is looked up there; Env is added to the workspace's
// environment; Dir is relative to the workspace's root; and a broken connection is survived, with no byte lost or
// doubled in either direction.
type Cmd struct {
	// Path is the program, looked up in the PATH of the workspace when it has no slash.
	Path string

	// Args holds the command line, with Path as Args[0]. No shell interprets it.
	Args []string

	// Env is added to the workspace's environment, each entry as "key=value"; the last one of a key counts.
	Env []string

	// Dir is where the command runs, relative to the workspace's root; empty for the root.
	Dir string

	// Stdin is what the command reads; nil gives it a closed stdin. Wait does not wait for a Read of it that is under
	// way when the command ends.
	Stdin io.Reader

	// Stdout and Stderr take what the command writes; nil drops it. When both are the same, one goroutine at a time
	// writes, in the order in which the daemon read the output.
	Stdout io.Writer
	Stderr io.Writer

	// Process is set by Start.
	Process *Process

	// ProcessState is set by Wait and Run.
	ProcessState *ProcessState

	// Cancel is called when the context of CommandContext ends; nil kills the command.
	Cancel func() error

	// WaitDelay bounds how long Wait goes on after the context ended; when it passes, the command is killed, and what
	// is left of it is given up with an *InterruptedError. 0 waits on.
	WaitDelay time.Duration

	// Terminal gives the command a terminal of this size. Everything it writes then comes to Stdout.
	Terminal *protocol.PtySize

	// Timeout is how long the command may run; the daemon kills it then. 0 sets no limit.
	Timeout time.Duration

	// Labels are labels to find the process by.
	Labels map[string]string

	// LogLimit is how much output the daemon keeps, in bytes; 0 stands for 16 MiB.
	LogLimit int64

	// Key makes starting again safe: the same key starts nothing twice. Empty makes a random one.
	Key string

	ctx        context.Context
	workspace  *Workspace
	attachment *Attachment
	pipes      []*io.PipeReader
	stdinPipe  bool
	pumped     chan error
	waited     bool
	stderrTail *edges
	watch      *watcher
}

// Command returns a Cmd that runs name with args in the workspace.
func (w *Workspace) Command(name string, args ...string) *Cmd {
	return &Cmd{Path: name, Args: append([]string{name}, args...), workspace: w, ctx: context.Background()}
}

// CommandContext is like Command, but the command and its descendants are killed when ctx ends before the command does.
// An *ExitError then matches ctx's error too. To follow a process without that, see Attach.
func (w *Workspace) CommandContext(ctx context.Context, name string, args ...string) *Cmd {
	c := w.Command(name, args...)
	c.ctx = ctx
	return c
}

// String returns the command line, for people.
func (c *Cmd) String() string { return strings.Join(c.argv(), " ") }

// Environ returns a copy of Env: what is added to the workspace's environment.
func (c *Cmd) Environ() []string { return append([]string(nil), c.Env...) }

func (c *Cmd) argv() []string {
	if len(c.Args) == 0 {
		return []string{c.Path}
	}
	return append([]string{c.Path}, c.Args[1:]...)
}

// Run starts the command and waits for it. The error is nil when it ended with exit code 0, an *ExitError when it ended
// otherwise, and another when it could not be run or followed.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the command and returns what it wrote to stdout. Where Stderr is nil, an *ExitError has some of stderr.
func (c *Cmd) Output() ([]byte, error) {
	if c.Stdout != nil {
		return nil, errors.New("nexus: Stdout already set")
	}
	var stdout bytes.Buffer
	c.Stdout = &stdout
	if c.Stderr == nil {
		c.stderrTail = &edges{limit: 32 << 10}
		c.Stderr = c.stderrTail
	}
	err := c.Run()
	var exit *ExitError
	if errors.As(err, &exit) && c.stderrTail != nil {
		exit.Stderr = c.stderrTail.Bytes()
	}
	return stdout.Bytes(), err
}

// CombinedOutput runs the command and returns what it wrote to stdout and stderr, in the order in which the daemon read it.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	if c.Stdout != nil || c.Stderr != nil {
		return nil, errors.New("nexus: Stdout or Stderr already set")
	}
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	err := c.Run()
	return output.Bytes(), err
}

// StdinPipe returns a pipe to the command's stdin. Closing it ends the input; Wait closes it too.
func (c *Cmd) StdinPipe() (io.WriteCloser, error) {
	if c.Stdin != nil || c.stdinPipe {
		return nil, errors.New("nexus: Stdin already set")
	}
	if c.Process != nil {
		return nil, errors.New("nexus: StdinPipe after process started")
	}
	c.stdinPipe = true
	return &lateStdin{cmd: c}, nil
}

// lateStdin is a stdin that exists before the process does.
type lateStdin struct{ cmd *Cmd }

func (s *lateStdin) Write(p []byte) (int, error) {
	if s.cmd.attachment == nil {
		return 0, errors.New("nexus: write to StdinPipe before Start")
	}
	return s.cmd.attachment.Stdin().Write(p)
}

func (s *lateStdin) Close() error {
	if s.cmd.attachment == nil {
		return nil
	}
	return s.cmd.attachment.Stdin().Close()
}

// StdoutPipe returns a pipe from the command's stdout. Wait closes it, so read to its end before calling Wait.
func (c *Cmd) StdoutPipe() (io.ReadCloser, error) {
	if c.Stdout != nil {
		return nil, errors.New("nexus: Stdout already set")
	}
	return c.newPipe("StdoutPipe", &c.Stdout)
}

// StderrPipe returns a pipe from the command's stderr. Wait closes it, so read to its end before calling Wait.
func (c *Cmd) StderrPipe() (io.ReadCloser, error) {
	if c.Stderr != nil {
		return nil, errors.New("nexus: Stderr already set")
	}
	return c.newPipe("StderrPipe", &c.Stderr)
}

func (c *Cmd) newPipe(method string, to *io.Writer) (io.ReadCloser, error) {
	if c.Process != nil {
		return nil, fmt.Errorf("nexus: %s after process started", method)
	}
	reader, writer := io.Pipe()
	c.pipes = append(c.pipes, reader)
	*to = writer
	return reader, nil
}

// Start starts the command and returns when it runs. Errors are ErrCommandNotFound, ErrCwdInvalid, ErrSpawnFailed,
// ErrWorkspaceState where the workspace does not run, or of the connection.
func (c *Cmd) Start() error {
	if c.Process != nil {
		return errors.New("nexus: already started")
	}
	if err := c.ctx.Err(); err != nil {
		return &InterruptedError{Method: "exec.start", Err: err}
	}
	record, err := c.launch()
	if err != nil {
		return err
	}
	c.Process = &Process{ID: record.ID, conn: c.workspace.conn}
	if record.PID != nil {
		c.Process.Pid = int(*record.PID)
	}
	c.attachment = newAttachment(c.workspace.conn, record.ID, AttachOptions{})
	if err := c.attachment.start(c.ctx); err != nil {
		_ = c.Process.Kill() // what went wrong already must not be hidden by what goes wrong afterwards
		return err
	}
	c.pumped = make(chan error, 1)
	go func() { c.pumped <- c.attachment.pump(c.Stdout, c.Stderr) }()
	if c.Stdin != nil {
		go c.feed()
	}
	c.watch = newWatcher(c)
	return nil
}

// launch calls exec.start. A context that ends meanwhile does not leave a process behind: the call is finished, and what
// it started is killed.
func (c *Cmd) launch() (protocol.Process, error) {
	params := &protocol.ExecStartParams{
		Workspace: c.workspace.ID(), Argv: c.argv(), Cwd: c.Dir, PTY: c.Terminal,
		Stdin: c.Stdin != nil || c.stdinPipe, TimeoutMS: milliseconds(c.Timeout), LogLimit: c.LogLimit,
		Labels: c.Labels, Key: c.Key,
	}
	for _, entry := range c.Env {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return protocol.Process{}, fmt.Errorf("nexus: %q in Env is not key=value", entry)
		}
		if params.Env == nil {
			params.Env = map[string]string{}
		}
		params.Env[name] = value
	}
	conn := c.workspace.conn
	type outcome struct {
		record protocol.Process
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		record, err := call[protocol.Process](context.WithoutCancel(c.ctx), conn, "exec.start", params, nil)
		done <- outcome{record, err}
	}()
	select {
	case started := <-done:
		return started.record, started.err
	case <-c.ctx.Done():
		go func() {
			if started := <-done; started.err == nil {
				_ = (&Process{ID: started.record.ID, conn: conn}).Kill()
			}
		}()
		return protocol.Process{}, &InterruptedError{Method: "exec.start", MayHaveRun: true, Err: c.ctx.Err()}
	}
}

// milliseconds rounds up, so that a duration above 0 never becomes the 0 that means none.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

func (c *Cmd) feed() {
	stdin := c.attachment.Stdin()
	_, err := io.Copy(stdin, c.Stdin)
	if err == nil || !errors.Is(err, ErrStdinClosed) {
		_ = stdin.Close()
	}
}

// Wait waits until the command has ended and all its output was written to Stdout and Stderr. It returns as Run does.
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return errors.New("nexus: not started")
	}
	if c.waited {
		return errors.New("nexus: Wait was already called")
	}
	c.waited = true
	if c.stdinPipe {
		defer c.attachment.sender.closeInput()
	}
	<-c.attachment.over
	for _, pipe := range c.pipes {
		_ = pipe.Close()
	}
	pumpError := <-c.pumped
	cause := c.watch.stop()
	state, err := c.attachment.Wait()
	if err != nil {
		return errors.Join(err, cause)
	}
	c.ProcessState = state
	if !state.Success() {
		return &ExitError{ProcessState: state, cause: cause}
	}
	return errors.Join(pumpError, cause)
}

// Reconnects returns how often the command was followed again after a broken connection.
func (c *Cmd) Reconnects() int {
	if c.attachment == nil {
		return 0
	}
	return c.attachment.Reconnects()
}

// watcher ends a command whose context has ended.
type watcher struct {
	cmd      *Cmd
	finished chan struct{}
	stopped  sync.Once
	cause    error
	done     chan struct{}
}

func newWatcher(c *Cmd) *watcher {
	w := &watcher{cmd: c, finished: make(chan struct{}), done: make(chan struct{})}
	if c.ctx.Done() == nil {
		close(w.done)
		return w
	}
	go w.run()
	return w
}

func (w *watcher) run() {
	defer close(w.done)
	select {
	case <-w.finished:
		return
	case <-w.cmd.ctx.Done():
	}
	w.cause = w.cmd.ctx.Err()
	cancel := w.cmd.Cancel
	if cancel == nil {
		cancel = w.cmd.Process.Kill
	}
	switch err := cancel(); {
	case errors.Is(err, os.ErrProcessDone):
		w.cause = nil
	case err != nil:
		w.cause = errors.Join(w.cause, err)
	}
	if w.cmd.WaitDelay == 0 {
		return
	}
	select {
	case <-w.finished:
	case <-time.After(w.cmd.WaitDelay):
		_ = w.cmd.Process.Kill() // the attachment is left all the same
		w.cmd.attachment.leave(w.cmd.ctx.Err())
	}
}

// stop ends the watch and returns why it ended the command, nil when it did not.
func (w *watcher) stop() error {
	w.stopped.Do(func() { close(w.finished) })
	<-w.done
	return w.cause
}

// edges keeps the first and the last bytes of what is written to it.
type edges struct {
	limit   int
	head    []byte
	tail    []byte
	skipped int64
}

// Write keeps what fits.
func (e *edges) Write(p []byte) (int, error) {
	size := len(p)
	if room := e.limit - len(e.head); room > 0 {
		taken := min(room, len(p))
		e.head = append(e.head, p[:taken]...)
		p = p[taken:]
	}
	e.tail = append(e.tail, p...)
	if over := len(e.tail) - e.limit; over > 0 {
		e.skipped += int64(over)
		e.tail = append(e.tail[:0], e.tail[over:]...)
	}
	return size, nil
}

// Bytes returns what was kept, with a note of what was left out.
func (e *edges) Bytes() []byte {
	out := append([]byte(nil), e.head...)
	if e.skipped > 0 {
		out = fmt.Appendf(out, "\n... %d bytes left out ...\n", e.skipped)
	}
	return append(out, e.tail...)
}
