package publish

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"

	"github.com/nexus-workspaces/nexus/init/internal/dial"
)

// carrier carries one connection, in both directions. Each ends for itself, as those of a connection do.
type carrier struct {
	port int
	// outer comes from the node. inner goes to a server on our loopback; it is nil until it is made, under the lock.
	outer, inner *net.TCPConn
	// in and out say which directions have ended.
	in, out bool
	// stopped is closed when nothing is carried any more: it has ended, or was frozen.
	stopped chan struct{}
}

// begin begins to carry a connection, for which there is a slot.
func (p *Ports) begin(c *carrier) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.carried[c] = struct{}{}
	p.carry(c)
}

// carry carries a connection until it ends or is frozen. The lock is held.
func (p *Ports) carry(c *carrier) {
	c.stopped = make(chan struct{})
	going := p.going
	go func() {
		defer close(c.stopped)
		if p.connected(going, c) && c.both() {
			p.end(c)
		}
	}()
}

// connected makes the inner half, if need be. Where nobody listens, whoever came is told by a reset, as without us.
func (p *Ports) connected(going context.Context, c *carrier) bool {
	if c.inner == nil {
		inner, _, failure := dial.Loopback(going, c.port)
		if failure != nil {
			if going.Err() == nil {
				c.outer.SetLinger(0)
				p.end(c)
			}
			return false
		}
		p.mu.Lock()
		c.inner = inner
		p.mu.Unlock()
	}
	// Whoever freezes us sees the inner half, or we see that.
	return going.Err() == nil
}

// both carries both directions, and says whether they have ended.
func (c *carrier) both() bool {
	var others sync.WaitGroup
	others.Add(1)
	go func() {
		defer others.Done()
		c.half(c.outer, c.inner, &c.out)
	}()
	c.half(c.inner, c.outer, &c.in)
	others.Wait()
	return c.in && c.out
}

// half carries one direction to its end. Where that is no proper one, the other direction ends with it.
func (c *carrier) half(to, from *net.TCPConn, done *bool) {
	if *done {
		return
	}
	_, err := io.Copy(to, from)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return // frozen, with everything that was read written
	}
	*done = true
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil {
		c.reset()
	}
}

// reset ends a connection at once, and lets both ends know.
func (c *carrier) reset() {
	for _, side := range []*net.TCPConn{c.outer, c.inner} {
		if side != nil {
			side.SetLinger(0)
			side.Close()
		}
	}
}

// end lets go of a connection.
func (p *Ports) end(c *carrier) {
	c.outer.Close()
	if c.inner != nil {
		c.inner.Close()
	}
	p.mu.Lock()
	delete(p.carried, c)
	p.mu.Unlock()
	<-p.slots
}
