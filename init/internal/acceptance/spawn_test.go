package acceptance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOutputAndExitAreTold(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	if d.state.Name != "ws_1" || d.state.Generation != 1 || d.state.Boot == "" || len(d.state.Processes) != 0 {
		t.Errorf("state %+v", d.state)
	}
	view := d.spawn(sh("p", "printf out; printf err >&2; exit 3"))
	if view.PID == 0 || view.Started == 0 {
		t.Errorf("%+v", view)
	}
	told := d.finished("p")
	if told.exit.String() != "code 3" || !told.complete || told.end != 6 || told.exits != 1 || told.ends != 1 {
		t.Errorf("%+v", told)
	}
	data, start := output(t, m.log("p"))
	if text := string(data); start != 0 || (text != "outerr" && text != "errout") {
		t.Errorf("%q from %d", text, start)
	}
	if len(told.runs) != 2 || told.runs[0]>>2 != 0 || told.runs[1]>>2 != 3 || told.runs[0]&3+told.runs[1]&3 != 3 {
		t.Errorf("runs %v", told.runs)
	}
}

func TestTheExitIsToldAfterWhatWasWritten(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	for at := range 50 {
		id := fmt.Sprint("p", at)
		d.spawn(sh(id, counting(5000)+"; sleep 1000 & exit 0"))
		told := d.wait(id, "the exit", func(n *news) bool { return n.exits > 0 })
		if told.end != 50000 {
			t.Errorf("%s has exited, and %d bytes are told", id, told.end)
		}
		d.must("signal", object{"process": id, "signal": 9, "group": true}, nil)
	}
}

func TestAProcessThatASignalEnds(t *testing.T) {
	d := keeper(t).connect()
	d.spawn(sh("p", "kill -9 $$"))
	if told := d.finished("p"); told.exit.String() != "signal 9" {
		t.Errorf("%v", told.exit)
	}
}

func TestASpawnIsRefusedWithItsReason(t *testing.T) {
	d := keeper(t).connect()
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		name   string
		params object
	}{
		{"command_not_found", spec("a", "no-such-command")},
		{"command_not_found", spec("b", "/no/such/command")},
		{"command_not_found", spec("c", plain)},
		{"command_not_found", with(spec("d", plain), "rlimits", object{"nofile": []int{100, 100}})},
		{"cwd_invalid", with(spec("e", "true"), "cwd", "/no/such/folder")},
		{"cwd_invalid", with(spec("f", "true"), "cwd", plain)},
		{"user_unknown", with(spec("g", "true"), "user", "nobody-of-that-name")},
		{"invalid_params", with(spec("h", "true"), "cwd", "relative")},
		{"invalid_params", with(spec("i"), "argv", []string{})},
		{"invalid_params", spec("j k", "true")},
		{"invalid_params", with(spec("k", "true"), "env", []string{"NOTHING"})},
		{"invalid_params", with(spec("l", "true"), "rlimits", object{"horses": []int{1, 1}})},
		{"invalid_params", with(spec("m", "true"), "unheard", 1)},
		{"invalid_params", with(spec("n", "tr\x00ue"), "cwd", "/")},
	} {
		params := one.params
		_, err := d.trySpawn(params)
		var failed *failure
		if !errors.As(err, &failed) || failed.Data.Name != one.name {
			t.Errorf("%v: %v, not %s", params["process"], err, one.name)
		}
	}
	if name := d.call("spawn", spec("o", "true")); name != "invalid_params" {
		t.Errorf("a spawn without a log: %s", name)
	}
	var list state
	d.must("list", object{}, &list)
	if len(list.Processes) != 0 {
		t.Errorf("what never started is known: %+v", list)
	}
}

func TestASpawnThatIsRepeatedStartsNothing(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(spec("p", "true"))
	if _, err := d.trySpawn(spec("p", "true")); err == nil || !strings.Contains(err.Error(), "process_exists") {
		t.Errorf("%v", err)
	}
	d.finished("p")
	if name := d.call("forget", object{"process": "p"}); name != "" {
		t.Error(name)
	}
	if name := d.call("forget", object{"process": "p"}); name != "process_unknown" {
		t.Error(name)
	}
	d.spawn(spec("p", "sleep", "1000"))
	if name := d.call("forget", object{"process": "p"}); name != "process_running" {
		t.Error(name)
	}
}

func TestForgettingWithoutAnAnswer(t *testing.T) {
	d := keeper(t).connect()
	d.spawn(spec("ended", "true"))
	d.spawn(spec("running", "sleep", "1000"))
	d.finished("ended")
	for _, id := range []string{"ended", "running", "unknown"} {
		d.notify("forget", object{"process": id})
	}
	var list state
	d.must("list", object{}, &list)
	if len(list.Processes) != 1 || list.Processes[0].Process != "running" {
		t.Errorf("%+v", list.Processes)
	}
	d.spawn(spec("ended", "true"))
	d.finished("ended")
}

func TestACommandThatSaysNothingHasAnEmptyLog(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(spec("p", "true"))
	d.finished("p")
	if info, err := os.Stat(m.log("p")); err != nil || info.Size() != 0 {
		t.Errorf("%v %v", info, err)
	}
}

func TestOutputThatEndsBeforeItsProcess(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(sh("p", "echo said; exec >&- 2>&-; sleep 1000"))
	told := d.wait("p", "the end of its output", func(n *news) bool { return n.ends > 0 })
	if told.exit != nil || !told.complete || told.end != 5 {
		t.Errorf("%+v", told)
	}
	d.close()
	d = m.connect()
	if view := d.state.Processes[0]; !view.Ended || view.State != "running" {
		t.Errorf("%+v", view)
	}
	d.must("kill", object{"process": "p", "grace_ms": 0}, nil)
	if told := d.finished("p"); told.ends != 1 {
		t.Errorf("%+v", told)
	}
}

func TestWhatAProcessIsGiven(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	script := `ls -l /proc/self/fd | wc -l; ulimit -n; ulimit -Hn; pwd; echo "$NEXUS_PROCESS $A"; id -u; id -g; id -G
cat /proc/self/status | grep -E 'Sig(Blk|Ign)'; ps -o sid= -p $$ | tr -d ' '; echo $$; umask`
	params := sh("p", script)
	params["env"] = []string{"PATH=" + os.Getenv("PATH"), "A=b", "NEXUS_PROCESS=forged"}
	params["rlimits"] = object{"nofile": []int{123, 456}}
	params["cwd"] = "/usr"
	if os.Geteuid() == 0 {
		params["user"], params["groups"] = "1234:2345", []int{77}
	}
	view := d.spawn(params)
	if told := d.finished("p"); told.exit.String() != "code 0" {
		t.Fatalf("%+v", told)
	}
	data, _ := output(t, m.log("p"))
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	user := []string{"1234", "2345", "2345 77"}
	if os.Geteuid() != 0 {
		user = lines[5:8]
	}
	pid := fmt.Sprint(view.PID)
	// ls has the folder itself open, and prints a line with the total.
	want := append([]string{"5", "123", "456", "/usr", "p b"}, user...)
	want = append(want, "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", pid, pid)
	if !slices.Equal(lines[:len(lines)-1], want) {
		t.Errorf("%q, not %q", lines, want)
	}
}

func TestAUserWhoMayNotEnter(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts as others")
	}
	d := keeper(t).connect()
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := d.trySpawn(with(with(spec("a", "true"), "cwd", closed), "user", "1234:1234"))
	if err == nil || !strings.Contains(err.Error(), "cwd_invalid") {
		t.Errorf("a folder: %v", err)
	}
	secret := filepath.Join(closed, "program")
	if err := os.WriteFile(secret, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = d.trySpawn(with(spec("b", secret), "user", "1234:1234"))
	if err == nil || !strings.Contains(err.Error(), "command_not_found") {
		t.Errorf("a program: %v", err)
	}
}

func TestATerminal(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	params := with(sh("p", `tty >/dev/null && stty size; stty -a | grep -o iutf8; trap 'stty size; exit 7' WINCH
echo ready; while :; do sleep 0.01; done`), "pty", []int{100, 30})
	view := d.spawn(params)
	if !view.PTY || view.Stdin == nil {
		t.Errorf("%+v", view)
	}
	eventually(t, "it is ready", func() bool {
		data, _ := output(t, m.log("p"))
		return strings.Contains(string(data), "ready")
	})
	d.must("resize", object{"process": "p", "cols": 90, "rows": 20}, nil)
	told := d.finished("p")
	data, _ := output(t, m.log("p"))
	if text := string(data); text != "30 100\r\niutf8\r\nready\r\n20 90\r\n" || told.exit.String() != "code 7" || !told.complete {
		t.Errorf("%q %+v", text, told)
	}
	d.must("resize", object{"process": "p", "cols": 90, "rows": 20}, nil)
}

func TestInputIsTakenByOffset(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	view := d.spawn(with(spec("p", "cat"), "stdin", true))
	d.input(0, view.Stream, 0, []byte("hello "))
	d.input(0, view.Stream, 3, []byte("lo wor"))
	d.input(0, view.Stream, 0, []byte("hello"))
	d.wait("p", "credit", func(n *news) bool { return n.credit == 9+65536 })
	d.close()
	d = m.connect()
	if in := d.state.Processes[0].Stdin; in == nil || in.Taken != 9 || in.Received != 9 || !in.Open {
		t.Fatalf("%+v", in)
	}
	d.input(0, view.Stream, 6, []byte("world"))
	d.input(1, view.Stream, 11, nil)
	d.finished("p")
	if data, _ := output(t, m.log("p")); string(data) != "hello world" {
		t.Errorf("%q", data)
	}
	var list state
	d.must("list", object{}, &list)
	if in := list.Processes[0].Stdin; in.Open || in.Taken != 11 {
		t.Errorf("%+v", in)
	}
}

func TestInputThatBreaksTheRules(t *testing.T) {
	m := keeper(t)
	for name, send := range map[string]func(*daemon, *info){
		"a gap": func(d *daemon, p *info) { d.input(0, p.Stream, 1, []byte("x")) },
		"more than credit": func(d *daemon, p *info) {
			d.input(0, p.Stream, 0, make([]byte, 65536))
			d.input(0, p.Stream, 65536, make([]byte, 65536))
			d.input(0, p.Stream, 131072, make([]byte, 65536))
		},
		"another channel": func(d *daemon, p *info) {
			d.conn.Write(1, []byte{0, 1, 0, 0, 0, byte(p.Stream), 0, 0, 0, 0, 0, 0, 0, 0}, -1)
		},
		"no such type":        func(d *daemon, p *info) { d.conn.Write(1, make([]byte, 14)[:0], -1) },
		"input after the end": func(d *daemon, p *info) { d.input(1, p.Stream, 0, nil); d.input(0, p.Stream, 0, []byte("x")) },
	} {
		d := m.connect()
		id := "p" + fmt.Sprint(len(name))
		// It does not read, so that what is sent stays.
		view := d.spawn(with(spec(id, "sleep", "1000"), "stdin", true))
		send(d, view)
		if reason := d.closed(); reason == "" {
			t.Errorf("%s: closed without a reason", name)
		}
	}
}

func TestInputThatNobodyReads(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	view := d.spawn(with(sh("p", "exec <&-; echo closed; sleep 1000"), "stdin", true))
	d.wait("p", "output", func(n *news) bool { return n.end > 0 })
	sent := uint64(0)
	block := make([]byte, 60000)
	for range 10 {
		d.input(0, view.Stream, sent, block)
		sent += uint64(len(block))
		d.wait("p", "credit", func(n *news) bool { return n.credit >= sent+uint64(len(block)) })
	}
	d.input(1, view.Stream, sent, nil)
	d.must("ping", object{}, nil)
}

func TestSignalsReachOneOrAll(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(sh("p", `trap 'echo parent' USR1; sh -c 'trap "echo child" USR1; echo ready; while :; do sleep 0.01; done' & 
while :; do wait; done`))
	said := func(text string) func() bool {
		return func() bool { data, _ := output(t, m.log("p")); return strings.Contains(string(data), text) }
	}
	eventually(t, "it is ready", said("ready"))
	d.must("signal", object{"process": "p", "signal": int(syscall.SIGUSR1), "group": false}, nil)
	eventually(t, "the parent", said("parent"))
	if said("child")() {
		t.Error("the child was meant, too")
	}
	d.must("signal", object{"process": "p", "signal": int(syscall.SIGUSR1), "group": true}, nil)
	eventually(t, "the child", said("child"))
	d.must("signal", object{"process": "p", "signal": 9, "group": true}, nil)
	if told := d.finished("p"); told.exit.String() != "signal 9" || !told.complete {
		t.Errorf("%+v", told)
	}
	d.must("signal", object{"process": "p", "signal": 9, "group": false}, nil)
	if name := d.call("signal", object{"process": "p", "signal": 0, "group": false}); name != "invalid_params" {
		t.Error(name)
	}
	if name := d.call("signal", object{"process": "q", "signal": 9, "group": false}); name != "process_unknown" {
		t.Error(name)
	}
}

func TestAThousandSpawns(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	count := 1000
	if raceFlag == "-race" {
		count = 100
	}
	var took []time.Duration
	for at := range count {
		id := fmt.Sprint("p", at)
		began := time.Now()
		d.spawn(spec(id, "true"))
		took = append(took, time.Since(began))
		d.finished(id)
		d.must("forget", object{"process": id}, nil)
	}
	slices.Sort(took)
	t.Logf("spawn p50 %v, p99 %v", took[count/2], took[count*99/100])
	var list state
	d.must("list", object{}, &list)
	if len(list.Processes) != 0 {
		t.Errorf("%d are left", len(list.Processes))
	}
}
