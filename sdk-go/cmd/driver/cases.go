package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

var cases = map[string]func(context.Context, *nexus.Client, testCase) (any, error){
	"call": call, "exec": execute, "attach": attach, "upload": upload, "download": download, "search": search,
	"watch": watch, "watch_workspaces": watchWorkspaces, "dial": dial,
}

// call decodes the result into its type, so that one that does not fit is found, and answers what was on the wire.
func call(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	params := one.Params
	if params == nil {
		params = json.RawMessage("{}")
	}
	var given map[string]any
	decoder := json.NewDecoder(bytes.NewReader(params))
	decoder.UseNumber()
	if err := decoder.Decode(&given); err != nil {
		return nil, err
	}
	var result json.RawMessage
	if err := client.Call(ctx, one.Method, given, &result); err != nil {
		return nil, err
	}
	if spec := protocol.Methods[one.Method]; spec != nil {
		if err := json.Unmarshal(result, spec.NewResult()); err != nil {
			return nil, &nexus.ProtocolError{MayHaveRun: true, Err: err}
		}
	}
	return result, nil
}

// kept is what came on one channel: all of it, or its size and SHA-256.
type kept struct {
	whole *bytes.Buffer
	sum   hash.Hash
	size  int64
}

func newKept(digest bool) *kept {
	if digest {
		return &kept{sum: sha256.New()}
	}
	return &kept{whole: bytes.NewBuffer([]byte{})}
}

func (k *kept) Write(p []byte) (int, error) {
	k.size += int64(len(p))
	if k.whole != nil {
		return k.whole.Write(p)
	}
	return k.sum.Write(p)
}

func (k *kept) MarshalJSON() ([]byte, error) {
	if k.whole != nil {
		return json.Marshal(k.whole.Bytes())
	}
	return json.Marshal(transferred{k.size, hex.EncodeToString(k.sum.Sum(nil))})
}

// followed is what became of a process.
type followed struct {
	Stdout     *kept                `json:"stdout"`
	Stderr     *kept                `json:"stderr"`
	ExitCode   *int                 `json:"exit_code"`
	Signal     *nexus.Signal        `json:"signal"`
	Reason     *protocol.ExitReason `json:"reason"`
	Process    string               `json:"process"`
	Reconnects int                  `json:"reconnects"`
}

func (f *followed) ended(state *nexus.ProcessState) {
	reason := state.Reason()
	f.Reason = &reason
	if state.Exited() {
		code := state.ExitCode()
		f.ExitCode = &code
	} else {
		signal := state.Signal()
		f.Signal = &signal
	}
}

func execute(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	ws, err := client.Workspaces().Get(ctx, one.Workspace)
	if err != nil {
		return nil, err
	}
	if len(one.Argv) == 0 {
		return nil, errors.New("argv is empty")
	}
	stdout, stderr := newKept(one.Digest), newKept(one.Digest)
	cmd := ws.CommandContext(ctx, one.Argv[0], one.Argv[1:]...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if one.Stdin != nil {
		cmd.Stdin = bytes.NewReader(*one.Stdin)
	}
	var exit *nexus.ExitError
	if err := cmd.Run(); err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		if ctx.Err() != nil {
			err = &nexus.InterruptedError{Method: "exec", MayHaveRun: true, Err: ctx.Err()}
		}
		return nil, err
	}
	f := &followed{
		Stdout: stdout, Stderr: stderr, Process: cmd.Process.ID, Reconnects: cmd.Reconnects(),
	}
	f.ended(cmd.ProcessState)
	return f, nil
}

func attach(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	var record protocol.Process
	if err := client.Call(ctx, "exec.get", &protocol.ExecGetParams{Process: one.Process}, &record); err != nil {
		return nil, err
	}
	ws, err := client.Workspaces().Get(ctx, record.Workspace)
	if err != nil {
		return nil, err
	}
	attached, err := ws.Attach(ctx, one.Process, one.Offset)
	if err != nil {
		return nil, err
	}
	defer attached.Close()
	f := &followed{Stdout: newKept(one.Digest), Stderr: newKept(one.Digest), Process: one.Process}
	size := 0
	for chunk, err := range attached.Chunks() {
		if err != nil {
			return nil, err
		}
		data := chunk.Data
		if one.Limit != nil {
			data = data[:min(len(data), *one.Limit-size)]
		}
		into := f.Stdout
		if size += len(data); chunk.Stderr {
			into = f.Stderr
		}
		if _, err := into.Write(data); err != nil {
			return nil, err
		}
		if one.Limit != nil && size >= *one.Limit {
			break
		}
	}
	if one.Limit == nil {
		state, err := attached.Wait()
		if err != nil {
			return nil, err
		}
		f.ended(state)
	}
	f.Reconnects = attached.Reconnects()
	return f, nil
}

// transferred is what was sent, or came.
type transferred struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func filesOf(ctx context.Context, client *nexus.Client, workspace string) (*nexus.FS, error) {
	ws, err := client.Workspaces().Get(ctx, workspace)
	if err != nil {
		return nil, err
	}
	return ws.FS().WithContext(ctx), nil
}

func upload(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	files, err := filesOf(ctx, client, one.Workspace)
	if err != nil {
		return nil, err
	}
	info, err := files.Upload(one.Source, one.Path, nexus.UploadOptions{Checksum: true})
	if err != nil {
		return nil, err
	}
	return digest(one.Source, info.Size)
}

func download(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	files, err := filesOf(ctx, client, one.Workspace)
	if err != nil {
		return nil, err
	}
	info, err := files.Download(one.Path, one.Target, nexus.DownloadOptions{})
	if err != nil {
		return nil, err
	}
	return digest(one.Target, info.Size)
}

func digest(path string, size int64) (*transferred, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return nil, err
	}
	return &transferred{Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

func search(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	ws, err := client.Workspaces().Get(ctx, one.Workspace)
	if err != nil {
		return nil, err
	}
	found, err := ws.OpenSearch(ctx, nexus.SearchParams{Pattern: one.Pattern})
	if err != nil {
		return nil, err
	}
	defer found.Close()
	matches := []map[string]any{}
	for match, err := range found.Matches() {
		if err != nil {
			return nil, err
		}
		matches = append(matches, map[string]any{"path": match.Path, "line": match.Line, "text": match.Text})
	}
	result, err := found.Result()
	return map[string]any{"matches": matches, "files": result.Files}, err
}

func watch(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	ws, err := client.Workspaces().Get(ctx, one.Workspace)
	if err != nil {
		return nil, err
	}
	watched, err := ws.OpenWatch(ctx, nexus.WatchOptions{Path: one.Path})
	if err != nil {
		return nil, err
	}
	defer watched.Close()
	for _, path := range one.Touch {
		if err := ws.FS().WithContext(ctx).WriteFile(path, nil, 0); err != nil {
			return nil, err
		}
	}
	events := []protocol.FsWatchEvent{}
	for event, err := range watched.Events() {
		if err != nil {
			return nil, err
		}
		if event.Overflow {
			events = append(events, protocol.FsOverflow{Reason: event.Reason})
		} else {
			events = append(events, protocol.FsChange{Path: event.Path, Change: event.Change})
		}
		if len(events) >= one.Count {
			break
		}
	}
	return map[string]any{"events": events}, nil
}

func watchWorkspaces(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	ws, err := client.Workspaces().Get(ctx, one.Workspace)
	if err != nil {
		return nil, err
	}
	watched, err := client.Workspaces().OpenWatch(ctx, "", "")
	if err != nil {
		return nil, err
	}
	defer watched.Close()
	if err := ws.Update(ctx, nexus.UpdateOptions{Labels: one.Labels}); err != nil {
		return nil, err
	}
	for event, err := range watched.Events() {
		if err != nil {
			return nil, err
		}
		if event.Overflow {
			return map[string]any{"event": protocol.WorkspaceOverflow{}}, nil
		}
		return map[string]any{"event": protocol.WorkspaceChanged{Workspace: event.Workspace}}, nil
	}
	return nil, errors.New("the watch ended without an event")
}

func dial(ctx context.Context, client *nexus.Client, one testCase) (any, error) {
	ws, err := client.Workspaces().Get(ctx, one.Workspace)
	if err != nil {
		return nil, err
	}
	conn, err := ws.DialContext(ctx, "tcp", fmt.Sprintf("localhost:%d", one.Port))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	if _, err := conn.Write(one.Send); err != nil {
		return nil, err
	}
	if err := conn.(*nexus.Conn).CloseWrite(); err != nil {
		return nil, err
	}
	received, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &nexus.InterruptedError{Method: "dial", MayHaveRun: true, Err: context.DeadlineExceeded}
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"received": received}, nil
}
