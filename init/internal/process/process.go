package process

import (
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/nexus-workspaces/nexus/init/internal/outputlog"
	"github.com/nexus-workspaces/nexus/init/internal/pty"
	"github.com/nexus-workspaces/nexus/init/internal/tree"
)

// Exit is how a process was reaped: an exit code, or the number of the signal that ended it.
type Exit struct {
	Code   *int `json:"code"`
	Signal *int `json:"signal"`
}

// View is a process as the daemon is told of it.
type View struct {
	Process  string     `json:"process"`
	Stream   uint32     `json:"stream"`
	PID      int        `json:"pid"`
	Started  uint64     `json:"started"`
	State    string     `json:"state"`
	Exit     *Exit      `json:"exit"`
	Start    uint64     `json:"start"`
	End      uint64     `json:"end"`
	FirstRun uint64     `json:"first_run"`
	NextRun  uint64     `json:"next_run"`
	Capacity uint64     `json:"capacity"`
	Floor    *uint64    `json:"floor"`
	Ended    bool       `json:"ended"`
	Complete bool       `json:"complete"`
	Stdin    *StdinView `json:"stdin"`
	PTY      bool       `json:"pty"`
}

// StdinView is a process's input as the daemon is told of it.
type StdinView struct {
	// Taken is how many bytes the process's pipe has taken, ever.
	Taken uint64 `json:"taken"`
	// Received is how many bytes have come from the daemon; those after Taken wait for the pipe.
	Received uint64 `json:"received"`
	// Open says that more may come.
	Open bool `json:"open"`
}

// Process is one started process. Its methods may be called from any goroutine.
type Process struct {
	// ID, Stream, PID, Started and terminal never change once the process is in the table.
	ID       string
	Stream   uint32
	PID      int
	Started  uint64
	terminal bool

	table *Table

	// mu guards everything below.
	mu sync.Mutex
	// exit is nil until the process was reaped. It is told once the log has grown to exitDue: to what was in the pipes at
	// that moment.
	exit    *Exit
	exitDue uint64
	// log is nil for a process that writes where we do.
	log     *outputlog.Log
	outputs []*output
	// ended: all output has reached its end, or was given up. complete: it has reached its end. alone: it did so a while
	// ago, and the process has not ended with it.
	ended, complete, alone bool
	// stalls says, by channel, why reading waits.
	stalls [2]stall
	// held is the hold, which the log knows too; nil for none.
	held  *hold
	stdin *stdin
	// changed wakes the goroutines of this process that wait for room, for input, or to be stopped.
	changed *sync.Cond
	// stopped is closed when its output is given up.
	stopped chan struct{}

	// jobs runs the signals to this process one after the other.
	jobs queue
}

// hold is a promise to the daemon.
type hold struct {
	keep time.Duration
	// timer runs while no connection is there; nil otherwise.
	timer *time.Timer
}

func newProcess(table *Table, id string, stream uint32) *Process {
	process := &Process{ID: id, Stream: stream, table: table, stopped: make(chan struct{})}
	process.changed = sync.NewCond(&process.mu)
	return process
}

// View returns what the daemon is told.
func (p *Process) View() View {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.view()
}

func (p *Process) view() View {
	view := View{
		Process: p.ID, Stream: p.Stream, PID: p.PID, Started: p.Started, State: "running",
		Ended: p.tellEnded(), Complete: p.complete, PTY: p.terminal,
	}
	if p.tellExit() {
		view.State, view.Exit = "exited", p.exit
	}
	if p.log != nil {
		log := p.log.State()
		view.Start, view.End, view.FirstRun, view.NextRun = log.Start, log.End, log.FirstRun, log.NextRun
		view.Capacity, view.Floor = log.Capacity, log.Floor
	}
	if in := p.stdin; in != nil {
		view.Stdin = &StdinView{Taken: in.taken, Received: in.received(), Open: in.open()}
	}
	return view
}

// Root names the process for a search through the processes.
func (p *Process) Root() tree.Root {
	return tree.Root{Process: p.ID, PID: p.PID, Started: p.Started}
}

// Exited says whether the process was reaped.
func (p *Process) Exited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit != nil
}

func (p *Process) reaped(status syscall.WaitStatus) {
	p.mu.Lock()
	p.exit = &Exit{}
	if status.Signaled() {
		number := int(status.Signal())
		p.exit.Signal = &number
	} else {
		code := status.ExitStatus()
		p.exit.Code = &code
	}
	p.exitDue = p.backlog()
	p.mu.Unlock()
	p.table.changed(p)
}

// backlog returns up to where the log will grow by what is in the pipes now.
func (p *Process) backlog() uint64 {
	if p.log == nil {
		return 0
	}
	due := p.log.State().End
	for _, out := range p.outputs {
		due += uint64(len(out.pending))
		if out.file != nil {
			withFD(out.file, func(fd int) {
				var count int32
				if _, _, failure := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCINQ,
					uintptr(unsafe.Pointer(&count))); failure == 0 {
					due += uint64(count)
				}
			})
		}
	}
	return due
}

// tellExit says whether the daemon may know that the process was reaped: what it wrote before was read, or waits.
func (p *Process) tellExit() bool {
	return p.exit != nil && (p.ended || p.log == nil || p.log.State().End >= p.exitDue || p.stalled().why != "")
}

// tellEnded says whether the daemon may know that the output has ended. Most let go of it by ending, and are reaped
// microseconds later: both are told at once then.
func (p *Process) tellEnded() bool {
	return p.ended && (p.exit != nil || p.alone || !p.complete)
}

// stalled says why reading waits; the first reason where there are two.
func (p *Process) stalled() stall {
	if p.stalls[0].why != "" {
		return p.stalls[0]
	}
	return p.stalls[1]
}

// Hold keeps the output from floor on from being overwritten; nil lets go. keep is how long it lasts after the
// connection is lost.
func (p *Process) Hold(floor *uint64, keep time.Duration) {
	p.table.Gate.RLock()
	defer p.table.Gate.RUnlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold(floor, keep)
}

func (p *Process) hold(floor *uint64, keep time.Duration) {
	if p.log == nil {
		return
	}
	if p.held != nil && p.held.timer != nil {
		p.held.timer.Stop()
	}
	p.held = nil
	if floor != nil {
		p.held = &hold{keep: keep}
	}
	p.log.Hold(floor)
	p.changed.Broadcast()
}

// Abandoned begins to count how long a hold outlasts its connection.
func (p *Process) Abandoned() {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := p.held
	if held == nil || held.timer != nil {
		return
	}
	held.timer = time.AfterFunc(held.keep, func() {
		p.table.Gate.RLock()
		defer p.table.Gate.RUnlock()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.held == held {
			p.hold(nil, 0)
		}
	})
}

// Resize sets the size of its terminal; nothing without one.
func (p *Process) Resize(columns, rows uint16) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.terminal || len(p.outputs) == 0 || p.outputs[0].file == nil {
		return nil
	}
	var failure error
	if withFD(p.outputs[0].file, func(fd int) { failure = pty.Resize(fd, columns, rows) }) != nil {
		// The terminal is being closed; there is nothing left to resize.
		return nil
	}
	return failure
}

// close lets go of everything; the process has ended.
func (p *Process) close() {
	p.GiveUp()
	p.mu.Lock()
	if p.held != nil && p.held.timer != nil {
		p.held.timer.Stop()
	}
	p.held = nil
	closing := []*os.File{p.stdin.abandon()}
	if p.log != nil {
		closing = append(closing, p.log.File())
		p.log = nil
	}
	p.changed.Broadcast()
	p.mu.Unlock()
	closeAll(closing)
}

// withFD calls use with the descriptor of a file, which cannot be closed meanwhile. It stays non-blocking.
func withFD(file *os.File, use func(fd int)) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { use(int(fd)) })
}
