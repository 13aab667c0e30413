package nexus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
)

// brokenServer speaks the protocol as badly as a test wants: it hands every request to a function that may answer, stay
// silent, drop the connection, or lie.
type brokenServer struct {
	*httptest.Server

	greeting string
	answer   func(peer *peer, request request)

	mu        sync.Mutex
	cancelled []int64
	calls     []request
	changed   chan struct{}
}

type request struct {
	ID     int64           `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// param returns a member of the params as a number.
func (r request) param(name string) int64 {
	var members map[string]any
	_ = json.Unmarshal(r.Params, &members) // what is no object has no members
	number, _ := members[name].(float64)
	return int64(number)
}

const goodGreeting = `{"jsonrpc":"2.0","method":"session.ready","params":{"level":1,` +
	`"server":{"name":"broken","version":"0","node":"n","instance":"i"},"capabilities":[],` +
	`"limits":{"max_message":1048576,"max_payload":65536,"max_requests":256,"max_streams":256,"max_output":1,` +
	`"max_read":1,"ping_interval_ms":20000},` +
	`"identity":{"subject":"s","scopes":["*"],"workspaces":["*"],"via":"jwt"},"expires_at":null}}`

func newBrokenServer(t *testing.T, answer func(peer *peer, request request)) *brokenServer {
	t.Helper()
	b := &brokenServer{greeting: goodGreeting, answer: answer, changed: make(chan struct{})}
	b.Server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.CloseClientConnections)
	return b
}

func (b *brokenServer) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"nexus.v1"}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	p := &peer{conn: conn, server: b, up: make(chan wire.Frame, 1000)}
	if b.greeting != "" {
		p.text(b.greeting)
	}
	for {
		kind, data, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		if kind == websocket.MessageBinary {
			frame, err := wire.Decode(data)
			if err != nil {
				return
			}
			p.up <- frame
			continue
		}
		var call request
		if json.Unmarshal(data, &call) != nil {
			return
		}
		b.mu.Lock()
		if call.Method == "$/cancel" {
			b.cancelled = append(b.cancelled, call.param("id"))
			close(b.changed)
			b.changed = make(chan struct{})
		} else {
			b.calls = append(b.calls, call)
		}
		b.mu.Unlock()
		if call.Method != "$/cancel" {
			go b.answer(p, call)
		}
	}
}

// called returns how often a method was called.
func (b *brokenServer) called(method string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	count := 0
	for _, call := range b.calls {
		if call.Method == method {
			count++
		}
	}
	return count
}

// waitForCancel waits until the client has cancelled something.
func (b *brokenServer) waitForCancel(t *testing.T) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		b.mu.Lock()
		changed := b.changed
		if len(b.cancelled) > 0 {
			defer b.mu.Unlock()
			return b.cancelled[0]
		}
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal("nothing was cancelled")
		}
	}
}

// connect returns a client of the server that gives up soon.
func (b *brokenServer) connect(t *testing.T, options nexus.Options) *nexus.Client {
	t.Helper()
	options.URL, options.Token = b.URL, "t"
	client := must[*nexus.Client](t)(nexus.Connect(testContext(t), options))
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// peer is one connection of a client.
type peer struct {
	conn   *websocket.Conn
	server *brokenServer
	up     chan wire.Frame // what the client sent in binary frames
}

// A client that has gone is none of the server's business, so errors of sending are ignored.

func (p *peer) text(message string) {
	_ = p.conn.Write(context.Background(), websocket.MessageText, []byte(message))
}

func (p *peer) binary(message []byte) {
	_ = p.conn.Write(context.Background(), websocket.MessageBinary, message)
}

func (p *peer) respond(id int64, result string) {
	p.text(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%s}`, id, result))
}

func (p *peer) progress(id int64, done int) {
	p.text(fmt.Sprintf(`{"jsonrpc":"2.0","method":"$/progress","params":{"id":%d,"done":%d,"message":""}}`, id, done))
}

func (p *peer) refuse(id int64, code int, name string) {
	p.text(fmt.Sprintf(
		`{"jsonrpc":"2.0","id":%d,"error":{"code":%d,"message":"refused","data":{"name":%q,"hint":"","retryable":false}}}`,
		id, code, name,
	))
}

func (p *peer) open(id int64, stream int, info string) {
	p.text(fmt.Sprintf(
		`{"jsonrpc":"2.0","method":"stream.open","params":{"id":%d,"stream":%d,"info":%s}}`, id, stream, info))
}

func (p *peer) data(stream uint32, channel uint8, offset int64, payload string) {
	p.binary(wire.Encode(wire.Data, channel, stream, offset, []byte(payload)))
}

// drop cuts the TCP connection.
func (p *peer) drop() { _ = p.conn.CloseNow() }

const (
	now     = `"2026-01-02T03:04:05Z"`
	process = `{"id":"p","workspace":"w","argv":["x"],"cwd":".","state":"running","stdin":true,"output_start":0,` +
		`"output_end":0,"attached":1,"labels":{},"generation":1,"started_at":` + now + `}`
	pong = `{"time":` + now + `}`
)

func attachOpen(offset, stdin int64) string {
	return fmt.Sprintf(`{"process":%s,"role":"controller","offset":%d,"stdin_offset":%d,"stdin_window":1000}`,
		process, offset, stdin)
}

func exited(end int64) string {
	return fmt.Sprintf(`{"process":%s,"exit":{"code":0,"reason":"exited","at":%s},"output_end":%d,"output_complete":true}`,
		process, now, end)
}

const workspaceRecord = `{"id":"w","name":"w","owner":"o","state":"running","message":"","backend":"host",` +
	`"repository":{"url":"u","path":"p","ref":"r","commit":"c"},"branch":"b","root":"/","worktree":"/","ports":[],` +
	`"env":{},"labels":{},"current":false,"generation":1,"created_at":` + now + `,"updated_at":` + now +
	`,"last_active_at":` + now + `}`

// workspace returns the workspace that every broken server answers to workspace.get with.
func (b *brokenServer) workspace(t *testing.T, options nexus.Options) *nexus.Workspace {
	t.Helper()
	client := b.connect(t, options)
	return must[*nexus.Workspace](t)(client.Workspaces().Get(testContext(t), "w"))
}

// closedPort returns the URL of a port on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	defer listener.Close()
	return "http://" + listener.Addr().String()
}
