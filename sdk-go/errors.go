package nexus

import (
	"errors"
	"fmt"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// RemoteError is an error that the daemon answered with; see protocol.RemoteError. Which one it is says errors.Is with
// the Err values of this package.
type RemoteError = protocol.RemoteError

// ErrClosed is the error of everything that is under way, or begun, after Client.Close.
var ErrClosed = errors.New("nexus: the client is closed")

// ErrDaemonNotFound means that no URL was given and there is no socket of a daemon.
var ErrDaemonNotFound = errors.New("nexus: no daemon found")

// ConnectError means that no connection could be made; nothing was sent.
type ConnectError struct {
	// Address is where the daemon was looked for.
	Address string

	// Status is the HTTP status with which the connection was refused; 0 when there was no answer.
	Status int

	// Hint says what to try next; it may be empty.
	Hint string

	// Err is the cause: of the network, or a *RemoteError.
	Err error
}

// Error says where to and why.
func (e *ConnectError) Error() string { return fmt.Sprintf("connecting to %s: %v", e.Address, e.Err) }

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// ConnectionLostError means that the connection broke and did not come back in time, or came back too late for this call.
type ConnectionLostError struct {
	// What was under way: the name of a method, or empty.
	Method string

	// MayHaveRun is true when the call had been sent and its answer is lost: it had its effect, or it had not.
	MayHaveRun bool

	// Err is the cause.
	Err error
}

// Error says what was under way and why it ended.
func (e *ConnectionLostError) Error() string {
	if e.Method == "" {
		return fmt.Sprintf("connection lost: %v", e.Err)
	}
	return fmt.Sprintf("connection lost during %s: %v", e.Method, e.Err)
}

// Unwrap returns the cause.
func (e *ConnectionLostError) Unwrap() error { return e.Err }

// InterruptedError means that this side gave a call up: its context ended, or the client was closed. The connection goes
// on, and the daemon was told to cancel. It matches ErrClosed, context.Canceled or context.DeadlineExceeded.
type InterruptedError struct {
	// Method is what was under way.
	Method string

	// MayHaveRun is true when the call had been sent.
	MayHaveRun bool

	// Err is the context's error, or ErrClosed.
	Err error
}

// Error says what was given up and why.
func (e *InterruptedError) Error() string { return fmt.Sprintf("%s: %v", e.Method, e.Err) }

// Unwrap returns the context's error, or ErrClosed.
func (e *InterruptedError) Unwrap() error { return e.Err }

// Timeout reports whether a deadline was the reason; it makes the error a net.Error's equal.
func (e *InterruptedError) Timeout() bool {
	var timeout interface{ Timeout() bool }
	return errors.As(e.Err, &timeout) && timeout.Timeout()
}

// CallTimeoutError means that a call was not answered within the deadline that the schema gives it. The connection goes
// on, and the daemon was told to cancel.
type CallTimeoutError struct {
	// Method is what was called.
	Method string

	// After is the deadline.
	After time.Duration

	// MayHaveRun is true when the call had been sent.
	MayHaveRun bool
}

// Error says what was not answered, and for how long.
func (e *CallTimeoutError) Error() string {
	return fmt.Sprintf("%s was not answered within %v", e.Method, e.After)
}

// Timeout returns true.
func (e *CallTimeoutError) Timeout() bool { return true }

// ProtocolError means that the peer sent what the schema does not allow: another program answers, or a broken one.
type ProtocolError struct {
	// MayHaveRun is true when a call had been sent whose answer cannot be had: it had its effect, or it had not.
	MayHaveRun bool

	// Err says what was wrong.
	Err error
}

// Error says what was wrong.
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("the daemon broke the protocol: %v", e.Err)
}

// Unwrap returns what was wrong.
func (e *ProtocolError) Unwrap() error { return e.Err }

// brokenOff returns the error of what was under way on a connection that ended because of cause: a *ProtocolError where
// the peer broke the protocol, else a *ConnectionLostError.
func brokenOff(method string, mayHaveRun bool, cause error) error {
	var broken *ProtocolError
	if errors.As(cause, &broken) {
		return &ProtocolError{MayHaveRun: mayHaveRun, Err: broken.Err}
	}
	return &ConnectionLostError{Method: method, MayHaveRun: mayHaveRun, Err: cause}
}

func violation(format string, args ...any) *ProtocolError {
	return &ProtocolError{Err: fmt.Errorf(format, args...)}
}

// OutputGapError means that bytes of a stream are gone: what follows cannot be joined to what was read.
type OutputGapError struct {
	// Expected is the offset of the first byte that is missing.
	Expected int64

	// Offset is where bytes are available again.
	Offset int64

	// Reason says why, where it is known.
	Reason string
}

// Error says which bytes are missing.
func (e *OutputGapError) Error() string {
	text := fmt.Sprintf("bytes from %d to %d are missing", e.Expected, e.Offset)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// MayHaveRun reports whether a call that failed with err may have had its effect all the same. Where it is true, look at
// the state of the thing before calling again, or call with a key.
func MayHaveRun(err error) bool {
	var remote *RemoteError
	var lost *ConnectionLostError
	var interrupted *InterruptedError
	var timeout *CallTimeoutError
	var broken *ProtocolError
	switch {
	case errors.As(err, &remote):
		return remote.MayHaveRun
	case errors.As(err, &broken):
		return broken.MayHaveRun
	case errors.As(err, &lost):
		return lost.MayHaveRun
	case errors.As(err, &interrupted):
		return interrupted.MayHaveRun
	case errors.As(err, &timeout):
		return timeout.MayHaveRun
	}
	return false
}

// ErrorName returns the stable name of an error, the same in every language: that of the schema for a *RemoteError, else
// connection_failed, daemon_not_found, connection_lost, connection_closed, call_timeout, cancelled, protocol_violation or
// output_gap. It is empty for an error that is not of this package.
func ErrorName(err error) string {
	var remote *RemoteError
	var gap *OutputGapError
	var lost *ConnectionLostError
	var broken *ProtocolError
	var failed *ConnectError
	var interrupted *InterruptedError
	var timeout *CallTimeoutError
	switch {
	case errors.As(err, &remote):
		return remote.Name
	case errors.As(err, &gap):
		return "output_gap"
	case errors.As(err, &lost):
		return "connection_lost"
	case errors.As(err, &broken):
		return "protocol_violation"
	case errors.Is(err, ErrDaemonNotFound):
		return "daemon_not_found"
	case errors.As(err, &failed):
		return "connection_failed"
	case errors.Is(err, ErrClosed):
		return "connection_closed"
	case errors.As(err, &timeout), errors.As(err, &interrupted) && interrupted.Timeout():
		return "call_timeout"
	case interrupted != nil:
		return "cancelled"
	}
	return ""
}
