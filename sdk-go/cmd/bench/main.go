// Bench does what it is told on standard input, through this SDK or with nothing but a WebSocket, so that both can be
// measured side by side. The protocol is in benchmarks/clients/__init__.py.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"
)

// client is one way to use a daemon.
type client interface {
	connect(ctx context.Context, url, token string) error
	calls(ctx context.Context, count, depth int) error
	run(ctx context.Context, workspace string) error
	download(ctx context.Context, workspace, path string) (int64, error)
	hold(ctx context.Context, count int) error
}

// command is one line of input.
type command struct {
	Do        string `json:"do"`
	URL       string `json:"url"`
	Token     string `json:"token"`
	Count     int    `json:"count"`
	Depth     int    `json:"depth"`
	Workspace string `json:"workspace"`
	Path      string `json:"path"`
	Size      int64  `json:"size"`
}

// answer is one line of output.
type answer struct {
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitzero"`
}

func main() {
	var used client
	switch {
	case len(os.Args) == 2 && os.Args[1] == "sdk":
		used = &sdkClient{}
	case len(os.Args) == 2 && os.Args[1] == "bare":
		used = &bareClient{}
	default:
		fmt.Fprintln(os.Stderr, "usage: bench sdk|bare")
		os.Exit(2)
	}
	lines, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var told command
		var answered answer
		err := json.Unmarshal(lines.Bytes(), &told)
		if err == nil {
			answered.Seconds, err = do(context.Background(), used, told)
		}
		if err != nil {
			answered.Error = err.Error()
		}
		if failed := out.Encode(answered); err != nil || failed != nil {
			os.Exit(1)
		}
	}
}

// do carries a command out, and returns the seconds that it is about.
func do(ctx context.Context, used client, told command) (float64, error) {
	switch told.Do {
	case "connect":
		return 0, used.connect(ctx, told.URL, told.Token)
	case "calls":
		return timed(func() error { return used.calls(ctx, told.Count, told.Depth) })
	case "runs":
		var taken []float64
		for range told.Count {
			seconds, err := timed(func() error { return used.run(ctx, told.Workspace) })
			if err != nil {
				return 0, err
			}
			taken = append(taken, seconds)
		}
		slices.Sort(taken)
		return taken[len(taken)/2], nil
	case "download":
		return timed(func() error {
			came, err := used.download(ctx, told.Workspace, told.Path)
			if err == nil && came != told.Size {
				err = fmt.Errorf("%d bytes came instead of %d", came, told.Size)
			}
			return err
		})
	case "hold":
		if err := used.hold(ctx, told.Count); err != nil {
			return 0, err
		}
		debug.FreeOSMemory()
		return 0, nil
	}
	return 0, errors.New("no command " + told.Do)
}

func timed(action func() error) (float64, error) {
	start := time.Now()
	err := action()
	return time.Since(start).Seconds(), err
}
