package process

import (
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/outputlog"
	"github.com/nexus-workspaces/nexus/init/internal/reaper"
	"github.com/nexus-workspaces/nexus/init/internal/tree"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// Table holds the processes. Its methods may be called from any goroutine.
type Table struct {
	// Gate is held for reading by whoever moves bytes or changes records, for writing by an upgrade.
	Gate sync.RWMutex
	// Lookout looks at the processes of the system.
	Lookout tree.Lookout

	reaper  *reaper.Reaper
	buffers pool
	// watcher is told which process has news; nil while nobody listens.
	watcher atomic.Pointer[func(*Process)]
	// ending counts the kills in progress: meanwhile processes may be stopped, so no upgrade may forget about them.
	ending atomic.Int64

	// mu guards what follows.
	mu        sync.Mutex
	processes map[string]*Process
	// starting are the ids of processes that are being started.
	starting   map[string]bool
	nextStream uint32
	// closed: nothing is started any more.
	closed bool
}

// NewTable makes an empty table and begins to reap.
func NewTable() *Table {
	table := &Table{
		buffers:    newPool(),
		processes:  map[string]*Process{},
		starting:   map[string]bool{},
		nextStream: 1,
	}
	table.reaper = reaper.New(table.Gate.RLocker())
	return table
}

// Run reaps children until the program ends.
func (t *Table) Run() { t.reaper.Run() }

// Reaper returns the reaper, for other children.
func (t *Table) Reaper() *reaper.Reaper { return t.reaper }

// Watch sets who is told that a process has news; nil for nobody.
func (t *Table) Watch(watcher func(*Process)) {
	if watcher == nil {
		t.watcher.Store(nil)
		return
	}
	t.watcher.Store(&watcher)
}

func (t *Table) changed(process *Process) {
	if watcher := t.watcher.Load(); watcher != nil {
		(*watcher)(process)
	}
}

// Spawn starts a process whose output goes to log, an empty file that the table owns from now on, also when it fails.
func (t *Table) Spawn(spec *Spec, log *os.File) (*Process, *wire.Error) {
	t.Gate.RLock()
	defer t.Gate.RUnlock()
	process, failure := t.spawn(spec, log)
	if failure != nil {
		log.Close()
	}
	return process, failure
}

func (t *Table) spawn(spec *Spec, file *os.File) (*Process, *wire.Error) {
	if failure := spec.check(); failure != nil {
		return nil, failure
	}
	if failure := checkLog(file); failure != nil {
		return nil, failure
	}
	process, failure := t.reserve(spec.Process)
	if failure != nil {
		return nil, failure
	}
	defer t.unreserve(spec.Process)
	made, err := openEnds(spec)
	if err != nil {
		return nil, wire.Errorf(wire.SpawnFailed, err, "unable to start %s", spec.Argv[0])
	}
	process.log = outputlog.Create(file, spec.Capacity)
	process.terminal = spec.PTY != nil
	if spec.Hold != nil {
		floor := uint64(0)
		process.hold(&floor, time.Duration(spec.Hold.KeepMS)*time.Millisecond)
	}
	failure = t.start(spec, made, func(pid int, ticks uint64) {
		process.PID, process.Started = pid, ticks
		t.add(process)
		process.attach(made)
	}, process.reaped)
	if failure != nil {
		made.closeAll()
		return nil, failure
	}
	made.closeTheirs()
	return process, nil
}

// attach begins to read the output and to write the input of a process that was just started.
func (p *Process) attach(made *ends) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for channel, fd := range made.out {
		if fd >= 0 {
			p.outputs = append(p.outputs, &output{channel: byte(channel + 1), file: os.NewFile(uintptr(fd), "output")})
		}
	}
	if made.in >= 0 {
		p.stdin = &stdin{terminal: p.terminal}
		if p.terminal {
			p.stdin.file = p.outputs[0].file
		} else {
			p.stdin.file = os.NewFile(uintptr(made.in), "stdin")
		}
	}
	p.begin()
}

// begin starts the goroutines of a process.
func (p *Process) begin() {
	for _, out := range p.outputs {
		if out.file != nil {
			go p.pump(out, out.file)
		}
	}
	if p.stdin != nil && p.stdin.file != nil {
		go p.feed(p.stdin, p.stdin.file)
	}
}

func checkLog(file *os.File) *wire.Error {
	info, err := file.Stat()
	if err != nil {
		return wire.Errorf(wire.InvalidParams, err, "unable to look at the log's file")
	}
	flags, _, failure := syscall.Syscall(syscall.SYS_FCNTL, file.Fd(), syscall.F_GETFL, 0)
	if failure != 0 || !info.Mode().IsRegular() || info.Size() != 0 ||
		flags&syscall.O_ACCMODE != syscall.O_RDWR || flags&syscall.O_APPEND != 0 {
		return wire.Errorf(wire.InvalidParams, nil, "the log is no empty file that can be read and written anywhere")
	}
	return nil
}

func (t *Table) reserve(id string) (*Process, *wire.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, wire.Errorf(wire.Busy, nil, "everything is being ended")
	case t.processes[id] != nil || t.starting[id]:
		return nil, wire.Errorf(wire.ProcessExists, nil, "there is a process %s already", id)
	}
	t.starting[id] = true
	process := newProcess(t, id, t.nextStream)
	t.nextStream++
	return process, nil
}

func (t *Table) unreserve(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.starting, id)
}

func (t *Table) add(process *Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.processes[process.ID] = process
}

// SpawnMain starts a process that writes where we do. Its output is not kept.
func (t *Table) SpawnMain(argv []string) *wire.Error {
	t.Gate.RLock()
	defer t.Gate.RUnlock()
	cwd, err := os.Getwd()
	if err != nil {
		return wire.Errorf(wire.CwdInvalid, err, "unable to find the working directory")
	}
	spec := &Spec{Process: Main, Argv: argv, Env: os.Environ(), Cwd: cwd}
	if failure := spec.check(); failure != nil {
		return failure
	}
	process, failure := t.reserve(Main)
	if failure != nil {
		return failure
	}
	defer t.unreserve(Main)
	process.ended, process.complete = true, true
	return t.start(spec, &ends{theirs: [3]int{0, 1, 2}, out: [2]int{-1, -1}, in: -1}, func(pid int, ticks uint64) {
		process.PID, process.Started = pid, ticks
		t.add(process)
	}, process.reaped)
}

// Get returns a process.
func (t *Table) Get(id string) (*Process, *wire.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if process := t.processes[id]; process != nil {
		return process, nil
	}
	return nil, wire.Errorf(wire.ProcessUnknown, nil, "there is no process %q", id)
}

// ByStream returns the process of a stream, nil where there is none.
func (t *Table) ByStream(stream uint32) *Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, process := range t.processes {
		if process.Stream == stream {
			return process
		}
	}
	return nil
}

// List returns every process, in the order in which they were started.
func (t *Table) List() []*Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Process, 0, len(t.processes))
	for _, process := range t.processes {
		list = append(list, process)
	}
	sort.Slice(list, func(a, b int) bool { return list[a].Stream < list[b].Stream })
	return list
}

// Idle says whether there is neither a process, nor one that is being started, nor an orphan that came to us.
func (t *Table) Idle() bool {
	// Before the lock, for the reaper tells us of a child while it holds its own.
	if t.reaper.Any() {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.processes) == 0 && len(t.starting) == 0
}

// Forget drops the record of a process that was reaped, and closes its log.
func (t *Table) Forget(id string) *wire.Error {
	process, failure := t.Get(id)
	if failure != nil {
		return failure
	}
	if !process.Exited() {
		return wire.Errorf(wire.ProcessRunning, nil, "process %s has not ended", id)
	}
	t.mu.Lock()
	delete(t.processes, id)
	t.mu.Unlock()
	process.close()
	return nil
}

// Abandoned begins to count how long the holds outlast their connection.
func (t *Table) Abandoned() {
	for _, process := range t.List() {
		process.Abandoned()
	}
}
