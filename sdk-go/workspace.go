package nexus

import (
	"context"
	"sync"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// Workspace is a workspace of a daemon. It holds the record as it was last told, which Refresh and every lifecycle call
// bring up to date. It is safe for concurrent use.
type Workspace struct {
	conn *connection
	id   string

	mu     sync.Mutex
	record protocol.Workspace
}

func newWorkspace(c *connection, record protocol.Workspace) *Workspace {
	return &Workspace{conn: c, id: record.ID, record: record}
}

// ID returns its id.
func (w *Workspace) ID() string { return w.id }

// Name returns its name, unique for its owner.
func (w *Workspace) Name() string { return w.Record().Name }

// State returns what it was doing when the daemon last said so.
func (w *Workspace) State() protocol.WorkspaceState { return w.Record().State }

// Root returns where its files are, as its processes see it.
func (w *Workspace) Root() string { return w.Record().Root }

// Branch returns its branch.
func (w *Workspace) Branch() string { return w.Record().Branch }

// String returns its name and id, for people.
func (w *Workspace) String() string { return w.Name() + " (" + w.id + ")" }

// Record returns everything that the daemon said of it last.
func (w *Workspace) Record() protocol.Workspace {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.record
}

func (w *Workspace) tell(record protocol.Workspace) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record = record
}

// Refresh asks for the record anew.
func (w *Workspace) Refresh(ctx context.Context) error {
	params := &protocol.WorkspaceGetParams{Workspace: w.id}
	record, err := call[protocol.Workspace](ctx, w.conn, "workspace.get", params, nil)
	if err == nil {
		w.tell(record)
	}
	return err
}

// LifecycleOptions says how a workspace is changed; the zero value waits until it is done.
type LifecycleOptions struct {
	// Grace is how long processes may take to end by themselves before they are killed, where they have to end; 0 stands
	// for ten seconds, and a negative one kills them at once.
	Grace time.Duration

	// NoWait returns at once, with the operation under way.
	NoWait bool

	// OnProgress is called with each step, from the goroutine that made the call.
	OnProgress func(Progress)

	// Key makes repeating the call safe; empty makes a random one.
	Key string
}

func (o LifecycleOptions) grace() *int64 {
	if o.Grace == 0 {
		return nil
	}
	return protocol.Ptr(milliseconds(max(o.Grace, 0)))
}

func (o LifecycleOptions) wait() *bool {
	if o.NoWait {
		return protocol.Ptr(false)
	}
	return nil
}

func (w *Workspace) change(ctx context.Context, method string, o LifecycleOptions) (protocol.Operation, error) {
	params := &protocol.WorkspaceChangeParams{Workspace: w.id, Wait: o.wait(), TimeoutMS: o.grace(), Key: o.Key}
	result, err := call[protocol.LifecycleResult](ctx, w.conn, method, params, o.OnProgress)
	if err == nil {
		w.tell(result.Workspace)
	}
	return result.Operation, err
}

// Start starts it; one that runs already is success.
func (w *Workspace) Start(ctx context.Context, options LifecycleOptions) (protocol.Operation, error) {
	return w.change(ctx, "workspace.start", options)
}

// Stop stops it: its processes are asked to end, and killed after a while. Files and branch stay.
func (w *Workspace) Stop(ctx context.Context, options LifecycleOptions) (protocol.Operation, error) {
	return w.change(ctx, "workspace.stop", options)
}

// Restart stops it and starts it again.
func (w *Workspace) Restart(ctx context.Context, options LifecycleOptions) (protocol.Operation, error) {
	return w.change(ctx, "workspace.restart", options)
}

// Pause freezes its processes. It fails with ErrCapabilityMissing where the backend cannot.
func (w *Workspace) Pause(ctx context.Context, options LifecycleOptions) (protocol.Operation, error) {
	return w.change(ctx, "workspace.pause", options)
}

// Resume lets frozen processes go on.
func (w *Workspace) Resume(ctx context.Context, options LifecycleOptions) (protocol.Operation, error) {
	return w.change(ctx, "workspace.resume", options)
}

// SwitchOptions says how to switch to a workspace.
type SwitchOptions struct {
	// Leave says what to do with the workspace that is left; empty pauses it where its backend can, else keeps it.
	Leave protocol.LeaveMode

	LifecycleOptions
}

// Switch makes it the current workspace of its repository, starting or resuming it.
func (w *Workspace) Switch(ctx context.Context, options SwitchOptions) (protocol.Operation, error) {
	params := &protocol.WorkspaceSwitchParams{
		Workspace: w.id, Leave: options.Leave, Wait: options.wait(), Key: options.Key,
	}
	result, err := call[protocol.LifecycleResult](ctx, w.conn, "workspace.switch", params, options.OnProgress)
	if err == nil {
		w.tell(result.Workspace)
	}
	return result.Operation, err
}

// UpdateOptions says what to change of the record; what is nil stays.
type UpdateOptions struct {
	// DisplayName is a name for people; a pointer to the empty string removes it.
	DisplayName *string

	// Env replaces the environment; running processes keep theirs. An empty map clears it.
	Env map[string]string

	// Labels replaces the labels. An empty map clears them.
	Labels map[string]string

	// Key makes repeating the call safe; empty makes a random one.
	Key string
}

// Update changes the record.
func (w *Workspace) Update(ctx context.Context, options UpdateOptions) error {
	params := &protocol.WorkspaceUpdateParams{
		Workspace: w.id, DisplayName: options.DisplayName, Env: options.Env, Labels: options.Labels, Key: options.Key,
	}
	record, err := call[protocol.Workspace](ctx, w.conn, "workspace.update", params, nil)
	if err == nil {
		w.tell(record)
	}
	return err
}

// DestroyOptions says how to take a workspace down.
type DestroyOptions struct {
	// Force loses uncommitted and unpushed work.
	Force bool

	// DeleteBranch deletes the branch even if it has commits of its own.
	DeleteBranch bool

	LifecycleOptions
}

// Destroy takes it down. Work that exists nowhere else is kept, and the result says where; where it would be lost, Destroy
// fails with ErrWorkspaceDirty.
func (w *Workspace) Destroy(ctx context.Context, options DestroyOptions) (protocol.WorkspaceDestroyed, error) {
	params := &protocol.WorkspaceDestroyParams{
		Workspace: w.id, Force: options.Force, TimeoutMS: options.grace(), Wait: options.wait(), Key: options.Key,
	}
	if options.DeleteBranch {
		params.KeepBranch = protocol.Ptr(false)
	}
	result, err := call[protocol.WorkspaceDestroyed](ctx, w.conn, "workspace.destroy", params, options.OnProgress)
	if err == nil {
		w.tell(result.Workspace)
	}
	return result, err
}

// Stats returns what it uses now: CPU time, memory, processes, disk.
func (w *Workspace) Stats(ctx context.Context) (protocol.ResourceStats, error) {
	params := &protocol.WorkspaceGetParams{Workspace: w.id}
	result, err := call[protocol.WorkspaceStatsResult](ctx, w.conn, "workspace.stats", params, nil)
	return result.Stats, err
}

// RunParams says what command Exec runs; Workspace is filled in.
type RunParams = protocol.ExecRunParams

// Exec runs a short command to its end in one call and returns the head and the tail of its output. To stream, to write
// to it, or to follow it through a broken connection, use Command.
func (w *Workspace) Exec(ctx context.Context, params RunParams) (protocol.ExecRunResult, error) {
	params.Workspace = w.id
	return call[protocol.ExecRunResult](ctx, w.conn, "exec.run", &params, nil)
}
