package process

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/outputlog"
)

const (
	// pipeSize is what a pipe is widened to that was seen full: most processes write little, and the kernel counts each
	// user's pages.
	pipeSize  = 256 << 10
	fullPipe  = 65536
	setPipe   = 1031 // F_SETPIPE_SZ
	tooLittle = 4096
	// enough is the room at which reading goes on after it stopped for want of it; less than what a reader that has
	// caught up leaves free.
	enough = 16384
	// retry is the time between attempts to write after the disk was full or broken.
	retry = time.Second
	// parting is how long the end of the output waits for the end of the process, to be told with it.
	parting = 2 * time.Millisecond
	// buffers is how many reads may be under way at once in the whole program, which bounds their memory.
	buffers = 4
)

// Reasons why reading waits.
const (
	stalledHeld = "held"
	stalledDisk = "disk"
)

// stall says why the reading of a channel waits; empty while it does not.
type stall struct{ why, reason string }

// output is a descriptor of a process's output, read by one goroutine.
type output struct {
	channel byte
	// file is nil once it has reached its end or was given up; guarded by the process's lock.
	file *os.File
	// pending is what was read and the disk did not take; guarded by the process's lock.
	pending []byte
	widened bool
}

// what a step of reading came to
type outcome int

const (
	again outcome = iota
	wouldBlock
	noRoom
	trouble
	finished
)

// pump reads an output into the log, no faster than the log has room. Where the log has no room because the daemon holds
// it, or the disk cannot take more, nothing is read: the pipe fills, and the process waits in its write.
func (p *Process) pump(out *output, file *os.File) {
	raw, err := file.SyscallConn()
	for err == nil {
		result := again
		if p.settle(out, &result); result == again {
			// Nothing is kept while it waits: a thousand silent processes cost a thousand small stacks.
			err = raw.Read(func(fd uintptr) bool {
				result = p.step(out, int(fd))
				return result != wouldBlock
			})
		}
		if err != nil || result == finished {
			break
		}
		if result == trouble {
			timer := time.NewTimer(retry)
			select {
			case <-timer.C:
			case <-p.stopped:
			}
			timer.Stop()
		}
		if result == noRoom && !p.waitForRoom(out) {
			break
		}
	}
	p.finish(out)
}

// settle writes what the disk did not take before.
func (p *Process) settle(out *output, result *outcome) {
	p.table.Gate.RLock()
	p.mu.Lock()
	told := false
	switch {
	case p.ended:
		*result = finished
	case out.pending != nil:
		if err := p.log.Append(out.channel, out.pending); err != nil {
			*result = trouble
			told = p.stall(out, stalledDisk, err)
		} else {
			out.pending = nil
			p.stall(out, "", nil)
			told = true
		}
	}
	p.mu.Unlock()
	p.table.Gate.RUnlock()
	if told {
		p.table.changed(p)
	}
}

// step reads once.
func (p *Process) step(out *output, fd int) outcome {
	p.table.Gate.RLock()
	result, told := p.transfer(out, fd)
	p.table.Gate.RUnlock()
	if told {
		p.table.changed(p)
	}
	return result
}

func (p *Process) transfer(out *output, fd int) (result outcome, told bool) {
	buffer := p.table.buffers.get()
	defer p.table.buffers.put(buffer)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return finished, false
	}
	room, err := p.log.Room()
	if err != nil {
		return trouble, p.stall(out, stalledDisk, err)
	}
	if room < tooLittle {
		return noRoom, false
	}
	n, err := syscall.Read(fd, (*buffer)[:min(room, outputlog.Chunk)])
	switch {
	case err == syscall.EAGAIN:
		return wouldBlock, false
	case err == syscall.EINTR:
		return again, false
	case err != nil || n == 0:
		// A terminal whose other side was closed by all says EIO; that is its end.
		return finished, false
	}
	data := (*buffer)[:n]
	if err := p.log.Append(out.channel, data); err != nil {
		out.pending = append([]byte(nil), data...)
		return trouble, p.stall(out, stalledDisk, err)
	}
	p.stall(out, "", nil)
	if n >= fullPipe && !out.widened {
		out.widened = true
		// Refused where the user has used up its pages; then the pipe stays as it is.
		syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), setPipe, pipeSize)
	}
	return again, true
}

// stall notes why a channel waits; it returns whether that is news.
func (p *Process) stall(out *output, why string, cause error) bool {
	now := stall{why: why}
	if cause != nil {
		for errors.Unwrap(cause) != nil {
			cause = errors.Unwrap(cause)
		}
		now.reason = cause.Error()
	}
	before := p.stalls[out.channel-1]
	p.stalls[out.channel-1] = now
	return before != now
}

// waitForRoom waits until the log has room again; false where the output was given up.
func (p *Process) waitForRoom(out *output) bool {
	p.mu.Lock()
	told := p.stall(out, stalledHeld, nil)
	p.mu.Unlock()
	if told {
		p.table.changed(p)
	}
	p.mu.Lock()
	for !p.ended {
		if room, err := p.log.Room(); err != nil || room >= enough {
			break
		}
		p.changed.Wait()
	}
	going := !p.ended
	told = p.stall(out, "", nil)
	p.mu.Unlock()
	if told {
		p.table.changed(p)
	}
	return going
}

// finish closes an output. The last one ends the process's output.
func (p *Process) finish(out *output) {
	p.table.Gate.RLock()
	p.mu.Lock()
	closing := []*os.File{out.file}
	out.file = nil
	if p.terminal {
		closing = append(closing, p.stdin.abandon())
	}
	told := false
	if !p.ended {
		told = true
		for _, other := range p.outputs {
			told = told && other.file == nil
		}
		p.ended, p.complete = told, told
	}
	p.changed.Broadcast()
	p.mu.Unlock()
	p.table.Gate.RUnlock()
	closeAll(closing)
	if told {
		// The process may have ended with it. Looking is cheaper than to wait for the signal.
		p.table.reaper.Reap()
		if p.Exited() {
			p.table.changed(p)
		} else {
			time.AfterFunc(parting, p.leaveAlone)
		}
	}
}

// leaveAlone notes that the output's end was not the process's.
func (p *Process) leaveAlone() {
	p.table.Gate.RLock()
	p.mu.Lock()
	p.alone = true
	p.mu.Unlock()
	p.table.Gate.RUnlock()
	p.table.changed(p)
}

// GiveUp stops reading now. What is still in the pipes is lost, and whoever still writes to them is told by the system.
func (p *Process) GiveUp() {
	p.table.Gate.RLock()
	p.mu.Lock()
	told := !p.ended
	var closing []*os.File
	if told {
		p.ended = true
		close(p.stopped)
		for _, out := range p.outputs {
			closing = append(closing, out.file)
			out.file, out.pending = nil, nil
		}
		p.stalls = [2]stall{}
		p.changed.Broadcast()
	}
	p.mu.Unlock()
	p.table.Gate.RUnlock()
	closeAll(closing)
	if told {
		p.table.changed(p)
	}
}

// closeAll closes files, with no lock held: closing waits for whoever uses the descriptor at the moment, and they take
// locks.
func closeAll(files []*os.File) {
	for _, file := range files {
		if file != nil {
			file.Close()
		}
	}
}

// pool lends out buffers for reads, and makes no more than a few.
type pool chan *[]byte

func newPool() pool {
	lent := make(pool, buffers)
	for range buffers {
		lent <- nil
	}
	return lent
}

func (p pool) get() *[]byte {
	buffer := <-p
	if buffer == nil {
		fresh := make([]byte, outputlog.Chunk)
		buffer = &fresh
	}
	return buffer
}

func (p pool) put(buffer *[]byte) { p <- buffer }
