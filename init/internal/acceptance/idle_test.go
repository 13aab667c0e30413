package acceptance

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// idle is far longer than a machine takes to be looked at a few times, so that an end within it is a fault.
const idle = 300 * time.Millisecond

func TestAKeeperThatKeepsNothingEnds(t *testing.T) {
	m := start(t, nil, "--keep", "--idle", idle.String())
	d := m.connect()
	d.spawn(spec("p", "sleep", "1000"))
	// An orphan, which nobody knows by name.
	d.spawn(sh("o", "(trap '' HUP; exec sleep 1000) & exec true"))
	d.finished0("o")
	d.must("forget", object{"process": "o"}, nil)
	d.close()
	m.endures("a process runs")
	d = m.connect()
	d.must("signal", object{"process": "p", "signal": 9, "group": false}, nil)
	d.finished("p")
	d.close()
	m.endures("how a process ended was told to nobody who will remember")
	d = m.connect()
	d.must("forget", object{"process": "p"}, nil)
	d.close()
	m.endures("there is an orphan")
	d = m.connect()
	m.endures("a daemon is there")
	d.must("kill_all", object{"grace_ms": 0}, nil)
	for _, child := range children(t, d.state.PID) {
		child.Kill()
	}
	d.close()
	select {
	case <-m.ended:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if _, err := os.Stat(m.socket); !os.IsNotExist(err) {
		t.Errorf("its socket is left: %v", err)
	}
}

// endures fails the test where the keeper ends although it has a reason not to.
func (m *machine) endures(reason string) {
	m.t.Helper()
	select {
	case <-m.ended:
		m.t.Fatalf("it ended, although %s", reason)
	case <-time.After(3 * idle):
	}
}

// children are the children of a process.
func children(t *testing.T, pid int) []*os.Process {
	t.Helper()
	var found []*os.Process
	tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, word := range strings.Fields(string(text)) {
			number, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			process, err := os.FindProcess(number)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, process)
		}
	}
	return found
}

func TestASocketWhosePathIsTooLongForAnAddress(t *testing.T) {
	folder := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	m := startAt(t, folder, nil, "--keep")
	t.Chdir(folder)
	m.socket = "s"
	m.connect().must("shutdown", object{"grace_ms": 0}, nil)
	<-m.ended
}
