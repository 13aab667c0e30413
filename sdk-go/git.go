package nexus

import (
	"context"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// Git is git in the worktree of a workspace; Workspace.Git returns it. The params are those of the protocol; their field
// Workspace is filled in.
type Git struct {
	workspace *Workspace
}

// Git returns git in the worktree.
func (w *Workspace) Git() Git { return Git{w} }

// Status returns where the worktree stands: branch, upstream, changed files.
func (g Git) Status(ctx context.Context) (protocol.GitStatus, error) {
	params := &protocol.GitStatusParams{Workspace: g.workspace.id}
	return call[protocol.GitStatus](ctx, g.workspace.conn, "git.status", params, nil)
}

// Diff returns what changed: by default in the worktree, compared with the index.
func (g Git) Diff(ctx context.Context, params protocol.GitDiffParams) (protocol.GitDiff, error) {
	params.Workspace = g.workspace.id
	return call[protocol.GitDiff](ctx, g.workspace.conn, "git.diff", &params, nil)
}

// Log returns commits, newest first, by default from HEAD. It fails with ErrRefNotFound.
func (g Git) Log(ctx context.Context, params protocol.GitLogParams) (protocol.GitLog, error) {
	params.Workspace = g.workspace.id
	return call[protocol.GitLog](ctx, g.workspace.conn, "git.log", &params, nil)
}

// Commit commits every change, unless the params say otherwise. It fails with ErrNothingToCommit and
// ErrIdentityMissing.
func (g Git) Commit(ctx context.Context, params protocol.GitCommitParams) (protocol.GitCommit, error) {
	params.Workspace = g.workspace.id
	return call[protocol.GitCommit](ctx, g.workspace.conn, "git.commit", &params, nil)
}

// Branches returns the branches of the repository, remote-tracking ones too.
func (g Git) Branches(ctx context.Context) ([]protocol.GitBranch, error) {
	return g.Branch(ctx, protocol.GitBranchParams{})
}

// Branch makes, checks out or deletes a branch, as the params say, and returns all branches. It fails with
// ErrBranchExists and ErrRefNotFound.
func (g Git) Branch(ctx context.Context, params protocol.GitBranchParams) ([]protocol.GitBranch, error) {
	params.Workspace = g.workspace.id
	result, err := call[protocol.GitBranches](ctx, g.workspace.conn, "git.branch", &params, nil)
	return result.Branches, err
}

// Sync exchanges commits with a remote; onProgress may be nil. It fails with ErrMergeConflict where both sides changed
// the same, and with ErrPushRejected.
func (g Git) Sync(
	ctx context.Context, params protocol.GitSyncParams, onProgress func(Progress),
) (protocol.GitSynced, error) {
	params.Workspace = g.workspace.id
	return call[protocol.GitSynced](ctx, g.workspace.conn, "git.sync", &params, onProgress)
}
