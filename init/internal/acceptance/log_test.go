package acceptance

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// counting is a script that writes numbered lines of ten bytes, n of them.
func counting(n int) string { return fmt.Sprintf("seq -f '%%09.0f' 0 %d", n-1) }

// checkCounting compares bytes with what counting writes at an offset.
func checkCounting(t *testing.T, data []byte, offset uint64) {
	t.Helper()
	var want bytes.Buffer
	for line := offset / 10; uint64(want.Len()) < uint64(len(data))+offset%10; line++ {
		fmt.Fprintf(&want, "%09d\n", line)
	}
	if !bytes.Equal(data, want.Bytes()[offset%10:][:len(data)]) {
		t.Errorf("the %d bytes from %d on are not what was written", len(data), offset)
	}
}

func TestWithoutAHoldTheLogWraps(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(with(sh("p", counting(300000)), "capacity", 65536))
	told := d.finished("p")
	if told.end != 3000000 || !told.complete || told.end-told.start > 65536 {
		t.Errorf("%+v", told)
	}
	data, start := output(t, m.log("p"))
	if start != told.start {
		t.Errorf("start %d in the file, %d told", start, told.start)
	}
	checkCounting(t, data, start)
}

func TestAHoldMakesTheProcessWait(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(with(with(sh("p", counting(300000)), "capacity", 65536), "hold", object{"keep_ms": 3600000}))
	told := d.wait("p", "it is held", func(n *news) bool { return n.stalled == "held" })
	if told.start != 0 || told.end > 65536 || told.end < 60000 {
		t.Errorf("%+v", told)
	}
	floor := uint64(0)
	var all []byte
	for told.ends == 0 {
		data, start := output(t, m.log("p"))
		if start > floor {
			t.Fatalf("what is held from %d on begins at %d", floor, start)
		}
		all = append(all, data[floor-start:]...)
		floor = start + uint64(len(data))
		d.notify("hold", object{"process": "p", "floor": floor, "keep_ms": 3600000})
		told = d.wait("p", "it goes on", func(n *news) bool { return n.end > floor || n.ends > 0 })
	}
	data, start := output(t, m.log("p"))
	all = append(all, data[floor-start:]...)
	if len(all) != 3000000 {
		t.Errorf("%d bytes", len(all))
	}
	checkCounting(t, all, 0)
}

func TestAHoldEndsSomeTimeAfterItsConnection(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(with(with(sh("p", counting(300000)), "capacity", 65536), "hold", object{"keep_ms": 50}))
	d.wait("p", "it is held", func(n *news) bool { return n.stalled == "held" })
	time.Sleep(100 * time.Millisecond)
	var list state
	d.must("list", object{}, &list)
	if list.Processes[0].Start != 0 {
		t.Error("it let go, though the connection is there")
	}
	d.close()
	d = m.connect()
	if told := d.finished("p"); told.end != 3000000 || !told.complete {
		t.Errorf("%+v", told)
	}
}

func TestGivingUp(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(sh("p", "echo before; sleep 1000 & exit 0"))
	d.wait("p", "the exit", func(n *news) bool { return n.exits == 1 && n.end == 7 })
	d.notify("give_up", object{"process": "p"})
	if told := d.finished("p"); told.complete || told.end != 7 {
		t.Errorf("%+v", told)
	}
	d.must("kill", object{"process": "p", "grace_ms": 0}, nil)
}

func TestAFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	m := keeper(t)
	small := m.folder + "/small"
	os.Mkdir(small, 0o700)
	if said, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=160k", "small", small).CombinedOutput(); err != nil {
		t.Skipf("no mount here: %s", said)
	}
	defer exec.Command("umount", "-l", small).Run()
	if err := os.WriteFile(small+"/filler", make([]byte, 120<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	d := m.connect()
	log, err := os.OpenFile(small+"/log", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.must("spawn", sh("p", counting(10000)), nil, int(log.Fd()))
	told := d.wait("p", "the disk is full", func(n *news) bool { return n.stalled == "disk" })
	if !strings.Contains(told.stalledReason, "no space") {
		t.Errorf("%+v", told)
	}
	os.Remove(small + "/filler")
	if told := d.finished("p"); told.end != 100000 || !told.complete {
		t.Errorf("%+v", told)
	}
	data, start := output(t, small+"/log")
	checkCounting(t, data, start)
}

func TestManyTinyRuns(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	d.spawn(sh("p", `i=0; while [ $i -lt 3000 ]; do echo o; echo e >&2; i=$((i+1)); done`))
	told := d.finished("p")
	if told.end != 12000 {
		t.Errorf("%+v", told)
	}
	// A second connection is told of all runs, in pieces.
	again := m.connect()
	told2 := again.wait("p", "all runs", func(n *news) bool { return len(n.runs) == len(told.runs) })
	for number, run := range told.runs {
		if told2.runs[number] != run {
			t.Fatalf("run %d is %d and %d", number, run, told2.runs[number])
		}
	}
}

func TestFiftyReconnectsLoseNothing(t *testing.T) {
	m := keeper(t)
	lines := 20_000_000
	if raceFlag == "-race" {
		lines = 2_000_000
	}
	total := uint64(lines) * 10
	d := m.connect()
	capacity := uint64(256 << 10)
	d.spawn(with(with(sh("p", counting(lines)), "capacity", capacity), "hold", object{"keep_ms": 3600000}))
	file, err := os.Open(m.log("p"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	slots := min(capacity/64, 1<<18)
	bytesAt := 4096 + (slots*8+4095)/4096*4096
	var floor uint64
	cuts := 0
	for floor < total {
		told := d.wait("p", "more", func(n *news) bool { return n.end > floor })
		if told.start > floor {
			t.Fatalf("%d is gone, the log begins at %d", floor, told.start)
		}
		data := make([]byte, told.end-floor)
		at := floor % capacity
		cut := min(uint64(len(data)), capacity-at)
		if _, err := file.ReadAt(data[:cut], int64(bytesAt+at)); err != nil {
			t.Fatal(err)
		}
		if _, err := file.ReadAt(data[cut:], int64(bytesAt)); err != nil {
			t.Fatal(err)
		}
		checkCounting(t, data, floor)
		floor = told.end
		d.notify("hold", object{"process": "p", "floor": floor, "keep_ms": 3600000})
		if floor > total/51*uint64(cuts+1) && cuts < 50 {
			cuts++
			if cuts%2 == 0 {
				d.close()
			}
			d = m.connect()
			d.mu.Lock()
			d.of("p").end = max(d.of("p").end, d.state.Processes[0].End)
			d.mu.Unlock()
			// The last hold may not have come through; a new connection says it again.
			d.notify("hold", object{"process": "p", "floor": floor, "keep_ms": 3600000})
		}
	}
	if told := d.finished("p"); told.end != total || cuts != 50 || !told.complete {
		t.Errorf("%d cuts, %+v", cuts, told)
	}
}

// memory returns the resident bytes of a process.
func memory(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * syscall.Getpagesize()
}

func TestMemoryStaysSmall(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	idle := memory(t, d.state.PID)
	for at := range 100 {
		d.spawn(sh(fmt.Sprint("p", at), counting(50000)+"; exec sleep 1000"))
	}
	for at := range 100 {
		d.wait(fmt.Sprint("p", at), "its output", func(n *news) bool { return n.end == 500000 })
	}
	busy := memory(t, d.state.PID)
	t.Logf("idle %d KiB, after 100 processes with 50 MB %d KiB", idle>>10, busy>>10)
	if raceFlag != "-race" && (idle > 8<<20 || busy > 24<<20) {
		t.Errorf("idle %d KiB, busy %d KiB", idle>>10, busy>>10)
	}
}
