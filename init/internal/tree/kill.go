package tree

import (
	"syscall"
	"time"
)

const (
	firstPause   = 10 * time.Millisecond
	longestPause = 200 * time.Millisecond
	// patience is how long to wait for killed processes to go; those that the kernel holds (state D) may take longer.
	patience     = 10 * time.Second
	freezeRounds = 200
	calmRounds   = 3
)

// Finder returns the processes to end, in a census.
type Finder func(*Census) Found

// End asks every process of a tree to end, waits for grace, then kills what is left. Without grace nobody is asked.
// looked returns a channel that is closed when something may have changed. It returns whether all are gone.
func (l *Lookout) End(find Finder, grace time.Duration, looked func() <-chan struct{}) bool {
	type name struct {
		pid     int
		started uint64
	}
	asked := map[name]bool{}
	deadline := time.Now().Add(grace)
	for pause := firstPause; time.Now().Before(deadline); pause = min(2*pause, longestPause) {
		change := looked()
		found := find(l.Census())
		if len(found) == 0 {
			return true
		}
		for _, process := range found {
			if !asked[name{process.PID, process.Started}] {
				asked[name{process.PID, process.Started}] = true
				ask(process)
			}
			if process.State == 'T' {
				Send(process, syscall.SIGCONT)
			}
		}
		wait(min(pause, time.Until(deadline)), change)
	}
	return l.Kill(find, looked)
}

// ask sends TERM. The leader of a terminal's session gets HUP too, as when the terminal is closed: interactive shells
// ignore TERM.
func ask(process Proc) {
	Send(process, syscall.SIGTERM)
	if process.Terminal && process.PID == process.Session {
		Send(process, syscall.SIGHUP)
	}
}

// Kill kills a whole tree: freezes it, so that nothing escapes by forking, kills descendants before parents, and looks
// again until nobody is left. It returns whether all are gone.
func (l *Lookout) Kill(find Finder, looked func() <-chan struct{}) bool {
	deadline := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		change := looked()
		found := l.Freeze(find)
		if len(found) == 0 {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		found.Signal(syscall.SIGKILL)
		wait(pause, change)
	}
}

// Freeze stops every process of a tree, with those that it forks meanwhile, and returns them.
//
// A stop takes effect when its process next enters or leaves the kernel. One that waits in the kernel (state D) may wait
// for another that is stopped already: after vfork, the parent sleeps until its child executes a program. So a tree of
// which the same processes only wait, several looks long, stands still as well.
func (l *Lookout) Freeze(find Finder) Found {
	var before map[int]bool
	calm := 0
	for looks := 1; ; looks++ {
		found := find(l.Census())
		running := found.running()
		if len(running) == 0 || looks > freezeRounds {
			return found
		}
		members := make(map[int]bool, len(found))
		same := before != nil && len(found) == len(before)
		for _, process := range found {
			members[process.PID] = true
			same = same && before[process.PID]
		}
		for _, process := range running {
			same = same && process.State == 'D'
		}
		if calm++; !same {
			calm = 0
		}
		if calm >= calmRounds {
			return found
		}
		before = members
		running.Signal(syscall.SIGSTOP)
	}
}

func wait(pause time.Duration, change <-chan struct{}) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-change:
		// Many end at once: a moment later more of them are gone.
		time.Sleep(time.Millisecond)
	}
}
