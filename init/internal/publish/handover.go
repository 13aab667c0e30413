package publish

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// freezeTime is how long the ends of connections may take, in an upgrade, to take what was read for them. Those that do
// not take it are reset.
const freezeTime = time.Second

// Saved is what is handed over to the next program in an upgrade. Descriptors are numbers, -1 for none.
type Saved struct {
	Listeners   []SavedListener   `json:"listeners"`
	Connections []SavedConnection `json:"connections"`
}

// SavedListener is a port that is served.
type SavedListener struct {
	FD   int `json:"fd"`
	Port int `json:"port"`
}

// SavedConnection is one that is carried. In and Out are the directions that have ended.
type SavedConnection struct {
	OuterFD int  `json:"outer_fd"`
	InnerFD int  `json:"inner_fd"`
	Port    int  `json:"port"`
	In      bool `json:"in"`
	Out     bool `json:"out"`
}

// Freeze stops accepting and carrying, with everything that was read written. What comes meanwhile waits.
func (p *Ports) Freeze() {
	p.mu.Lock()
	p.stop()
	served := p.served
	for _, one := range served {
		one.listener.SetDeadline(past)
	}
	p.mu.Unlock()
	for _, one := range served {
		<-one.stopped
	}
	// There is nothing new from here on.
	p.mu.Lock()
	var carried []*carrier
	for one := range p.carried {
		carried = append(carried, one)
		one.outer.SetReadDeadline(past)
		if one.inner != nil {
			one.inner.SetReadDeadline(past)
		}
	}
	p.mu.Unlock()
	late := time.AfterFunc(freezeTime, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, one := range carried {
			select {
			case <-one.stopped:
			default:
				one.reset()
			}
		}
	})
	defer late.Stop()
	for _, one := range carried {
		<-one.stopped
	}
}

// Thaw goes on after a Freeze.
func (p *Ports) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.going, p.stop = context.WithCancel(context.Background())
	for _, one := range p.served {
		one.listener.SetDeadline(time.Time{})
		p.accept(one)
	}
	for one := range p.carried {
		one.outer.SetReadDeadline(time.Time{})
		if one.inner != nil {
			one.inner.SetReadDeadline(time.Time{})
		}
		p.carry(one)
	}
}

// Save describes frozen ports for the next program, and returns the descriptors that it names.
func (p *Ports) Save() (Saved, []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var saved Saved
	var fds []int
	number := func(socket syscall.Conn) int {
		fd := -1
		if raw, err := socket.SyscallConn(); err == nil {
			raw.Control(func(open uintptr) { fd = int(open) })
		}
		if fd >= 0 {
			fds = append(fds, fd)
		}
		return fd
	}
	for _, one := range p.served {
		saved.Listeners = append(saved.Listeners, SavedListener{number(one.listener), one.Port.Port})
	}
	for one := range p.carried {
		inner := -1
		if one.inner != nil {
			inner = number(one.inner)
		}
		saved.Connections = append(saved.Connections, SavedConnection{number(one.outer), inner, one.port, one.in, one.out})
	}
	return saved, fds
}

// Load goes on with what an earlier program in this process has saved. What cannot be taken over is said, and the rest is.
func (p *Ports) Load(saved Saved) {
	for _, one := range saved.Connections {
		c := &carrier{port: one.Port, outer: connection(one.OuterFD), inner: connection(one.InnerFD), in: one.In, out: one.Out}
		if c.outer == nil {
			if c.inner != nil {
				c.inner.Close()
			}
			continue
		}
		p.slots <- struct{}{}
		p.begin(c)
	}
	for _, one := range saved.Listeners {
		if _, failure := p.Add(one.Port, one.FD); failure != nil {
			fmt.Fprintf(os.Stderr, "nexus-init: a port to %d is lost: %v\n", one.Port, failure)
		}
	}
}

// connection makes a connection of a descriptor, and closes that; nil for none.
func connection(fd int) *net.TCPConn {
	if fd < 0 {
		return nil
	}
	file := os.NewFile(uintptr(fd), "connection")
	defer file.Close()
	found, err := net.FileConn(file)
	if err != nil {
		return nil
	}
	tcp, ok := found.(*net.TCPConn)
	if !ok {
		found.Close()
		return nil
	}
	return tcp
}
