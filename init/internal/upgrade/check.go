package upgrade

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/reaper"
	"github.com/nexus-workspaces/nexus/init/internal/version"
)

const (
	// checkTime is how long a program may take to say which it is.
	checkTime = 10 * time.Second
	// longestInfo is the most bytes that it may say.
	longestInfo = 4096
)

// check runs a program, asks which it is, and fails unless it can take our place: a program that does not even start
// must not be given the only copy of the state.
func check(children *reaper.Reaper, program int, build string) error {
	answer, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer answer.Close()
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		theirs.Close()
		return err
	}
	defer null.Close()
	status := make(chan syscall.WaitStatus, 1)
	pid, err := children.Start(func() (int, error) {
		return syscall.ForkExec(Path(program), []string{"nexus-init", "version"}, &syscall.ProcAttr{
			Env:   []string{"PATH=/usr/bin:/bin"},
			Files: []uintptr{null.Fd(), theirs.Fd(), null.Fd()},
			Sys:   &syscall.SysProcAttr{Setsid: true},
		})
	}, nil, func(ended syscall.WaitStatus) { status <- ended })
	theirs.Close()
	if err != nil {
		return fmt.Errorf("unable to start the new program: %w", err)
	}
	timer := time.AfterFunc(checkTime, func() { children.Signal(pid, syscall.SIGKILL) })
	defer timer.Stop()
	answer.SetReadDeadline(time.Now().Add(checkTime))
	text := make([]byte, 0, longestInfo)
	for len(text) < cap(text) {
		n, err := answer.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err != nil {
			break
		}
	}
	ended := <-status
	if !ended.Exited() || ended.ExitStatus() != 0 {
		return errors.New("the new program fails when it is asked for its version")
	}
	var info version.Info
	if err := json.Unmarshal(bytes.TrimSpace(text), &info); err != nil {
		return errors.New("the new program does not tell its version")
	}
	switch {
	case info.Build != build:
		return fmt.Errorf("the new program is build %q, not %q", info.Build, build)
	case !slices.Contains(info.Handovers, version.Handover):
		return errors.New("the new program cannot take over the state of this one")
	}
	return nil
}

// Path names an open file as a program, for whoever has it open.
func Path(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
