package wire

import (
	"encoding/binary"
	"fmt"
)

// A frame, in a message of kind Binary, big-endian as in the public protocol:
//
//	byte  0       type: Data, EOF or Credit
//	byte  1       channel: 0 to the process
//	bytes 2..5    stream
//	bytes 6..13   offset
//	bytes 14..    payload, only in Data
const (
	// Data carries bytes that begin at the offset.
	Data = 0
	// EOF says that the channel ends at the offset.
	EOF = 1
	// Credit says that the sender may send up to the offset.
	Credit = 2

	frameHeader = 14
	// MaxPayload is the most bytes of payload in one frame.
	MaxPayload = 65536
)

// Frame is one binary frame. Payload shares its memory with the message it was parsed from.
type Frame struct {
	Type    byte
	Channel byte
	Stream  uint32
	Offset  uint64
	Payload []byte
}

// ParseFrame reads a frame; it fails with a Violation.
func ParseFrame(message []byte) (Frame, error) {
	if len(message) < frameHeader {
		return Frame{}, Violation(fmt.Sprintf("a frame of %d bytes is too short", len(message)))
	}
	frame := Frame{
		Type:    message[0],
		Channel: message[1],
		Stream:  binary.BigEndian.Uint32(message[2:]),
		Offset:  binary.BigEndian.Uint64(message[6:]),
		Payload: message[frameHeader:],
	}
	switch {
	case frame.Type > Credit:
		return Frame{}, Violation(fmt.Sprintf("there is no frame of type %d", frame.Type))
	case frame.Type != Data && len(frame.Payload) > 0:
		return Frame{}, Violation(fmt.Sprintf("a frame of type %d with a payload", frame.Type))
	case len(frame.Payload) > MaxPayload:
		return Frame{}, Violation(fmt.Sprintf("a payload of %d bytes is too long", len(frame.Payload)))
	case frame.Offset+uint64(len(frame.Payload)) < frame.Offset:
		return Frame{}, Violation("a frame beyond the last offset")
	}
	return frame, nil
}

// Append adds the frame's bytes to a buffer.
func (f Frame) Append(buffer []byte) []byte {
	buffer = append(buffer, f.Type, f.Channel)
	buffer = binary.BigEndian.AppendUint32(buffer, f.Stream)
	buffer = binary.BigEndian.AppendUint64(buffer, f.Offset)
	return append(buffer, f.Payload...)
}
