// Package publish serves ports of the node: it accepts on listening sockets that the daemon hands over, and carries each
// connection to a port of our own loopback. The sockets belong to the node's network, we to the machine's. So a port is
// served for as long as we live, whether a daemon is there or not, and also where the server listens on loopback alone.
package publish

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

const (
	// mostConnections is how many are carried at once; whoever comes then waits in the sockets' backlogs.
	mostConnections = 1024
	// descriptorsEach is how many one takes, two sockets and two pipes, and as many again that are left for what else we do.
	descriptorsEach = 12
	// longestPause is between two attempts to accept, where descriptors are used up.
	longestPause = time.Second
)

// past is a deadline that ends what waits.
var past = time.Unix(1, 0)

// Port is one that is served.
type Port struct {
	// Address is where it is on the node.
	Address string `json:"address"`
	// Port is where its connections go.
	Port int `json:"port"`
}

// Ports are all of them. The zero value is not usable; see New.
type Ports struct {
	// slots holds a token for each connection.
	slots chan struct{}

	// mu guards what follows.
	mu      sync.Mutex
	served  []*served
	carried map[*carrier]struct{}
	// going is done while nothing is accepted or carried, because another program is about to take over.
	going context.Context
	stop  context.CancelFunc
}

// served is a port and its socket.
type served struct {
	Port
	listener *net.TCPListener
	// stopped is closed when nothing is accepted any more.
	stopped chan struct{}
}

// New returns Ports with nothing in them.
func New() *Ports {
	most := uint64(mostConnections)
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		most = max(min(most, limit.Cur/descriptorsEach), 1)
	}
	p := &Ports{slots: make(chan struct{}, most), carried: map[*carrier]struct{}{}}
	p.going, p.stop = context.WithCancel(context.Background())
	return p
}

// List returns the ports that are served, in the order in which they came.
func (p *Ports) List() []Port {
	p.mu.Lock()
	defer p.mu.Unlock()
	ports := []Port{}
	for _, one := range p.served {
		ports = append(ports, one.Port)
	}
	return ports
}

// Add serves a socket, which it owns from now on, also where it fails: each connection goes to port.
func (p *Ports) Add(port int, fd int) (Port, *wire.Error) {
	if port < 1 || port > 65535 {
		syscall.Close(fd)
		return Port{}, wire.Errorf(wire.InvalidParams, nil, "port: %d is none", port)
	}
	listener, err := take(fd)
	if err != nil {
		return Port{}, wire.Errorf(wire.InvalidParams, err, "what came with it is no listening TCP socket")
	}
	added := Port{listener.Addr().String(), port}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.going.Err() != nil {
		listener.Close()
		return Port{}, wire.Errorf(wire.Busy, nil, "another program is about to take over")
	}
	p.serve(added, listener)
	return added, nil
}

// take makes a listener of a descriptor, and closes that.
func take(fd int) (*net.TCPListener, error) {
	file := os.NewFile(uintptr(fd), "published")
	defer file.Close()
	listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return nil, err
	}
	if listening == 0 {
		return nil, syscall.EINVAL
	}
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	if tcp, ok := listener.(*net.TCPListener); ok {
		return tcp, nil
	}
	listener.Close()
	return nil, syscall.EINVAL
}

// serve begins to accept. The lock is held.
func (p *Ports) serve(port Port, listener *net.TCPListener) {
	one := &served{Port: port, listener: listener}
	p.served = append(p.served, one)
	p.accept(one)
}

// accept accepts until the ports are frozen. The lock is held.
func (p *Ports) accept(one *served) {
	one.stopped = make(chan struct{})
	going := p.going
	go func() {
		defer close(one.stopped)
		for pause := time.Millisecond; ; {
			outer, err := one.listener.AcceptTCP()
			if err == nil {
				pause = time.Millisecond
				c := &carrier{port: one.Port.Port, outer: outer}
				select {
				case p.slots <- struct{}{}:
					p.begin(c)
				case <-going.Done():
					c.reset()
				}
				continue
			}
			// Too many open files, most likely, or whoever came has left; it passes.
			select {
			case <-time.After(pause):
			case <-going.Done():
				return
			}
			pause = min(2*pause, longestPause)
		}
	}()
}
