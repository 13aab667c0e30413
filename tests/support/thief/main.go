// Thief tries to take every descriptor of process 1, and says which it has got.
package main

import (
	"fmt"
	"os"
	"syscall"
)

const (
	pidfdOpen  = 434
	pidfdGetFD = 438
	most       = 64
)

func main() {
	fmt.Printf("user %d\n", os.Getuid())
	pidfd, _, failure := syscall.Syscall(pidfdOpen, 1, 0, 0)
	fmt.Printf("pidfd_open: %v\n", failure)
	for fd := range most {
		if _, _, failure := syscall.Syscall(pidfdGetFD, pidfd, uintptr(fd), 0); failure == 0 {
			fmt.Printf("got %d\n", fd)
		}
		if name, err := os.Readlink(fmt.Sprintf("/proc/1/fd/%d", fd)); err == nil {
			fmt.Printf("got %d: %s\n", fd, name)
		}
	}
	if syscall.PtraceAttach(1) == nil {
		fmt.Println("got all of it")
	}
	if memory, err := os.Open("/proc/1/mem"); err == nil {
		fmt.Printf("got %s\n", memory.Name())
	}
}
