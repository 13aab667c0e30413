package nexus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

const (
	tunnelWindow = 1 << 20

	// lingerTime is how long a closed tunnel may take to deliver what was written before.
	lingerTime = 5 * time.Second
)

// Conn is one TCP connection to a port of a workspace. It is a net.Conn whose halves close alone. TCP cannot be resumed:
// when the connection to the daemon breaks, reading and writing fail with ErrTunnelLost.
type Conn struct {
	stream
	noEvents

	workspace string
	port      int
	inbox     inbox
	sender    sender
	closed    atomic.Bool
	reads     deadline
	writes    deadline
}

// DialContext connects to a port of the workspace; it can be the DialContext of an http.Transport. The network is tcp,
// tcp4 or tcp6, and the host of the address this machine's or the workspace's name for itself: localhost, a loopback
// address, the workspace's name or id, or nothing. ctx bounds connecting alone.
//
// Errors are ErrPortRefused where nothing accepts connections, and ErrPortForbidden where the port does not belong to the
// workspace, in a *net.OpError.
func (w *Workspace) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	failed := func(err error) error { return &net.OpError{Op: "dial", Net: network, Err: err} }
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, failed(net.UnknownNetworkError(network))
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, failed(err)
	}
	port, err := strconv.Atoi(service)
	if err != nil || port < 1 || port > 65535 {
		text := fmt.Sprintf("%s: a port from 1 to 65535 is needed", address)
		return nil, failed(protocol.NewRemoteError(protocol.ErrInvalidParams.Code, text, nil))
	}
	ip := net.ParseIP(host)
	if host != "" && host != "localhost" && host != w.id && host != w.Name() && (ip == nil || !ip.IsLoopback()) {
		return nil, failed(&net.AddrError{Err: "only the workspace's own loopback can be reached", Addr: address})
	}
	c := &Conn{workspace: w.id, port: port}
	c.stream.init(w.conn, "port.forward", c, false)
	c.lost = c.tunnelLost
	c.inbox.init(&c.mu, tunnelWindow, c.grant, wire.Down)
	c.sender.init(&c.stream, false)
	if err := c.start(ctx); err != nil {
		return nil, failed(err)
	}
	return c, nil
}

// Read reads what has come, waiting for at least a byte.
func (c *Conn) Read(p []byte) (int, error) {
	passed := c.reads.passed()
	if len(p) == 0 {
		return 0, nil
	}
	select {
	case <-passed:
		return 0, c.failed("read", os.ErrDeadlineExceeded)
	default:
	}
	n, err := c.inbox.read(wire.Down, p, passed, deadlineExceeded)
	return n, c.failed("read", err)
}

// Write sends bytes, waiting while the other side does not read.
func (c *Conn) Write(p []byte) (int, error) {
	passed := c.writes.passed()
	select {
	case <-passed:
		return 0, c.failed("write", os.ErrDeadlineExceeded)
	default:
	}
	n, err := c.sender.write(p, -1, passed, deadlineExceeded)
	return n, c.failed("write", err)
}

func deadlineExceeded() error { return os.ErrDeadlineExceeded }

func (c *Conn) failed(op string, err error) error {
	switch {
	case err == nil || err == io.EOF && !c.closed.Load():
		return err
	case c.closed.Load():
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: c.RemoteAddr(), Err: err}
}

// CloseWrite ends this half; the other one goes on. Ending it twice does nothing.
func (c *Conn) CloseWrite() error {
	c.sender.closeInput()
	return nil
}

// Close closes both halves. What was written before is still delivered.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.sender.closeInput()
	c.mu.Lock()
	c.inbox.drop(wire.Down)
	c.sender.fail(net.ErrClosed)
	c.mu.Unlock()
	go func() {
		timer := time.NewTimer(lingerTime)
		defer timer.Stop()
		select {
		case <-c.over:
		case <-timer.C:
			c.stop()
		}
	}()
	return nil
}

// LocalAddr returns the address of this end, which has none of its own.
func (c *Conn) LocalAddr() net.Addr { return tunnelAddr("nexus:" + c.workspace) }

// RemoteAddr returns the address of the port on the workspace's loopback.
func (c *Conn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.port} }

type tunnelAddr string

func (a tunnelAddr) Network() string { return "tcp" }
func (a tunnelAddr) String() string  { return string(a) }

// SetDeadline sets both deadlines; the zero time removes them.
func (c *Conn) SetDeadline(t time.Time) error {
	c.reads.set(t)
	c.writes.set(t)
	return nil
}

// SetReadDeadline sets the time after which Read fails with os.ErrDeadlineExceeded.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.reads.set(t)
	return nil
}

// SetWriteDeadline sets the time after which Write fails with os.ErrDeadlineExceeded.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writes.set(t)
	return nil
}

// what the tunnel says of itself as a stream

func (c *Conn) params() any {
	return &protocol.PortForwardParams{Workspace: c.workspace, Port: int64(c.port), Window: c.inbox.nextWindow()}
}

func (c *Conn) onOpen(info json.RawMessage, _ bool) error {
	var open protocol.PortForwardOpen
	if err := open.UnmarshalJSON(info); err != nil {
		return err
	}
	if err := c.inbox.attach(0, false); err != nil {
		return err
	}
	return c.sender.attach(0, open.Window)
}

func (c *Conn) onLost() { c.sender.detach() }

func (c *Conn) refused(err error) error { return err }

func (c *Conn) data(channel uint8, offset int64, payload []byte) error {
	return c.inbox.data(channel, offset, payload)
}

func (c *Conn) eof(channel uint8, offset int64) error { return c.inbox.eof(channel, offset) }

func (c *Conn) credit(limit int64) error { return c.sender.credit(limit) }

func (c *Conn) tunnelLost(cause error) error {
	text := fmt.Sprintf("the tunnel to port %d broke: %v", c.port, cause)
	return protocol.NewRemoteError(protocol.ErrTunnelLost.Code, text, nil)
}

func (c *Conn) ended(_ json.RawMessage, err error) {
	var lost *ConnectionLostError
	if errors.As(err, &lost) {
		err = c.tunnelLost(lost.Err)
	}
	c.inbox.finish(err)
	if err == nil {
		err = io.ErrClosedPipe
	}
	c.sender.fail(err)
}

// deadline is a point in time that can be moved while somebody waits for it.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	over  chan struct{}
}

// passed returns a channel that is closed when the deadline passes.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current()
}

func (d *deadline) current() chan struct{} {
	if d.over == nil {
		d.over = make(chan struct{})
	}
	return d.over
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	over := d.current()
	select {
	case <-over:
		over = make(chan struct{})
		d.over = over
	default:
	}
	if t.IsZero() {
		return
	}
	if wait := time.Until(t); wait > 0 {
		// A timer that fires while it is being replaced must not close the channel that was made for its successor.
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.timer == timer {
				close(over)
				d.timer = nil
			}
		})
		d.timer = timer
		return
	}
	close(over)
}
