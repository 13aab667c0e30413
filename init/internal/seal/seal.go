// Package seal keeps the processes of the workspace from looking into this one.
package seal

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

const (
	prSetDumpable      = 4
	prGetDumpable      = 3
	prSetChildSubreap  = 36
	closeRangeCloexec  = 4
	sysCloseRange      = 436
	capabilityVersion3 = 0x20080522
	// mayReadAll are CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
	mayReadAll = 1<<1 | 1<<2
)

// Open says whether others could look into this program at this moment: its memory, its environment, its descriptors.
func Open() bool {
	value, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, prGetDumpable, 0, 0)
	return value == 1
}

// Close keeps others from looking into this program, and lets no program that it starts inherit its descriptors.
func Close() error {
	if _, _, failure := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); failure != 0 {
		return fmt.Errorf("unable to seal the program: %w", failure)
	}
	// Whoever started us may have left descriptors open that it did not mean for the workspace.
	_, _, failure := syscall.RawSyscall(sysCloseRange, 3, uintptr(^uint32(0)), closeRangeCloexec)
	if failure == syscall.ENOSYS || failure == syscall.EINVAL {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return fmt.Errorf("unable to seal the descriptors: %w", err)
		}
		for fd := 3; uint64(fd) < min(limit.Max, 1<<20); fd++ {
			syscall.CloseOnExec(fd)
		}
	} else if failure != 0 {
		return fmt.Errorf("unable to seal the descriptors: %w", failure)
	}
	return nil
}

// Subreap makes this process the parent of every descendant that loses its own.
func Subreap() error {
	if _, _, failure := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreap, 1, 0); failure != 0 {
		return fmt.Errorf("unable to become a subreaper: %w", failure)
	}
	return nil
}

type capHeader struct {
	version uint32
	pid     int32
}

// capData is the low half, then the high half of the capabilities: effective, permitted and inheritable each.
type capData [2][3]uint32

const effective = 0

// Lower lets this thread read no file whose mode forbids it, though it is root's, until the function that it returns is
// called. Programs that may be executed but not read are sealed from their first instruction on.
func Lower() (restore func()) {
	runtime.LockOSThread()
	header := capHeader{version: capabilityVersion3}
	var before, after capData
	call := func(number uintptr, data *capData) bool {
		_, _, failure := syscall.RawSyscall(number, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(data)), 0)
		return failure == 0
	}
	changed := call(syscall.SYS_CAPGET, &before)
	if changed {
		after = before
		after[0][effective] &^= mayReadAll
		changed = call(syscall.SYS_CAPSET, &after)
	}
	return func() {
		if changed {
			call(syscall.SYS_CAPSET, &before)
		}
		runtime.UnlockOSThread()
	}
}
