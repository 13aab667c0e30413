package acceptance

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// stranger connects and reads the hello.
func stranger(m *machine) (*wire.Conn, []byte) {
	m.t.Helper()
	conn := wire.NewConn(m.raw().(*net.UnixConn))
	nonce, err := readHello(conn)
	if err != nil {
		m.t.Fatal(err)
	}
	return conn, nonce
}

// attempt sends authenticate, and returns the answer and whether the connection is closed after it.
func attempt(conn *wire.Conn, params any) (*text, bool) {
	payload, _ := json.Marshal(object{"jsonrpc": "2.0", "id": 0, "method": "authenticate", "params": params})
	if err := conn.Write(wire.Text, payload, -1); err != nil {
		return nil, true
	}
	answer, err := readText(conn)
	if err != nil {
		return nil, true
	}
	conn.Socket().SetReadDeadline(time.Now().Add(patience))
	_, err = conn.Read(wire.MaxText)
	return answer, err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestOnlyWhoKnowsTheSecretComesIn(t *testing.T) {
	m := keeper(t)
	ours := make([]byte, 32)
	rand.Read(ours)
	wrong := make([]byte, 32)
	_, seen := stranger(m)
	replayed := prove(m.secret, "nexus-init daemon", seen, ours)
	for name, params := range map[string]func(nonce []byte) object{
		"a wrong secret": func(n []byte) object {
			return object{"protocol": 1, "nonce": ours, "proof": prove(wrong, "nexus-init daemon", n, ours)}
		},
		"no proof": func(n []byte) object { return object{"protocol": 1, "nonce": ours, "proof": []byte{}} },
		"a replay": func(n []byte) object { return object{"protocol": 1, "nonce": ours, "proof": replayed} },
		"the machine's proof": func(n []byte) object {
			return object{"protocol": 1, "nonce": n, "proof": prove(m.secret, "nexus-init machine", n, n)}
		},
		"a nonce that is moved into the label": func(n []byte) object {
			return object{"protocol": 1, "nonce": ours[1:], "proof": prove(m.secret, "nexus-init daemon", n, ours[1:])}
		},
	} {
		conn, nonce := stranger(m)
		answer, closed := attempt(conn, params(nonce))
		if answer == nil || answer.Error == nil || answer.Error.Data.Name != "unauthenticated" || !closed {
			t.Errorf("%s: %+v, closed %v", name, answer, closed)
		}
	}
	m.connect()
}

func TestAProofIsNotGivenBackAsAnother(t *testing.T) {
	// Whoever cannot prove anything lets the machine prove itself, and gives that to another connection.
	m := keeper(t)
	d := m.connect()
	conn, _ := stranger(m)
	answer, closed := attempt(conn, object{"protocol": 1, "nonce": make([]byte, 32), "proof": d.state.Proof})
	if answer == nil || answer.Error == nil || answer.Error.Data.Name != "unauthenticated" || !closed {
		t.Errorf("%+v, closed %v", answer, closed)
	}
	d.must("ping", object{}, nil)
}

func TestAnUnknownProtocol(t *testing.T) {
	m := keeper(t)
	conn, nonce := stranger(m)
	ours := make([]byte, 32)
	answer, closed := attempt(conn, object{
		"protocol": 99, "nonce": ours, "proof": prove(m.secret, "nexus-init daemon", nonce, ours),
	})
	if answer == nil || answer.Error == nil || answer.Error.Data.Name != "protocol_unknown" ||
		len(answer.Error.Data.Protocols) != 1 || answer.Error.Data.Protocols[0] != 1 || !closed {
		t.Errorf("%+v, closed %v", answer, closed)
	}
}

func TestWhoOnlyWaitsCannotKeepTheDaemonOut(t *testing.T) {
	m := keeper(t)
	var waiting []net.Conn
	for range 20 {
		waiting = append(waiting, m.raw())
	}
	d := m.connect()
	for _, one := range waiting {
		one.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, one); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("it was not closed: %v", err)
		}
	}
	d.must("ping", object{}, nil)
}

func TestBeforeTheProofLittleIsTaken(t *testing.T) {
	m := keeper(t)
	for name, bytes := range map[string][]byte{
		"a long message":  append([]byte{0, 0, 0, 16, 1}, make([]byte, 4097)...),
		"a frame":         append([]byte{1, 0, 0, 0, 14}, make([]byte, 14)...),
		"another method":  textMessage(`{"jsonrpc":"2.0","id":1,"method":"list"}`),
		"a notification":  textMessage(`{"jsonrpc":"2.0","method":"authenticate"}`),
		"no JSON":         textMessage(`{`),
		"an unknown kind": {7, 0, 0, 0, 0},
	} {
		conn, _ := stranger(m)
		conn.Socket().Write(bytes)
		last, err := readText(conn)
		if err != nil || last.Method != "closing" {
			t.Errorf("%s: %v %v", name, last, err)
		}
		if _, err := readText(conn); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
}

func textMessage(payload string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(payload))), payload...)
}

func TestMalformedMessagesCloseTheConnection(t *testing.T) {
	m := keeper(t)
	for name, raw := range map[string][]byte{
		"no JSON":                 textMessage(`{"jsonrpc":`),
		"an array":                textMessage(`[]`),
		"nothing":                 textMessage(``),
		"no method":               textMessage(`{"jsonrpc":"2.0","id":1}`),
		"no version":              textMessage(`{"id":1,"method":"ping"}`),
		"an id that is null":      textMessage(`{"jsonrpc":"2.0","id":null,"method":"ping"}`),
		"an unknown notification": textMessage(`{"jsonrpc":"2.0","method":"ping"}`),
		"a bad notification":      textMessage(`{"jsonrpc":"2.0","method":"hold","params":{"floor":-1}}`),
		"a message too long":      {0, 0, 16, 0, 1},
		"a frame too short":       {1, 0, 0, 0, 1, 0},
		"a frame too long":        {1, 0, 1, 0, 15},
		"an unknown kind":         {2, 0, 0, 0, 0},
	} {
		d := m.connect()
		d.conn.Socket().Write(raw)
		if reason := d.closed(); reason == "" {
			t.Errorf("%s: closed without a reason", name)
		}
	}
	d := m.connect()
	for _, one := range []struct{ method, name string }{{"nothing", "method_unknown"}, {"authenticate", "method_unknown"}} {
		if name := d.call(one.method, object{}); name != one.name {
			t.Errorf("%s: %s", one.method, name)
		}
	}
	for _, params := range []any{[]int{1}, object{"x": 1}, "x"} {
		if name := d.call("ping", params); name != "invalid_params" {
			t.Errorf("ping %v: %s", params, name)
		}
	}
}

func TestDescriptorsThatNobodyAskedFor(t *testing.T) {
	m := keeper(t)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	d := m.connect()
	d.request("ping", object{}, fd)
	if reason := d.closed(); !strings.Contains(reason, "descriptors") {
		t.Error(reason)
	}
	d = m.connect()
	socket := d.conn.Socket()
	socket.Write([]byte{0, 0, 0, 0, 2})
	socket.WriteMsgUnix([]byte{'{', '}'}, syscall.UnixRights(fd), nil)
	if reason := d.closed(); !strings.Contains(reason, "middle") {
		t.Error(reason)
	}
	d = m.connect()
	d.conn.Socket().WriteMsgUnix([]byte{0}, syscall.UnixRights(fd, fd, fd, fd, fd, fd, fd, fd), nil)
	if reason := d.closed(); !strings.Contains(reason, "more descriptors") {
		t.Error(reason)
	}
	d = m.connect()
	if name := d.call("spawn", spec("p", "true"), fd); name != "invalid_params" {
		t.Errorf("a log that is none: %s", name)
	}
}

func TestANewDaemonTakesThePlace(t *testing.T) {
	m := keeper(t)
	before := m.connect()
	before.spawn(spec("p", "sleep", "1000"))
	after := m.connect()
	if reason := before.closed(); !strings.Contains(reason, "another daemon") {
		t.Errorf("%q", reason)
	}
	if len(after.state.Processes) != 1 || after.state.Boot != before.state.Boot {
		t.Errorf("%+v", after.state)
	}
	after.must("ping", object{}, nil)
}

func TestNobodyLooksInside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts as others")
	}
	m := keeper(t)
	d := m.connect()
	script := `for f in environ maps; do cat /proc/$PPID/$f >/dev/null 2>&1 && echo $f; done; ls /proc/$PPID/fd; true`
	d.spawn(with(sh("p", script), "user", "1234:1234"))
	d.finished("p")
	data, _ := output(t, m.log("p"))
	if text := string(data); !strings.Contains(text, "ermission denied") || strings.Contains(text, "environ") {
		t.Errorf("%q", text)
	}
	info, err := os.Stat(m.socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
