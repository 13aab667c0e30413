// Package outputlog writes a process's output to disk: one sequence of bytes over both channels, of which the last few
// MiB are kept. nexusd reads the same file while it grows.
package outputlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sort"
)

// The file, little-endian:
//
//	0      header: magic, capacity, run slots, start, end, first run, next run
//	4096   ring of run slots: u64 = offset * 4 + channel; a run is bytes of one channel in a row
//	...    ring of bytes: the byte at offset o lies at o modulo capacity
//
// An append writes its bytes, then the slot of a new run, and last the header, in one small write. Before bytes are
// overwritten, the header says that they are gone. So the log is whole after we were killed at any instruction. The file
// is empty until the first bytes: most commands that say nothing are short, and do not wait for the disk.
const (
	// Chunk is the most bytes that one Append takes.
	Chunk = 262144
	// MinCapacity is the least number of bytes that a log keeps.
	MinCapacity = 65536

	bytesPerRun = 64
	maxRuns     = 1 << 18
	slotSize    = 8
	slotsAt     = 4096
	headerSize  = 56
	page        = 4096
)

var magic = [8]byte{'N', 'X', 'L', 'O', 'G', 0, 0, 1}

// ErrHeld is returned by Append where the bytes would overwrite what is held. Room tells before.
var ErrHeld = errors.New("the log has no room beside what is held")

// State is everything about a log that is not in its file; an upgrade hands it over.
type State struct {
	Capacity uint64  `json:"capacity"`
	Start    uint64  `json:"start"`
	End      uint64  `json:"end"`
	FirstRun uint64  `json:"first_run"`
	NextRun  uint64  `json:"next_run"`
	LastRun  uint64  `json:"last_run"`
	Floor    *uint64 `json:"floor"`
}

// Log is the log of one process. It is not safe for concurrent use: its process's lock guards it. The runs stay in the
// file; only the newest is kept in memory, so that a log costs the same however many it has.
type Log struct {
	// file is open for reading and writing; owned by the log.
	file *os.File
	// slots is the number of run slots, bytesAt the position of the ring of bytes.
	slots, bytesAt uint64
	// state is what the header says, the newest run, and the floor: bytes from there on are held.
	state State
}

// Create begins a log in an empty file, which it owns from now on. capacity is the number of bytes to keep, MinCapacity
// at least.
func Create(file *os.File, capacity uint64) *Log {
	return Restore(file, State{Capacity: max(capacity, MinCapacity)})
}

// Restore takes a log over from an earlier owner of its file.
func Restore(file *os.File, state State) *Log {
	slots := min(state.Capacity/bytesPerRun, maxRuns)
	return &Log{
		file:    file,
		slots:   slots,
		bytesAt: slotsAt + (slots*slotSize+page-1)/page*page,
		state:   state,
	}
}

// State returns where the log stands.
func (l *Log) State() State { return l.state }

// File returns the file, which stays the log's.
func (l *Log) File() *os.File { return l.file }

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

// Hold keeps everything from floor on from being overwritten; nil lets go. What is gone already cannot be held.
func (l *Log) Hold(floor *uint64) {
	if floor == nil {
		l.state.Floor = nil
		return
	}
	held := max(*floor, l.state.Start)
	l.state.Floor = &held
}

// Room returns how many bytes may be appended now without overwriting what is held; the capacity at most.
func (l *Log) Room() (uint64, error) {
	s := &l.state
	if s.Floor == nil || *s.Floor >= s.End {
		return s.Capacity, nil
	}
	if s.NextRun-s.FirstRun >= l.slots {
		second, err := l.run(s.FirstRun + 1)
		if err != nil {
			return 0, err
		}
		if second>>2 > *s.Floor {
			return 0, nil
		}
	}
	if used := s.End - *s.Floor; used < s.Capacity {
		return s.Capacity - used, nil
	}
	return 0, nil
}

// Append adds bytes of a channel (1 or 2) to the end, all or none: 1 to Chunk bytes, no more than Room.
func (l *Log) Append(channel byte, data []byte) error {
	s := &l.state
	size := uint64(len(data))
	if size == 0 || size > min(Chunk, s.Capacity) {
		return fmt.Errorf("unable to append %d bytes at once", size)
	}
	fresh := s.NextRun == s.FirstRun || byte(s.LastRun&3) != channel
	if err := l.makeRoom(size, fresh); err != nil {
		return err
	}
	at := s.End % s.Capacity
	cut := min(size, s.Capacity-at)
	if err := l.write(data[:cut], l.bytesAt+at); err != nil {
		return err
	}
	if cut < size {
		if err := l.write(data[cut:], l.bytesAt); err != nil {
			return err
		}
	}
	next, last := s.NextRun, s.LastRun
	if fresh {
		last = s.End<<2 | uint64(channel)
		var slot [slotSize]byte
		binary.LittleEndian.PutUint64(slot[:], last)
		if err := l.write(slot[:], slotsAt+next%l.slots*slotSize); err != nil {
			return err
		}
		next++
	}
	if err := l.writeHeader(s.Start, s.End+size, s.FirstRun, next); err != nil {
		return err
	}
	s.End, s.NextRun, s.LastRun = s.End+size, next, last
	return nil
}

func (l *Log) makeRoom(size uint64, fresh bool) error {
	s := &l.state
	start := s.Start
	if s.End+size-start > s.Capacity {
		// A little more than needed, so that the header is not written twice for each append from now on.
		start = s.End + size - s.Capacity
		ahead := min(start+s.Capacity/16, s.End)
		if s.Floor != nil {
			ahead = min(ahead, *s.Floor)
		}
		start = max(start, ahead)
	}
	if fresh && s.NextRun-s.FirstRun >= l.slots {
		drop := uint64(1)
		if s.Floor == nil {
			drop = max(l.slots/16, 1)
		}
		oldest := s.End
		if s.FirstRun+drop < s.NextRun {
			slot, err := l.run(s.FirstRun + drop)
			if err != nil {
				return err
			}
			oldest = slot >> 2
		}
		start = max(start, oldest)
	}
	if start == s.Start {
		return nil
	}
	if s.Floor != nil && start > *s.Floor {
		return ErrHeld
	}
	first, err := l.runAt(start)
	if err != nil {
		return err
	}
	if start == s.End && fresh {
		first = s.NextRun
	}
	if err := l.writeHeader(start, s.End, first, s.NextRun); err != nil {
		return err
	}
	s.Start, s.FirstRun = start, first
	return nil
}

// runAt returns the number of the run that holds an offset.
func (l *Log) runAt(offset uint64) (uint64, error) {
	s := &l.state
	var failure error
	after := sort.Search(int(s.NextRun-s.FirstRun), func(at int) bool {
		slot, err := l.run(s.FirstRun + uint64(at))
		if err != nil {
			failure = err
		}
		return slot > offset<<2|3
	})
	return s.FirstRun + uint64(max(after-1, 0)), failure
}

func (l *Log) run(number uint64) (uint64, error) {
	if number+1 == l.state.NextRun {
		return l.state.LastRun, nil
	}
	var slot [slotSize]byte
	if _, err := l.file.ReadAt(slot[:], int64(slotsAt+number%l.slots*slotSize)); err != nil {
		return 0, fmt.Errorf("unable to read a run of the log: %w", err)
	}
	return binary.LittleEndian.Uint64(slot[:]), nil
}

// Runs returns the slots of at most limit runs, from number on, which is between the first and the next run.
func (l *Log) Runs(number uint64, limit int) ([]uint64, error) {
	count := min(l.state.NextRun-number, uint64(limit))
	runs := make([]uint64, 0, count)
	if count == 1 {
		slot, err := l.run(number)
		return append(runs, slot), err
	}
	for uint64(len(runs)) < count {
		at := (number + uint64(len(runs))) % l.slots
		block := make([]byte, min(count-uint64(len(runs)), l.slots-at)*slotSize)
		if _, err := l.file.ReadAt(block, int64(slotsAt+at*slotSize)); err != nil {
			return nil, fmt.Errorf("unable to read runs of the log: %w", err)
		}
		for ; len(block) > 0; block = block[slotSize:] {
			runs = append(runs, binary.LittleEndian.Uint64(block))
		}
	}
	return runs, nil
}

func (l *Log) writeHeader(start, end, first, next uint64) error {
	header := make([]byte, 0, headerSize)
	header = append(header, magic[:]...)
	for _, field := range [...]uint64{l.state.Capacity, l.slots, start, end, first, next} {
		header = binary.LittleEndian.AppendUint64(header, field)
	}
	return l.write(header, 0)
}

func (l *Log) write(data []byte, at uint64) error {
	if _, err := l.file.WriteAt(data, int64(at)); err != nil {
		return fmt.Errorf("unable to write the log: %w", err)
	}
	return nil
}
