package nexus

import (
	"net"
	"sync"
)

// corkLimit is how much is held back at most.
const corkLimit = 64 * 1024

// corkConn holds small writes back while it is told to, so that a batch of messages, or one large one that the WebSocket
// layer cuts into pieces of 4 KiB, takes one system call instead of many.
type corkConn struct {
	net.Conn

	mu   sync.Mutex
	held *[]byte // what is held back; nil while nothing is to be
}

var corkBuffers = sync.Pool{New: func() any { buffer := make([]byte, 0, corkLimit); return &buffer }}

// Write writes p, or holds it back.
func (c *corkConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return c.Conn.Write(p)
	}
	if len(*c.held)+len(p) > corkLimit {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) >= corkLimit {
		return c.Conn.Write(p)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

func (c *corkConn) cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = corkBuffers.Get().(*[]byte)
	}
}

func (c *corkConn) uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return nil
	}
	err := c.flush()
	*c.held = (*c.held)[:0]
	corkBuffers.Put(c.held)
	c.held = nil
	return err
}

func (c *corkConn) flush() error {
	if len(*c.held) == 0 {
		return nil
	}
	_, err := c.Conn.Write(*c.held)
	*c.held = (*c.held)[:0]
	return err
}
