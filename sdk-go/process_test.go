package nexus

import (
	"os"
	"strings"
	"testing"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

func TestSignalsOfOtherPackages(t *testing.T) {
	for given, want := range map[os.Signal]Signal{os.Interrupt: SIGINT, os.Kill: SIGKILL, SIGUSR1: SIGUSR1} {
		if got, err := signalOf(given); got != want || err != nil {
			t.Errorf("%v gave %v, %v", given, got, err)
		}
	}
	if got, err := signalOf(strange{}); err == nil {
		t.Errorf("an unknown signal gave %v", got)
	}
	if SIGTERM.String() != "SIGTERM" {
		t.Errorf("%v", SIGTERM)
	}
}

type strange struct{}

func (strange) String() string { return "strange" }
func (strange) Signal()        {}

func TestProcessStateInWords(t *testing.T) {
	exit := func(code *int64, signal *string, reason protocol.ExitReason) *ProcessState {
		return &ProcessState{exit: protocol.ExecExit{Exit: protocol.ExitStatus{Code: code, Signal: signal, Reason: reason}}}
	}
	kill := protocol.Ptr("KILL")
	for want, state := range map[string]*ProcessState{
		"exit status 3": exit(protocol.Ptr(int64(3)), nil, protocol.ExitReasonExited),
		"signal: KILL":  exit(nil, kill, protocol.ExitReasonSignalled),
		"timed out":     exit(nil, kill, protocol.ExitReasonTimeout),
		"<nil>":         nil,
	} {
		if got := state.String(); got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
	if state := exit(nil, kill, protocol.ExitReasonSignalled); state.ExitCode() != -1 || state.Success() || state.Exited() {
		t.Errorf("%+v", state)
	}
}

func TestEdgesKeepHeadAndTail(t *testing.T) {
	kept := edges{limit: 4}
	for _, part := range strings.SplitAfter("0123456789abcdef", "5") {
		if n, err := kept.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if got := string(kept.Bytes()); got != "0123\n... 8 bytes left out ...\ncdef" {
		t.Errorf("%q", got)
	}
	whole := edges{limit: 4}
	_, _ = whole.Write([]byte("abcdef")) // it always takes everything
	if got := string(whole.Bytes()); got != "abcdef" {
		t.Errorf("%q", got)
	}
}
