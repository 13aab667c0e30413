package nexus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// signalTimeout bounds sending a signal, for the methods that take no context.
const signalTimeout = 30 * time.Second

// Signal is a signal to a process, by name without SIG. It implements os.Signal.
type Signal string

// The signals that a process can be sent.
const (
	SIGHUP   Signal = "HUP"
	SIGINT   Signal = "INT"
	SIGQUIT  Signal = "QUIT"
	SIGTERM  Signal = "TERM"
	SIGKILL  Signal = "KILL"
	SIGUSR1  Signal = "USR1"
	SIGUSR2  Signal = "USR2"
	SIGSTOP  Signal = "STOP"
	SIGCONT  Signal = "CONT"
	SIGWINCH Signal = "WINCH"
)

// Signal marks it as an os.Signal.
func (Signal) Signal() {}

// String returns the name, such as SIGTERM.
func (s Signal) String() string { return "SIG" + string(s) }

// signalNames translates what package syscall calls the signals that exist on every platform.
var signalNames = map[string]Signal{
	"interrupt": SIGINT, "killed": SIGKILL, "kill": SIGKILL, "terminated": SIGTERM, "hangup": SIGHUP, "quit": SIGQUIT,
	"user defined signal 1": SIGUSR1, "user defined signal 2": SIGUSR2, "stopped (signal)": SIGSTOP,
	"continued": SIGCONT, "window changed": SIGWINCH,
}

func signalOf(given os.Signal) (Signal, error) {
	if own, ok := given.(Signal); ok {
		return own, nil
	}
	if name, ok := signalNames[given.String()]; ok {
		return name, nil
	}
	return "", fmt.Errorf("signal %v cannot be sent to a process of a workspace", given)
}

// Process is a process that a Cmd has started.
type Process struct {
	// ID is its id with the daemon, by which it can be attached to while the daemon keeps it.
	ID string

	// Pid is its process id in the machine.
	Pid int

	conn *connection
}

// Kill ends the process and all its descendants at once. One that has ended already gives os.ErrProcessDone.
func (p *Process) Kill() error { return p.Signal(SIGKILL) }

// Signal sends a signal to the process, its group and all its descendants. It takes the signals of this package, and
// those of packages os and syscall that have an equal here. A process that has ended gives os.ErrProcessDone.
func (p *Process) Signal(sig os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), signalTimeout)
	defer cancel()
	name, err := signalOf(sig)
	if err != nil {
		return err
	}
	params := &protocol.ExecSignalParams{Process: p.ID, Signal: protocol.Signal(name)}
	_, err = call[protocol.Process](ctx, p.conn, "exec.signal", params, nil)
	if errors.Is(err, ErrProcessExited) {
		return os.ErrProcessDone
	}
	return err
}

// Resize tells the process's terminal its size. It fails with ErrNotATerminal where there is none.
func (p *Process) Resize(ctx context.Context, columns, rows int) error {
	return resize(ctx, p.conn, p.ID, columns, rows)
}

func resize(ctx context.Context, c *connection, process string, columns, rows int) error {
	size := protocol.PtySize{Cols: int64(columns), Rows: int64(rows)}
	params := &protocol.ExecResizeParams{Process: process, Size: size}
	_, err := call[protocol.Process](ctx, c, "exec.resize", params, nil)
	return err
}

// ProcessState says how a process ended.
type ProcessState struct {
	exit protocol.ExecExit
}

// ExitCode returns the exit code, or -1 where a signal ended the process.
func (s *ProcessState) ExitCode() int {
	if s == nil || s.exit.Exit.Code == nil {
		return -1
	}
	return int(*s.exit.Exit.Code)
}

// Exited reports whether the process ended by itself, not by a signal.
func (s *ProcessState) Exited() bool { return s.exit.Exit.Code != nil }

// Success reports whether the process ended with exit code 0.
func (s *ProcessState) Success() bool { return s.ExitCode() == 0 }

// Signal returns the signal that ended the process, or empty.
func (s *ProcessState) Signal() Signal {
	if s.exit.Exit.Signal == nil {
		return ""
	}
	return Signal(*s.exit.Exit.Signal)
}

// Reason returns why it ended: by itself, by a caller's signal, by its timeout, or with its workspace.
func (s *ProcessState) Reason() protocol.ExitReason { return s.exit.Exit.Reason }

// Pid returns the process id in the machine, or 0 where it is not known any more.
func (s *ProcessState) Pid() int {
	if s.exit.Process.PID == nil {
		return 0
	}
	return int(*s.exit.Process.PID)
}

// OutputEnd returns how many bytes it wrote, both channels.
func (s *ProcessState) OutputEnd() int64 { return s.exit.OutputEnd }

// OutputComplete is false where a descendant still held the pipe when the daemon's wait for it ended.
func (s *ProcessState) OutputComplete() bool { return s.exit.OutputComplete }

// Sys returns the daemon's own account, a protocol.ExecExit.
func (s *ProcessState) Sys() any { return s.exit }

// String says it in words, as package os does: "exit status 1", "signal: KILL".
func (s *ProcessState) String() string {
	switch {
	case s == nil:
		return "<nil>"
	case s.Reason() == protocol.ExitReasonTimeout:
		return "timed out"
	case s.Exited():
		return fmt.Sprintf("exit status %d", s.ExitCode())
	}
	return "signal: " + strings.TrimPrefix(string(s.Signal()), "SIG")
}

// ExitError means that a command did not end with exit code 0. Its cause is in ctx's error when CommandContext killed it.
type ExitError struct {
	*ProcessState

	// Stderr holds the first and the last part of what the command wrote to stderr, where Cmd.Output collected it.
	Stderr []byte

	cause error
}

// Error says how the command ended.
func (e *ExitError) Error() string { return e.ProcessState.String() }

// Unwrap returns the context's error when the command was killed because its context ended; else nil.
func (e *ExitError) Unwrap() error { return e.cause }

// ProcessListOptions says which processes to list.
type ProcessListOptions struct {
	// Running leaves out those that have ended.
	Running bool

	// Labels leaves out those that do not have all of these.
	Labels map[string]string
}

// Processes yields the processes of the workspace, newest first, whoever started them.
func (w *Workspace) Processes(ctx context.Context, options ProcessListOptions) iter.Seq2[protocol.Process, error] {
	return listOnce(func() ([]protocol.Process, error) {
		params := &protocol.ExecListParams{Workspace: w.ID(), Running: options.Running, Labels: options.Labels}
		listed, err := call[protocol.ExecList](ctx, w.conn, "exec.list", params, nil)
		return listed.Processes, err
	})
}

// Process returns one process by its id.
func (w *Workspace) Process(ctx context.Context, id string) (protocol.Process, error) {
	return call[protocol.Process](ctx, w.conn, "exec.get", &protocol.ExecGetParams{Process: id}, nil)
}

// SignalProcess sends a signal to a process, its group and all its descendants.
func (w *Workspace) SignalProcess(ctx context.Context, id string, sig Signal) error {
	params := &protocol.ExecSignalParams{Process: id, Signal: protocol.Signal(sig)}
	_, err := call[protocol.Process](ctx, w.conn, "exec.signal", params, nil)
	return err
}

// RemoveProcess forgets an ended process and its output.
func (w *Workspace) RemoveProcess(ctx context.Context, id string) error {
	_, err := call[protocol.Empty](ctx, w.conn, "exec.remove", &protocol.ExecRemoveParams{Process: id}, nil)
	return err
}

// WaitProcess waits until a process has ended, for as long as ctx allows, and returns its record.
func (w *Workspace) WaitProcess(ctx context.Context, id string) (protocol.Process, error) {
	for {
		step := protocol.Ptr((5 * time.Minute).Milliseconds())
		params := &protocol.ExecWaitParams{Process: id, TimeoutMS: step}
		found, err := call[protocol.Process](ctx, w.conn, "exec.wait", params, nil)
		if err != nil || found.State != protocol.ProcessStateRunning {
			return found, err
		}
	}
}
