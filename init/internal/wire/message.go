package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// A message on the socket:
//
//	byte  0      kind: Text or Binary
//	bytes 1..4   length of what follows, big-endian
//	bytes 5..    the payload
//
// File descriptors of a message ride on its first byte.
const (
	// Text is the kind of a message that holds one JSON-RPC object.
	Text = 0
	// Binary is the kind of a message that holds one frame.
	Binary = 1

	headerSize = 5

	// MaxText is the most bytes of a text message.
	MaxText = 1 << 20
	// MaxUnproven is the most bytes of a message from a peer that has not authenticated.
	MaxUnproven = 4096
	// maxFiles is how many descriptors one message may bring; none of ours needs more than one.
	maxFiles = 4
)

// Violation says what a peer did that the protocol forbids. The connection cannot go on after it.
type Violation string

func (v Violation) Error() string { return string(v) }

// Message is one received message. Whoever receives it owns Files, raw descriptors that are closed on exec.
type Message struct {
	Kind    byte
	Payload []byte
	Files   []int
}

// Close closes the descriptors that nobody has taken.
func (m *Message) Close() {
	for _, fd := range m.Files {
		syscall.Close(fd)
	}
	m.Files = nil
}

// Take returns the only descriptor of a message and lets go of it; -1 if there is not exactly one.
func (m *Message) Take() int {
	if len(m.Files) != 1 {
		return -1
	}
	fd := m.Files[0]
	m.Files = nil
	return fd
}

// Conn sends and receives messages. One goroutine may read while another writes; neither may be two.
type Conn struct {
	socket  *net.UnixConn
	control []byte
}

// NewConn wraps a connected Unix stream socket, which it owns from now on.
func NewConn(socket *net.UnixConn) *Conn {
	return &Conn{socket: socket, control: make([]byte, syscall.CmsgSpace(maxFiles*4))}
}

// Socket returns the socket, for deadlines and for the descriptor behind it.
func (c *Conn) Socket() *net.UnixConn { return c.socket }

// Close closes the socket; reads and writes in progress fail.
func (c *Conn) Close() error { return c.socket.Close() }

// Read receives the next message. It never reads past the end of one, so descriptors cannot come to the wrong message.
// maxText bounds a text message. It fails with io.EOF between messages and with a Violation for what is no message.
func (c *Conn) Read(maxText int) (*Message, error) {
	message := &Message{}
	var header [headerSize]byte
	for have := 0; have < headerSize; {
		n, files, err := c.receive(header[have:])
		if len(files) > 0 && have > 0 {
			err = Violation("descriptors came in the middle of a message")
		}
		message.Files = append(message.Files, files...)
		if err == nil && n == 0 {
			err = io.EOF
			if have > 0 {
				err = io.ErrUnexpectedEOF
			}
		}
		if err != nil {
			message.Close()
			return nil, err
		}
		have += n
	}
	message.Kind = header[0]
	length := binary.BigEndian.Uint32(header[1:])
	limit := maxText
	switch message.Kind {
	case Text:
	case Binary:
		limit = min(maxText, frameHeader+MaxPayload)
	default:
		message.Close()
		return nil, Violation(fmt.Sprintf("there is no message of kind %d", message.Kind))
	}
	if uint64(length) > uint64(limit) {
		message.Close()
		return nil, Violation(fmt.Sprintf("a message of %d bytes is too long, the limit is %d", length, limit))
	}
	message.Payload = make([]byte, length)
	for have := 0; have < int(length); {
		n, files, err := c.receive(message.Payload[have:])
		if len(files) > 0 {
			message.Files = append(message.Files, files...)
			err = Violation("descriptors came in the middle of a message")
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			message.Close()
			return nil, err
		}
		have += n
	}
	return message, nil
}

func (c *Conn) receive(buffer []byte) (int, []int, error) {
	n, controlled, flags, _, err := c.socket.ReadMsgUnix(buffer, c.control)
	if errors.Is(err, io.EOF) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	if controlled == 0 {
		return n, nil, nil
	}
	files, err := parseFiles(c.control[:controlled])
	if err == nil && flags&syscall.MSG_CTRUNC != 0 {
		err = Violation("more descriptors than one message may bring")
	}
	return n, files, err
}

func parseFiles(control []byte) ([]int, error) {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return nil, Violation("ancillary data that is none")
	}
	var files []int
	for _, message := range messages {
		if message.Header.Level != syscall.SOL_SOCKET || message.Header.Type != syscall.SCM_RIGHTS {
			continue
		}
		rights, err := syscall.ParseUnixRights(&message)
		if err != nil {
			return files, Violation("ancillary data that is none")
		}
		files = append(files, rights...)
	}
	return files, nil
}

// Write sends one message, all of it or with an error. file is a descriptor to send with it, -1 for none; it stays the
// caller's.
func (c *Conn) Write(kind byte, payload []byte, file int) error {
	buffer := Append(make([]byte, 0, headerSize+len(payload)), kind, payload)
	if file >= 0 {
		n, _, err := c.socket.WriteMsgUnix(buffer, syscall.UnixRights(file), nil)
		if err != nil {
			return fmt.Errorf("unable to send a descriptor: %w", err)
		}
		buffer = buffer[n:]
	}
	return c.Send(buffer)
}

// Append appends a message to others, for Send.
func Append(buffer []byte, kind byte, payload []byte) []byte {
	buffer = append(buffer, kind)
	buffer = binary.BigEndian.AppendUint32(buffer, uint32(len(payload)))
	return append(buffer, payload...)
}

// Send sends messages that Append made, all of them or with an error.
func (c *Conn) Send(buffer []byte) error {
	if len(buffer) > 0 {
		if _, err := c.socket.Write(buffer); err != nil {
			return fmt.Errorf("unable to send a message: %w", err)
		}
	}
	return nil
}
