package nexus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// patience is how long to wait for what must come; only ever reached by a failure.
const patience = 60 * time.Second

// world is what the tests share: a daemon of their own, a repository, and a token for TCP.
var world struct {
	repository string
	url        string
	token      string
}

func TestMain(m *testing.M) {
	code, err := runWithDaemon(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runWithDaemon starts a daemon on a fresh home, and stops it at the end.
func runWithDaemon(run func() int) (code int, err error) {
	home, err := os.MkdirTemp("", "nexus-go-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(home)
	python := os.Getenv("NEXUS_TEST_PYTHON")
	if python == "" {
		python = "../.venv/bin/python"
	}
	log, err := os.Create(filepath.Join(home, "daemon.log"))
	if err != nil {
		return 1, err
	}
	defer log.Close()
	// The daemon ends when its stdin does, and its processes with it, so that none is left when this process is killed.
	daemon := exec.Command("sh", "-c", `"$@" & daemon=$!; cat >&2; kill -TERM $daemon; wait $daemon`, "sh",
		python, "-m", "nexusd", "--home", filepath.Join(home, "nexus"), "--set", "daemon.port=0",
		"--set", "processes.outlive_daemon=false")
	alive, err := daemon.StdinPipe()
	if err != nil {
		return 1, err
	}
	daemon.Stdout, daemon.Stderr = log, log
	// The daemon refuses variables that it does not know, such as the one above.
	daemon.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "NEXUS_") })
	daemon.Env = append(daemon.Env, "NEXUS_NODE_CONFIG="+filepath.Join(home, "no-node.yaml"))
	if err := daemon.Start(); err != nil {
		return 1, fmt.Errorf("no daemon (NEXUS_TEST_PYTHON names the interpreter that has nexusd): %w", err)
	}
	defer func() {
		err = errors.Join(err, alive.Close(), ignoreExit(daemon.Wait()))
	}()
	for name, value := range map[string]string{
		"NEXUS_HOME": filepath.Join(home, "nexus"), "NEXUS_URL": "", "NEXUS_TOKEN": "",
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.invalid",
		"GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.invalid",
	} {
		if err := os.Setenv(name, value); err != nil {
			return 1, err
		}
	}
	if err := furnish(home); err != nil {
		text, _ := os.ReadFile(log.Name())
		return 1, fmt.Errorf("%w\n%s", err, text)
	}
	return run(), nil
}

func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// furnish waits for the daemon, and makes what the tests share.
func furnish(home string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var client *nexus.Client
	for {
		var err error
		if client, err = nexus.Connect(ctx, nexus.Options{}); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
	defer client.Close()
	info, err := client.System().Info(ctx)
	if err != nil {
		return err
	}
	for _, address := range info.Listen {
		if strings.HasPrefix(address, "http") {
			world.url = address
		}
	}
	made, err := client.Tokens().Create(ctx, protocol.TokenCreateParams{
		Subject: "tester", Scopes: []string{"*"}, Workspaces: []string{"*"},
	})
	if err != nil {
		return err
	}
	world.token = made.Token
	world.repository = filepath.Join(home, "example")
	return makeRepository(world.repository)
}

func makeRepository(path string) error {
	if err := os.MkdirAll(filepath.Join(path, "src"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{"README.md": "# Example\n", "src/app.py": "print('hello')\n"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"config", "user.name", "Test"},
		{"config", "user.email", "test@example.invalid"}, {"add", "-A"}, {"commit", "-q", "-m", "first"},
	} {
		git := exec.Command("git", args...)
		git.Dir = path
		if output, err := git.CombinedOutput(); err != nil {
			return fmt.Errorf("git %v: %w: %s", args, err, output)
		}
	}
	return nil
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// connect returns a client over TCP.
func connect(t testing.TB, options nexus.Options) *nexus.Client {
	t.Helper()
	if options.URL == "" {
		options.URL = world.url
	}
	options.Token = world.token
	client, err := nexus.Connect(testContext(t), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

var names struct {
	sync.Mutex
	last int
}

// makeWorkspace returns a workspace that is destroyed at the end of the test.
func makeWorkspace(t testing.TB, client *nexus.Client) *nexus.Workspace {
	t.Helper()
	names.Lock()
	names.last++
	name := fmt.Sprintf("go-test-%d", names.last)
	names.Unlock()
	ws, err := client.Workspaces().Create(testContext(t), nexus.CreateOptions{Name: name, Repository: world.repository})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		other, err := nexus.Connect(ctx, nexus.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		defer other.Close()
		mine, err := other.Workspaces().Get(ctx, ws.ID())
		if errors.Is(err, nexus.ErrWorkspaceNotFound) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		if mine.State() != protocol.WorkspaceStateDestroyed {
			_, err = mine.Destroy(ctx, nexus.DestroyOptions{Force: true})
			if err != nil {
				t.Error(err)
			}
		}
	})
	return ws
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pattern returns deterministic bytes in which any two places differ.
func pattern(size int) []byte {
	out := make([]byte, 0, size+16)
	for block := 0; len(out) < size; block++ {
		out = fmt.Appendf(out, "%015x\n", block)
	}
	return bytes.Clone(out[:size])
}
