// Package wire holds what both ends of a connection agree on beyond JSON: binary frames, offsets and credit. It does no
// input or output.
package wire

import (
	"encoding/binary"
	"fmt"
)

// Layout of a binary frame, big-endian:
//
//	offset  size  field
//	0       1     type      0 DATA, 1 EOF, 2 CREDIT
//	1       1     channel   0 towards the machine, 1 away from it, 2 stderr
//	2       4     stream    number given by stream.open, never 0
//	6       8     offset    DATA: position of the first byte; EOF: where the channel ends; CREDIT: the absolute limit
//	14      n     payload   DATA only, n <= MaxPayload
const (
	// HeaderSize is the number of bytes before the payload.
	HeaderSize = 14

	// MaxPayload is the most bytes in one DATA frame; small enough that no stream holds the connection for long.
	MaxPayload = 65536

	// MaxOffset is the greatest offset; every language holds numbers up to here exactly.
	MaxOffset = 1<<53 - 1
)

// Type is the first byte of a frame.
type Type uint8

// The types of frames.
const (
	Data Type = iota
	EOF
	Credit
)

// The channels. Down stands for the whole direction away from the machine in a CREDIT frame.
const (
	Up     = 0
	Down   = 1
	Stderr = 2
)

// Frame is one decoded frame. Payload shares memory with the message that was decoded.
type Frame struct {
	Type    Type
	Channel uint8
	Stream  uint32
	Offset  int64
	Payload []byte
}

// Encode returns the bytes of a frame. The caller keeps to the limits.
func Encode(kind Type, channel uint8, stream uint32, offset int64, payload []byte) []byte {
	message := make([]byte, HeaderSize, HeaderSize+len(payload))
	message[0], message[1] = byte(kind), channel
	binary.BigEndian.PutUint32(message[2:], stream)
	binary.BigEndian.PutUint64(message[6:], uint64(offset))
	return append(message, payload...)
}

// Decode reads a whole binary message. An error means that the peer does not speak this protocol.
func Decode(message []byte) (Frame, error) {
	if len(message) < HeaderSize {
		return Frame{}, fmt.Errorf("a frame has at least %d bytes; got %d", HeaderSize, len(message))
	}
	offset := binary.BigEndian.Uint64(message[6:])
	frame := Frame{
		Type:    Type(message[0]),
		Channel: message[1],
		Stream:  binary.BigEndian.Uint32(message[2:]),
		Offset:  int64(offset),
		Payload: message[HeaderSize:],
	}
	highest := uint8(Stderr)
	if frame.Type == Credit {
		highest = Down
	}
	size := len(frame.Payload)
	switch {
	case frame.Type > Credit:
		return Frame{}, fmt.Errorf("frame type %d does not exist", frame.Type)
	case frame.Channel > highest:
		return Frame{}, fmt.Errorf("channel %d does not exist for frame type %d", frame.Channel, frame.Type)
	case frame.Stream == 0:
		return Frame{}, fmt.Errorf("streams are numbered from 1")
	case size > 0 && frame.Type != Data:
		return Frame{}, fmt.Errorf("frame type %d carries no payload; got %d bytes", frame.Type, size)
	case size > MaxPayload:
		return Frame{}, fmt.Errorf("a frame carries at most %d bytes; got %d", MaxPayload, size)
	case offset > MaxOffset-uint64(size):
		return Frame{}, fmt.Errorf("offset %d with %d bytes lies outside 0 to 2^53 - 1", offset, size)
	}
	return frame, nil
}
