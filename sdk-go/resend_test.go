package nexus_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
)

// requirement: resume.stdin
func TestInputIsSentAgainFromWhereTheDaemonStands(t *testing.T) {
	again := atomic.Bool{}
	frames := make(chan wire.Frame, 10)
	server := newBrokenServer(t, nil)
	server.answer = func(p *peer, r request) {
		switch {
		case r.Method == "workspace.get":
			p.respond(r.ID, workspaceRecord)
		case !again.Swap(true):
			p.open(r.ID, 1, attachOpen(0, 0))
			<-p.up
			p.drop() // four bytes were taken, and nobody was told
		default:
			p.open(r.ID, 2, attachOpen(0, 4))
			for frame := range p.up {
				frames <- frame
				if frame.Type == wire.EOF {
					break
				}
			}
			p.binary(wire.Encode(wire.EOF, wire.Down, 2, 0, nil))
			p.binary(wire.Encode(wire.EOF, wire.Stderr, 2, 0, nil))
			p.respond(r.ID, exited(0))
			close(frames)
		}
	}
	a := must[*nexus.Attachment](t)(server.workspace(t, nexus.Options{}).Attach(testContext(t), "p", 0))
	_, err := a.Stdin().Write([]byte("0123456789"))
	check(t, err)
	check(t, a.Stdin().Close())
	must[*nexus.ProcessState](t)(a.Wait())
	got, next := "", int64(4)
	for frame := range frames {
		if frame.Offset != next {
			t.Fatalf("a frame at %d where %d was to come", frame.Offset, next)
		}
		got += string(frame.Payload)
		next += int64(len(frame.Payload))
	}
	if got != "456789" {
		t.Errorf("%q was sent again", got)
	}
}

// requirement: stream.sender
func TestNoMoreIsSentThanTheDaemonAllows(t *testing.T) {
	again := atomic.Bool{}
	reached := make(chan int64)
	server := newBrokenServer(t, nil)
	server.answer = func(p *peer, r request) {
		until := func(limit int64) {
			end := int64(0)
			for end < limit {
				frame := <-p.up
				end = frame.Offset + int64(len(frame.Payload))
			}
			reached <- end
		}
		switch {
		case r.Method == "workspace.get":
			p.respond(r.ID, workspaceRecord)
		case !again.Swap(true):
			p.open(r.ID, 1, attachOpen(0, 0)) // with a window of 1000
			until(1000)
			p.binary(wire.Encode(wire.Credit, wire.Up, 1, 1003, nil))
			until(1003)
			p.drop()
		default:
			p.open(r.ID, 2, strings.Replace(attachOpen(0, 3), `"stdin_window":1000`, `"stdin_window":100`, 1))
			until(103)
			p.binary(wire.Encode(wire.Credit, wire.Up, 2, 5000, nil))
			until(2500)
		}
	}
	a := must[*nexus.Attachment](t)(server.workspace(t, nexus.Options{}).Attach(testContext(t), "p", 0))
	go func() { _, _ = a.Stdin().Write(make([]byte, 2500)) }() // ends with the connection
	for _, want := range []int64{1000, 1003, 103, 2500} {
		if got := <-reached; got != want {
			t.Fatalf("%d bytes came where %d were allowed", got, want)
		}
	}
}
