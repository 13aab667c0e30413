// Package tree finds the processes that belong to a started process, and ends all of them.
//
// A process belongs by descent (its parent belongs), by session (a group never leaves its session), or, where it left
// both and its parents died, by the marker NEXUS_PROCESS in the environment that it was started with.
package tree

import (
	"bytes"
	"strconv"
	"syscall"
)

const kernelThread = 0x00200000

// Proc is one line of /proc/<pid>/stat.
type Proc struct {
	PID, Parent, Session int
	// State is the letter of its state: R, S, D, Z, T, …
	State byte
	// Terminal says that it has a controlling terminal.
	Terminal bool
	// Started is the start time in clock ticks after boot; with PID it names a process for good.
	Started uint64
	Threads int
	// CPU is the user and system time in clock ticks.
	CPU uint64
	// Memory is the number of resident pages.
	Memory uint64
	// Kernel says that it is a thread of the kernel.
	Kernel bool
	// noEnviron says that the program is being replaced, so that it has no environment for a moment.
	noEnviron bool
}

// Zombie says that it has ended and waits to be reaped. (A leader that left its threads running looks the same, but has
// not.)
func (p *Proc) Zombie() bool { return (p.State == 'Z' || p.State == 'X') && p.Threads <= 1 }

// Read returns one process, false where there is none.
func Read(pid int) (Proc, bool) {
	line, err := readFile("/proc/"+strconv.Itoa(pid)+"/stat", make([]byte, 0, 1024), 4096)
	if err != nil {
		return Proc{}, false
	}
	return parseStat(pid, line)
}

func parseStat(pid int, line []byte) (Proc, bool) {
	// The name stands in brackets and may hold any byte, brackets and spaces too.
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return Proc{}, false
	}
	fields := bytes.Fields(line[end+1:])
	if len(fields) < 48 || len(fields[0]) != 1 {
		return Proc{}, false
	}
	number := func(at int) uint64 {
		value, _ := strconv.ParseUint(string(fields[at]), 10, 64)
		return value
	}
	return Proc{
		PID:       pid,
		State:     fields[0][0],
		Parent:    int(number(1)),
		Session:   int(number(3)),
		Terminal:  string(fields[4]) != "0",
		Kernel:    number(6)&kernelThread != 0,
		CPU:       number(11) + number(12),
		Threads:   int(number(17)),
		Started:   number(19),
		Memory:    number(21),
		noEnviron: string(fields[47]) == "0",
	}, true
}

// readFile reads a file of /proc, at most limit bytes of it, into buffer, which grows as needed.
func readFile(path string, buffer []byte, limit int) ([]byte, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	for len(buffer) < limit {
		if cap(buffer)-len(buffer) < 512 {
			buffer = append(buffer, make([]byte, max(len(buffer), 1024))...)[:len(buffer)]
		}
		n, err := syscall.Read(fd, buffer[len(buffer):min(cap(buffer), limit)])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		buffer = buffer[:len(buffer)+n]
	}
	return buffer, nil
}
