package acceptance

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// marked returns the living processes of this machine with a marker.
func marked(id string) []int {
	var found []int
	names, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range names {
		block, err := os.ReadFile(name)
		if err == nil && strings.Contains("\x00"+string(block), "\x00NEXUS_PROCESS="+id+"\x00") {
			pid, _ := strconv.Atoi(strings.Split(name, "/")[2])
			found = append(found, pid)
		}
	}
	return found
}

// wanderers start descendants that left the group, the session and their parents, and ignore TERM.
const wanderers = `trap '' TERM
setsid sh -c 'trap "" TERM; sleep 1001; sleep 1002' &
(setsid sh -c 'setsid sh -c "sleep 1003; sleep 1004" & exit 0' &)
sh -c '(sh -c "sleep 1005; sleep 1006" &)' &
echo ready
sleep 1007; sleep 1008`

func TestKillReachesAllThatDescends(t *testing.T) {
	d := keeper(t).connect()
	d.spawn(sh("treetest1", wanderers))
	other := d.spawn(spec("treetest2", "sleep", "1000"))
	eventually(t, "all have started", func() bool { return len(marked("treetest1")) >= 8 })
	d.must("kill", object{"process": "treetest1", "grace_ms": 50}, nil)
	if left := marked("treetest1"); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
	if told := d.finished("treetest1"); told.exit.String() != "signal 9" {
		t.Errorf("%+v", told)
	}
	if syscall.Kill(other.PID, 0) != nil {
		t.Error("another process was ended, too")
	}
	d.must("kill", object{"process": "treetest1", "grace_ms": 50}, nil)
}

func TestAProcessThatHeedsIsNotKilled(t *testing.T) {
	d := keeper(t).connect()
	d.spawn(sh("p", `trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.01; done`))
	d.wait("p", "ready", func(n *news) bool { return n.end > 0 })
	d.must("kill", object{"process": "p", "grace_ms": 30000}, nil)
	if told := d.finished("p"); told.exit.String() != "code 5" {
		t.Errorf("%+v", told)
	}
}

func TestAForkBombLoses(t *testing.T) {
	d := keeper(t).connect()
	// It keeps about as many as it has now, and every one of them is always about to fork.
	bomb := `n=0; b() { while :; do ( ( exec sleep 0.02 ) & ) ; done; }; for i in 1 2 3 4 5 6; do b & done; echo ready; wait`
	d.spawn(sh("bombtest", bomb))
	d.wait("bombtest", "ready", func(n *news) bool { return n.end > 0 })
	d.must("kill", object{"process": "bombtest", "grace_ms": 0}, nil)
	if left := marked("bombtest"); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

func TestKillAllKeepsSome(t *testing.T) {
	d := keeper(t).connect()
	d.spawn(sh("alltest1", wanderers))
	d.spawn(spec("alltest2", "sleep", "1000"))
	kept := d.spawn(spec("alltest3", "sleep", "1000"))
	eventually(t, "all have started", func() bool { return len(marked("alltest1")) >= 8 })
	d.must("kill_all", object{"grace_ms": 10, "except": []string{"alltest3"}}, nil)
	if left := append(marked("alltest1"), marked("alltest2")...); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
	if syscall.Kill(kept.PID, 0) != nil {
		t.Error("what should be kept was ended")
	}
}

func TestAsPID1ItReapsAndCountsAll(t *testing.T) {
	m := first(t, "--", "sh", "-c", "sleep 1000; exit 0")
	d := m.connect()
	if d.state.PID != 1 || len(d.state.Processes) != 1 || d.state.Processes[0].Process != "main" {
		t.Fatalf("%+v", d.state)
	}
	d.spawn(sh("p", `i=0; while [ $i -lt 50 ]; do (sleep 0.01 &) ; i=$((i+1)); done; echo done; sleep 1000`))
	d.wait("p", "orphans", func(n *news) bool { return n.end > 0 })
	var stats struct {
		Processes int
		Memory    uint64
		PerCent   map[string]struct {
			Processes int
			Memory    uint64
		} `json:"per_process"`
	}
	eventually(t, "the orphans have gone", func() bool {
		d.must("stats", object{}, &stats)
		return stats.Processes == 4 && stats.PerCent["p"].Processes == 2 && stats.PerCent["main"].Processes == 2
	})
	if stats.Memory == 0 || stats.PerCent["p"].Memory == 0 {
		t.Errorf("%+v", stats)
	}
	d.spawn(sh("q", `ps -e -o stat= | grep -c Z`))
	d.finished("q")
	if data, _ := output(t, m.log("q")); string(data) != "0\n" {
		t.Errorf("%s zombies", data)
	}
	// Another user's processes are found by their marker, though root may not look into them here.
	d.spawn(with(sh("u", `(setsid sleep 1000 &) ; (setsid sleep 1000 &); echo ready`), "user", "1234:1234"))
	d.finished0("u")
	d.must("stats", object{}, &stats)
	if stats.PerCent["u"].Processes != 2 {
		t.Errorf("%+v", stats.PerCent)
	}
	d.must("kill_all", object{"grace_ms": 0, "except": []string{}}, nil)
	d.must("stats", object{}, &stats)
	if stats.Processes != 0 {
		t.Errorf("%+v", stats)
	}
}

// finished0 waits for the exit only.
func (d *daemon) finished0(id string) {
	d.m.t.Helper()
	d.wait(id, "the exit of "+id, func(n *news) bool { return n.exits > 0 })
}

func TestTerminatingIt(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	view := d.spawn(sh("p", `trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done`))
	d.wait("p", "ready", func(n *news) bool { return n.end > 0 })
	m.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.ended:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if m.command.ProcessState.ExitCode() != 0 || syscall.Kill(view.PID, 0) == nil {
		t.Errorf("it ended with %v", m.command.ProcessState)
	}
	if _, err := os.Stat(m.socket); !os.IsNotExist(err) {
		t.Errorf("its socket is left: %v", err)
	}
}

func TestAfterAShutdownNothingIsLeft(t *testing.T) {
	m := first(t)
	d := m.connect()
	d.spawn(sh("p", wanderers))
	d.wait("p", "ready", func(n *news) bool { return n.end > 0 })
	d.must("shutdown", object{"grace_ms": 10}, nil)
	<-m.ended
	if m.command.ProcessState.ExitCode() != 0 {
		t.Errorf("it ended with %v: %s", m.command.ProcessState, m.stderr.String())
	}
}

func TestPortsInsideANetworkOfItsOwn(t *testing.T) {
	m := apart(t)
	d := m.connect()
	server := `import socket, sys
a = socket.socket(socket.AF_INET); a.bind(("127.0.0.1", 0)); a.listen()
b = socket.socket(socket.AF_INET6); b.bind(("::1", 0)); b.listen()
print(a.getsockname()[1], b.getsockname()[1], flush=True)
for s in (a, b):
    c, _ = s.accept()
    c.sendall(c.recv(100).upper())
    c.close()
sys.stdin.read()`
	for _, user := range []string{"", "1234:1234"} {
		id := "p" + strings.ReplaceAll(user, ":", "")
		params := with(with(spec(id, "/usr/bin/env", "python3", "-c", server), "user", user), "stdin", true)
		if user != "" {
			params["env"] = []string{"PATH=/usr/bin:/bin", "HOME=/"}
		}
		if _, err := os.Stat("/usr/bin/python3"); user != "" && err != nil {
			continue
		}
		view := d.spawn(params)
		d.wait(id, "its ports", func(n *news) bool { return n.end > 0 })
		data, _ := output(t, m.log(id))
		var four, six int
		if _, err := fmt.Sscan(string(data), &four, &six); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		var found struct {
			Listeners []struct {
				Port                      int
				Address, Command, Process string
				PID                       int
			}
		}
		d.must("listeners", object{}, &found)
		seen := 0
		for _, one := range found.Listeners {
			if one.Process == id {
				seen++
				if one.PID != view.PID || one.Command == "" ||
					(one.Port == four) != (one.Address == "127.0.0.1") || (one.Port == six) != (one.Address == "::1") {
					t.Errorf("%+v", one)
				}
			}
		}
		if seen != 2 {
			t.Errorf("%+v", found)
		}
		for _, port := range []int{four, six} {
			if said := d.talk(port, "hello"); said != "HELLO" {
				t.Errorf("port %d says %q", port, said)
			}
		}
	}
	if name := d.call("dial", object{"port": 1}); name != "port_refused" {
		t.Error(name)
	}
	if name := d.call("dial", object{"port": 0}); name != "invalid_params" {
		t.Error(name)
	}
}

// talk dials, says something, and returns the answer.
func (d *daemon) talk(port int, say string) string {
	d.m.t.Helper()
	id, err := d.request("dial", object{"port": port})
	if err == nil {
		_, err = d.answer(id)
	}
	if err != nil {
		d.m.t.Fatal(err)
	}
	d.mu.Lock()
	fd := d.files[id]
	d.mu.Unlock()
	file := os.NewFile(uintptr(fd), "dialled")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		d.m.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, say)
	conn.(*net.TCPConn).CloseWrite()
	text, _ := bufio.NewReader(conn).ReadString(0)
	return text
}
