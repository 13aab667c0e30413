package process

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// stageFile is the descriptor on which the stage reports what went wrong; the new program closes it.
const stageFile = 3

// Steps of the stage, as in its report.
const (
	stepRlimits = "rlimits"
	stepUser    = "user"
	stepCwd     = "cwd"
	stepExec    = "exec"
)

// stage is our own program as the process's first: it does between fork and exec what the runtime cannot, and reports
// exactly what failed. A start that needs none of it does not pay for it.
type stage struct {
	Path       string              `json:"path"`
	Argv       []string            `json:"argv"`
	Cwd        string              `json:"cwd"`
	Rlimits    map[string][2]Limit `json:"rlimits"`
	Credential *syscall.Credential `json:"credential"`
}

// stageFailure is what a stage reports.
type stageFailure struct {
	step  string
	errno syscall.Errno
}

func (f *stageFailure) Error() string { return f.errno.Error() }

// RunStage is the stage itself. It returns only when it failed, which it has then reported.
func RunStage(text string) int {
	syscall.CloseOnExec(stageFile)
	var plan stage
	step, errno := stepExec, syscall.EINVAL
	if json.Unmarshal([]byte(text), &plan) == nil {
		step, errno = plan.run()
	}
	fmt.Fprintf(os.NewFile(stageFile, "report"), "%s %d", step, errno)
	return 126
}

func (s *stage) run() (string, syscall.Errno) {
	for name, limit := range s.Rlimits {
		pair := [2]uint64{uint64(limit[0]), uint64(limit[1])}
		_, _, failure := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, uintptr(limits[name]),
			uintptr(unsafe.Pointer(&pair)), 0, 0, 0)
		if failure != 0 {
			return stepRlimits, failure
		}
	}
	if who := s.Credential; who != nil {
		groups := make([]int, len(who.Groups))
		for at, group := range who.Groups {
			groups[at] = int(group)
		}
		for _, change := range []func() error{
			func() error { return syscall.Setgroups(groups) },
			func() error { return syscall.Setgid(int(who.Gid)) },
			func() error { return syscall.Setuid(int(who.Uid)) },
		} {
			if err := change(); err != nil {
				return stepUser, errnoOf(err)
			}
		}
	}
	if err := syscall.Chdir(s.Cwd); err != nil {
		return stepCwd, errnoOf(err)
	}
	return stepExec, errnoOf(syscall.Exec(s.Path, s.Argv, os.Environ()))
}

// waitStage reads the report of a stage; nil once the program itself runs.
func waitStage(report *os.File) *stageFailure {
	text, _ := io.ReadAll(io.LimitReader(report, 64))
	if len(text) == 0 {
		return nil
	}
	step, number, _ := strings.Cut(string(text), " ")
	errno, err := strconv.Atoi(number)
	if err != nil {
		return &stageFailure{stepExec, syscall.EIO}
	}
	return &stageFailure{step, syscall.Errno(errno)}
}

func errnoOf(err error) syscall.Errno {
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	return syscall.EIO
}
