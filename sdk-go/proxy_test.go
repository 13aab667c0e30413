package nexus_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy carries TCP connections to the daemon and cuts them, in the middle of whatever is on its way, each time so many
// bytes have passed in either direction.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns map[net.Conn]bool
	every int // bytes between two cuts
	left  int // bytes until the next one
	cuts  int // how many are still to be made
	made  int
}

func newProxy(t testing.TB, cuts, every int) *proxy {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	parsed := must[*url.URL](t)(url.Parse(world.url))
	p := &proxy{listener: listener, target: parsed.Host, conns: map[net.Conn]bool{}, every: every, left: every, cuts: cuts}
	go p.accept()
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cut()
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		go p.carry(client, server)
		go p.carry(server, client)
	}
}

func (p *proxy) carry(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			n, err = p.spend(n, err)
			if _, failed := to.Write(buffer[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

// spend counts bytes and returns how many of them still pass before the next cut.
func (p *proxy) spend(n int, err error) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts == 0 || n < p.left {
		p.left -= n
		return n, err
	}
	n, p.left = p.left, p.every
	p.cuts--
	p.made++
	p.cut()
	return n, io.ErrUnexpectedEOF
}

// cut breaks every connection without a farewell.
func (p *proxy) cut() {
	for conn := range p.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	clear(p.conns)
}

func (p *proxy) cutsMade() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made
}
