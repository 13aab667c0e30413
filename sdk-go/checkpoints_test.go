package nexus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

func TestCheckpoints(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	checkpoints := ws.Checkpoints()
	if found := listed(t, ws); len(found) != 0 {
		t.Errorf("%q", found)
	}
	check(t, ws.FS().WriteFile("untracked", []byte("kept\n"), 0))
	steps := 0
	good := must[protocol.Checkpoint](t)(checkpoints.Create(ctx, nexus.CheckpointOptions{
		Name: "good", Comment: "before", OnProgress: func(nexus.Progress) { steps++ },
	}))
	if good.State != protocol.CheckpointStateReady || good.Name != "good" || good.Comment != "before" ||
		good.Workspace != ws.ID() || good.WorkspaceName != ws.Name() || good.Automatic || steps == 0 {
		t.Errorf("%+v after %d steps", good, steps)
	}
	must[protocol.Checkpoint](t)(checkpoints.Create(ctx, nexus.CheckpointOptions{}))
	_, err := checkpoints.Create(ctx, nexus.CheckpointOptions{Name: "good"})
	var remote *nexus.RemoteError
	if !errors.Is(err, nexus.ErrCheckpointExists) || !errors.As(err, &remote) ||
		remote.Details.(*protocol.CheckpointRef).Checkpoint != "good" {
		t.Errorf("%v", err)
	}
	if found := listed(t, ws); !slices.Equal(found, []string{"checkpoint 1", "good"}) {
		t.Errorf("%q", found)
	}

	check(t, ws.FS().WriteFile("untracked", []byte("changed\n"), 0))
	check(t, ws.FS().WriteFile("later", nil, 0))
	steps = 0
	done := must[protocol.CheckpointRestored](t)(ws.Restore(ctx, "good", nexus.LifecycleOptions{
		Grace: -1, OnProgress: func(nexus.Progress) { steps++ },
	}))
	if done.Checkpoint.ID != good.ID || done.Operation.State != protocol.OperationStateDone || !done.Before.Automatic ||
		steps == 0 || ws.State() != protocol.WorkspaceStateRunning || !ws.Record().UpdatedAt.Equal(done.Workspace.UpdatedAt) {
		t.Errorf("%+v after %d steps", done, steps)
	}
	if _, err := ws.FS().Stat("later"); !errors.Is(err, fs.ErrNotExist) || content(t, ws, "untracked") != "kept\n" {
		t.Errorf("%v, %q", err, content(t, ws, "untracked"))
	}
	must[protocol.CheckpointRestored](t)(ws.Restore(ctx, done.Before.ID, nexus.LifecycleOptions{}))
	if _, err := ws.FS().Stat("later"); err != nil || content(t, ws, "untracked") != "changed\n" {
		t.Errorf("%v, %q", err, content(t, ws, "untracked"))
	}

	removed := must[protocol.Checkpoint](t)(checkpoints.Remove(ctx, good.ID, nexus.LifecycleOptions{}))
	if removed.State != protocol.CheckpointStateRemoved || slices.Contains(listed(t, ws), "good") {
		t.Errorf("%+v, %q", removed, listed(t, ws))
	}
	if _, err := checkpoints.Remove(ctx, good.ID, nexus.LifecycleOptions{}); !errors.Is(err, nexus.ErrCheckpointNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := ws.Restore(ctx, "good", nexus.LifecycleOptions{}); !errors.Is(err, nexus.ErrCheckpointNotFound) {
		t.Errorf("%v", err)
	}
	left := int64(len(listed(t, ws)))
	gone := must[protocol.WorkspaceDestroyed](t)(ws.Destroy(ctx, nexus.DestroyOptions{Force: true, DeleteBranch: true}))
	if gone.Checkpoints == nil || *gone.Checkpoints != left {
		t.Errorf("%+v, not %d", gone, left)
	}
}

// listed returns the names of the checkpoints of a workspace.
func listed(t *testing.T, ws *nexus.Workspace) (found []string) {
	t.Helper()
	for checkpoint, err := range ws.Checkpoints().List(testContext(t)) {
		check(t, err)
		found = append(found, checkpoint.Name)
	}
	return found
}

func content(t *testing.T, ws *nexus.Workspace, path string) string {
	t.Helper()
	return string(must[[]byte](t)(ws.FS().ReadFile(path)))
}

func TestForks(t *testing.T) {
	ctx, client := testContext(t), connect(t, nexus.Options{})
	ws := makeWorkspace(t, client)
	check(t, ws.Update(ctx, nexus.UpdateOptions{Env: map[string]string{"FROM": "source", "BOTH": "source"}}))
	check(t, ws.FS().WriteFile("untracked", []byte("then\n"), 0))
	saved := must[protocol.Checkpoint](t)(ws.Checkpoints().Create(ctx, nexus.CheckpointOptions{}))
	check(t, ws.FS().WriteFile("untracked", []byte("now\n"), 0))

	then := must[*nexus.Workspace](t)(client.Workspaces().Fork(ctx, nexus.ForkOptions{
		Name: "go-then", Checkpoint: saved.ID, DisplayName: "Then", Env: map[string]string{"BOTH": "fork"},
		Labels: map[string]string{"of": "fork"}, Ports: []string{"extra"},
	}))
	defer destroy(t, then)
	record := then.Record()
	if then.Name() != "go-then" || then.State() != protocol.WorkspaceStateRunning || *record.DisplayName != "Then" ||
		!maps.Equal(record.Env, map[string]string{"FROM": "source", "BOTH": "fork"}) || record.Labels["of"] != "fork" ||
		!slices.ContainsFunc(record.Ports, func(port protocol.PortMapping) bool { return port.Name == "extra" }) {
		t.Errorf("%+v", record)
	}
	if text := content(t, then, "untracked"); text != "then\n" {
		t.Errorf("%q", text)
	}
	steps := 0
	later := must[*nexus.Workspace](t)(client.Workspaces().Fork(ctx, nexus.ForkOptions{
		Name: "go-later", Workspace: ws.Name(), Stopped: true, OnProgress: func(nexus.Progress) { steps++ },
	}))
	defer destroy(t, later)
	if later.State() != protocol.WorkspaceStateStopped || steps == 0 {
		t.Errorf("%s after %d steps", later.State(), steps)
	}
	must[protocol.Operation](t)(later.Start(ctx, nexus.LifecycleOptions{}))
	if text := content(t, later, "untracked"); text != "now\n" {
		t.Errorf("%q", text)
	}

	_, err := then.Restore(ctx, saved.ID, nexus.LifecycleOptions{})
	var remote *nexus.RemoteError
	if !errors.Is(err, nexus.ErrCheckpointElsewhere) || !errors.As(err, &remote) ||
		remote.Details.(*protocol.CheckpointElsewhere).Workspace != ws.ID() {
		t.Errorf("%v", err)
	}
	for _, refused := range []struct {
		options nexus.ForkOptions
		err     error
	}{
		{nexus.ForkOptions{Name: "go-then", Checkpoint: saved.ID}, nexus.ErrWorkspaceExists},
		{nexus.ForkOptions{Name: "go-none", Checkpoint: "none"}, nexus.ErrCheckpointNotFound},
		{nexus.ForkOptions{Name: "go-none", Workspace: "none"}, nexus.ErrWorkspaceNotFound},
		{nexus.ForkOptions{Name: "go-none"}, nexus.ErrInvalidParams},
		{nexus.ForkOptions{Name: "go-none", Checkpoint: saved.ID, Workspace: ws.ID()}, nexus.ErrInvalidParams},
	} {
		if _, err := client.Workspaces().Fork(ctx, refused.options); !errors.Is(err, refused.err) {
			t.Errorf("%+v: %v", refused.options, err)
		}
	}
}

func destroy(t *testing.T, ws *nexus.Workspace) {
	t.Helper()
	options := nexus.DestroyOptions{Force: true, DeleteBranch: true}
	must[protocol.WorkspaceDestroyed](t)(ws.Destroy(testContext(t), options))
}

func TestACheckpointGoesOnWithoutItsCaller(t *testing.T) {
	ctx, client := testContext(t), connect(t, nexus.Options{})
	ws := makeWorkspace(t, client)
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := ws.Checkpoints().Create(bounded, nexus.CheckpointOptions{
		Name: "given up", OnProgress: func(nexus.Progress) { cancel() },
	})
	// The answer may have come at the same moment.
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	settle(t, client, ws)
	unwaited := must[protocol.Checkpoint](t)(ws.Checkpoints().Create(ctx, nexus.CheckpointOptions{
		Name: "unwaited", NoWait: true,
	}))
	if unwaited.State != protocol.CheckpointStateMaking && unwaited.State != protocol.CheckpointStateReady {
		t.Errorf("%+v", unwaited)
	}
	settle(t, client, ws)
	if found := listed(t, ws); !slices.Equal(found, []string{"unwaited", "given up"}) {
		t.Errorf("%q", found)
	}
	for checkpoint, err := range ws.Checkpoints().List(ctx) {
		if check(t, err); checkpoint.State != protocol.CheckpointStateReady {
			t.Errorf("%+v", checkpoint)
		}
	}
}

// settle waits until nothing is under way in a workspace.
func settle(t *testing.T, client *nexus.Client, ws *nexus.Workspace) {
	t.Helper()
	ctx := testContext(t)
	for operation, err := range client.Operations().List(ctx, ws.ID(), true) {
		check(t, err)
		must[protocol.Operation](t)(client.Operations().Wait(ctx, operation.ID, nil))
	}
}

func TestCheckpointsAreMadeOnceAlthoughTheConnectionBreaks(t *testing.T) {
	p := newProxy(t, 0, 1)
	ctx, client := testContext(t), connect(t, nexus.Options{URL: p.url()})
	ws := makeWorkspace(t, client)
	cut := func(nexus.Progress) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cut()
	}
	saved := must[protocol.Checkpoint](t)(ws.Checkpoints().Create(ctx, nexus.CheckpointOptions{Name: "once", OnProgress: cut}))
	if found := listed(t, ws); !slices.Equal(found, []string{"once"}) {
		t.Errorf("%q", found)
	}
	fork := must[*nexus.Workspace](t)(client.Workspaces().Fork(ctx, nexus.ForkOptions{
		Name: "go-once", Checkpoint: saved.ID, OnProgress: cut,
	}))
	defer destroy(t, fork)
	done := must[protocol.CheckpointRestored](t)(ws.Restore(ctx, saved.ID, nexus.LifecycleOptions{OnProgress: cut}))
	if found := listed(t, ws); !slices.Equal(found, []string{done.Before.Name, "once"}) {
		t.Errorf("%q", found)
	}
	must[protocol.Checkpoint](t)(ws.Checkpoints().Remove(ctx, saved.ID, nexus.LifecycleOptions{OnProgress: cut}))
	if client.Reconnects() == 0 {
		t.Error("the connection never broke")
	}
}

func TestCheckpointsOfTheSameKeyAreTheSame(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	options := nexus.CheckpointOptions{Name: "keyed", Key: "key-of-" + ws.ID()}
	saved := must[protocol.Checkpoint](t)(ws.Checkpoints().Create(ctx, options))
	if again := must[protocol.Checkpoint](t)(ws.Checkpoints().Create(ctx, options)); again.ID != saved.ID {
		t.Errorf("%+v, %+v", saved, again)
	}
	options.Name = "other"
	if _, err := ws.Checkpoints().Create(ctx, options); !errors.Is(err, nexus.ErrKeyReused) {
		t.Errorf("%v", err)
	}
}

const (
	aCheckpoint = `{"id":"c","workspace":"w","workspace_name":"w","state":"ready","name":"n","comment":"","automatic":false,` +
		`"backend":"host","files":0,"skipped":0,"size":0,"created_at":` + now + `}`
	changed = `{"workspace":` + workspaceRecord + `,"checkpoint":` + aCheckpoint + `,"before":` + aCheckpoint +
		`,"operation":{"id":"o","kind":"checkpoint","workspace":"w","state":"done","steps":[],"message":"","created_at":` + now + `}}`
)

func TestChangesOfCheckpointsAreRepeatedByTheirKey(t *testing.T) {
	server := newBrokenServer(t, nil)
	// There are checkpoints since level 2.
	server.greeting = strings.Replace(goodGreeting, `"level":1`, `"level":2`, 1)
	server.answer = func(p *peer, r request) {
		switch {
		case r.Method == "workspace.get":
			p.respond(r.ID, workspaceRecord)
		case server.called(r.Method)%2 == 1:
			p.drop()
		default:
			p.respond(r.ID, changed)
		}
	}
	client, ctx := server.connect(t, nexus.Options{}), testContext(t)
	ws := must[*nexus.Workspace](t)(client.Workspaces().Get(ctx, "w"))
	for _, each := range []struct {
		method string
		params string
		change func() error
	}{
		{"checkpoint.create", `{"workspace":"w"}`, func() error {
			_, err := ws.Checkpoints().Create(ctx, nexus.CheckpointOptions{})
			return err
		}},
		{"checkpoint.create", `{"workspace":"w","name":"n","comment":"c","wait":false}`, func() error {
			_, err := ws.Checkpoints().Create(ctx, nexus.CheckpointOptions{Name: "n", Comment: "c", NoWait: true})
			return err
		}},
		{"checkpoint.restore", `{"workspace":"w","checkpoint":"n","timeout_ms":0,"wait":false}`, func() error {
			_, err := ws.Restore(ctx, "n", nexus.LifecycleOptions{Grace: -1, NoWait: true})
			return err
		}},
		{"checkpoint.remove", `{"checkpoint":"c","progress":true}`, func() error {
			_, err := ws.Checkpoints().Remove(ctx, "c", nexus.LifecycleOptions{OnProgress: func(nexus.Progress) {}})
			return err
		}},
		{"checkpoint.fork", `{"name":"f","checkpoint":"c","start":false,"wait":false,"env":{"A":"1"}}`, func() error {
			_, err := client.Workspaces().Fork(ctx, nexus.ForkOptions{
				Name: "f", Checkpoint: "c", Stopped: true, NoWait: true, Env: map[string]string{"A": "1"},
			})
			return err
		}},
	} {
		check(t, each.change())
		server.mu.Lock()
		calls := server.calls[len(server.calls)-2:]
		server.mu.Unlock()
		if calls[0].Method != each.method || string(calls[0].Params) != string(calls[1].Params) {
			t.Errorf("%s: %s, then %s", calls[0].Method, calls[0].Params, calls[1].Params)
		}
		got, want := members(t, string(calls[0].Params)), members(t, each.params)
		if key, _ := got["key"].(string); len(key) < 16 {
			t.Errorf("%s: the key is %q", each.method, key)
		}
		delete(got, "key")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, not %v", each.method, got, want)
		}
	}
}

func members(t *testing.T, text string) (found map[string]any) {
	t.Helper()
	check(t, json.Unmarshal([]byte(text), &found))
	return found
}

func TestACheckpointThatIsGivenUpIsCancelled(t *testing.T) {
	server := newBrokenServer(t, func(p *peer, r request) {
		if r.Method == "workspace.get" {
			p.respond(r.ID, workspaceRecord)
			return
		}
		p.progress(r.ID, 1)
	})
	server.greeting = strings.Replace(goodGreeting, `"level":1`, `"level":2`, 1)
	ws := server.workspace(t, nexus.Options{})
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	_, err := ws.Checkpoints().Create(ctx, nexus.CheckpointOptions{OnProgress: func(nexus.Progress) { cancel() }})
	var interrupted *nexus.InterruptedError
	if !errors.As(err, &interrupted) || !errors.Is(err, context.Canceled) || !nexus.MayHaveRun(err) {
		t.Errorf("%v", err)
	}
	id := server.waitForCancel(t)
	server.mu.Lock()
	defer server.mu.Unlock()
	if call := server.calls[len(server.calls)-1]; call.Method != "checkpoint.create" || call.ID != id {
		t.Errorf("%d was cancelled, not %+v", id, call)
	}
}

func TestTheLastStepIsToldBeforeTheResult(t *testing.T) {
	server := newBrokenServer(t, func(p *peer, r request) {
		if r.Method == "workspace.get" {
			p.respond(r.ID, workspaceRecord)
			return
		}
		for step := range 3 {
			p.progress(r.ID, step+1)
		}
		p.respond(r.ID, changed)
	})
	server.greeting = strings.Replace(goodGreeting, `"level":1`, `"level":2`, 1)
	ws := server.workspace(t, nexus.Options{})
	for range 50 {
		last := int64(0)
		must[protocol.Checkpoint](t)(ws.Checkpoints().Create(testContext(t), nexus.CheckpointOptions{
			OnProgress: func(step nexus.Progress) { last = step.Done },
		}))
		if last != 3 {
			t.Fatalf("the last step that was told is %d", last)
		}
	}
}

func TestCheckpointsAreListedPageByPage(t *testing.T) {
	server := newBrokenServer(t, nil)
	server.greeting = strings.Replace(goodGreeting, `"level":1`, `"level":2`, 1)
	server.answer = func(p *peer, r request) {
		switch asked := string(r.Params); {
		case r.Method == "workspace.get":
			p.respond(r.ID, workspaceRecord)
		case asked == `{"workspace":"w","limit":1000}`:
			p.respond(r.ID, fmt.Sprintf(`{"checkpoints":[%s,%s],"next_cursor":"a"}`, aCheckpoint, aCheckpoint))
		case asked == `{"workspace":"w","limit":1000,"cursor":"a"}`:
			p.respond(r.ID, fmt.Sprintf(`{"checkpoints":[%s]}`, aCheckpoint))
		default:
			p.refuse(r.ID, nexus.ErrInvalidParams.Code, asked)
		}
	}
	ws := server.workspace(t, nexus.Options{})
	if found := listed(t, ws); len(found) != 3 {
		t.Errorf("%q", found)
	}
	for range ws.Checkpoints().List(testContext(t)) {
		break
	}
	if calls := server.called("checkpoint.list"); calls != 3 {
		t.Errorf("%d calls", calls)
	}
}

func TestCheckpointsAreRefusedHereWhereTheDaemonIsTooOld(t *testing.T) {
	server := newBrokenServer(t, func(p *peer, r request) { p.respond(r.ID, workspaceRecord) })
	ws := server.workspace(t, nexus.Options{})
	_, err := ws.Checkpoints().Create(testContext(t), nexus.CheckpointOptions{})
	if !errors.Is(err, nexus.ErrMethodNotFound) || server.called("checkpoint.create") != 0 {
		t.Errorf("%v after %d calls", err, server.called("checkpoint.create"))
	}
}
