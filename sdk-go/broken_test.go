package nexus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// short is a deadline that a test lets pass.
const short = 50 * time.Millisecond

func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), short)
	t.Cleanup(cancel)
	return ctx
}

func TestAServerThatStalls(t *testing.T) {
	server := newBrokenServer(t, func(p *peer, r request) {
		if r.Method == "system.info" {
			p.refuse(r.ID, 1001, "forbidden")
		}
	})
	client := server.connect(t, nexus.Options{})
	_, err := client.Ping(shortly(t))
	var interrupted *nexus.InterruptedError
	if !errors.As(err, &interrupted) || !errors.Is(err, context.DeadlineExceeded) || !nexus.MayHaveRun(err) {
		t.Fatalf("%v", err)
	}
	if id := server.waitForCancel(t); id != 1 {
		t.Errorf("request %d was cancelled", id)
	}
	// The context of one caller did not end the connection of the others.
	if _, err := client.System().Info(testContext(t)); !errors.Is(err, nexus.ErrForbidden) {
		t.Errorf("%v", err)
	}
	if client.Reconnects() != 0 {
		t.Errorf("%d reconnects", client.Reconnects())
	}
	check(t, client.Close())
	if _, err := client.Ping(testContext(t)); !errors.Is(err, nexus.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestAStreamThatIsNeverOpened(t *testing.T) {
	server := newBrokenServer(t, func(p *peer, r request) {
		if r.Method == "workspace.get" {
			p.respond(r.ID, workspaceRecord)
		}
	})
	ws := server.workspace(t, nexus.Options{})
	if _, err := ws.Attach(shortly(t), "p", 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := ws.DialContext(shortly(t), "tcp", ":80"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	for _, err := range ws.Watch(shortly(t), ".") {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	}
	if _, err := ws.FS().WithContext(shortly(t)).Write("f", make([]byte, 1<<20), nexus.WriteOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := ws.CommandContext(shortly(t), "x").Run(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// requirement: key.retry
func TestAServerThatDrops(t *testing.T) {
	server := newBrokenServer(t, nil)
	server.answer = func(p *peer, r request) {
		switch {
		case server.called(r.Method) < 3:
			p.drop()
		case r.Method == "session.ping":
			p.respond(r.ID, pong)
		default:
			p.respond(r.ID, process)
		}
	}
	client := server.connect(t, nexus.Options{NoAutoKey: true})
	if _, err := client.Ping(testContext(t)); err != nil || server.called("session.ping") != 3 {
		t.Fatalf("%v after %d calls", err, server.called("session.ping"))
	}
	start := &protocol.ExecStartParams{Workspace: "w", Argv: []string{"x"}}
	err := client.Call(testContext(t), "exec.start", start, nil)
	var lost *nexus.ConnectionLostError
	if !errors.As(err, &lost) || !nexus.MayHaveRun(err) || server.called("exec.start") != 1 {
		t.Fatalf("%v after %d calls", err, server.called("exec.start"))
	}
	start.Key = "a-key"
	if err := client.Call(testContext(t), "exec.start", start, nil); err != nil || server.called("exec.start") != 3 {
		t.Fatalf("%v after %d calls", err, server.called("exec.start"))
	}
}

func TestAServerThatDoesNotComeBack(t *testing.T) {
	server := newBrokenServer(t, func(p *peer, _ request) {
		_ = p.server.Listener.Close()
		p.drop()
	})
	client := server.connect(t, nexus.Options{ReconnectTimeout: 200 * time.Millisecond})
	var lost *nexus.ConnectionLostError
	if _, err := client.Ping(testContext(t)); !errors.As(err, &lost) || !nexus.MayHaveRun(err) {
		t.Fatalf("%v", err)
	}
	_, err := client.Ping(testContext(t))
	if !errors.As(err, &lost) || nexus.MayHaveRun(err) {
		t.Fatalf("%v", err)
	}
}

// requirement: call.overtake
func TestAServerThatAnswersTwiceAndOutOfOrder(t *testing.T) {
	held := make(chan request, 1)
	server := newBrokenServer(t, nil)
	server.answer = func(p *peer, r request) {
		switch r.Method {
		case "system.health":
			held <- r
		default:
			p.respond(r.ID, pong)
			p.respond(r.ID, `{"time":"not even a time"}`)
			p.refuse(r.ID, 1001, "forbidden")
			p.respond(77, pong)
			if first := <-held; first.ID != 0 {
				p.respond(first.ID, `{"ok":true,"draining":false,"checks":[]}`)
			}
		}
	}
	client := server.connect(t, nexus.Options{})
	health := make(chan error, 1)
	go func() {
		_, err := client.System().Health(testContext(t))
		health <- err
	}()
	_, err := client.Ping(testContext(t))
	check(t, err)
	check(t, <-health)
	held <- request{}
	_, err = client.Ping(testContext(t))
	check(t, err)
	if client.Reconnects() != 0 {
		t.Errorf("%d reconnects", client.Reconnects())
	}
}

func TestAServerThatTalksNonsense(t *testing.T) {
	for name, say := range map[string]func(p *peer, r request){
		"truncated text":        func(p *peer, _ request) { p.text(`{"jsonrpc":"2.0","id":1,"resu`) },
		"truncated frame":       func(p *peer, _ request) { p.binary([]byte{0, 1, 0}) },
		"an array":              func(p *peer, _ request) { p.text(`[]`) },
		"no version":            func(p *peer, r request) { p.text(`{"id":1,"result":{}}`) },
		"neither":               func(p *peer, r request) { p.text(`{"jsonrpc":"2.0","id":1}`) },
		"no error object":       func(p *peer, r request) { p.text(`{"jsonrpc":"2.0","id":1,"error":"no"}`) },
		"not UTF-8":             func(p *peer, _ request) { p.text("{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}") },
		"progress of nothing":   func(p *peer, _ request) { p.text(`{"jsonrpc":"2.0","method":"$/progress","params":[]}`) },
		"an unreadable request": func(p *peer, _ request) { p.text(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}`) },
		"stream 0":              func(p *peer, r request) { p.open(r.ID, 0, "null") },
		"result and error": func(p *peer, r request) {
			p.text(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%s,"error":{"code":1,"message":""}}`, r.ID, pong))
		},
		"a result without id": func(p *peer, _ request) { p.text(`{"jsonrpc":"2.0","id":null,"result":{}}`) },
		"an id that no number holds": func(p *peer, _ request) {
			p.text(`{"jsonrpc":"2.0","id":9007199254740993,"result":{}}`)
		},
		"no message": func(p *peer, _ request) { p.text(strings.Repeat("x", 5<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			said := atomic.Bool{}
			server := newBrokenServer(t, func(p *peer, r request) {
				if said.Swap(true) {
					p.respond(r.ID, pong)
					return
				}
				say(p, r)
			})
			client := server.connect(t, nexus.Options{})
			var broken *nexus.ProtocolError
			_, err := client.Ping(testContext(t))
			if !errors.As(err, &broken) || !nexus.MayHaveRun(err) || nexus.ErrorName(err) != "protocol_violation" {
				t.Fatalf("%v", err)
			}
			if _, err := client.Ping(testContext(t)); err != nil {
				t.Errorf("it did not recover: %v", err)
			}
		})
	}
}

func TestAResultThatDoesNotFitFailsItsCallAlone(t *testing.T) {
	for _, result := range []string{`{}`, `null`, `{"time":1}`, `{"Time":` + now + `}`, `[]`} {
		server := newBrokenServer(t, func(p *peer, r request) { p.respond(r.ID, result) })
		client := server.connect(t, nexus.Options{})
		var broken *nexus.ProtocolError
		if _, err := client.Ping(testContext(t)); !errors.As(err, &broken) || !nexus.MayHaveRun(err) {
			t.Errorf("%s: %v", result, err)
		}
		check(t, client.Call(testContext(t), "session.ping", nil, nil))
		if client.Reconnects() != 0 {
			t.Errorf("%d reconnects", client.Reconnects())
		}
	}
}

// attached returns what an attachment reads from a server that answers exec.attach so, and the error at the end.
func attached(t *testing.T, attach func(p *peer, r request)) (string, error) {
	t.Helper()
	server := newBrokenServer(t, func(p *peer, r request) {
		if r.Method == "workspace.get" {
			p.respond(r.ID, workspaceRecord)
			return
		}
		attach(p, r)
	})
	a, err := server.workspace(t, nexus.Options{}).Attach(testContext(t), "p", 0)
	if err != nil {
		return "", err
	}
	defer a.Close()
	var out bytes.Buffer
	_, err = a.Copy(&out, &out)
	return out.String(), err
}

func TestAServerThatLiesAboutOffsets(t *testing.T) {
	for _, lie := range []struct {
		name string
		tell func(p *peer, r request)
		out  string
		gap  bool // otherwise it is a violation; nothing at all where out is what the process wrote
		fine bool
	}{
		{"a gap", func(p *peer, r request) { p.data(1, 1, 0, "ab"); p.data(1, 1, 3, "d") }, "ab", true, false},
		{"begins late", func(p *peer, r request) { p.data(1, 1, 5, "ab") }, "", true, false},
		{"ends early", func(p *peer, r request) { p.data(1, 1, 0, "ab"); p.respond(r.ID, exited(9)) }, "ab", true, false},
		{"an end after a gap", func(p *peer, r request) { p.binary(wire.Encode(wire.EOF, 1, 1, 7, nil)) }, "", true, false},
		{"an answer that denies what came", func(p *peer, r request) {
			p.data(1, 1, 0, "abcd")
			p.respond(r.ID, exited(2))
		}, "abcd", false, false},
		{"an end inside", func(p *peer, r request) {
			p.data(1, 1, 0, "ab")
			p.binary(wire.Encode(wire.EOF, 1, 1, 1, nil))
		}, "ab", false, false},
		{"data after the end", func(p *peer, r request) {
			p.binary(wire.Encode(wire.EOF, 1, 1, 0, nil))
			p.data(1, 1, 0, "ab")
		}, "", false, false},
		{"data for the machine", func(p *peer, r request) { p.data(1, 0, 0, "ab") }, "", false, false},
		{"credit for the wrong side", func(p *peer, r request) { p.binary(wire.Encode(wire.Credit, 1, 1, 7, nil)) }, "", false, false},
		{"an event", func(p *peer, r request) {
			p.text(`{"jsonrpc":"2.0","method":"stream.event","params":{"stream":1,"event":{}}}`)
		}, "", false, false},
		{"a result that does not fit", func(p *peer, r request) { p.respond(r.ID, `{}`) }, "", false, false},
		{"data twice", func(p *peer, r request) {
			p.data(1, 1, 0, "ab")
			p.data(1, 2, 0, "abcd")
			p.data(9, 1, 0, "for nobody")
			p.respond(r.ID, exited(4))
		}, "abcd", false, true},
	} {
		t.Run(lie.name, func(t *testing.T) {
			out, err := attached(t, func(p *peer, r request) {
				p.open(r.ID, 1, attachOpen(0, 0))
				lie.tell(p, r)
			})
			var gap *nexus.OutputGapError
			var broken *nexus.ProtocolError
			switch {
			case out != lie.out:
				t.Errorf("%q came out", out)
			case lie.fine && err != nil, lie.gap && !errors.As(err, &gap), !lie.fine && !lie.gap && !errors.As(err, &broken):
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAServerThatOpensBadly(t *testing.T) {
	var gap *nexus.OutputGapError
	_, err := attached(t, func(p *peer, r request) { p.open(r.ID, 1, attachOpen(5, 0)) })
	if !errors.As(err, &gap) || gap.Expected != 0 || gap.Offset != 5 {
		t.Errorf("%v", err)
	}
	var broken *nexus.ProtocolError
	_, err = attached(t, func(p *peer, r request) { p.open(r.ID, 1, `{}`) })
	if !errors.As(err, &broken) {
		t.Errorf("%v", err)
	}
	_, err = attached(t, func(p *peer, r request) { p.respond(r.ID, exited(0)) })
	if !errors.As(err, &broken) {
		t.Errorf("%v", err)
	}
	_, err = attached(t, func(p *peer, r request) {
		p.open(r.ID, 1, attachOpen(0, 0))
		p.open(r.ID, 2, attachOpen(0, 0))
	})
	if !errors.As(err, &broken) {
		t.Errorf("%v", err)
	}
}

func TestAServerThatIgnoresCredit(t *testing.T) {
	server := newBrokenServer(t, nil)
	server.answer = func(p *peer, r request) {
		switch r.Method {
		case "workspace.get":
			p.respond(r.ID, workspaceRecord)
		default:
			p.open(r.ID, 1, attachOpen(0, 0))
			window := r.param("window")
			for offset := int64(0); offset <= window; offset += wire.MaxPayload {
				p.data(1, 1, offset, strings.Repeat("x", wire.MaxPayload))
			}
		}
	}
	a := must[*nexus.Attachment](t)(server.workspace(t, nexus.Options{}).Attach(testContext(t), "p", 0))
	server.waitForCancel(t)
	data, err := io.ReadAll(a.Stdout())
	var broken *nexus.ProtocolError
	if !errors.As(err, &broken) || len(data) != 1<<20 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestAServerThatForgetsOutputAfterABreak(t *testing.T) {
	again := atomic.Bool{}
	out, err := attached(t, func(p *peer, r request) {
		if again.Swap(true) {
			p.text(`{"jsonrpc":"2.0","id":` + string(rune('0'+r.ID)) + `,"error":{"code":4004,"message":"gone","data":` +
				`{"details":{"process":"p","offset":2,"earliest":90,"end":99}}}}`)
			return
		}
		p.open(r.ID, 1, attachOpen(0, 0))
		p.data(1, 1, 0, "ab")
		p.drop()
	})
	var gap *nexus.OutputGapError
	if !errors.As(err, &gap) || gap.Expected != 2 || gap.Offset != 90 || out != "ab" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestAServerThatLiesAboutStdin(t *testing.T) {
	again := atomic.Bool{}
	server := newBrokenServer(t, nil)
	server.answer = func(p *peer, r request) {
		switch {
		case r.Method == "workspace.get":
			p.respond(r.ID, workspaceRecord)
		case again.Swap(true):
			p.open(r.ID, 2, attachOpen(0, 999)) // it never had so much
		default:
			p.open(r.ID, 1, attachOpen(0, 0))
			<-p.up
			p.drop()
		}
	}
	a := must[*nexus.Attachment](t)(server.workspace(t, nexus.Options{}).Attach(testContext(t), "p", 0))
	_, err := a.Stdin().Write([]byte("hello"))
	check(t, err)
	var broken *nexus.ProtocolError
	if _, err := a.Wait(); !errors.As(err, &broken) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNoDaemon(t *testing.T) {
	connect := func(url string) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		client, err := nexus.Connect(ctx, nexus.Options{URL: url, Token: "t", OpenTimeout: 200 * time.Millisecond})
		if err == nil {
			_ = client.Close()
		}
		return err
	}
	var failed *nexus.ConnectError
	if err := connect(closedPort(t)); !errors.As(err, &failed) || failed.Hint == "" || !nexus.IsTransient(err) {
		t.Errorf("%v", err)
	}
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"message":"who are you","hint":"ask"}}`)
	}))
	defer refusing.Close()
	err := connect(refusing.URL)
	if !errors.Is(err, nexus.ErrUnauthenticated) || !strings.Contains(err.Error(), "who are you") || nexus.IsTransient(err) {
		t.Errorf("%v", err)
	}
	website := httptest.NewServer(http.NotFoundHandler())
	defer website.Close()
	if err := connect(website.URL); !errors.As(err, &failed) || failed.Status != 404 || nexus.IsTransient(err) {
		t.Errorf("%v", err)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := websocket.Accept(w, r, nil); err == nil {
			_, _, _ = conn.Read(r.Context())
		}
	}))
	defer other.Close()
	var broken *nexus.ProtocolError
	if err := connect(other.URL); !errors.As(err, &failed) || nexus.IsTransient(err) {
		t.Errorf("%v", err)
	}
	greet := func(text string) error {
		server := newBrokenServer(t, nil)
		server.greeting = text
		return connect(server.URL)
	}
	if err := greet(""); !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := greet(`{"jsonrpc":"2.0","method":"session.ready","params":{"level":1}}`); !errors.As(err, &broken) {
		t.Errorf("%v", err)
	}
	err = greet(`{"jsonrpc":"2.0","method":"session.closing","params":{"code":1001,"reason":"going home"}}`)
	if err == nil || !strings.Contains(err.Error(), "going home") || !nexus.IsTransient(err) {
		t.Errorf("%v", err)
	}
}

func TestADaemonOfAnOlderLevel(t *testing.T) {
	server := newBrokenServer(t, func(p *peer, r request) { p.respond(r.ID, pong) })
	server.greeting = strings.Replace(goodGreeting, `"level":1`, `"level":0`, 1)
	client := server.connect(t, nexus.Options{})
	if _, err := client.Ping(testContext(t)); !errors.Is(err, nexus.ErrMethodNotFound) {
		t.Errorf("%v", err)
	}
	if server.called("session.ping") != 0 {
		t.Error("it was called all the same")
	}
}

func TestATunnelIsLostWhateverEndsTheConnection(t *testing.T) {
	server := newBrokenServer(t, nil)
	server.answer = func(p *peer, r request) {
		if r.Method == "workspace.get" {
			p.respond(r.ID, workspaceRecord)
			return
		}
		p.open(r.ID, 1, `{"window":1000}`)
		<-p.up
		p.text("{")
	}
	conn, err := server.workspace(t, nexus.Options{}).DialContext(testContext(t), "tcp", ":80")
	check(t, err)
	_, err = conn.Write([]byte("x"))
	check(t, err)
	if data, err := io.ReadAll(conn); len(data) != 0 || !errors.Is(err, nexus.ErrTunnelLost) {
		t.Errorf("%q, %v", data, err)
	}
	check(t, conn.Close())
}

func TestTunnelsAreLostWithTheirConnection(t *testing.T) {
	server := newBrokenServer(t, nil)
	server.answer = func(p *peer, r request) {
		if r.Method == "workspace.get" {
			p.respond(r.ID, workspaceRecord)
			return
		}
		p.open(r.ID, 1, `{"window":1000}`)
		p.data(1, 1, 0, "ab")
		<-p.up
		p.drop()
	}
	conn, err := server.workspace(t, nexus.Options{}).DialContext(testContext(t), "tcp", ":80")
	check(t, err)
	_, err = conn.Write([]byte("x"))
	check(t, err)
	if data, err := io.ReadAll(conn); string(data) != "ab" || !errors.Is(err, nexus.ErrTunnelLost) {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := conn.Write([]byte("x")); !errors.Is(err, nexus.ErrTunnelLost) {
		t.Errorf("%v", err)
	}
	check(t, conn.Close())
}
