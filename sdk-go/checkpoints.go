package nexus

import (
	"context"
	"iter"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// Checkpoints are what a workspace was, at one moment each; Workspace.Checkpoints returns them. Workspace.Restore goes back
// to one, Workspaces.Fork begins another workspace from one.
//
// When the context of a change ends, the daemon goes on without this caller: Operations tells how far it is.
type Checkpoints struct {
	workspace *Workspace
}

// Checkpoints returns what the workspace was, at moments that were saved.
func (w *Workspace) Checkpoints() Checkpoints { return Checkpoints{w} }

// CheckpointOptions says how to save a workspace; the zero value waits until it is done.
type CheckpointOptions struct {
	// Name is a name for people, unique in the workspace; empty for "checkpoint" and a number.
	Name string

	// Comment says what it is for.
	Comment string

	// NoWait returns at once, with the checkpoint in state making.
	NoWait bool

	// OnProgress is called with each step, from the goroutine that called Create.
	OnProgress func(Progress)

	// Key makes repeating the call safe; empty makes a random one.
	Key string
}

// Create saves what the workspace is: all its files, git's state, and its machine's own filesystem; no processes. What
// runs is frozen meanwhile where the backend can, and goes on.
//
// Errors are ErrCapabilityMissing where the backend cannot, ErrCheckpointExists, ErrCheckpointImpossible where the
// workspace holds something that cannot be saved, ErrLimitCheckpoints and ErrStorageFull.
func (c Checkpoints) Create(ctx context.Context, options CheckpointOptions) (protocol.Checkpoint, error) {
	params := &protocol.CheckpointCreateParams{
		Workspace: c.workspace.id, Name: options.Name, Comment: options.Comment, Key: options.Key,
	}
	if options.NoWait {
		params.Wait = protocol.Ptr(false)
	}
	conn := c.workspace.conn
	result, err := call[protocol.CheckpointResult](ctx, conn, "checkpoint.create", params, options.OnProgress)
	return result.Checkpoint, err
}

// List yields the checkpoints, newest first, asking for more as they are taken. The last pair has an error when that
// failed.
func (c Checkpoints) List(ctx context.Context) iter.Seq2[protocol.Checkpoint, error] {
	return listPages(func(cursor *string) ([]protocol.Checkpoint, *string, error) {
		params := &protocol.CheckpointListParams{Workspace: c.workspace.id, Limit: 1000, Cursor: cursor}
		page, err := call[protocol.CheckpointList](ctx, c.workspace.conn, "checkpoint.list", params, nil)
		return page.Checkpoints, page.NextCursor, err
	})
}

// Remove removes a checkpoint, given by its id, and everything that it holds. What was restored or forked from it stays.
// It fails with ErrCheckpointNotFound.
func (c Checkpoints) Remove(ctx context.Context, id string, options LifecycleOptions) (protocol.Checkpoint, error) {
	params := &protocol.CheckpointRemoveParams{Checkpoint: id, Wait: options.wait(), Key: options.Key}
	conn := c.workspace.conn
	result, err := call[protocol.CheckpointResult](ctx, conn, "checkpoint.remove", params, options.OnProgress)
	return result.Checkpoint, err
}

// Restore brings the workspace back to one of its checkpoints, given by id or name. What it is until then is saved as one
// first: Before. Its processes are ended; if it ran, it is started again.
//
// Errors are ErrCheckpointNotFound, ErrCheckpointElsewhere where it is one of another workspace, and ErrCheckpointDamaged
// where something of it was removed from outside; nothing was changed then.
func (w *Workspace) Restore(
	ctx context.Context, checkpoint string, options LifecycleOptions,
) (protocol.CheckpointRestored, error) {
	params := &protocol.CheckpointRestoreParams{
		Workspace: w.id, Checkpoint: checkpoint, TimeoutMS: options.grace(), Wait: options.wait(), Key: options.Key,
	}
	result, err := call[protocol.CheckpointRestored](ctx, w.conn, "checkpoint.restore", params, options.OnProgress)
	if err == nil {
		w.tell(result.Workspace)
	}
	return result, err
}

// ForkOptions says what workspace to make, and as which it begins: one of Checkpoint and Workspace.
type ForkOptions struct {
	// Name is as in CreateOptions.
	Name string

	// Checkpoint is the id of the checkpoint that it begins as.
	Checkpoint string

	// Workspace is the id or name of the workspace that it begins as; what it is now counts.
	Workspace string

	// DisplayName is a name for people.
	DisplayName string

	// Env is added to the environment that the other workspace has.
	Env map[string]string

	// Labels are labels to find it by; those of the other workspace are not taken over.
	Labels map[string]string

	// Ports names ports to allocate, besides those that the other workspace has.
	Ports []string

	// Stopped leaves it stopped; otherwise it is started too.
	Stopped bool

	// NoWait returns at once, with the workspace in state pending; otherwise Fork returns when it is done.
	NoWait bool

	// OnProgress is called with each step, from the goroutine that called Fork.
	OnProgress func(Progress)

	// Key makes repeating the call safe; empty makes a random one.
	Key string
}

// Fork makes a workspace that begins as another one is, or as a checkpoint of it. It has a branch, ports and copies of
// everything of its own; backend, machine and environment are the other's.
//
// Errors are ErrWorkspaceExists where the name is taken, ErrWorkspaceNotFound, ErrCheckpointNotFound, and
// ErrCheckpointDamaged where something of the checkpoint was removed from outside. When ctx ends, the daemon goes on: Get
// finds the workspace later.
func (w Workspaces) Fork(ctx context.Context, options ForkOptions) (*Workspace, error) {
	params := &protocol.CheckpointForkParams{
		Name: options.Name, Checkpoint: options.Checkpoint, Workspace: options.Workspace,
		DisplayName: optional(options.DisplayName), Env: options.Env, Labels: options.Labels, Ports: options.Ports,
		Key: options.Key,
	}
	if options.Stopped {
		params.Start = protocol.Ptr(false)
	}
	if options.NoWait {
		params.Wait = protocol.Ptr(false)
	}
	result, err := call[protocol.LifecycleResult](ctx, w.conn, "checkpoint.fork", params, options.OnProgress)
	if err != nil {
		return nil, err
	}
	return newWorkspace(w.conn, result.Workspace), nil
}
