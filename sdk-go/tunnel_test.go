package nexus_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go"
)

// serve starts a server in the workspace and returns its port. The program prints the port in its first line.
func serve(t *testing.T, ws *nexus.Workspace, program string) int {
	t.Helper()
	cmd := ws.CommandContext(testContext(t), "python3", "-uc", program)
	stdout := must[io.ReadCloser](t)(cmd.StdoutPipe())
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended with its workspace
		_ = cmd.Wait()
	})
	line := must[string](t)(bufio.NewReader(stdout).ReadString('\n'))
	var port int
	must[int](t)(fmt.Sscan(line, &port))
	return port
}

const echo = `
import socket, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
def serve(peer):
    while data := peer.recv(65536):
        peer.sendall(data)
    peer.sendall(b"goodbye")
    peer.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`

const web = `
import http.server
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(server.server_port)
server.serve_forever()
`

func TestTunnelClosesItsHalvesAlone(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	port := serve(t, ws, echo)
	conn := must[net.Conn](t)(ws.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)))
	data := pattern(4 << 20)
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(data)
		sent <- errors.Join(err, conn.(*nexus.Conn).CloseWrite())
	}()
	got := must[[]byte](t)(io.ReadAll(conn))
	check(t, <-sent)
	if string(got) != string(data)+"goodbye" {
		t.Errorf("%d bytes came back", len(got))
	}
	check(t, conn.Close())
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
	if conn.RemoteAddr().String() != fmt.Sprintf("127.0.0.1:%d", port) || conn.LocalAddr().Network() != "tcp" {
		t.Errorf("%v %v", conn.RemoteAddr(), conn.LocalAddr())
	}
}

func TestDeadlinesOfTunnels(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	port := serve(t, ws, echo)
	conn := must[net.Conn](t)(ws.DialContext(ctx, "tcp", fmt.Sprintf("localhost:%d", port)))
	defer conn.Close()
	check(t, conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	var timeout net.Error
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("%v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%v", err)
	}
	check(t, conn.SetDeadline(time.Now().Add(-time.Second)))
	if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%v", err)
	}
	check(t, conn.SetDeadline(time.Time{}))
	_, err := conn.Write([]byte("ping"))
	check(t, err)
	answer := make([]byte, 4)
	must[int](t)(io.ReadFull(conn, answer))
	if string(answer) != "ping" {
		t.Errorf("%q", answer)
	}
}

func TestDialRefuses(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	for address, network := range map[string]string{
		"127.0.0.1:80": "udp", "example.org:80": "tcp", "10.0.0.1:80": "tcp", "127.0.0.1:0": "tcp", "nonsense": "tcp",
		"127.0.0.1:http": "tcp",
	} {
		if _, err := ws.DialContext(ctx, network, address); err == nil {
			t.Errorf("%s %s was dialled", network, address)
		}
	}
	_, err := ws.DialContext(ctx, "tcp", "127.0.0.1:1")
	var op *net.OpError
	if !errors.As(err, &op) || !errors.Is(err, nexus.ErrPortRefused) && !errors.Is(err, nexus.ErrPortForbidden) {
		t.Errorf("%v", err)
	}
}

func TestHTTPThroughTunnelAndForwarder(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	port := serve(t, ws, web)
	transport := &http.Transport{DialContext: ws.DialContext}
	defer transport.CloseIdleConnections()
	forwarder := must[*nexus.Forwarder](t)(ws.Forward(ctx, "127.0.0.1:0", port))
	for client, url := range map[*http.Client]string{
		{Transport: transport}: fmt.Sprintf("http://localhost:%d/README.md", port),
		{}:                     fmt.Sprintf("http://%s/README.md", forwarder.Addr()),
	} {
		response := must[*http.Response](t)(client.Get(url))
		body := must[[]byte](t)(io.ReadAll(response.Body))
		check(t, response.Body.Close())
		if string(body) != "# Example\n" {
			t.Errorf("%s: %q", url, body)
		}
	}
	listening := false
	for found, err := range ws.Ports(ctx) {
		check(t, err)
		listening = listening || found.Port == int64(port) && found.Listening
	}
	if !listening {
		t.Errorf("port %d is not listed", port)
	}
	check(t, forwarder.Close())
	if _, err := net.Dial("tcp", forwarder.Addr().String()); err == nil {
		t.Error("the forwarder still listens")
	}
	nobody := must[*nexus.Forwarder](t)(ws.Forward(ctx, "127.0.0.1:0", 1))
	defer nobody.Close()
	conn := must[net.Conn](t)(net.Dial("tcp", nobody.Addr().String()))
	rest := must[[]byte](t)(io.ReadAll(conn))
	if len(rest) > 0 || nobody.LastError() == nil || !strings.Contains(nobody.LastError().Error(), "port") {
		t.Errorf("%q, %v", rest, nobody.LastError())
	}
}
