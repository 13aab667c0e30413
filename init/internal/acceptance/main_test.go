package acceptance

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the binary under test, and successor the same as another build.
var program, successor string

const (
	build  = "build-1"
	build2 = "build-2"
	// patience is for things that must happen; only a failing test waits so long.
	patience = 30 * time.Second
)

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "nexus-init-test")
	if err == nil {
		program, err = compile(folder, build)
	}
	if err == nil {
		successor, err = compile(folder, build2)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(folder)
	os.Exit(code)
}

func compile(folder, build string) (string, error) {
	path := filepath.Join(folder, build)
	flags := "-X github.com/nexus-workspaces/nexus/init/internal/version.Build=" + build
	command := exec.Command("go", "build", raceFlag, "-ldflags", flags, "-o", path, "../../cmd/nexus-init")
	if said, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("unable to build: %w: %s", err, said)
	}
	return path, nil
}

// machine is a running nexus-init.
type machine struct {
	t      *testing.T
	folder string
	socket string
	secret []byte
	// command is it, or with a namespace of its own what made that.
	command *exec.Cmd
	stderr  bytes.Buffer
	ended   chan struct{}
}

// keeper starts one with --keep.
func keeper(t *testing.T, wrapper ...string) *machine {
	t.Helper()
	return start(t, wrapper, "--keep")
}

// first starts one as PID 1 of a namespace of its own, which only root can make.
func first(t *testing.T, more ...string) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make a process namespace")
	}
	return start(t, []string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"}, more...)
}

func start(t *testing.T, wrapper []string, more ...string) *machine {
	t.Helper()
	folder, err := os.MkdirTemp("", "ni")
	if err != nil {
		t.Fatal(err)
	}
	return startAt(t, folder, wrapper, more...)
}

func startAt(t *testing.T, folder string, wrapper []string, more ...string) *machine {
	t.Helper()
	m := &machine{t: t, folder: folder, socket: filepath.Join(folder, "s"), secret: make([]byte, 32), ended: make(chan struct{})}
	rand.Read(m.secret)
	secretFile := filepath.Join(folder, "secret")
	if err := os.WriteFile(secretFile, m.secret, 0o600); err != nil {
		t.Fatal(err)
	}
	words := append(append([]string{}, wrapper...), program, "run", "--socket", m.socket, "--secret-file", secretFile, "--name", "ws_1")
	words = append(words, more...)
	m.command = exec.Command(words[0], words[1:]...)
	m.command.Stderr = &m.stderr
	m.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := m.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		m.command.Wait()
		close(m.ended)
	}()
	t.Cleanup(m.stop)
	eventually(t, "the socket appears", func() bool {
		select {
		case <-m.ended:
			t.Fatalf("it ended: %s", m.stderr.String())
		default:
		}
		_, err := os.Stat(m.socket)
		return err == nil
	})
	if _, err := os.Stat(secretFile); !os.IsNotExist(err) {
		t.Errorf("the secret's file is still there: %v", err)
	}
	return m
}

func (m *machine) stop() {
	select {
	case <-m.ended:
	default:
		if d, err := m.try(); err == nil {
			d.call("shutdown", map[string]any{"grace_ms": 0})
			d.close()
		}
		select {
		case <-m.ended:
		case <-time.After(patience):
			m.t.Error("it does not end")
			m.command.Process.Kill()
			<-m.ended
		}
	}
	if text := m.stderr.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic") ||
		strings.Contains(text, "could look into") || strings.Contains(text, "is lost") {
		m.t.Errorf("it said: %s", text)
	}
	os.RemoveAll(m.folder)
}

// raw connects without a word.
func (m *machine) raw() net.Conn {
	m.t.Helper()
	socket, err := net.Dial("unix", m.socket)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { socket.Close() })
	return socket
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
