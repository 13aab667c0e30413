// Package reaper waits for every child of this process: those that we started, and orphans that we adopted because we
// are PID 1 or a subreaper.
package reaper

import (
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
)

// pAll is P_ALL of waitid(2).
const pAll = 0

// Reaper reaps. Nobody else may call wait4 for a child that it knows. Its methods may be called from any goroutine.
type Reaper struct {
	// gate is held for reading from before a child is reaped until its owner knows.
	gate sync.Locker
	// mu is held while a child is started or reaped. So a child that ends at once is not reaped before it is known, and
	// a process id that is known names the same child until mu is let go.
	mu sync.Mutex
	// children holds what to call when one of ours ends; guarded by mu.
	children map[int]func(syscall.WaitStatus)
	// looked is closed and replaced each time that children were reaped; guarded by mu.
	looked  chan struct{}
	adopted atomic.Uint64
}

// New makes a reaper. gate is locked around each round of reaping, before anything else.
func New(gate sync.Locker) *Reaper {
	return &Reaper{gate: gate, children: map[int]func(syscall.WaitStatus){}, looked: make(chan struct{})}
}

// Start starts a child by calling start, which returns its process id. ended is called by Reap, with the gate held,
// once the child was reaped; never before Start has called started. started may be nil. It runs while the child cannot
// be reaped, so the process id is certain.
func (r *Reaper) Start(start func() (int, error), started func(pid int), ended func(syscall.WaitStatus)) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := start()
	if err != nil {
		return 0, err
	}
	r.children[pid] = ended
	if started != nil {
		started(pid)
	}
	return pid, nil
}

// Adopt takes charge of a child that an earlier program in this process has started.
func (r *Reaper) Adopt(pid int, ended func(syscall.WaitStatus)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.children[pid] = ended
}

// Signal sends a signal to a child that was not reaped yet; it fails with ESRCH for any other.
func (r *Reaper) Signal(pid int, number syscall.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ours := r.children[pid]; !ours {
		return syscall.ESRCH
	}
	return syscall.Kill(pid, number)
}

// Looked returns a channel that is closed when children were reaped next.
func (r *Reaper) Looked() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.looked
}

// Adopted returns how many orphans were reaped.
func (r *Reaper) Adopted() uint64 { return r.adopted.Load() }

// Any says whether this process has any child, ours or adopted.
func (r *Reaper) Any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Nobody is reaped by this.
	_, _, failure := syscall.Syscall6(syscall.SYS_WAITID, pAll, 0, 0, syscall.WNOHANG|syscall.WEXITED|syscall.WNOWAIT, 0, 0)
	return failure != syscall.ECHILD
}

// Run reaps until the program ends.
func (r *Reaper) Run() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	for {
		// First look, then wait: children may have ended before the signal was asked for.
		r.Reap()
		<-signals
	}
}

// Reap reaps every child that has ended by now. Run does so at each signal; whoever has reason to believe that one has
// ended need not wait for that. The caller does not hold the gate.
func (r *Reaper) Reap() {
	for r.reapOne() {
	}
	r.mu.Lock()
	close(r.looked)
	r.looked = make(chan struct{})
	r.mu.Unlock()
}

func (r *Reaper) reapOne() bool {
	r.gate.Lock()
	defer r.gate.Unlock()
	r.mu.Lock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	for err == syscall.EINTR {
		pid, err = syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	}
	ended, ours := r.children[pid]
	delete(r.children, pid)
	r.mu.Unlock()
	if err != nil || pid <= 0 {
		return false
	}
	if ours {
		ended(status)
	} else {
		r.adopted.Add(1)
	}
	return true
}
