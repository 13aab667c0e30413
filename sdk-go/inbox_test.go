package nexus

import (
	"bytes"
	"io"
	"sync"
	"testing"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
)

// fill puts a payload of one repeated byte into an inbox.
func fill(t *testing.T, b *inbox, offset int64, size int, with byte) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.data(wire.Down, offset, bytes.Repeat([]byte{with}, size)); err != nil {
		t.Fatal(err)
	}
}

func newInbox(t *testing.T, window int64) *inbox {
	t.Helper()
	b := &inbox{}
	b.init(&sync.Mutex{}, window, func(int64) {}, wire.Down)
	if err := b.attach(0, false); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBytesThatWereTakenAreNotOverwritten(t *testing.T) {
	b := newInbox(t, 1<<20)
	var kept [][]byte
	offset := int64(0)
	for with := byte(1); with <= 3; with++ {
		fill(t, b, offset, wire.MaxPayload, with)
		fill(t, b, offset+wire.MaxPayload, wire.MaxPayload, with)
		offset += 2 * wire.MaxPayload
		taken, err := b.take(wire.Down, nil, nil) // given away for good
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, taken.data)
		part := make([]byte, wire.MaxPayload)
		if _, err := io.ReadFull(laneReader{b, wire.Down}, part); err != nil { // its memory is used again
			t.Fatal(err)
		}
		kept = append(kept, part)
	}
	for i, data := range kept {
		if want := bytes.Repeat([]byte{byte(i/2 + 1)}, wire.MaxPayload); !bytes.Equal(data, want) {
			t.Errorf("piece %d was changed", i)
		}
	}
}

func TestAReaderMayTakeALargePieceInParts(t *testing.T) {
	b := newInbox(t, 1<<20)
	for i := range 4 {
		fill(t, b, int64(i)*50_000, 50_000, byte(i))
	}
	b.finish(nil)
	var got []byte
	part := make([]byte, 7001)
	for {
		n, err := laneReader{b, wire.Down}.Read(part)
		got = append(got, part[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, value := range got {
		if int(value) != i/50_000 {
			t.Fatalf("byte %d is %d", i, value)
		}
	}
	if len(got) != 200_000 || b.receiver.Consumed != 200_000 {
		t.Errorf("%d bytes came, %d were consumed", len(got), b.receiver.Consumed)
	}
}

func TestReadersOfOneLaneShareItsBytes(t *testing.T) {
	const pieces = 200
	b := newInbox(t, pieces*wire.MaxPayload)
	var readers sync.WaitGroup
	var counts [2][256]int
	for reader := range counts {
		readers.Add(1)
		go func() {
			defer readers.Done()
			part := make([]byte, 30_000)
			for {
				n, err := laneReader{b, wire.Down}.Read(part)
				for _, value := range part[:n] {
					counts[reader][value]++
				}
				if err != nil {
					return
				}
			}
		}()
	}
	for i := range pieces {
		fill(t, b, int64(i)*wire.MaxPayload, wire.MaxPayload, byte(i%4))
	}
	b.mu.Lock()
	b.finish(nil)
	b.mu.Unlock()
	readers.Wait()
	for value := range 4 {
		if got := counts[0][value] + counts[1][value]; got != pieces/4*wire.MaxPayload {
			t.Errorf("%d came %d times", value, got)
		}
	}
}
