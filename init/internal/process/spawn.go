package process

import (
	"encoding/json"
	"errors"
	"os"
	"syscall"

	"github.com/nexus-workspaces/nexus/init/internal/pty"
	"github.com/nexus-workspaces/nexus/init/internal/tree"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// ends are the descriptors of a process that is being started, all raw and closed on exec. Ours do not block.
type ends struct {
	// out are what we read, by channel 1 and 2; -1 where there is none. With a terminal only the first is there.
	out [2]int
	// in is what we write its input to; -1 for none. With a terminal it is the same as the first of out.
	in int
	// theirs are the process's own three.
	theirs [3]int
	// closing are those to close once the process has them.
	closing []int
}

func (e *ends) closeTheirs() {
	for _, fd := range e.closing {
		syscall.Close(fd)
	}
	e.closing = nil
}

func (e *ends) closeAll() {
	e.closeTheirs()
	for _, fd := range e.out {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
	if e.in >= 0 && e.in != e.out[0] {
		syscall.Close(e.in)
	}
}

func openEnds(spec *Spec) (*ends, error) {
	made := &ends{out: [2]int{-1, -1}, in: -1}
	if spec.PTY != nil {
		ours, theirs, err := pty.Open(spec.PTY[0], spec.PTY[1])
		if err != nil {
			return nil, err
		}
		made.out[0], made.in = ours, ours
		made.theirs = [3]int{theirs, theirs, theirs}
		made.closing = []int{theirs}
		return made, nil
	}
	fail := func(err error) (*ends, error) {
		made.closeAll()
		return nil, err
	}
	if spec.Stdin {
		pair, err := pipe(1)
		if err != nil {
			return fail(err)
		}
		made.theirs[0], made.in = pair[0], pair[1]
		made.closing = append(made.closing, pair[0])
	} else {
		null, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return fail(err)
		}
		made.theirs[0] = null
		made.closing = append(made.closing, null)
	}
	for channel := range made.out {
		pair, err := pipe(0)
		if err != nil {
			return fail(err)
		}
		made.out[channel], made.theirs[channel+1] = pair[0], pair[1]
		made.closing = append(made.closing, pair[1])
	}
	return made, nil
}

// pipe makes a pipe of which our end does not block.
func pipe(ours int) ([2]int, error) {
	var pair [2]int
	if err := syscall.Pipe2(pair[:], syscall.O_CLOEXEC); err != nil {
		return pair, err
	}
	if err := syscall.SetNonblock(pair[ours], true); err != nil {
		syscall.Close(pair[0])
		syscall.Close(pair[1])
		return pair, err
	}
	return pair, nil
}

// start runs the program of a spec in a session of its own. started is called with its process id and start time before
// it can be reaped, ended when it was.
func (t *Table) start(spec *Spec, made *ends, started func(pid int, ticks uint64), ended func(syscall.WaitStatus)) *wire.Error {
	who, failure := credential(spec.User, spec.Groups)
	if failure != nil {
		return failure
	}
	if err := checkFolder(spec.Cwd); err != nil {
		return wire.Errorf(wire.CwdInvalid, err, "unable to start in %s", spec.Cwd)
	}
	path, set := variable(spec.Env, "PATH")
	if !set {
		path = defaultPath
	}
	program, err := findProgram(spec.Argv[0], path, spec.Cwd)
	if err != nil {
		return wire.Errorf(wire.CommandNotFound, err, "unable to execute %s", spec.Argv[0])
	}
	attributes := &syscall.ProcAttr{
		Dir:   spec.Cwd,
		Env:   mark(spec.Env, tree.Marker, spec.Process),
		Files: []uintptr{uintptr(made.theirs[0]), uintptr(made.theirs[1]), uintptr(made.theirs[2])},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: spec.PTY != nil, Credential: who},
	}
	known := func(pid int) {
		process, _ := tree.Read(pid)
		started(pid, process.Started)
	}
	if len(spec.Rlimits) == 0 {
		_, err = t.reaper.Start(func() (int, error) {
			return syscall.ForkExec(program, spec.Argv, attributes)
		}, known, ended)
		if err == nil {
			return nil
		}
		if who == nil || !errors.Is(err, syscall.EACCES) {
			return explain(&stageFailure{stepExec, errnoOf(err)}, spec)
		}
		// Another user was refused something: the stage tells the folder from the program.
	}
	plan := &stage{Path: program, Argv: spec.Argv, Cwd: spec.Cwd, Rlimits: spec.Rlimits, Credential: who}
	return t.startStaged(spec, plan, attributes, known, ended)
}

func (t *Table) startStaged(
	spec *Spec, plan *stage, attributes *syscall.ProcAttr, started func(int), ended func(syscall.WaitStatus),
) *wire.Error {
	text, err := json.Marshal(plan)
	if err != nil {
		return wire.Errorf(wire.Internal, err, "unable to describe the start of %s", spec.Argv[0])
	}
	report, theirs, err := os.Pipe()
	if err != nil {
		return wire.Errorf(wire.SpawnFailed, err, "unable to start %s", spec.Argv[0])
	}
	defer report.Close()
	attributes.Dir = ""
	attributes.Sys.Credential = nil
	attributes.Files = append(attributes.Files, theirs.Fd())
	var failed *stageFailure
	_, err = t.reaper.Start(func() (int, error) {
		pid, err := syscall.ForkExec("/proc/self/exe", []string{"nexus-init", "stage", string(text)}, attributes)
		theirs.Close()
		if err != nil {
			return 0, err
		}
		if failed = waitStage(report); failed != nil {
			for {
				if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
					break
				}
			}
			return 0, failed
		}
		return pid, nil
	}, started, ended)
	switch {
	case failed != nil:
		return explain(failed, spec)
	case err != nil:
		return wire.Errorf(wire.SpawnFailed, err, "unable to start %s", spec.Argv[0])
	}
	return nil
}

func explain(failure *stageFailure, spec *Spec) *wire.Error {
	command := spec.Argv[0]
	switch failure.step {
	case stepCwd:
		return wire.Errorf(wire.CwdInvalid, failure.errno, "unable to start %s in %s", command, spec.Cwd)
	case stepUser:
		return wire.Errorf(wire.SpawnFailed, failure.errno, "unable to start %s as user %q", command, spec.User)
	case stepRlimits:
		return wire.Errorf(wire.SpawnFailed, failure.errno, "unable to set the limits of %s", command)
	}
	switch failure.errno {
	case syscall.ENOMEM, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.E2BIG, syscall.EIO, syscall.ENXIO,
		syscall.EPERM, syscall.EINVAL:
		return wire.Errorf(wire.SpawnFailed, failure.errno, "unable to start %s", command)
	}
	return wire.Errorf(wire.CommandNotFound, failure.errno, "unable to execute %s", command)
}
