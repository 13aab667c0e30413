package process

import (
	"fmt"
	"os"
	"syscall"

	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// Window is how many bytes of input the daemon may send beyond what the pipe has taken.
const Window = 65536

// stdin is the input of a process; guarded by the process's lock, fed to the pipe by one goroutine.
type stdin struct {
	// file is nil once it was closed, or the process has closed its side.
	file *os.File
	// terminal: the file is the terminal's, which only its output closes.
	terminal bool
	// taken is the position up to which the pipe has taken the input, buffer what came after it.
	taken  uint64
	buffer []byte
	// eof: nothing comes after the buffer. broken: because the process has closed its side.
	eof, broken bool
}

func (s *stdin) received() uint64 { return s.taken + uint64(len(s.buffer)) }

func (s *stdin) open() bool { return s.file != nil && !s.eof }

// abandon drops what nobody will read, and returns the file that is to be closed. A nil stdin has none.
func (s *stdin) abandon() *os.File {
	if s == nil {
		return nil
	}
	file := s.file
	if s.terminal {
		file = nil
	}
	s.file = nil
	s.taken += uint64(len(s.buffer))
	s.buffer = nil
	return file
}

// Input takes a DATA or EOF frame. Bytes that came before are dropped; a gap, or more than the credit, is a Violation.
func (p *Process) Input(frame wire.Frame) error {
	p.table.Gate.RLock()
	p.mu.Lock()
	moved, err := p.input(frame)
	p.mu.Unlock()
	p.table.Gate.RUnlock()
	if moved {
		p.table.changed(p)
	}
	return err
}

// input returns whether the input counts as taken at once, because nobody reads it any more.
func (p *Process) input(frame wire.Frame) (moved bool, err error) {
	in := p.stdin
	if in == nil {
		return false, wire.Violation(fmt.Sprintf("process %s has no input", p.ID))
	}
	end := frame.Offset + uint64(len(frame.Payload))
	received := in.received()
	switch {
	case frame.Offset > received:
		return false, wire.Violation(fmt.Sprintf("input of %s at %d, but it has come up to %d", p.ID, frame.Offset, received))
	case end > in.taken+Window:
		return false, wire.Violation(fmt.Sprintf("input of %s up to %d, but the limit is %d", p.ID, end, in.taken+Window))
	case frame.Type == wire.EOF:
		if frame.Offset == received && !in.terminal {
			in.eof = true
			p.changed.Broadcast()
		}
		return false, nil
	case end <= received:
		return false, nil
	case in.eof && !in.broken:
		return false, wire.Violation(fmt.Sprintf("input of %s after its end", p.ID))
	}
	fresh := frame.Payload[received-frame.Offset:]
	if in.file == nil || in.broken {
		in.taken += uint64(len(fresh))
		return true, nil
	}
	in.buffer = append(in.buffer, fresh...)
	p.changed.Broadcast()
	return false, nil
}

// feed writes input to the pipe as it comes, until its end, or until nobody reads it.
func (p *Process) feed(in *stdin, file *os.File) {
	raw, err := file.SyscallConn()
	for err == nil && p.waitForInput(in) {
		err = raw.Write(func(fd uintptr) bool { return p.put(in, int(fd)) })
	}
	p.mu.Lock()
	closing := in.abandon()
	p.mu.Unlock()
	closeAll([]*os.File{closing})
	p.table.changed(p)
}

// waitForInput waits until there is something to write; false where there never will be.
func (p *Process) waitForInput(in *stdin) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for in.file != nil && len(in.buffer) == 0 && !in.eof {
		p.changed.Wait()
	}
	return in.file != nil && len(in.buffer) > 0
}

// put writes once; false where the pipe is full.
func (p *Process) put(in *stdin, fd int) bool {
	p.table.Gate.RLock()
	p.mu.Lock()
	full, moved := false, false
	if in.file != nil && len(in.buffer) > 0 {
		n, err := syscall.Write(fd, in.buffer)
		switch {
		case err == syscall.EAGAIN:
			full = true
		case err == syscall.EINTR:
		case err == syscall.EIO && in.terminal:
			// Nobody has the terminal open at the moment; somebody may again.
			n = len(in.buffer)
			fallthrough
		case err == nil:
			moved = true
			in.taken += uint64(n)
			in.buffer = in.buffer[n:]
			if len(in.buffer) == 0 {
				in.buffer = nil
			}
		default:
			// The process has closed its side. What it did not read counts as taken; the feed closes ours.
			in.taken += uint64(len(in.buffer))
			in.buffer, in.eof, in.broken, moved = nil, true, true, true
		}
	}
	p.mu.Unlock()
	p.table.Gate.RUnlock()
	if moved {
		p.table.changed(p)
	}
	return !full
}
