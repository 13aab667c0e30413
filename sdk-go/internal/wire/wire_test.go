package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

// requirement: frame.header
func TestFrameRoundTrip(t *testing.T) {
	for _, frame := range []Frame{
		{Data, Up, 1, 0, []byte("x")},
		{Data, Stderr, 1<<32 - 1, MaxOffset - MaxPayload, bytes.Repeat([]byte{7}, MaxPayload)},
		{EOF, Down, 9, MaxOffset, []byte{}},
		{Credit, Up, 2, 262144, []byte{}},
	} {
		got, err := Decode(Encode(frame.Type, frame.Channel, frame.Stream, frame.Offset, frame.Payload))
		if err != nil {
			t.Fatal(err)
		}
		same := bytes.Equal(got.Payload, frame.Payload)
		got.Payload, frame.Payload = nil, nil
		if !same || got.Type != frame.Type || got.Channel != frame.Channel || got.Stream != frame.Stream ||
			got.Offset != frame.Offset {
			t.Errorf("%+v became %+v", frame, got)
		}
	}
	if got := hex.EncodeToString(Encode(Credit, Down, 258, 65536, nil)); got != "0201000001020000000000010000" {
		t.Errorf("the layout is %s", got)
	}
}

// requirement: frame.payload
func TestWhatIsNoFrame(t *testing.T) {
	for _, text := range []string{
		"", "00", "00010000000100000000000000", // short
		"0301000000010000000000000000",   // type
		"0003000000010000000000000000",   // channel
		"0202000000010000000000000000",   // credit for stderr
		"0001000000000000000000000000",   // stream 0
		"00010000000100200000000000000a", // beyond 2^53 - 1 by its payload
		"0001000000018000000000000000",   // negative as a signed number
		"01010000000100000000000000000a", // EOF with payload
	} {
		message, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if frame, err := Decode(message); err == nil {
			t.Errorf("%s was taken for %+v", text, frame)
		}
	}
	if _, err := Decode(Encode(Data, Up, 1, 0, make([]byte, MaxPayload+1))); err == nil {
		t.Error("a payload that is too long was taken")
	}
}

func TestInboundTakesEachByteOnce(t *testing.T) {
	in := NewInbound(10, 100, Down, Stderr)
	for _, step := range []struct {
		channel uint8
		offset  int64
		payload string
		want    string
		fails   bool
	}{
		{Down, 10, "abc", "abc", false},
		{Down, 10, "abc", "", false},
		{Stderr, 12, "cde", "de", false},
		{Down, 16, "x", "", true},
		{Up, 15, "x", "", true},
		{Down, 15, string(make([]byte, 86)), "", true},
		{Down, 0, "", "", false},
		{Down, 15, "f", "f", false},
	} {
		fresh, err := in.Data(step.channel, step.offset, []byte(step.payload))
		if string(fresh) != step.want || (err != nil) != step.fails {
			t.Errorf("%+v gave %q, %v", step, fresh, err)
		}
	}
	var gap *GapError
	if _, err := in.Data(Down, 20, []byte("x")); !errors.As(err, &gap) || gap.Expected != 16 || gap.Offset != 20 {
		t.Errorf("the gap is %v", err)
	}
}

func TestInboundEnds(t *testing.T) {
	in := NewInbound(0, 100, Down, Stderr)
	if _, err := in.Data(Down, 0, []byte("abcd")); err != nil {
		t.Fatal(err)
	}
	if _, err := in.EOF(Stderr, 5); err == nil {
		t.Error("an end after a gap was taken")
	}
	if _, err := in.EOF(Down, 3); err == nil {
		t.Error("an end before the last byte was taken")
	}
	for _, want := range []bool{true, false} {
		if news, err := in.EOF(Stderr, 0); news != want || err != nil {
			t.Errorf("the end of stderr is %v, %v", news, err)
		}
	}
	if _, err := in.EOF(Stderr, 1); err == nil {
		t.Error("a second end elsewhere was taken")
	}
	if _, err := in.Data(Stderr, 4, []byte("x")); err == nil {
		t.Error("data after the end was taken")
	}
}

func TestReceiverGrantsAtHalf(t *testing.T) {
	r := Receiver{Window: 10, Consumed: 100, Limit: 110}
	for _, step := range []struct{ n, want int64 }{{4, 0}, {1, 115}, {0, 0}, {20, 135}} {
		if got := r.Consume(step.n); got != step.want {
			t.Errorf("after %d more: %d instead of %d", step.n, got, step.want)
		}
	}
}
