package nexus_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

func TestOutputAndExitCodes(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	out, err := ws.CommandContext(ctx, "sh", "-c", "echo out; echo err >&2").Output()
	if err != nil || string(out) != "out\n" {
		t.Fatalf("%q, %v", out, err)
	}
	cmd := ws.CommandContext(ctx, "sh", "-c", "echo out; echo why >&2; exit 3")
	out, err = cmd.Output()
	var exit *nexus.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || string(exit.Stderr) != "why\n" || string(out) != "out\n" {
		t.Fatalf("%q, %v", out, err)
	}
	if cmd.ProcessState.Success() || !cmd.ProcessState.Exited() || err.Error() != "exit status 3" {
		t.Fatalf("%v", cmd.ProcessState)
	}
	combined, err := ws.CommandContext(ctx, "sh", "-c", "echo 1; echo 2 >&2; echo 3").CombinedOutput()
	// Two pipes that are written at once are read in either order; nothing may be missing, or come twice.
	lines := strings.Split(string(combined), "\n")
	slices.Sort(lines)
	if err != nil || !slices.Equal(lines, []string{"", "1", "2", "3"}) {
		t.Fatalf("%q, %v", combined, err)
	}
}

func TestFieldsOfCmd(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	cmd := ws.CommandContext(ctx, "sh", "-c", `pwd; echo "$A-$B"; cat`)
	cmd.Dir = "src"
	cmd.Env = []string{"A=1", "B=x", "A=2"}
	cmd.Stdin = strings.NewReader("from stdin")
	out, err := cmd.Output()
	if err != nil || string(out) != ws.Root()+"/src\n2-x\nfrom stdin" {
		t.Fatalf("%q, %v", out, err)
	}
	if cmd.Process.Pid == 0 || cmd.Process.ID == "" || cmd.String() != `sh -c pwd; echo "$A-$B"; cat` {
		t.Errorf("%+v %s", cmd.Process, cmd)
	}
	if err := ws.Command("no-such-program").Run(); !errors.Is(err, nexus.ErrCommandNotFound) {
		t.Errorf("%v", err)
	}
	wrong := ws.Command("true")
	wrong.Dir = "nowhere"
	if err := wrong.Run(); !errors.Is(err, nexus.ErrCwdInvalid) {
		t.Errorf("%v", err)
	}
	wrong = ws.Command("true")
	wrong.Env = []string{"novalue"}
	if err := wrong.Run(); err == nil || !strings.Contains(err.Error(), "novalue") {
		t.Errorf("%v", err)
	}
}

func TestPipes(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	cmd := ws.CommandContext(ctx, "sh", "-c", "cat; echo done >&2")
	stdin := must[io.WriteCloser](t)(cmd.StdinPipe())
	stdout := must[io.ReadCloser](t)(cmd.StdoutPipe())
	stderr := must[io.ReadCloser](t)(cmd.StderrPipe())
	check(t, cmd.Start())
	data := pattern(3 << 20)
	go func() {
		_, _ = stdin.Write(data) // what is missing shows below
		_ = stdin.Close()
	}()
	got := must[[]byte](t)(io.ReadAll(stdout))
	said := must[[]byte](t)(io.ReadAll(stderr))
	check(t, cmd.Wait())
	if !bytes.Equal(got, data) || string(said) != "done\n" {
		t.Fatalf("%d of %d bytes came back, stderr %q", len(got), len(data), said)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a second Wait succeeded")
	}
	if err := cmd.Start(); err == nil {
		t.Error("a second Start succeeded")
	}
}

func TestContextKillsCommand(t *testing.T) {
	ws := makeWorkspace(t, connect(t, nexus.Options{}))
	ctx, cancel := context.WithCancel(testContext(t))
	cmd := ws.CommandContext(ctx, "sh", "-c", "echo ready; sleep 600 & wait")
	stdout := must[io.ReadCloser](t)(cmd.StdoutPipe())
	check(t, cmd.Start())
	line := make([]byte, 6)
	must[int](t)(io.ReadFull(stdout, line))
	cancel()
	err := cmd.Wait()
	var exit *nexus.ExitError
	if !errors.As(err, &exit) || !errors.Is(err, context.Canceled) || exit.Signal() != "KILL" {
		t.Fatalf("%v", err)
	}
	record := must[protocol.Process](t)(ws.Process(testContext(t), cmd.Process.ID))
	if record.State == protocol.ProcessStateRunning {
		t.Error("the process runs on")
	}
	if err := cmd.Process.Kill(); err == nil || err.Error() != "os: process already finished" {
		t.Errorf("%v", err)
	}
	if err := ws.CommandContext(ctx, "true").Run(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAttachDetaches(t *testing.T) {
	ws := makeWorkspace(t, connect(t, nexus.Options{}))
	cmd := ws.Command("sh", "-c", "echo first; cat; echo last")
	stdin := must[io.WriteCloser](t)(cmd.StdinPipe())
	check(t, cmd.Start())
	ctx, cancel := context.WithCancel(testContext(t))
	attached := must[*nexus.Attachment](t)(ws.Attach(ctx, cmd.Process.ID, 0))
	chunks := 0
	for chunk, err := range attached.Chunks() {
		check(t, err)
		if chunks++; string(chunk.Data) != "first\n" || chunk.Offset != 0 || chunk.Stderr {
			t.Errorf("%+v", chunk)
		}
		break
	}
	cancel()
	if _, err := attached.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	record := must[protocol.Process](t)(ws.Process(testContext(t), cmd.Process.ID))
	if record.State != protocol.ProcessStateRunning {
		t.Errorf("it is %s after the attachment was left", record.State)
	}
	check(t, stdin.Close())
	check(t, cmd.Wait())
	var out bytes.Buffer
	again := must[*nexus.Attachment](t)(ws.Attach(testContext(t), cmd.Process.ID, 2))
	state := must[*nexus.ProcessState](t)(again.Copy(&out, nil))
	if out.String() != "rst\nlast\n" || state.ExitCode() != 0 || state.OutputEnd() != 11 {
		t.Errorf("%q, %v", out.String(), state)
	}
}

func TestAttachReaders(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	cmd := ws.Command("sh", "-c", "echo a; echo b >&2; echo c")
	check(t, cmd.Run())
	attached := must[*nexus.Attachment](t)(ws.Attach(ctx, cmd.Process.ID, 0))
	stdout, stderr := attached.Stdout(), attached.Stderr()
	if got := string(must[[]byte](t)(io.ReadAll(stdout))); got != "a\nc\n" {
		t.Errorf("stdout %q", got)
	}
	if got := string(must[[]byte](t)(io.ReadAll(stderr))); got != "b\n" {
		t.Errorf("stderr %q", got)
	}
	check(t, attached.Close())
	if _, err := ws.Attach(ctx, "nothing", 0); !errors.Is(err, nexus.ErrProcessNotFound) {
		t.Errorf("%v", err)
	}
}

func TestTerminal(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	cmd := ws.CommandContext(ctx, "sh", "-c", "read line; stty size; echo $line")
	cmd.Terminal = &protocol.PtySize{Cols: 80, Rows: 24}
	stdin := must[io.WriteCloser](t)(cmd.StdinPipe())
	var out bytes.Buffer
	cmd.Stdout = &out
	check(t, cmd.Start())
	check(t, cmd.Process.Resize(ctx, 132, 50))
	_, err := stdin.Write([]byte("typed\n"))
	check(t, err)
	check(t, cmd.Wait())
	if !strings.Contains(out.String(), "50 132\r\ntyped\r\n") {
		t.Errorf("%q", out.String())
	}
}

func TestTimeoutOfDaemon(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	cmd := ws.CommandContext(ctx, "sleep", "600")
	cmd.Timeout = 50 * time.Millisecond
	var exit *nexus.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.Reason() != protocol.ExitReasonTimeout || err.Error() != "timed out" {
		t.Fatalf("%v", err)
	}
}

func TestExecAndProcessLists(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	result := must[protocol.ExecRunResult](t)(ws.Exec(ctx, nexus.RunParams{Argv: []string{"echo", "hi"}}))
	if result.Stdout.Text != "hi\n" || *result.Exit.Code != 0 {
		t.Errorf("%+v", result)
	}
	cmd := ws.Command("sleep", "600")
	cmd.Labels = map[string]string{"role": "sleeper"}
	check(t, cmd.Start())
	count := 0
	for process, err := range ws.Processes(ctx, nexus.ProcessListOptions{Labels: cmd.Labels}) {
		check(t, err)
		if count++; process.ID != cmd.Process.ID {
			t.Errorf("%+v", process)
		}
	}
	if count != 1 {
		t.Errorf("%d processes", count)
	}
	check(t, cmd.Process.Signal(nexus.SIGTERM))
	var exit *nexus.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Signal() != "TERM" || exit.Reason() != protocol.ExitReasonSignalled {
		t.Errorf("%v", err)
	}
	record := must[protocol.Process](t)(ws.WaitProcess(ctx, cmd.Process.ID))
	if record.State != protocol.ProcessStateExited {
		t.Errorf("%+v", record)
	}
	check(t, ws.RemoveProcess(ctx, cmd.Process.ID))
	if _, err := ws.Process(ctx, cmd.Process.ID); !errors.Is(err, nexus.ErrProcessNotFound) {
		t.Errorf("%v", err)
	}
}
