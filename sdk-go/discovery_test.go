package nexus

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"
)

func TestDiscovery(t *testing.T) {
	home := t.TempDir()
	socket := filepath.Join(home, "run", "nexusd.sock")
	t.Setenv("NEXUS_HOME", home)
	t.Setenv("NEXUS_URL", "")
	t.Setenv("NEXUS_TOKEN", "from-environment")
	var failed *ConnectError
	if _, _, err := discover(Options{}); !errors.Is(err, ErrDaemonNotFound) || !errors.As(err, &failed) || failed.Hint == "" {
		t.Errorf("%v", err)
	}
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ given, environment, want, token string }{
		{"", "", "unix:" + socket, ""},
		{"", "http://there:1", "ws://there:1/rpc", "from-environment"},
		{"https://here", "http://there:1", "wss://here/rpc", "from-environment"},
		{"ws://[::1]:8080/other", "", "ws://[::1]:8080/other", "from-environment"},
		{"unix:/run/x.sock", "", "unix:/run/x.sock", ""},
		{"unix:///run/x.sock", "", "unix:/run/x.sock", ""},
	} {
		t.Setenv("NEXUS_URL", step.environment)
		where, source, err := discover(Options{URL: step.given})
		token := ""
		if source != nil {
			token, _ = source(context.Background()) // a fixed token cannot fail
		}
		if err != nil || where.String() != step.want || token != step.token {
			t.Errorf("%+v gave %s, token %q, %v", step, where, token, err)
		}
	}
	for _, given := range []string{
		"unix:relative", "ftp://x", "http://", "here:1", "http://user:secret@x", "http://x/?token=secret", "http://x#secret",
	} {
		if where, _, err := discover(Options{URL: given}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s gave %s, %v", given, where, err)
		}
	}
}

func TestLoopback(t *testing.T) {
	for text, want := range map[string]bool{
		"ws://localhost/rpc": true, "ws://127.0.0.2:1/rpc": true, "wss://[::1]/rpc": true, "ws://10.0.0.1/rpc": false,
		"ws://localhost.example.org/rpc": false,
	} {
		if got := (address{url: text}).loopback(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestWhatIsTransient(t *testing.T) {
	for _, step := range []struct {
		err  error
		want bool
	}{
		{io.EOF, true},
		{&ConnectError{Err: syscall.ECONNREFUSED}, true},
		{&ConnectError{Status: 503, Err: errors.New("busy")}, true},
		{&ConnectError{Status: 401, Err: errors.New("no")}, false},
		{websocket.CloseError{Code: 1001}, true},
		{websocket.CloseError{Code: 4401}, true},
		{websocket.CloseError{Code: 4400}, false},
		{websocket.CloseError{Code: 1002}, false},
		{&ProtocolError{Err: io.EOF}, false},
		{&ConnectError{Err: x509.UnknownAuthorityError{}}, false},
		{errors.New("what is this"), false},
	} {
		if got := IsTransient(step.err); got != step.want {
			t.Errorf("%v: %v", step.err, got)
		}
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	var b backoff
	if first := b.next(); first != 0 {
		t.Errorf("the first pause is %v", first)
	}
	for step := firstStep; ; step = min(2*step, lastStep) {
		if pause := b.next(); pause < step/2 || pause > step {
			t.Errorf("%v is not between %v and %v", pause, step/2, step)
		}
		if step == lastStep {
			break
		}
	}
	b.reset()
	if first := b.next(); first != 0 {
		t.Errorf("after a reset the first pause is %v", first)
	}
}

func TestParamsMustBeText(t *testing.T) {
	params := map[string]any{"argv": []string{"ok", "bad\xff"}}
	if _, err := encodeParams(params); err == nil {
		t.Error("invalid UTF-8 was sent as something else")
	}
	encoded, err := encodeParams(map[string]any{"text": "<&>\u2028é", "bytes": []byte{0xff}})
	if err != nil || !strings.Contains(string(encoded), "<&>") {
		t.Errorf("%s, %v", encoded, err)
	}
	if _, err := encodeParams([]string{}); err == nil {
		t.Error("an array was taken for params")
	}
}
