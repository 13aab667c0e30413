package nexus_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// bare is a WebSocket to the daemon without this package: what the comparison is with.
func bare(b *testing.B) *websocket.Conn {
	b.Helper()
	conn, _, err := websocket.Dial(context.Background(), "ws"+strings.TrimPrefix(world.url, "http")+"/rpc", &websocket.DialOptions{
		Subprotocols: []string{"nexus.v1"}, HTTPHeader: http.Header{"Authorization": {"Bearer " + world.token}},
	})
	if err != nil {
		b.Fatal(err)
	}
	conn.SetReadLimit(-1)
	b.Cleanup(func() { _ = conn.CloseNow() })
	if _, _, err := conn.Read(context.Background()); err != nil {
		b.Fatal(err)
	}
	return conn
}

const pingText = `{"jsonrpc":"2.0","id":%d,"method":"session.ping","params":{}}`

func BenchmarkBareCall(b *testing.B) {
	conn := bare(b)
	for b.Loop() {
		if err := conn.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, pingText, 1)); err != nil {
			b.Fatal(err)
		}
		if _, _, err := conn.Read(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	ctx, client := context.Background(), connect(b, nexus.Options{})
	for b.Loop() {
		if _, err := client.Ping(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBarePipelinedCalls(b *testing.B) {
	conn := bare(b)
	const depth = 64
	slots := make(chan struct{}, depth)
	done := make(chan error, 1)
	total := b.N
	go func() {
		for range total {
			if _, _, err := conn.Read(context.Background()); err != nil {
				done <- err
				return
			}
			<-slots
		}
		done <- nil
	}()
	b.ResetTimer()
	for number := range total {
		slots <- struct{}{}
		if err := conn.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, pingText, number+1)); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

func BenchmarkPipelinedCalls(b *testing.B) {
	ctx, client := context.Background(), connect(b, nexus.Options{})
	const depth = 64
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, depth)
	b.ResetTimer()
	for range depth {
		go func() {
			for left.Add(-1) >= 0 {
				if _, err := client.Ping(ctx); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range depth {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExec(b *testing.B) {
	ctx := context.Background()
	ws := makeWorkspace(b, connect(b, nexus.Options{}))
	for b.Loop() {
		if err := ws.CommandContext(ctx, "true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

const downloadSize = 256 << 20

func bigFile(b *testing.B, client *nexus.Client) *nexus.Workspace {
	b.Helper()
	ws := makeWorkspace(b, client)
	size := fmt.Sprint(downloadSize)
	if err := ws.Command("sh", "-c", "yes 0123456789abcde | head -c "+size+" > big").Run(); err != nil {
		b.Fatal(err)
	}
	return ws
}

func BenchmarkBareDownload(b *testing.B) {
	ws := bigFile(b, connect(b, nexus.Options{}))
	b.SetBytes(downloadSize)
	conn := bare(b)
	const window = 4 << 20
	buffer := make([]byte, 0, wire.HeaderSize+wire.MaxPayload)
	for stream := uint32(1); b.Loop(); stream++ {
		request := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"fs.download","params":{"workspace":%q,"path":"big","window":%d}}`,
			ws.ID(), window)
		if err := conn.Write(context.Background(), websocket.MessageText, []byte(request)); err != nil {
			b.Fatal(err)
		}
		got, granted := int64(0), int64(window)
		for {
			kind, reader, err := conn.Reader(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.ReadFull(reader, buffer[:cap(buffer)])
			if err == nil {
				_, err = reader.Read(nil)
			}
			if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
				b.Fatal(err)
			}
			message := buffer[:n]
			if kind == websocket.MessageText {
				if strings.Contains(string(message), `"result"`) {
					break
				}
				if strings.Contains(string(message), `"error"`) {
					b.Fatalf("%s", message)
				}
				continue
			}
			frame, err := wire.Decode(message)
			if err != nil {
				b.Fatal(err)
			}
			stream = frame.Stream
			got += int64(len(frame.Payload))
			if granted-got <= window/2 {
				granted = got + window
				if err := conn.Write(context.Background(), websocket.MessageBinary, wire.Encode(wire.Credit, 1, stream, granted, nil)); err != nil {
					b.Fatal(err)
				}
			}
		}
		if got != downloadSize {
			b.Fatalf("%d bytes", got)
		}
	}
}

func BenchmarkDownload(b *testing.B) {
	ws := bigFile(b, connect(b, nexus.Options{}))
	b.SetBytes(downloadSize)
	for b.Loop() {
		download, err := ws.FS().OpenStream("big", 0)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, download)
		if err != nil || n != downloadSize {
			b.Fatalf("%d bytes, %v", n, err)
		}
		_ = download.Close()
	}
}

func BenchmarkUpload(b *testing.B) {
	ws := makeWorkspace(b, connect(b, nexus.Options{}))
	data := pattern(64 << 20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ws.FS().UploadFrom(strings.NewReader(string(data)), int64(len(data)), "up", nexus.UploadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeWorkspace(b *testing.B) {
	for b.Loop() {
		var record protocol.Workspace
		if err := record.UnmarshalJSON([]byte(workspaceRecord)); err != nil {
			b.Fatal(err)
		}
	}
}
func BenchmarkIdleConnection(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range b.N {
		connect(b, nexus.Options{})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := after.HeapInuse + after.StackInuse - before.HeapInuse - before.StackInuse
	b.ReportMetric(float64(used)/float64(b.N), "B/conn")
}

func BenchmarkBareIdleConnection(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range b.N {
		bare(b)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := after.HeapInuse + after.StackInuse - before.HeapInuse - before.StackInuse
	b.ReportMetric(float64(used)/float64(b.N), "B/conn")
}
