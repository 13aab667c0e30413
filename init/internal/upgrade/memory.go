package upgrade

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

const (
	closeOnExec = 1    // MFD_CLOEXEC
	execMemory  = 0x10 // MFD_EXEC, since Linux 6.3
)

func memoryFile(name string, flags uintptr) (*os.File, error) {
	text, err := syscall.BytePtrFromString(name)
	if err != nil {
		return nil, err
	}
	fd, _, failure := syscall.Syscall(sysMemfdCreate, uintptr(unsafe.Pointer(text)), closeOnExec|flags, 0)
	if failure != 0 {
		return nil, fmt.Errorf("unable to make a file in memory: %w", failure)
	}
	return os.NewFile(fd, name), nil
}
