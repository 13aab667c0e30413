package nexus_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

const megabyte = 1_000_000

// noise writes so many megabytes in which no two places are alike; shake does the same here.
const noise = `
import hashlib, sys
for number in range(int(sys.argv[1])):
    sys.stdout.buffer.write(hashlib.shake_128(str(number).encode()).digest(1000000))
`

func shake(megabytes int) []byte {
	out := make([]byte, megabytes*megabyte)
	for number := range megabytes {
		hash := sha3.NewSHAKE128()
		fmt.Fprint(hash, number)
		_, _ = hash.Read(out[number*megabyte : (number+1)*megabyte]) // a sponge never runs dry
	}
	return out
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// tortured returns a workspace that is reached through a proxy which cuts the connection.
func tortured(t *testing.T, cuts, every int) (*nexus.Workspace, *nexus.Client, *proxy) {
	t.Helper()
	direct := makeWorkspace(t, connect(t, nexus.Options{}))
	cutter := newProxy(t, cuts, every)
	client := connect(t, nexus.Options{URL: cutter.url()})
	return must[*nexus.Workspace](t)(client.Workspaces().Get(testContext(t), direct.ID())), client, cutter
}

func TestOutputSurvivesFiftyCuts(t *testing.T) {
	ws, client, cutter := tortured(t, 50, 3_900_001)
	cmd := ws.CommandContext(testContext(t), "python3", "-c", noise, "200")
	digest, stderr := sha256.New(), &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = digest, stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	if end := cmd.ProcessState.OutputEnd(); end != 200*megabyte {
		t.Errorf("%d bytes", end)
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != sum(shake(200)) {
		t.Error("the output is not what was written")
	}
	if cutter.cutsMade() != 50 || client.Reconnects() < 50 {
		t.Errorf("%d cuts, %d reconnects", cutter.cutsMade(), client.Reconnects())
	}
}

func TestInputSurvivesCuts(t *testing.T) {
	ws, _, cutter := tortured(t, 15, 2_100_001)
	data := shake(40)
	cmd := ws.CommandContext(testContext(t), "sha256sum")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil || strings.Fields(string(out))[0] != sum(data) {
		t.Errorf("%q, %v", out, err)
	}
	if cutter.cutsMade() != 15 {
		t.Errorf("%d cuts", cutter.cutsMade())
	}
}

func TestUploadSurvivesCuts(t *testing.T) {
	ws, _, cutter := tortured(t, 30, 3_000_001)
	data := shake(100)
	files := ws.FS().WithContext(testContext(t))
	info := must[protocol.FileInfo](t)(files.UploadFrom(bytes.NewReader(data), int64(len(data)), "big", nexus.UploadOptions{}))
	if info.Size != int64(len(data)) || cutter.cutsMade() != 30 {
		t.Errorf("%d bytes, %d cuts", info.Size, cutter.cutsMade())
	}
	out := must[[]byte](t)(ws.Command("sha256sum", "big").Output())
	if strings.Fields(string(out))[0] != sum(data) {
		t.Error("the file is not what was sent")
	}
}

func TestDownloadSurvivesCuts(t *testing.T) {
	ws, _, cutter := tortured(t, 20, 1_900_001)
	data := shake(40)
	plain := connect(t, nexus.Options{})
	direct := must[*nexus.Workspace](t)(plain.Workspaces().Get(testContext(t), ws.ID()))
	must[protocol.FileInfo](t)(direct.FS().Write("big", data, nexus.WriteOptions{}))
	download := must[*nexus.Download](t)(ws.FS().OpenStream("big", 0))
	defer download.Close()
	digest := sha256.New()
	must[int64](t)(io.Copy(digest, download))
	if hex.EncodeToString(digest.Sum(nil)) != sum(data) || cutter.cutsMade() != 20 || download.Reconnects() != 20 {
		t.Errorf("%d cuts, %d reconnects", cutter.cutsMade(), download.Reconnects())
	}
}

func TestWatchSurvivesCutsWithoutAGap(t *testing.T) {
	ws, client, _ := tortured(t, 25, 4001)
	direct := must[*nexus.Workspace](t)(connect(t, nexus.Options{}).Workspaces().Get(testContext(t), ws.ID()))
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	watch := must[*nexus.Watch](t)(ws.OpenWatch(ctx, nexus.WatchOptions{}))
	defer watch.Close()
	const files = 60
	go func() {
		for number := range files {
			_ = direct.FS().WriteFile(fmt.Sprintf("new-%d", number), nil, 0) // a file that is missing is missed below
			_, _ = client.Ping(ctx)                                          // traffic, so that something is cut
		}
	}()
	seen := map[string]bool{}
	for event, err := range watch.Events() {
		check(t, err)
		if event.Overflow {
			t.Errorf("events were missed: %s", event.Reason)
			break
		}
		if strings.HasPrefix(event.Path, "new-") {
			seen[event.Path] = true
		}
		if len(seen) == files {
			break
		}
	}
}

func TestCallsAreRepeatedByTheirKey(t *testing.T) {
	ws, _, cutter := tortured(t, 40, 5003)
	files := ws.FS()
	for number := range 100 {
		// Without the key a repeated one would fail: the directory is there already.
		check(t, files.Mkdir(fmt.Sprintf("d%d", number), 0o755))
	}
	if cutter.cutsMade() < 5 {
		t.Errorf("%d cuts", cutter.cutsMade())
	}
}
