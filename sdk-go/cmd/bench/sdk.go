package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/nexus-workspaces/nexus/sdk-go"
)

// sdkClient is what a user of the SDK writes.
type sdkClient struct {
	options   nexus.Options
	client    *nexus.Client
	workspace *nexus.Workspace
	held      []*nexus.Client
}

func (s *sdkClient) connect(ctx context.Context, url, token string) (err error) {
	s.options = nexus.Options{URL: url, Token: token}
	s.client, err = nexus.Connect(ctx, s.options)
	return err
}

// calls lets as many goroutines as calls may be in flight share the calls.
func (s *sdkClient) calls(ctx context.Context, count, depth int) error {
	var left atomic.Int64
	left.Store(int64(count))
	done := make(chan error, depth)
	for range depth {
		go func() {
			for left.Add(-1) >= 0 {
				if _, err := s.client.Ping(ctx); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range depth {
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

func (s *sdkClient) run(ctx context.Context, workspace string) error {
	ws, err := s.get(ctx, workspace)
	if err != nil {
		return err
	}
	ran, err := ws.Exec(ctx, nexus.RunParams{Argv: []string{"true"}})
	if err == nil && (ran.Exit.Code == nil || *ran.Exit.Code != 0) {
		err = fmt.Errorf("exec.run: %+v", ran.Exit)
	}
	return err
}

func (s *sdkClient) download(ctx context.Context, workspace, path string) (int64, error) {
	ws, err := s.get(ctx, workspace)
	if err != nil {
		return 0, err
	}
	download, err := ws.FS().OpenStream(path, 0)
	if err != nil {
		return 0, err
	}
	defer download.Close()
	return io.Copy(io.Discard, download)
}

func (s *sdkClient) hold(ctx context.Context, count int) error {
	for range count {
		client, err := nexus.Connect(ctx, s.options)
		if err != nil {
			return err
		}
		s.held = append(s.held, client)
	}
	return nil
}

func (s *sdkClient) get(ctx context.Context, id string) (*nexus.Workspace, error) {
	if s.workspace == nil || s.workspace.ID() != id {
		found, err := s.client.Workspaces().Get(ctx, id)
		if err != nil {
			return nil, err
		}
		s.workspace = found
	}
	return s.workspace, nil
}
