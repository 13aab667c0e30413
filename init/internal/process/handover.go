package process

import (
	"os"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/outputlog"
)

// Saved is a process as it is handed over to the next program in an upgrade. Descriptors are numbers, -1 for none.
type Saved struct {
	ID       string           `json:"id"`
	Stream   uint32           `json:"stream"`
	PID      int              `json:"pid"`
	Started  uint64           `json:"started"`
	Terminal bool             `json:"terminal"`
	Exit     *Exit            `json:"exit"`
	ExitDue  uint64           `json:"exit_due"`
	Log      *outputlog.State `json:"log"`
	LogFD    int              `json:"log_fd"`
	Outputs  []SavedOutput    `json:"outputs"`
	Ended    bool             `json:"ended"`
	Complete bool             `json:"complete"`
	KeepMS   *int64           `json:"keep_ms"`
	Stdin    *SavedStdin      `json:"stdin"`
}

// SavedOutput is an output that is handed over.
type SavedOutput struct {
	Channel byte   `json:"channel"`
	FD      int    `json:"fd"`
	Pending []byte `json:"pending"`
	Widened bool   `json:"widened"`
}

// SavedStdin is an input that is handed over. A terminal's has no descriptor of its own.
type SavedStdin struct {
	FD     int    `json:"fd"`
	Taken  uint64 `json:"taken"`
	Buffer []byte `json:"buffer"`
	EOF    bool   `json:"eof"`
	Broken bool   `json:"broken"`
}

// SavedTable is the table as it is handed over.
type SavedTable struct {
	NextStream uint32  `json:"next_stream"`
	Processes  []Saved `json:"processes"`
}

// Save describes the table for the next program, and returns the descriptors that it names. The gate is held for writing.
func (t *Table) Save() (SavedTable, []int) {
	saved := SavedTable{Processes: []Saved{}}
	var fds []int
	number := func(file *os.File) int {
		fd := -1
		if file != nil && withFD(file, func(open int) { fd = open }) == nil && fd >= 0 {
			fds = append(fds, fd)
		}
		return fd
	}
	for _, process := range t.List() {
		saved.Processes = append(saved.Processes, process.save(number))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	saved.NextStream = t.nextStream
	return saved, fds
}

func (p *Process) save(number func(*os.File) int) Saved {
	p.mu.Lock()
	defer p.mu.Unlock()
	saved := Saved{
		ID: p.ID, Stream: p.Stream, PID: p.PID, Started: p.Started, Terminal: p.terminal, Exit: p.exit, ExitDue: p.exitDue, LogFD: -1,
		Ended: p.ended, Complete: p.complete,
	}
	if p.log != nil {
		state := p.log.State()
		saved.Log, saved.LogFD = &state, number(p.log.File())
	}
	for _, out := range p.outputs {
		saved.Outputs = append(saved.Outputs, SavedOutput{out.channel, number(out.file), out.pending, out.widened})
	}
	if p.held != nil {
		keep := p.held.keep.Milliseconds()
		saved.KeepMS = &keep
	}
	if in := p.stdin; in != nil {
		saved.Stdin = &SavedStdin{FD: -1, Taken: in.taken, Buffer: in.buffer, EOF: in.eof, Broken: in.broken}
		if !in.terminal {
			saved.Stdin.FD = number(in.file)
		}
	}
	return saved
}

// Load takes over what an earlier program in this process has saved. It is called before Run.
func (t *Table) Load(saved SavedTable) {
	t.nextStream = saved.NextStream
	for _, one := range saved.Processes {
		process := t.load(one)
		t.add(process)
		if process.exit == nil {
			t.reaper.Adopt(process.PID, process.reaped)
		}
		process.begin()
		// The connection went with the earlier program.
		process.Abandoned()
	}
}

func (t *Table) load(saved Saved) *Process {
	file := func(fd int, name string) *os.File {
		if fd < 0 {
			return nil
		}
		return os.NewFile(uintptr(fd), name)
	}
	process := newProcess(t, saved.ID, saved.Stream)
	process.PID, process.Started, process.terminal = saved.PID, saved.Started, saved.Terminal
	process.exitDue = saved.ExitDue
	process.exit, process.ended, process.complete = saved.Exit, saved.Ended, saved.Complete
	if saved.Log != nil && saved.LogFD >= 0 {
		process.log = outputlog.Restore(file(saved.LogFD, "log"), *saved.Log)
	}
	if saved.KeepMS != nil {
		process.held = &hold{keep: time.Duration(*saved.KeepMS) * time.Millisecond}
	}
	open := false
	for _, out := range saved.Outputs {
		taken := &output{channel: out.Channel, file: file(out.FD, "output"), pending: out.Pending, widened: out.Widened}
		process.outputs = append(process.outputs, taken)
		open = open || taken.file != nil
	}
	if len(saved.Outputs) > 0 && !open && !process.ended {
		// It was between the end of the last output and its record.
		process.ended, process.complete = true, true
	}
	process.alone = process.ended
	if in := saved.Stdin; in != nil {
		process.stdin = &stdin{
			terminal: saved.Terminal, taken: in.Taken, buffer: in.Buffer, eof: in.EOF, broken: in.Broken,
			file: file(in.FD, "stdin"),
		}
		if saved.Terminal && len(process.outputs) > 0 {
			process.stdin.file = process.outputs[0].file
		}
	}
	return process
}
