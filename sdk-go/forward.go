package nexus

import (
	"context"
	"io"
	"iter"
	"net"
	"strconv"
	"sync"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// Ports yields the ports that are allocated to the workspace, and those that its processes listen on.
func (w *Workspace) Ports(ctx context.Context) iter.Seq2[protocol.ListeningPort, error] {
	return listOnce(func() ([]protocol.ListeningPort, error) {
		params := &protocol.PortListParams{Workspace: w.id}
		listed, err := call[protocol.PortList](ctx, w.conn, "port.list", params, nil)
		return listed.Ports, err
	})
}

// Forwarder listens here and carries each connection to a port of a workspace.
type Forwarder struct {
	workspace *Workspace
	listener  net.Listener
	target    string
	ctx       context.Context
	cancel    context.CancelFunc
	carried   sync.WaitGroup

	mu  sync.Mutex
	err error
}

// Forward listens at a local address, such as "127.0.0.1:0" for a free port, and carries each connection to a port of
// the workspace, until ctx ends or Close is called. Anybody who reaches the address reaches the workspace.
func (w *Workspace) Forward(ctx context.Context, address string, port int) (*Forwarder, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	f := &Forwarder{workspace: w, listener: listener, target: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	f.ctx, f.cancel = context.WithCancel(ctx)
	context.AfterFunc(f.ctx, func() { _ = listener.Close() })
	f.carried.Add(1)
	go f.accept()
	return f, nil
}

// Addr returns the address that accepts connections here.
func (f *Forwarder) Addr() net.Addr { return f.listener.Addr() }

// LastError returns why the last connection that failed did; nil while none has.
func (f *Forwarder) LastError() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Close stops accepting, closes every connection and waits until all are closed.
func (f *Forwarder) Close() error {
	f.cancel()
	f.carried.Wait()
	return nil
}

func (f *Forwarder) accept() {
	defer f.carried.Done()
	for {
		local, err := f.listener.Accept()
		if err != nil {
			f.cancel()
			return
		}
		f.carried.Add(1)
		go f.carry(local)
	}
}

func (f *Forwarder) carry(local net.Conn) {
	defer f.carried.Done()
	defer func() { _ = local.Close() }()
	remote, err := f.workspace.DialContext(f.ctx, "tcp", f.target)
	if err != nil {
		f.note(err)
		return
	}
	defer func() { _ = remote.Close() }()
	stop := context.AfterFunc(f.ctx, func() {
		_ = local.Close()
		_ = remote.Close()
	})
	defer stop()
	up := make(chan struct{})
	go func() {
		defer close(up)
		f.copyHalf(remote, local)
	}()
	f.copyHalf(local, remote)
	<-up
}

// copyHalf carries one direction to its end, and closes both ends where it breaks.
func (f *Forwarder) copyHalf(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if err == nil {
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			err = half.CloseWrite()
		}
	}
	if err != nil {
		f.note(err)
		_ = to.Close()
		_ = from.Close()
	}
}

func (f *Forwarder) note(err error) {
	if f.ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}
