package acceptance

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// apart starts one in a network of its own, which only root can make.
func apart(t *testing.T, wrapper ...string) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make a network namespace")
	}
	return start(t, append(wrapper, "unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
		`ip link set lo up && exec "$@"`, "sh"))
}

// listening returns the descriptor of a socket that listens in our network, and its address.
func listening(t *testing.T) (int, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	t.Cleanup(func() { file.Close() })
	return int(file.Fd()), listener.Addr().String()
}

// echo is a server that returns what it is sent, in capitals, to each that comes, also after the other side has said all.
// It is on loopback alone.
const echo = `import socket, threading
a = socket.socket(); a.bind(("127.0.0.1", 0)); a.listen(100)
print(a.getsockname()[1], flush=True)
def serve(c):
    while data := c.recv(65536):
        c.sendall(data.upper())
    c.sendall(b"; it ends")
    c.close()
while True:
    threading.Thread(target=serve, args=a.accept()[:1], daemon=True).start()`

// serving starts a server inside, and returns its port.
func (d *daemon) serving(id, server string) int {
	d.m.t.Helper()
	d.spawn(spec(id, "/usr/bin/env", "python3", "-c", server))
	d.wait(id, "its port", func(n *news) bool { return n.end > 0 })
	data, _ := output(d.m.t, d.m.log(id))
	port := 0
	for _, digit := range bytes.TrimSpace(data) {
		port = port*10 + int(digit-'0')
	}
	return port
}

// published hands over a socket for a port, and returns its address.
func (d *daemon) published(port int) string {
	d.m.t.Helper()
	fd, address := listening(d.m.t)
	if _, err := d.ask("publish", object{"port": port}, fd); err != nil {
		d.m.t.Fatal(err)
	}
	// It is the machine's now.
	syscall.Close(fd)
	return address
}

func reach(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// lastWord says something and nothing more, and expects this and an end.
func lastWord(t *testing.T, conn *net.TCPConn, say, expected string) {
	t.Helper()
	io.WriteString(conn, say)
	conn.CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || string(got) != expected {
		t.Errorf("%q %v", got, err)
	}
}

func TestAPublishedPortLeadsToOurOwnLoopback(t *testing.T) {
	m := apart(t)
	d := m.connect()
	port := d.serving("s", echo)
	address := d.published(port)
	conn := reach(t, address)
	io.WriteString(conn, "said")
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "SAID" {
		t.Fatalf("%q %v", got, err)
	}
	// Each direction ends for itself, and much goes both ways at once.
	sent := bytes.Repeat([]byte("much "), 1<<20)
	go func() {
		conn.Write(sent)
		conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, append(bytes.ToUpper(sent), "; it ends"...)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	other := m.connect()
	if len(other.state.Published) != 1 || other.state.Published[0].Address != address || other.state.Published[0].Port != port {
		t.Errorf("%+v", other.state.Published)
	}
}

func TestAPublishedPortIsServedWithoutADaemon(t *testing.T) {
	m := apart(t)
	d := m.connect()
	address := d.published(d.serving("s", echo))
	d.close()
	lastWord(t, reach(t, address), "said", "SAID; it ends")
}

func TestAPublishedPortWithoutAServerResets(t *testing.T) {
	m := apart(t)
	d := m.connect()
	address := d.published(1)
	for range 3 {
		// It may come as early as we are connected.
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
			conn.Close()
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	}
}

func TestAServersResetIsTold(t *testing.T) {
	m := apart(t)
	d := m.connect()
	server := strings.Replace(echo, "    while data", `    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"); c.recv(1); c.close(); return
    while data`, 1)
	conn := reach(t, d.published(d.serving("s", server)))
	io.WriteString(conn, "!")
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

func TestWhatCannotBePublished(t *testing.T) {
	m := apart(t)
	d := m.connect()
	listens, _ := listening(t)
	idle, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix, err := net.Listen("unix", m.folder+"/other")
	if err != nil {
		t.Fatal(err)
	}
	local, err := unix.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	for what, with := range map[string]struct{ port, fd int }{
		"no port":             {0, listens},
		"too high a port":     {65536, listens},
		"does not listen":     {80, idle},
		"is no TCP socket":    {80, int(local.Fd())},
		"is no socket at all": {80, int(null.Fd())},
	} {
		_, err := d.ask("publish", object{"port": with.port}, with.fd)
		var failed *failure
		if !errors.As(err, &failed) || failed.Data.Name != "invalid_params" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if name := d.call("publish", object{"port": 80}); name != "invalid_params" {
		t.Error(name)
	}
	if again := m.connect(); len(again.state.Published) != 0 {
		t.Errorf("%+v", again.state.Published)
	}
	syscall.Close(idle)
	local.Close()
	unix.Close()
	null.Close()
}

func TestAKeeperPublishesNothing(t *testing.T) {
	m := keeper(t)
	d := m.connect()
	fd, _ := listening(t)
	_, err := d.ask("publish", object{"port": 80}, fd)
	var failed *failure
	if !errors.As(err, &failed) || failed.Data.Name != "invalid_params" {
		t.Error(err)
	}
}

func TestAnUpgradeKeepsPortsAndConnections(t *testing.T) {
	m := apart(t)
	d := m.connect()
	port := d.serving("s", echo)
	address := d.published(port)
	quiet, half := reach(t, address), reach(t, address)
	for _, conn := range []*net.TCPConn{quiet, half} {
		io.WriteString(conn, "before ")
		if _, err := io.ReadFull(conn, make([]byte, 7)); err != nil {
			t.Fatal(err)
		}
	}
	// Half of it is over, and nobody has read what the server said then.
	half.CloseWrite()
	// This one is in the middle of it, in both directions, during all that follows.
	busy := reach(t, address)
	sent := make([]byte, 24<<20)
	rand.Read(sent)
	for at := range sent {
		sent[at] = 'a' + sent[at]%16
	}
	go func() {
		busy.Write(sent)
		busy.CloseWrite()
	}()
	var back bytes.Buffer
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(&back, busy)
		read <- err
	}()
	for at := range 4 {
		path, build := successor, build2
		if at%2 == 1 {
			path, build = program, "build-1"
		}
		var name string
		if name, d = m.upgrade(d, path, build); name != "" {
			t.Fatalf("upgrade %d: %s", at, name)
		}
		if len(d.state.Published) != 1 || d.state.Published[0].Address != address || d.state.Published[0].Port != port {
			t.Fatalf("%+v", d.state.Published)
		}
		io.WriteString(reach(t, address), "new")
	}
	if name, _ := m.upgrade(d, os.DevNull, "none"); name != "upgrade_failed" {
		t.Error(name)
	}
	if err := <-read; err != nil || !bytes.Equal(back.Bytes(), append(bytes.ToUpper(sent), "; it ends"...)) {
		t.Errorf("%d bytes of %d, %v", back.Len(), len(sent), err)
	}
	if got, err := io.ReadAll(half); err != nil || string(got) != "; it ends" {
		t.Errorf("%q %v", got, err)
	}
	lastWord(t, quiet, "after", "AFTER; it ends")
}

func TestAnUpgradeDoesNotWaitForWhoTakesNothing(t *testing.T) {
	m := apart(t)
	d := m.connect()
	address := d.published(d.serving("s", echo))
	stuck := reach(t, address)
	// It never reads, so what comes back for it fills everything on the way.
	eventually(t, "it is stuck", func() bool {
		stuck.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		taken, _ := io.Copy(stuck, rand.Reader)
		return taken == 0
	})
	if name, _ := m.upgrade(d, successor, build2); name != "" {
		t.Fatal(name)
	}
	lastWord(t, reach(t, address), "said", "SAID; it ends")
}

func TestManyConnectionsLeaveRoomForCommands(t *testing.T) {
	m := apart(t, "prlimit", "--nofile=128:128")
	d := m.connect()
	address := d.published(d.serving("s", echo))
	var open []*net.TCPConn
	for range 200 {
		open = append(open, reach(t, address))
	}
	said := make([]byte, 4)
	io.WriteString(open[0], "said")
	if _, err := io.ReadFull(open[0], said); err != nil || string(said) != "SAID" {
		t.Fatalf("%q %v", said, err)
	}
	for at := range 10 {
		id := fmt.Sprint("c", at)
		d.spawn(sh(id, "exit 3"))
		if told := d.finished(id); told.exit.String() != "code 3" {
			t.Errorf("%+v", told)
		}
	}
	// Who waited is served as soon as others go.
	for _, conn := range open[:len(open)-1] {
		conn.Close()
	}
	last := open[len(open)-1]
	io.WriteString(last, "said")
	if _, err := io.ReadFull(last, said); err != nil || string(said) != "SAID" {
		t.Errorf("%q %v", said, err)
	}
}
