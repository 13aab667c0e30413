package process

import (
	"syscall"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/tree"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// reapPatience is how long to wait, after a process is gone, until it was reaped.
const reapPatience = 10 * time.Second

// Signal sends a signal: to the process alone, or with group to all that descends from it. Signals to one process arrive
// in the order of the calls. done is called once it was sent, or there was nobody to send it to.
func (t *Table) Signal(process *Process, number syscall.Signal, group bool, done func(*wire.Error)) {
	t.ending.Add(1)
	process.jobs.add(func() {
		defer t.ending.Add(-1)
		find := func(now *tree.Census) tree.Found { return now.Find(process.Root()) }
		switch {
		case !group:
			err := t.reaper.Signal(process.PID, number)
			if err != nil && err != syscall.ESRCH {
				done(wire.Errorf(wire.Internal, err, "unable to signal process %s", process.ID))
				return
			}
		case number == syscall.SIGKILL:
			t.Lookout.Kill(find, t.reaper.Looked)
		case number == syscall.SIGSTOP:
			t.Lookout.Freeze(find)
		default:
			find(t.Lookout.Census()).Signal(number)
		}
		done(nil)
	})
}

// Kill ends a process and all that descends from it, and returns when none is left.
func (t *Table) Kill(process *Process, grace time.Duration) *wire.Error {
	t.ending.Add(1)
	defer t.ending.Add(-1)
	gone := t.Lookout.End(func(now *tree.Census) tree.Found { return now.Find(process.Root()) }, grace, t.reaper.Looked)
	if !gone || !t.waitReaped([]*Process{process}) {
		return wire.Errorf(wire.StillRunning, nil, "some of process %s cannot be killed", process.ID)
	}
	return nil
}

// KillAll ends every process but those kept, with all that descends from them. As PID 1 that is everything in the
// container, else what descends from processes of the table.
func (t *Table) KillAll(grace time.Duration, kept []string, everything bool) *wire.Error {
	t.ending.Add(1)
	defer t.ending.Add(-1)
	keep := make(map[string]bool, len(kept))
	for _, id := range kept {
		keep[id] = true
	}
	find := func(now *tree.Census) tree.Found {
		var ended, spared []tree.Root
		for _, process := range t.List() {
			if keep[process.ID] {
				spared = append(spared, process.Root())
			} else {
				ended = append(ended, process.Root())
			}
		}
		found := now.All()
		if !everything {
			found = now.Find(ended...)
		}
		return found.Without(now.Find(spared...))
	}
	gone := t.Lookout.End(find, grace, t.reaper.Looked)
	var ended []*Process
	for _, process := range t.List() {
		if !keep[process.ID] {
			ended = append(ended, process)
		}
	}
	if !gone || !t.waitReaped(ended) {
		return wire.Errorf(wire.StillRunning, nil, "some processes cannot be killed")
	}
	return nil
}

// waitReaped waits until each was reaped; false where one was not in time.
func (t *Table) waitReaped(processes []*Process) bool {
	timer := time.NewTimer(reapPatience)
	defer timer.Stop()
	for _, process := range processes {
		for {
			looked := t.reaper.Looked()
			if process.Exited() {
				break
			}
			select {
			case <-looked:
			case <-timer.C:
				return process.Exited()
			}
		}
	}
	return true
}

// Close refuses to start anything from now on.
func (t *Table) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// Ending says whether processes are being ended or signalled.
func (t *Table) Ending() bool { return t.ending.Load() > 0 }

// Reopen lets processes be started again, after something could not be ended.
func (t *Table) Reopen() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = false
}
