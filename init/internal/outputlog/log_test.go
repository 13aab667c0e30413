package outputlog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// golden is the SHA-256 of the file that nexusd's own log writes for the same appends; tests/init compares it, too.
const golden = "28243306fc7ba01fcd679d4ee189fab2543f7ccaac910fcdb613491ed89d3c0f"

// script calls append with the appends that both sides make: sizes and channels from a small generator of numbers.
func script(append func(channel byte, data []byte)) {
	number := uint32(1)
	next := func(below uint32) uint32 {
		number = number*1103515245 + 12345
		return (number >> 8) % below
	}
	for at := range 6000 {
		size, channel := next(40)+1, byte(next(2)+1)
		if at%500 == 499 {
			size = 20000 + next(30000)
		}
		data := make([]byte, size)
		for position := range data {
			data[position] = byte(uint32(at) + uint32(position)*7)
		}
		append(channel, data)
	}
}

func create(t *testing.T, capacity uint64) *Log {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	log := Create(file, capacity)
	t.Cleanup(func() { log.Close() })
	return log
}

func TestTheFileIsTheSameAsTheDaemons(t *testing.T) {
	log := create(t, MinCapacity)
	script(func(channel byte, data []byte) {
		if err := log.Append(channel, data); err != nil {
			t.Fatal(err)
		}
	})
	hash := sha256.New()
	io.Copy(hash, io.NewSectionReader(log.File(), 0, 1<<40))
	if found := hex.EncodeToString(hash.Sum(nil)); found != golden {
		t.Errorf("%s", found)
	}
}

func TestWhatIsHeldIsNotOverwritten(t *testing.T) {
	log := create(t, MinCapacity)
	block := make([]byte, 30000)
	floor := uint64(10000)
	for range 2 {
		if err := log.Append(1, block); err != nil {
			t.Fatal(err)
		}
	}
	log.Hold(&floor)
	if room, err := log.Room(); err != nil || room != MinCapacity-50000 {
		t.Errorf("%d %v", room, err)
	}
	if err := log.Append(1, block); !errors.Is(err, ErrHeld) || log.State().End != 60000 {
		t.Errorf("%v %+v", err, log.State())
	}
	floor = 50000
	log.Hold(&floor)
	if err := log.Append(1, block); err != nil || log.State().Start > 50000 || log.State().Start < 90000-MinCapacity {
		t.Errorf("%v %+v", err, log.State())
	}
	gone := uint64(0)
	log.Hold(&gone)
	if held := log.State().Floor; held == nil || *held != log.State().Start {
		t.Errorf("%+v", log.State())
	}
}

func TestHeldRunsLeaveNoRoom(t *testing.T) {
	log := create(t, MinCapacity)
	floor := uint64(0)
	log.Hold(&floor)
	for at := range MinCapacity / bytesPerRun {
		if room, err := log.Room(); err != nil || room == 0 {
			t.Fatalf("run %d: %d %v", at, room, err)
		}
		if err := log.Append(byte(at%2+1), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if room, err := log.Room(); err != nil || room != 0 {
		t.Errorf("%d %v", room, err)
	}
	log.Hold(nil)
	if err := log.Append(1, []byte("x")); err != nil || log.State().FirstRun == 0 {
		t.Errorf("%v %+v", err, log.State())
	}
	restored := Restore(log.File(), log.State())
	runs, err := restored.Runs(restored.State().FirstRun, 1<<20)
	if err != nil || uint64(len(runs)) != log.State().NextRun-log.State().FirstRun {
		t.Fatal(len(runs), err)
	}
	for at, run := range runs {
		if at > 0 && run>>2 <= runs[at-1]>>2 {
			t.Errorf("run %d begins at %d", at, run>>2)
		}
	}
}
