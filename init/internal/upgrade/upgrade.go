// Package upgrade replaces the running program by another in place: same process id, same children, same descriptors.
//
// The state goes through a file in memory, whose descriptor the next program is told as an argument. Everything that it
// needs stays open; everything else is closed by the system as the program is replaced.
package upgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/nexus-workspaces/nexus/init/internal/process"
	"github.com/nexus-workspaces/nexus/init/internal/publish"
	"github.com/nexus-workspaces/nexus/init/internal/seal"
	"github.com/nexus-workspaces/nexus/init/internal/version"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// State is all that one program hands over to the next.
type State struct {
	// Version is version.Handover of whoever wrote it.
	Version    int    `json:"version"`
	Secret     []byte `json:"secret"`
	Boot       string `json:"boot"`
	Generation int    `json:"generation"`
	Name       string `json:"name"`
	Socket     string `json:"socket"`
	Keep       bool   `json:"keep"`
	// IdleMS is how long a keeper that has nothing to keep waits for a daemon before it ends; 0: for ever.
	IdleMS   int64              `json:"idle_ms"`
	ListenFD int                `json:"listen_fd"`
	Table    process.SavedTable `json:"table"`
	Ports    publish.Saved      `json:"ports"`
}

// Run replaces this program by program, an open file, and returns only where that failed; then everything is as before.
// state is filled with the table and the ports; listener is the descriptor of the listening socket.
func Run(table *process.Table, ports *publish.Ports, program *os.File, build string, state State, listener int) *wire.Error {
	failed := func(err error) *wire.Error {
		return wire.Errorf(wire.UpgradeFailed, err, "unable to become build %q", build)
	}
	copied, err := copyProgram(program)
	if err != nil {
		return failed(err)
	}
	defer copied.Close()
	if err := check(table.Reaper(), int(copied.Fd()), build); err != nil {
		return failed(err)
	}
	table.Gate.Lock()
	defer table.Gate.Unlock()
	if table.Ending() {
		return wire.Errorf(wire.Busy, nil, "processes are being ended")
	}
	ports.Freeze()
	defer ports.Thaw()
	state.Version, state.ListenFD = version.Handover, listener
	state.Generation++
	var fds, sockets []int
	state.Table, fds = table.Save()
	state.Ports, sockets = ports.Save()
	memory, err := write(&state)
	if err != nil {
		return failed(err)
	}
	defer memory.Close()
	fds = append(append(fds, sockets...), int(memory.Fd()), listener)
	return failed(replace(int(copied.Fd()), int(memory.Fd()), fds))
}

// replace is the moment itself. Signals that would end us are ignored while no program is there to take them.
func replace(program, memory int, fds []int) error {
	for _, fd := range fds {
		inherit(fd, true)
	}
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	// Children are asked for again by whoever runs next, and a SIGCHLD that nobody takes is only forgotten.
	lowered := seal.Lower()
	err := syscall.Exec(Path(program), []string{"nexus-init", "resume", strconv.Itoa(memory)}, os.Environ())
	lowered()
	for _, fd := range fds {
		inherit(fd, false)
	}
	return fmt.Errorf("unable to execute the new program: %w", err)
}

func inherit(fd int, inherited bool) {
	flags := uintptr(syscall.FD_CLOEXEC)
	if inherited {
		flags = 0
	}
	syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, flags)
}

// copyProgram copies a program into memory, where nobody may read it, not even its owner: the system then never lets
// others look into whoever executes it, from the first instruction on. Where no program may be executed from memory, the
// file itself must do.
func copyProgram(program *os.File) (*os.File, error) {
	info, err := program.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("the new program is no file")
	}
	memory, err := memoryFile("nexus-init", execMemory)
	if errors.Is(err, syscall.EINVAL) {
		memory, err = memoryFile("nexus-init", 0)
	}
	if errors.Is(err, syscall.EACCES) {
		fd, _, failure := syscall.Syscall(syscall.SYS_FCNTL, program.Fd(), syscall.F_DUPFD_CLOEXEC, 3)
		if failure != 0 {
			return nil, failure
		}
		return os.NewFile(fd, "nexus-init"), nil
	}
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	if _, err := io.Copy(memory, io.NewSectionReader(program, 0, info.Size())); err != nil {
		return nil, fmt.Errorf("unable to copy the new program: %w", err)
	}
	// A file that is open for writing cannot be executed.
	fd, err := syscall.Open(Path(int(memory.Fd())), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("unable to open the copy of the new program: %w", err)
	}
	if err := memory.Chmod(0o111); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "nexus-init"), nil
}

// Read takes the state over, in the next program.
func Read(fd int) (*State, error) {
	memory := os.NewFile(uintptr(fd), "state")
	defer memory.Close()
	state := &State{}
	if err := json.NewDecoder(io.NewSectionReader(memory, 0, 1<<40)).Decode(state); err != nil {
		return nil, fmt.Errorf("unable to read the state: %w", err)
	}
	if state.Version != version.Handover {
		return nil, fmt.Errorf("unable to read the state: its version is %d", state.Version)
	}
	return state, nil
}

func write(state *State) (*os.File, error) {
	memory, err := memoryFile("nexus-init-state", 0)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(memory).Encode(state); err != nil {
		memory.Close()
		return nil, fmt.Errorf("unable to write the state: %w", err)
	}
	return memory, nil
}
