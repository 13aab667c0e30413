package tree

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Marker names the variable that holds the id of the started process that a process descends from.
const Marker = "NEXUS_PROCESS"

const (
	environLimit = 1 << 20
	execLooks    = 100
	execPause    = 500 * time.Microsecond
)

// Census is the processes at one moment, and the markers of those that have one. It is never changed after it was made.
type Census struct {
	begun time.Time
	// Processes holds every process by its id, zombies included.
	Processes map[int]Proc
	marks     map[int]string
	children  map[int][]int
	sessions  map[int][]int
	carriers  map[string][]int
	// ancestors holds our own process, and what it descends from: they belong to nobody.
	ancestors map[int]bool
	ownID     int
	ownGroup  int
}

// Lookout takes censuses. Its methods may be called from any goroutine and block for milliseconds.
type Lookout struct {
	// mu is held during a walk through /proc; it guards last.
	mu   sync.Mutex
	last *Census
}

// Census returns the processes as they are after this call began. Calls that wait for one another share the next walk:
// ending 500 processes at once costs a few walks, not 500. A process that was seen with its marker keeps it, though it
// may replace its environment later.
func (l *Lookout) Census() *Census {
	called := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil || l.last.begun.Before(called) {
		l.last = walk(l.last)
	}
	return l.last
}

func walk(before *Census) *Census {
	own := os.Getpid()
	session, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	now := &Census{
		begun:     time.Now(),
		Processes: map[int]Proc{},
		marks:     map[int]string{},
		children:  map[int][]int{},
		sessions:  map[int][]int{},
		carriers:  map[string][]int{},
		ancestors: map[int]bool{0: true, 1: true},
		ownID:     own,
		ownGroup:  int(session),
	}
	buffer := make([]byte, 0, 4096)
	for _, pid := range pids() {
		line, err := readFile("/proc/"+strconv.Itoa(pid)+"/stat", buffer[:0], 4096)
		if err != nil {
			continue
		}
		process, ok := parseStat(pid, line)
		if !ok {
			continue
		}
		now.Processes[pid] = process
		now.children[process.Parent] = append(now.children[process.Parent], pid)
		now.sessions[process.Session] = append(now.sessions[process.Session], pid)
		if process.Zombie() || process.Kernel || pid == own {
			continue
		}
		mark := ""
		if before != nil && before.Processes[pid].Started == process.Started {
			mark = before.marks[pid]
		}
		if mark == "" {
			mark = marker(pid)
		}
		if mark != "" {
			now.marks[pid] = mark
			now.carriers[mark] = append(now.carriers[mark], pid)
		}
	}
	for pid := own; !now.ancestors[pid]; pid = now.Processes[pid].Parent {
		now.ancestors[pid] = true
	}
	return now
}

func pids() []int {
	folder, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1)
	ids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			ids = append(ids, pid)
		}
	}
	return ids
}

// marker returns the marker in the environment that a process was started with, empty where there is none.
func marker(pid int) string {
	block := environ(pid)
	for range execLooks {
		if block == nil || len(block) > 0 {
			break
		}
		// In the middle of an exec there is no environment for a moment: who looks away then lets a process escape.
		process, alive := Read(pid)
		busy := alive && process.State != 'Z' && process.State != 'X' && process.noEnviron
		if busy {
			time.Sleep(execPause)
		}
		block = environ(pid)
		if !busy {
			break
		}
	}
	return markIn(block)
}

func markIn(block []byte) string {
	const sign = Marker + "="
	for len(block) > 0 {
		at := bytes.Index(block, []byte(sign))
		if at < 0 {
			return ""
		}
		if at == 0 || block[at-1] == 0 {
			value, _, _ := bytes.Cut(block[at+len(sign):], []byte{0})
			return string(value)
		}
		block = block[at+len(sign):]
	}
	return ""
}

// environ returns the environment of a process; nil where it cannot be seen, empty where there is none.
func environ(pid int) []byte {
	path := "/proc/" + strconv.Itoa(pid) + "/environ"
	var block []byte
	err := AsOwner(pid, func() (err error) {
		block, err = readFile(path, make([]byte, 0, 2048), environLimit)
		return err
	})
	if err != nil {
		return nil
	}
	return block
}

// MarkOf returns the marker of a process, empty where it has none.
func (c *Census) MarkOf(pid int) string { return c.marks[pid] }

// marked returns the processes that carry a marker, and those in their sessions.
func (c *Census) marked(mark string) []int {
	seeds := append([]int(nil), c.carriers[mark]...)
	for _, pid := range c.carriers[mark] {
		if session := c.Processes[pid].Session; session != 0 && session != c.ownGroup {
			seeds = append(seeds, c.sessions[session]...)
		}
	}
	return seeds
}
