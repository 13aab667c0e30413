package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/coder/websocket"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
)

const window = 4 << 20

// bareClient is the least that gets the same answers: the library under the SDK, and a few lines of JSON.
type bareClient struct {
	url, token string
	conn       *websocket.Conn
	held       []*websocket.Conn
}

// message is what there is to a text frame.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

func (b *bareClient) connect(ctx context.Context, url, token string) (err error) {
	b.url, b.token = url, token
	b.conn, err = b.dial(ctx)
	return err
}

// calls sends from one goroutine and reads from another.
func (b *bareClient) calls(ctx context.Context, count, depth int) error {
	requests := make([][]byte, count)
	for id := range requests {
		requests[id] = fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"session.ping","params":{}}`, id)
	}
	slots, sent := make(chan struct{}, depth), make(chan error, 1)
	go func() {
		for _, request := range requests {
			slots <- struct{}{}
			if err := b.conn.Write(ctx, websocket.MessageText, request); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	answered := make([]bool, count)
	for range count {
		told, err := b.read(ctx)
		if err != nil {
			return err
		}
		if answered[told.ID] {
			return fmt.Errorf("%d was answered twice", told.ID)
		}
		answered[told.ID] = true
		<-slots
	}
	return <-sent
}

func (b *bareClient) run(ctx context.Context, workspace string) error {
	request := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"exec.run","params":{"workspace":%q,"argv":["true"]}}`, workspace)
	if err := b.conn.Write(ctx, websocket.MessageText, request); err != nil {
		return err
	}
	told, err := b.read(ctx)
	if err != nil {
		return err
	}
	var ran struct {
		Exit struct {
			Code *int `json:"code"`
		} `json:"exit"`
	}
	if err := json.Unmarshal(told.Result, &ran); err != nil {
		return err
	}
	if ran.Exit.Code == nil || *ran.Exit.Code != 0 {
		return fmt.Errorf("exec.run: %s", told.Result)
	}
	return nil
}

// download counts the bytes of a stream and gives back credit when half of it is used up.
func (b *bareClient) download(ctx context.Context, workspace, path string) (int64, error) {
	request := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"fs.download","params":{"workspace":%q,"path":%q,"window":%d}}`,
		workspace, path, window)
	if err := b.conn.Write(ctx, websocket.MessageText, request); err != nil {
		return 0, err
	}
	came, granted := int64(0), int64(window)
	buffer := make([]byte, wire.HeaderSize+wire.MaxPayload)
	for {
		kind, reader, err := b.conn.Reader(ctx)
		if err != nil {
			return came, err
		}
		n, err := io.ReadFull(reader, buffer)
		if err == nil {
			_, err = reader.Read(nil) // a message that fills the buffer has not told its end yet
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return came, err
		}
		if kind == websocket.MessageText {
			told, err := decode(buffer[:n])
			if err != nil || told.Method == "" {
				return came, err
			}
			continue
		}
		frame, err := wire.Decode(buffer[:n])
		if err != nil {
			return came, err
		}
		if frame.Type != wire.Data {
			continue
		}
		if frame.Offset != came {
			return came, fmt.Errorf("offset %d instead of %d", frame.Offset, came)
		}
		came += int64(len(frame.Payload))
		if granted-came <= window/2 {
			granted = came + window
			credit := wire.Encode(wire.Credit, wire.Down, frame.Stream, granted, nil)
			if err := b.conn.Write(ctx, websocket.MessageBinary, credit); err != nil {
				return came, err
			}
		}
	}
}

func (b *bareClient) hold(ctx context.Context, count int) error {
	for range count {
		conn, err := b.dial(ctx)
		if err != nil {
			return err
		}
		b.held = append(b.held, conn)
		// As everybody has to: somebody reads, or pings and the end of the connection go unnoticed.
		go func() { _, _, _ = conn.Read(context.Background()) }()
	}
	return nil
}

func (b *bareClient) dial(ctx context.Context) (*websocket.Conn, error) {
	conn, _, err := websocket.Dial(ctx, b.url, &websocket.DialOptions{
		Subprotocols: []string{"nexus.v1"}, HTTPHeader: http.Header{"Authorization": {"Bearer " + b.token}},
	})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	_, _, err = conn.Read(ctx) // session.ready
	return conn, err
}

func (b *bareClient) read(ctx context.Context) (message, error) {
	_, data, err := b.conn.Read(ctx)
	if err != nil {
		return message{}, err
	}
	return decode(data)
}

func decode(data []byte) (told message, err error) {
	if err = json.Unmarshal(data, &told); err == nil && told.Error != nil {
		err = fmt.Errorf("%s", told.Error)
	}
	return told, err
}
