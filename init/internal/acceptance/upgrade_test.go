package acceptance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// upgrade asks for an upgrade to a program, and returns the name of the error, or empty once the new one answers.
func (m *machine) upgrade(d *daemon, path, build string) (string, *daemon) {
	m.t.Helper()
	file, err := os.Open(path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer file.Close()
	_, err = d.ask("upgrade", object{"build": build}, int(file.Fd()))
	var failed *failure
	if errors.As(err, &failed) {
		return failed.Data.Name, d
	}
	if err == nil {
		m.t.Fatal("an upgrade was answered with a result")
	}
	return "", m.connect()
}

func TestAnUpgradeLosesNothing(t *testing.T) {
	for _, kind := range []string{"keeper", "first"} {
		t.Run(kind, func(t *testing.T) {
			var m *machine
			if kind == "keeper" {
				m = keeper(t)
			} else {
				m = first(t)
			}
			d := m.connect()
			before := d.state
			writer := d.spawn(with(sh("w", "for i in 0 1 2 3 4 5 6 7 8 9; do seq -f '%09.0f' ${i}00000 ${i}99999; done; exit 9"),
				"capacity", 16<<20))
			reader := d.spawn(with(spec("r", "cat"), "stdin", true))
			terminal := d.spawn(with(sh("t", "stty -echo; echo ready; read a; echo got $a; exit 4"), "pty", []int{80, 24}))
			d.spawn(with(with(sh("h", counting(300000)), "capacity", 65536), "hold", object{"keep_ms": 3600000}))
			d.wait("h", "it is held", func(n *news) bool { return n.stalled == "held" })
			d.wait("t", "ready", func(n *news) bool { return n.end > 6 })
			d.input(0, reader.Stream, 0, []byte("before "))
			d.wait("r", "credit", func(n *news) bool { return n.credit > 65536 })
			// These end while nobody is there to reap them, or nearly.
			for at := range 20 {
				d.spawn(sh(fmt.Sprint("e", at), fmt.Sprintf("sleep 0.0%d; exit %d", at, at)))
			}
			for at := range 4 {
				path, build := successor, build2
				if at%2 == 1 {
					path, build = program, "build-1"
				}
				name := "busy"
				for name == "busy" {
					name, d = m.upgrade(d, path, build)
				}
				if name != "" {
					t.Fatalf("upgrade %d: %s; it said: %s", at, name, m.stderr.String())
				}
			}
			if d.state.PID != before.PID || d.state.Boot != before.Boot || d.state.Generation != 5 || d.state.Name != "ws_1" {
				t.Errorf("%+v after %+v", d.state, before)
			}
			d.input(0, reader.Stream, 7, []byte("after"))
			d.input(1, reader.Stream, 12, nil)
			d.input(0, terminal.Stream, 0, []byte("x\n"))
			if told := d.finished("w"); told.exit.String() != "code 9" || told.end != 10_000_000 || !told.complete {
				t.Errorf("%+v of %+v", told, writer)
			}
			data, start := output(t, m.log("w"))
			if start != 0 || len(data) != 10_000_000 {
				t.Errorf("%d bytes from %d on", len(data), start)
			}
			checkCounting(t, data, start)
			d.finished("r")
			if data, _ := output(t, m.log("r")); string(data) != "before after" {
				t.Errorf("%q", data)
			}
			told := d.finished("t")
			if data, _ := output(t, m.log("t")); told.exit.String() != "code 4" || string(data) != "ready\r\ngot x\r\n" {
				t.Errorf("%q %+v", data, told)
			}
			for at := range 20 {
				if told := d.finished(fmt.Sprint("e", at)); told.exit.String() != fmt.Sprintf("code %d", at) {
					t.Errorf("%+v", told)
				}
			}
			held := d.state.Processes[3]
			if held.Process != "h" || held.Start != 0 || held.State != "running" {
				t.Errorf("%+v", held)
			}
			d.notify("hold", object{"process": "h", "floor": nil, "keep_ms": 0})
			if told := d.finished("h"); told.end != 3000000 || !told.complete {
				t.Errorf("%+v", told)
			}
			d.spawn(sh("n", "ls -l /proc/self/fd | wc -l; cat /proc/self/status | grep SigIgn"))
			d.finished("n")
			if data, _ := output(t, m.log("n")); string(data) != "5\nSigIgn:\t0000000000000000\n" {
				t.Errorf("a new process is given %q", data)
			}
		})
	}
}

func TestAnUpgradeThatFailsChangesNothing(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	d.spawn(with(spec("p", "cat"), "stdin", true))
	for path, build := range map[string]string{
		write("bad", "\x7fELF and then nothing"):                                      build2,
		write("text", "hello"):                                                        build2,
		write("fails", "#!/bin/sh\nexit 1\n"):                                         build2,
		write("mute", "#!/bin/sh\nexit 0\n"):                                          build2,
		write("old", "#!/bin/sh\necho '{\"build\":\"build-2\",\"handovers\":[0]}'\n"): build2,
		successor: "build-3",
	} {
		if name, _ := m.upgrade(d, path, build); name != "upgrade_failed" {
			t.Errorf("%s: %q", path, name)
		}
	}
	if name := d.call("upgrade", object{"build": build2}); name != "invalid_params" {
		t.Error(name)
	}
	d.must("ping", object{}, nil)
	d.spawn(sh("q", "cat /proc/self/status | grep SigIgn; ls -l /proc/self/fd | wc -l"))
	d.finished("q")
	if data, _ := output(t, m.log("q")); !strings.HasPrefix(string(data), "SigIgn:\t0000000000000000\n5") {
		t.Errorf("%q", data)
	}
}

func TestAnUpgradeWaitsForKills(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(sh("p", `trap '' TERM; echo ready; while :; do sleep 0.01; done`))
	d.wait("p", "ready", func(n *news) bool { return n.end > 0 })
	id, err := d.request("kill", object{"process": "p", "grace_ms": 60000})
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := m.upgrade(d, successor, build2); name != "busy" {
		t.Errorf("%q", name)
	}
	d.must("signal", object{"process": "p", "signal": 9, "group": true}, nil)
	if _, err := d.answer(id); err != nil {
		t.Error(err)
	}
	if name, _ := m.upgrade(d, successor, build2); name != "" {
		t.Errorf("%q", name)
	}
}
