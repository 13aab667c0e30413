package nexus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

func TestLifeOfAWorkspace(t *testing.T) {
	ctx, client := testContext(t), connect(t, nexus.Options{})
	var steps []nexus.Progress
	ws := must[*nexus.Workspace](t)(client.Workspaces().Create(ctx, nexus.CreateOptions{
		Name: "go-life", Repository: world.repository, Labels: map[string]string{"kind": "life"}, Env: map[string]string{"A": "1"},
		OnProgress: func(p nexus.Progress) { steps = append(steps, p) },
	}))
	if ws.State() != protocol.WorkspaceStateRunning || ws.Name() != "go-life" || ws.Branch() == "" {
		t.Errorf("%+v", ws.Record())
	}
	if len(steps) == 0 || !slices.IsSortedFunc(steps, func(a, b nexus.Progress) int { return int(a.Done - b.Done) }) {
		t.Errorf("%+v", steps)
	}
	_, err := client.Workspaces().Create(ctx, nexus.CreateOptions{Name: "go-life", Repository: world.repository})
	if !errors.Is(err, nexus.ErrWorkspaceExists) {
		t.Errorf("%v", err)
	}
	check(t, ws.Update(ctx, nexus.UpdateOptions{DisplayName: protocol.Ptr("Life"), Env: map[string]string{}}))
	if record := ws.Record(); *record.DisplayName != "Life" || len(record.Env) != 0 || record.Labels["kind"] != "life" {
		t.Errorf("%+v", record)
	}
	stopped := must[protocol.Operation](t)(ws.Stop(ctx, nexus.LifecycleOptions{Grace: time.Second}))
	if ws.State() != protocol.WorkspaceStateStopped || stopped.State != protocol.OperationStateDone {
		t.Errorf("%s, %+v", ws.State(), stopped)
	}
	if err := ws.Command("true").Run(); !errors.Is(err, nexus.ErrWorkspaceState) {
		t.Errorf("%v", err)
	}
	under := must[protocol.Operation](t)(ws.Start(ctx, nexus.LifecycleOptions{NoWait: true}))
	if done := must[protocol.Operation](t)(client.Operations().Wait(ctx, under.ID, nil)); done.State != protocol.OperationStateDone {
		t.Errorf("%+v", done)
	}
	if _, err := client.Operations().Cancel(ctx, under.ID); !errors.Is(err, nexus.ErrOperationDone) {
		t.Errorf("%v", err)
	}
	must[protocol.Operation](t)(ws.Restart(ctx, nexus.LifecycleOptions{Grace: -1}))
	if _, err := ws.Pause(ctx, nexus.LifecycleOptions{}); err != nil && !errors.Is(err, nexus.ErrCapabilityMissing) {
		t.Errorf("%v", err)
	}
	must[protocol.Operation](t)(ws.Resume(ctx, nexus.LifecycleOptions{}))
	must[protocol.Operation](t)(ws.Switch(ctx, nexus.SwitchOptions{Leave: protocol.LeaveModeKeep}))
	if !ws.Record().Current {
		t.Error("it is not the current one")
	}
	if stats := must[protocol.ResourceStats](t)(ws.Stats(ctx)); stats.Disk == 0 {
		t.Errorf("%+v", stats)
	}
	names := []string{}
	for found, err := range client.Workspaces().List(ctx, nexus.ListOptions{Labels: map[string]string{"kind": "life"}}) {
		check(t, err)
		names = append(names, found.Name())
	}
	if !slices.Equal(names, []string{"go-life"}) {
		t.Errorf("%q", names)
	}
	operations := 0
	for operation, err := range client.Operations().List(ctx, ws.ID(), false) {
		check(t, err)
		if operations++; operation.Workspace != ws.ID() {
			t.Errorf("%+v", operation)
		}
	}
	if operations < 5 {
		t.Errorf("%d operations", operations)
	}
	check(t, ws.FS().WriteFile("unsaved", nil, 0))
	if _, err := ws.Destroy(ctx, nexus.DestroyOptions{}); !errors.Is(err, nexus.ErrWorkspaceDirty) {
		t.Errorf("%v", err)
	}
	must[protocol.WorkspaceDestroyed](t)(ws.Destroy(ctx, nexus.DestroyOptions{Force: true, DeleteBranch: true}))
	if ws.State() != protocol.WorkspaceStateDestroyed {
		t.Errorf("%s", ws.State())
	}
	if _, err := client.Workspaces().Get(ctx, "nothing"); !errors.Is(err, nexus.ErrWorkspaceNotFound) {
		t.Errorf("%v", err)
	}
	for _, err := range client.Operations().List(ctx, "nothing", false) {
		if !errors.Is(err, nexus.ErrWorkspaceNotFound) {
			t.Errorf("%v", err)
		}
	}
}

func TestGit(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	git := ws.Git()
	check(t, ws.FS().WriteFile("new.txt", []byte("line\n"), 0))
	if status := must[protocol.GitStatus](t)(git.Status(ctx)); status.Clean || len(status.Files) != 1 {
		t.Errorf("%+v", status)
	}
	if diff := must[protocol.GitDiff](t)(git.Diff(ctx, protocol.GitDiffParams{})); !strings.Contains(diff.Diff, "+line") {
		t.Errorf("%+v", diff)
	}
	made := must[protocol.GitCommit](t)(git.Commit(ctx, protocol.GitCommitParams{Message: "Add new.txt"}))
	if log := must[protocol.GitLog](t)(git.Log(ctx, protocol.GitLogParams{})); log.Commits[0].Commit != made.Commit {
		t.Errorf("%+v", log)
	}
	if _, err := git.Commit(ctx, protocol.GitCommitParams{Message: "nothing"}); !errors.Is(err, nexus.ErrNothingToCommit) {
		t.Errorf("%v", err)
	}
	branches := must[[]protocol.GitBranch](t)(git.Branch(ctx, protocol.GitBranchParams{Create: "topic-" + ws.Name()}))
	if len(branches) != len(must[[]protocol.GitBranch](t)(git.Branches(ctx))) {
		t.Errorf("%+v", branches)
	}
	if _, err := git.Sync(ctx, protocol.GitSyncParams{}, nil); err == nil {
		t.Error("a repository without remote was synced")
	}
}

func TestWatchingAndSearching(t *testing.T) {
	ctx, ws := testContext(t), makeWorkspace(t, connect(t, nexus.Options{}))
	watch := must[*nexus.Watch](t)(ws.OpenWatch(ctx, nexus.WatchOptions{Path: "src"}))
	check(t, ws.FS().WriteFile("src/one.py", []byte("needle = 1\n"), 0))
	cursor := ""
	for event, err := range watch.Events() {
		check(t, err)
		if event.Path == "src/one.py" {
			cursor = event.Cursor
			break
		}
	}
	check(t, watch.Close())
	check(t, ws.FS().WriteFile("src/two.py", []byte("a needle\n"), 0))
	again := must[*nexus.Watch](t)(ws.OpenWatch(ctx, nexus.WatchOptions{Path: "src", Cursor: cursor}))
	for event, err := range again.Events() {
		check(t, err)
		if event.Overflow || event.Path == "src/two.py" {
			break
		}
	}
	check(t, again.Close())
	found := map[string]int64{}
	for match, err := range ws.Search(ctx, nexus.SearchParams{Pattern: "needle"}) {
		check(t, err)
		found[match.Path] = match.Column
	}
	if len(found) != 2 || found["src/one.py"] != 1 || found["src/two.py"] != 3 {
		t.Errorf("%v", found)
	}
	for _, err := range ws.Search(ctx, nexus.SearchParams{Pattern: "(", Regex: true}) {
		if !errors.Is(err, nexus.ErrPatternInvalid) {
			t.Errorf("%v", err)
		}
	}
	bounded, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range ws.Watch(bounded, ".") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	for _, err := range ws.Watch(ctx, "nowhere") {
		if !errors.Is(err, nexus.ErrPathNotFound) {
			t.Errorf("%v", err)
		}
	}
}

func TestWatchingWorkspaces(t *testing.T) {
	ctx, client := testContext(t), connect(t, nexus.Options{})
	ws := makeWorkspace(t, client)
	watch := must[*nexus.WorkspaceWatch](t)(client.Workspaces().OpenWatch(ctx, ws.ID(), ""))
	defer watch.Close()
	check(t, ws.Update(ctx, nexus.UpdateOptions{DisplayName: protocol.Ptr("seen")}))
	for event, err := range watch.Events() {
		check(t, err)
		if name := event.Workspace.DisplayName; name != nil && *name == "seen" {
			break
		}
	}
}

func TestTheDaemonItself(t *testing.T) {
	ctx, client := testContext(t), connect(t, nexus.Options{})
	if health := must[protocol.SystemHealth](t)(client.System().Health(ctx)); health.Draining {
		t.Errorf("%+v", health)
	}
	if session := client.Session(); session.Identity.Subject != "tester" || session.Level != protocol.Level {
		t.Errorf("%+v", session)
	}
	backends := 0
	for _, err := range client.System().Backends(ctx) {
		check(t, err)
		backends++
	}
	entries := 0
	for entry, err := range client.System().Config(ctx, "daemon.", "") {
		check(t, err)
		if entries++; !strings.HasPrefix(entry.Key, "daemon.") {
			t.Errorf("%+v", entry)
		}
	}
	if backends == 0 || entries == 0 {
		t.Errorf("%d backends, %d entries", backends, entries)
	}
	checked := must[protocol.ConfigValidated](t)(client.System().ValidateConfig(ctx, "nonsense: 1\n", ""))
	if checked.Valid {
		t.Error("nonsense is valid")
	}
	if document := string(must[[]byte](t)(func() ([]byte, error) { return client.Discover(ctx) }())); !strings.Contains(document, "openrpc") {
		t.Errorf("%.100s", document)
	}
	must[time.Time](t)(client.Ping(ctx))
	must[protocol.SessionRefreshed](t)(client.Refresh(ctx, world.token))
	if err := client.Call(ctx, "exec.attach", map[string]any{"process": "p"}, nil); !errors.Is(err, nexus.ErrInvalidParams) {
		t.Errorf("%v", err)
	}
	if err := client.Call(ctx, "no.such", nil, nil); !errors.Is(err, nexus.ErrMethodNotFound) {
		t.Errorf("%v", err)
	}
	var remote *nexus.RemoteError
	err := client.Call(ctx, "exec.run", map[string]any{"workspace": "w", "argv": []any{}}, nil)
	if !errors.As(err, &remote) || remote.Details.(*protocol.InvalidParamsDetails).Path != "$.argv" {
		t.Errorf("%v", err)
	}
}

func TestTokens(t *testing.T) {
	ctx, client := testContext(t), connect(t, nexus.Options{})
	made := must[protocol.TokenCreated](t)(client.Tokens().Create(ctx, protocol.TokenCreateParams{
		Subject: "reader", Scopes: []string{"files:read"},
	}))
	reader := must[*nexus.Client](t)(nexus.Connect(ctx, nexus.Options{URL: world.url, Token: made.Token}))
	defer reader.Close()
	if _, err := reader.Workspaces().Create(ctx, nexus.CreateOptions{Name: "x", Repository: world.repository}); !errors.Is(err, nexus.ErrForbidden) {
		t.Errorf("%v", err)
	}
	listed := false
	for token, err := range client.Tokens().List(ctx) {
		check(t, err)
		listed = listed || token.ID == made.Info.ID
	}
	must[protocol.TokenInfo](t)(client.Tokens().Revoke(ctx, made.Info.ID))
	if _, err := nexus.Connect(ctx, nexus.Options{URL: world.url, Token: made.Token}); !errors.Is(err, nexus.ErrUnauthenticated) || !listed {
		t.Errorf("%v, listed: %v", err, listed)
	}
}

func TestManyCallersShareAConnection(t *testing.T) {
	ctx, client := testContext(t), connect(t, nexus.Options{})
	ws := makeWorkspace(t, client)
	var group sync.WaitGroup
	for caller := range 40 {
		group.Add(1)
		go func() {
			defer group.Done()
			text := fmt.Sprintf("caller %d\n", caller)
			if err := ws.FS().WriteFile(fmt.Sprintf("f%d", caller), []byte(text), 0); err != nil {
				t.Error(err)
			}
			out, err := ws.CommandContext(ctx, "cat", fmt.Sprintf("f%d", caller)).Output()
			if err != nil || string(out) != text {
				t.Errorf("%q, %v", out, err)
			}
			bounded, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := client.Ping(bounded); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}()
	}
	group.Wait()
	if client.Reconnects() != 0 {
		t.Errorf("%d reconnects", client.Reconnects())
	}
}
