package process

import (
	"syscall"
	"unsafe"
)

// threadSignals are 32 and 33, which C libraries keep for their threads. Go leaves them as they are, so what whoever
// started us had made of them would reach every program that we start.
var threadSignals = [...]uintptr{32, 33}

// maskBytes is the size of the kernel's signal mask.
const maskBytes = 8

// ResetThreadSignals gives these signals their usual meaning, here and so in the programs that are started from now on.
func ResetThreadSignals() {
	var usual struct {
		handler, flags, restorer uintptr
		mask                     uint64
	}
	for _, number := range threadSignals {
		// It fails for no signal that exists.
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, number, uintptr(unsafe.Pointer(&usual)), 0, maskBytes, 0, 0)
	}
}
