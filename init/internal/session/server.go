package session

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/process"
	"github.com/nexus-workspaces/nexus/init/internal/publish"
	"github.com/nexus-workspaces/nexus/init/internal/upgrade"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

const (
	// authTime is how long a peer may take to prove that it is the daemon.
	authTime = 5 * time.Second
	// mostUnproven is how many peers may be at it at once. One more, and the oldest has to go: who only waits cannot keep
	// the daemon out.
	mostUnproven = 8
	// handoverTime is how long a new daemon waits for the last request of the old one to be done.
	handoverTime = 10 * time.Second
	// flushTime is how long we wait for a daemon to read the answer to its last request.
	flushTime = time.Second
	// longestAddress is what certainly fits into the address of a Unix socket.
	longestAddress = 100
	// idleLooks is how often we look whether there is something to do, before we end because there is not.
	idleLooks = 4
)

// Server lets daemons in.
type Server struct {
	// Table holds the processes.
	Table *process.Table
	// Ports are those of the node that are served here.
	Ports *publish.Ports
	// Identity says who we are; its table stays empty. It never changes.
	Identity upgrade.State
	// Resignal asks again for the signals that end us, after an upgrade has failed.
	Resignal func()
	// Exit ends the program. It does not return.
	Exit func(code int)

	listener *net.UnixListener

	// mu guards what follows.
	mu sync.Mutex
	// unproven are the peers that have not authenticated, the oldest first.
	unproven []*net.UnixConn
	// current is the daemon; nil while none is there.
	current *connection

	// entering is held while a daemon takes the place of another.
	entering sync.Mutex
	// upgrading is held during an upgrade; ending during a shutdown.
	upgrading, ending sync.Mutex
}

// Listen makes the socket, which only our user may connect to. It appears when connecting to it works; what was there
// under its name is replaced.
func (s *Server) Listen() error {
	before := s.Identity.Socket + ".new"
	if err := os.Remove(before); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("unable to remove an old socket: %w", err)
	}
	listener, err := listen(before)
	if err != nil {
		return fmt.Errorf("unable to listen: %w", err)
	}
	listener.SetUnlinkOnClose(false)
	if err := os.Chmod(before, 0o600); err != nil {
		return fmt.Errorf("unable to protect the socket: %w", err)
	}
	if err := os.Rename(before, s.Identity.Socket); err != nil {
		return fmt.Errorf("unable to name the socket: %w", err)
	}
	s.listener = listener
	return nil
}

// listen makes a socket. Its path may be longer than an address (108 bytes): it is reached through its directory then.
func listen(path string) (*net.UnixListener, error) {
	if len(path) > longestAddress {
		directory, err := os.Open(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		defer directory.Close()
		path = fmt.Sprintf("/proc/self/fd/%d/%s", directory.Fd(), filepath.Base(path))
	}
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// Resume takes over a socket that listens already.
func (s *Server) Resume(fd int) error {
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return fmt.Errorf("unable to take the socket over: %w", err)
	}
	unix, ok := listener.(*net.UnixListener)
	if !ok {
		return fmt.Errorf("unable to take the socket over: it is no Unix socket")
	}
	unix.SetUnlinkOnClose(false)
	s.listener = unix
	return nil
}

// Serve accepts until the program ends.
func (s *Server) Serve() error {
	if s.Identity.Keep && s.Identity.IdleMS > 0 {
		go s.endWhenIdle(time.Duration(s.Identity.IdleMS) * time.Millisecond)
	}
	pause := time.Millisecond
	for {
		socket, err := s.listener.AcceptUnix()
		if err != nil {
			// Too many open files, most likely; it passes.
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = time.Millisecond
		s.admit(socket)
		go s.greet(socket)
	}
}

func (s *Server) admit(socket *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unproven) >= mostUnproven {
		s.unproven[0].Close()
		s.unproven = s.unproven[1:]
	}
	s.unproven = append(s.unproven, socket)
}

// proven takes a peer from the list of those that have not authenticated.
func (s *Server) proven(socket *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, other := range s.unproven {
		if other == socket {
			s.unproven = append(s.unproven[:at:at], s.unproven[at+1:]...)
			return
		}
	}
}

// enter makes a connection the current one, and takes leave of the one before.
func (s *Server) enter(c *connection) {
	s.mu.Lock()
	before := s.current
	s.current = c
	s.mu.Unlock()
	s.Table.Watch(c.changed)
	if before != nil {
		before.shut("another daemon has taken the place of this one")
		// What it asked for last must be done before the new one is told the state.
		select {
		case <-before.idle:
		case <-time.After(handoverTime):
		}
	}
	s.Table.Abandoned()
}

// leave is called when a connection is lost.
func (s *Server) leave(c *connection) {
	s.mu.Lock()
	current := s.current == c
	if current {
		s.current = nil
	}
	s.mu.Unlock()
	if current {
		s.Table.Abandoned()
	}
}

// Shutdown ends all processes, and then the program. answer is called before it ends, or with what kept it from ending.
func (s *Server) Shutdown(grace time.Duration, answer func(*wire.Error)) {
	s.ending.Lock()
	defer s.ending.Unlock()
	s.Table.Close()
	if failure := s.Table.KillAll(grace, nil, s.everything()); failure != nil {
		s.Table.Reopen()
		answer(failure)
		return
	}
	answer(nil)
	s.mu.Lock()
	current := s.current
	s.mu.Unlock()
	if current != nil {
		current.flush(flushTime)
	}
	os.Remove(s.Identity.Socket)
	s.Exit(0)
}

// endWhenIdle ends the program once it had no daemon, no process and no child for so long: a daemon that never came back
// leaves nothing behind that does nothing.
func (s *Server) endWhenIdle(patience time.Duration) {
	looks := 0
	for range time.Tick(patience / idleLooks) {
		if looks++; !s.idle() {
			looks = 0
		}
		if looks <= idleLooks {
			continue
		}
		// Nobody new gets in from here on; who connects now finds nobody, as a moment later.
		s.ending.Lock()
		s.Table.Close()
		if s.idle() {
			os.Remove(s.Identity.Socket)
			s.Exit(0)
		}
		s.Table.Reopen()
		s.ending.Unlock()
		looks = 0
	}
}

func (s *Server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current == nil && len(s.unproven) == 0 && s.Table.Idle()
}

// everything says whether all processes that we see are the workspace's.
func (s *Server) everything() bool { return !s.Identity.Keep }
