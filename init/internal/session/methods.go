package session

import (
	"context"
	"encoding/json"
	"os"
	"syscall"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/dial"
	"github.com/nexus-workspaces/nexus/init/internal/listeners"
	"github.com/nexus-workspaces/nexus/init/internal/process"
	"github.com/nexus-workspaces/nexus/init/internal/tree"
	"github.com/nexus-workspaces/nexus/init/internal/upgrade"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

const (
	// pageSize is how many processes one message tells at most.
	pageSize = 1000
	// longestGrace bounds every wait that a request asks for.
	longestGrace = time.Hour
	mostSignals  = 64
	// pathOnly is O_PATH, which the syscall package does not name; it is the same on all that we build for.
	pathOnly = 0x200000
)

// empty is the result of a request that has nothing to say.
type empty struct{}

// page is some of the processes, in the order in which they were started.
type page struct {
	Processes []process.View `json:"processes"`
	// More: there are others; list {after: the stream of the last one here}.
	More bool `json:"more"`
}

// answerPage answers with the processes whose streams come after a number.
func (c *connection) answerPage(id json.RawMessage, after uint32, result func(page) any) {
	told := page{Processes: []process.View{}}
	var targets []*process.Process
	for _, target := range c.server.Table.List() {
		if target.Stream <= after {
			continue
		}
		if len(targets) == pageSize {
			told.More = true
			break
		}
		targets = append(targets, target)
		told.Processes = append(told.Processes, target.View())
	}
	c.tell(wire.Result(id, result(told)), targets, told.Processes)
}

// requested handles a request. Those that may take long are answered later, by a goroutine of their own.
func (c *connection) requested(request *wire.Request, message *wire.Message) error {
	if len(message.Files) > 0 && !bringsFile(request.Method) {
		return wire.Violation("descriptors that nobody asked for")
	}
	id := request.ID
	refuse := func(failure *wire.Error) { c.reply(id, nil, failure) }
	switch request.Method {
	case "ping":
		var params struct{}
		c.reply(id, empty{}, request.Decode(&params))
	case "spawn":
		c.spawn(request, message)
	case "settle":
		var params struct {
			Process string `json:"process"`
		}
		target, failure := c.target(request, &params, &params.Process)
		if failure != nil {
			refuse(failure)
			return nil
		}
		c.settle(id, target)
	case "list":
		var params struct {
			After uint32 `json:"after"`
		}
		if failure := request.Decode(&params); failure != nil {
			refuse(failure)
			return nil
		}
		c.answerPage(id, params.After, func(told page) any { return told })
	case "signal":
		c.signal(request)
	case "resize":
		var params struct {
			Process string `json:"process"`
			Cols    uint16 `json:"cols"`
			Rows    uint16 `json:"rows"`
		}
		target, failure := c.target(request, &params, &params.Process)
		if failure == nil {
			if err := target.Resize(params.Cols, params.Rows); err != nil {
				failure = wire.Errorf(wire.Internal, err, "unable to resize the terminal of %s", params.Process)
			}
		}
		c.reply(id, empty{}, failure)
	case "forget":
		var params struct {
			Process string `json:"process"`
		}
		target, failure := c.target(request, &params, &params.Process)
		if failure == nil {
			failure = c.forget(target)
		}
		c.reply(id, empty{}, failure)
	case "kill":
		var params struct {
			Process string `json:"process"`
			GraceMS uint64 `json:"grace_ms"`
		}
		target, failure := c.target(request, &params, &params.Process)
		if failure != nil {
			refuse(failure)
			return nil
		}
		c.answerLater(id, func() { c.reply(id, empty{}, c.server.Table.Kill(target, grace(params.GraceMS))) })
	case "kill_all":
		var params struct {
			GraceMS uint64   `json:"grace_ms"`
			Except  []string `json:"except"`
		}
		if failure := request.Decode(&params); failure != nil {
			refuse(failure)
			return nil
		}
		c.answerLater(id, func() {
			failure := c.server.Table.KillAll(grace(params.GraceMS), params.Except, c.server.everything())
			c.reply(id, empty{}, failure)
		})
	case "dial":
		var params struct {
			Port int `json:"port"`
		}
		if failure := request.Decode(&params); failure != nil {
			refuse(failure)
			return nil
		}
		c.answerLater(id, func() { c.dial(id, params.Port) })
	case "publish":
		c.publish(request, message)
	case "root":
		var params struct{}
		if failure := request.Decode(&params); failure != nil {
			refuse(failure)
			return nil
		}
		c.root(id)
	case "listeners":
		var params struct{}
		if failure := request.Decode(&params); failure != nil {
			refuse(failure)
			return nil
		}
		c.answerLater(id, func() { c.reply(id, c.listeners(), nil) })
	case "stats":
		var params struct{}
		if failure := request.Decode(&params); failure != nil {
			refuse(failure)
			return nil
		}
		c.answerLater(id, func() { c.reply(id, c.stats(), nil) })
	case "upgrade":
		var params struct {
			Build string `json:"build"`
		}
		file := c.descriptor(request, message, &params, "the new program")
		if file < 0 {
			return nil
		}
		c.answerLater(id, func() {
			program := os.NewFile(uintptr(file), "program")
			defer program.Close()
			refuse(c.server.upgrade(program, params.Build))
		})
	case "shutdown":
		var params struct {
			GraceMS uint64 `json:"grace_ms"`
		}
		if failure := request.Decode(&params); failure != nil {
			refuse(failure)
			return nil
		}
		c.answerLater(id, func() {
			c.server.Shutdown(grace(params.GraceMS), func(failure *wire.Error) { c.reply(id, empty{}, failure) })
		})
	default:
		refuse(wire.Errorf(wire.MethodUnknown, nil, "there is no method %q", request.Method))
	}
	return nil
}

// bringsFile says whether a descriptor belongs to a request.
func bringsFile(method string) bool {
	return method == "spawn" || method == "upgrade" || method == "publish"
}

// notified handles a notification. What it is about may be gone by the time it comes; that is no fault.
func (c *connection) notified(request *wire.Request, message *wire.Message) error {
	if len(message.Files) > 0 {
		return wire.Violation("descriptors that nobody asked for")
	}
	switch request.Method {
	case "hold":
		var params struct {
			Process string  `json:"process"`
			Floor   *uint64 `json:"floor"`
			KeepMS  uint64  `json:"keep_ms"`
		}
		if failure := request.Decode(&params); failure != nil {
			return wire.Violation(failure.Message)
		}
		if target, failure := c.server.Table.Get(params.Process); failure == nil {
			target.Hold(params.Floor, grace(params.KeepMS))
		}
	case "forget", "give_up":
		var params struct {
			Process string `json:"process"`
		}
		if failure := request.Decode(&params); failure != nil {
			return wire.Violation(failure.Message)
		}
		target, failure := c.server.Table.Get(params.Process)
		switch {
		case failure != nil:
		case request.Method == "forget":
			c.forget(target)
		default:
			target.GiveUp()
		}
	default:
		return wire.Violation("there is no notification " + request.Method)
	}
	return nil
}

// answerLater runs a request on a goroutine of its own, unless there are too many.
func (c *connection) answerLater(id json.RawMessage, run func()) {
	select {
	case c.later <- struct{}{}:
		go func() {
			defer func() { <-c.later }()
			run()
		}()
	default:
		c.reply(id, nil, wire.Errorf(wire.Busy, nil, "%d requests are waiting already", mostLater))
	}
}

// target reads params, and finds the process that they name.
func (c *connection) target(request *wire.Request, params any, name *string) (*process.Process, *wire.Error) {
	if failure := request.Decode(params); failure != nil {
		return nil, failure
	}
	return c.server.Table.Get(*name)
}

// forget drops the record of a process that was reaped, and ends its news.
func (c *connection) forget(target *process.Process) *wire.Error {
	failure := c.server.Table.Forget(target.ID)
	if failure == nil {
		c.untell(target)
	}
	return failure
}

func grace(milliseconds uint64) time.Duration {
	return time.Duration(min(milliseconds, uint64(longestGrace.Milliseconds()))) * time.Millisecond
}

// descriptor reads the params of a request that comes with one descriptor, and returns that; -1 where it was refused.
func (c *connection) descriptor(request *wire.Request, message *wire.Message, params any, what string) int {
	fd := message.Take()
	failure := request.Decode(params)
	if failure == nil && fd < 0 {
		failure = wire.Errorf(wire.InvalidParams, nil, "%s comes with one descriptor, %s", request.Method, what)
	}
	if failure == nil {
		return fd
	}
	if fd >= 0 {
		syscall.Close(fd)
	}
	c.reply(request.ID, nil, failure)
	return -1
}

func (c *connection) spawn(request *wire.Request, message *wire.Message) {
	var spec process.Spec
	fd := c.descriptor(request, message, &spec, "the log's file")
	if fd < 0 {
		return
	}
	target, failure := c.server.Table.Spawn(&spec, os.NewFile(uintptr(fd), "log"))
	if failure != nil {
		c.reply(request.ID, nil, failure)
		return
	}
	view := target.View()
	c.tell(wire.Result(request.ID, view), []*process.Process{target}, []process.View{view})
}

func (c *connection) signal(request *wire.Request) {
	var params struct {
		Process string `json:"process"`
		Signal  int    `json:"signal"`
		Group   bool   `json:"group"`
	}
	target, failure := c.target(request, &params, &params.Process)
	if failure == nil && (params.Signal < 1 || params.Signal > mostSignals) {
		failure = wire.Errorf(wire.InvalidParams, nil, "signal: there is no signal %d", params.Signal)
	}
	if failure != nil {
		c.reply(request.ID, nil, failure)
		return
	}
	c.server.Table.Signal(target, syscall.Signal(params.Signal), params.Group, func(failure *wire.Error) {
		c.reply(request.ID, empty{}, failure)
	})
}

func (c *connection) dial(id json.RawMessage, port int) {
	socket, address, failure := dial.Loopback(context.Background(), port)
	if failure != nil {
		c.reply(id, nil, failure)
		return
	}
	defer socket.Close()
	file, err := socket.File()
	if err != nil {
		c.reply(id, nil, wire.Errorf(wire.Internal, err, "unable to hand over the connection to port %d", port))
		return
	}
	c.send(wire.Result(id, struct {
		Address string `json:"address"`
	}{address}), file)
}

func (c *connection) publish(request *wire.Request, message *wire.Message) {
	var params struct {
		Port int `json:"port"`
	}
	fd := c.descriptor(request, message, &params, "a listening socket")
	if fd < 0 {
		return
	}
	if !c.server.everything() {
		// The loopback of a host is where the socket itself may be: its connections would come back to it.
		syscall.Close(fd)
		c.reply(request.ID, nil, wire.Errorf(wire.InvalidParams, nil, "a keeper's processes serve the node's ports themselves"))
		return
	}
	added, failure := c.server.Ports.Add(params.Port, fd)
	c.reply(request.ID, added, failure)
}

// root hands over the root directory of our mount namespace. It can be used to look things up below and for nothing else;
// whose rights count in doing so is the daemon's business.
func (c *connection) root(id json.RawMessage) {
	fd, err := syscall.Open("/", pathOnly|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		c.reply(id, nil, wire.Errorf(wire.Internal, err, "unable to open the root directory"))
		return
	}
	c.send(wire.Result(id, empty{}), os.NewFile(uintptr(fd), "/"))
}

func (c *connection) listeners() any {
	table := c.server.Table
	now := table.Lookout.Census()
	owners := table.Owners(now)
	var processes tree.Found
	for _, one := range now.All() {
		if c.server.everything() || owners[one.PID] != "" {
			processes = append(processes, one)
		}
	}
	return struct {
		Listeners []listeners.Listener `json:"listeners"`
	}{listeners.Find(processes, owners)}
}

func (c *connection) stats() any {
	sum, each := c.server.Table.Usage(c.server.everything())
	return struct {
		process.Usage
		PerProcess map[string]process.Usage `json:"per_process"`
	}{sum, each}
}

// upgrade returns only where it failed.
func (s *Server) upgrade(program *os.File, build string) *wire.Error {
	s.upgrading.Lock()
	defer s.upgrading.Unlock()
	raw, err := s.listener.SyscallConn()
	if err != nil {
		return wire.Errorf(wire.UpgradeFailed, err, "unable to find the listening socket")
	}
	var failure *wire.Error
	err = raw.Control(func(listener uintptr) {
		failure = upgrade.Run(s.Table, s.Ports, program, build, s.Identity, int(listener))
	})
	if err != nil {
		return wire.Errorf(wire.UpgradeFailed, err, "unable to find the listening socket")
	}
	s.Resignal()
	return failure
}
