// Package pty makes pseudo terminals.
package pty

import (
	"fmt"
	"syscall"
	"unsafe"
)

const (
	unlockPeer = 0x40045431 // TIOCSPTLCK
	openPeer   = 0x5441     // TIOCGPTPEER
	speakUTF8  = 0x4000     // IUTF8: erasing a character then erases all of its bytes
)

// Open makes a terminal of a size. It returns raw descriptors, closed on exec: our side, non-blocking, and the side of
// the process.
func Open(columns, rows uint16) (ours, theirs int, err error) {
	ours, err = syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("unable to open /dev/ptmx: %w", err)
	}
	theirs, err = peer(ours)
	if err == nil {
		if err = Resize(ours, columns, rows); err == nil {
			err = setUTF8(theirs)
		}
		if err != nil {
			syscall.Close(theirs)
		}
	}
	if err != nil {
		syscall.Close(ours)
		return -1, -1, err
	}
	return ours, theirs, nil
}

func peer(ours int) (int, error) {
	var locked int32
	if err := control(ours, unlockPeer, unsafe.Pointer(&locked)); err != nil {
		return -1, fmt.Errorf("unable to unlock a terminal: %w", err)
	}
	// Asked of the descriptor, not of /dev/pts, which may be another mount's.
	theirs, _, failure := syscall.Syscall(syscall.SYS_IOCTL, uintptr(ours), openPeer,
		uintptr(syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC))
	if failure != 0 {
		return -1, fmt.Errorf("unable to open a terminal's other side: %w", failure)
	}
	return int(theirs), nil
}

func setUTF8(terminal int) error {
	var settings syscall.Termios
	if err := control(terminal, syscall.TCGETS, unsafe.Pointer(&settings)); err != nil {
		return fmt.Errorf("unable to read a terminal's settings: %w", err)
	}
	settings.Iflag |= speakUTF8
	if err := control(terminal, syscall.TCSETS, unsafe.Pointer(&settings)); err != nil {
		return fmt.Errorf("unable to change a terminal's settings: %w", err)
	}
	return nil
}

// Resize sets a terminal's size; its foreground group is told by SIGWINCH.
func Resize(terminal int, columns, rows uint16) error {
	size := struct{ rows, columns, width, height uint16 }{rows: rows, columns: columns}
	if err := control(terminal, syscall.TIOCSWINSZ, unsafe.Pointer(&size)); err != nil {
		return fmt.Errorf("unable to set a terminal's size: %w", err)
	}
	return nil
}

func control(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, failure := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); failure != 0 {
		return failure
	}
	return nil
}
