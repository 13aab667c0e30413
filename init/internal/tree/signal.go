package tree

import (
	"syscall"
	"unsafe"
)

// System call numbers, the same on every architecture.
const (
	sysPidfdSendSignal = 424
	sysPidfdOpen       = 434
)

// Send sends a signal to a process whose start time is still the same; false where it is gone or not ours to signal.
// Through a descriptor, so that a number which was given to another process meanwhile is never hit.
func Send(process Proc, number syscall.Signal) bool {
	fd, _, failure := syscall.Syscall(sysPidfdOpen, uintptr(process.PID), 0, 0)
	if failure == syscall.ESRCH {
		return false
	}
	if failure == 0 {
		defer syscall.Close(int(fd))
	}
	if now, alive := Read(process.PID); !alive || now.Started != process.Started {
		return false
	}
	if failure != 0 {
		// An old kernel, or a sandbox that has no such call.
		return syscall.Kill(process.PID, number) == nil
	}
	_, _, failure = syscall.Syscall6(sysPidfdSendSignal, fd, uintptr(number), uintptr(unsafe.Pointer(nil)), 0, 0, 0)
	return failure == 0
}

// Signal sends a signal to each, in their order.
func (f Found) Signal(number syscall.Signal) {
	for _, process := range f {
		Send(process, number)
	}
}

// running returns those that a signal has not stopped.
func (f Found) running() Found {
	var running Found
	for _, process := range f {
		if process.State != 'T' && process.State != 't' {
			running = append(running, process)
		}
	}
	return running
}
