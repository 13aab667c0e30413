package tree

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// AsOwner calls look, and where that may not look at a process, calls it once more with the eyes of the process's owner.
// Root in a container usually lacks CAP_SYS_PTRACE, without which it cannot see the environment and the descriptors of
// other users' processes, while each user can see those of its own. Only root changes its eyes.
func AsOwner(pid int, look func() error) error {
	err := look()
	if (err != syscall.EACCES && err != syscall.EPERM) || os.Geteuid() != 0 {
		return err
	}
	var owner syscall.Stat_t
	if failure := syscall.Stat("/proc/"+strconv.Itoa(pid), &owner); failure != nil || owner.Uid == 0 {
		return err
	}
	// The ids for the file system belong to one thread; no other goroutine may run on it meanwhile.
	runtime.LockOSThread()
	gid := uintptr(os.Getegid())
	syscall.RawSyscall(syscall.SYS_SETFSGID, uintptr(owner.Gid), 0, 0)
	syscall.RawSyscall(syscall.SYS_SETFSUID, uintptr(owner.Uid), 0, 0)
	err = look()
	syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0)
	syscall.RawSyscall(syscall.SYS_SETFSGID, gid, 0, 0)
	const ask = ^uintptr(0)
	if now, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, ask, 0, 0); now != 0 {
		panic("the thread could not become root again")
	}
	runtime.UnlockOSThread()
	return err
}
