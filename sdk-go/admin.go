package nexus

import (
	"context"
	"iter"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// Operations are lifecycle changes, under way and done; Client.Operations returns them.
type Operations struct {
	conn *connection
}

// Operations returns the lifecycle changes of the daemon.
func (c *Client) Operations() Operations { return Operations{c.conn} }

// List yields operations, newest first, at most 1000: of one workspace, or of all with an empty one; with running only
// those under way.
func (o Operations) List(ctx context.Context, workspace string, running bool) iter.Seq2[protocol.Operation, error] {
	return listOnce(func() ([]protocol.Operation, error) {
		params := &protocol.OperationListParams{Workspace: workspace, Running: running, Limit: 1000}
		listed, err := call[protocol.OperationList](ctx, o.conn, "operation.list", params, nil)
		return listed.Operations, err
	})
}

// Get returns one operation by its id, or fails with ErrOperationNotFound.
func (o Operations) Get(ctx context.Context, id string) (protocol.Operation, error) {
	return call[protocol.Operation](ctx, o.conn, "operation.get", &protocol.OperationGetParams{Operation: id}, nil)
}

// Wait waits until an operation ends, for as long as ctx allows, and returns how it ended; onProgress may be nil.
func (o Operations) Wait(ctx context.Context, id string, onProgress func(Progress)) (protocol.Operation, error) {
	for {
		step := protocol.Ptr((5 * time.Minute).Milliseconds())
		params := &protocol.OperationWaitParams{Operation: id, TimeoutMS: step}
		found, err := call[protocol.Operation](ctx, o.conn, "operation.wait", params, onProgress)
		if err != nil || found.State != protocol.OperationStateRunning {
			return found, err
		}
	}
}

// Cancel cancels an operation; what it did is undone. It fails with ErrOperationDone when it has ended.
func (o Operations) Cancel(ctx context.Context, id string) (protocol.Operation, error) {
	return call[protocol.Operation](ctx, o.conn, "operation.cancel", &protocol.OperationGetParams{Operation: id}, nil)
}

// Tokens are the tokens of this identity; Client.Tokens returns them.
type Tokens struct {
	conn *connection
}

// Tokens returns the tokens of this identity.
func (c *Client) Tokens() Tokens { return Tokens{c.conn} }

// Create makes a token. It is shown once. It fails with ErrScopeInvalid for a scope that the caller does not hold.
func (t Tokens) Create(ctx context.Context, params protocol.TokenCreateParams) (protocol.TokenCreated, error) {
	return call[protocol.TokenCreated](ctx, t.conn, "token.create", &params, nil)
}

// List yields tokens without their secrets, newest first.
func (t Tokens) List(ctx context.Context) iter.Seq2[protocol.TokenInfo, error] {
	return listOnce(func() ([]protocol.TokenInfo, error) {
		listed, err := call[protocol.TokenList](ctx, t.conn, "token.list", &protocol.NoParams{}, nil)
		return listed.Tokens, err
	})
}

// Revoke revokes a token: connections made with it are closed within seconds. It fails with ErrTokenNotFound.
func (t Tokens) Revoke(ctx context.Context, id string) (protocol.TokenInfo, error) {
	return call[protocol.TokenInfo](ctx, t.conn, "token.revoke", &protocol.TokenRevokeParams{ID: id}, nil)
}

// System is the daemon itself; Client.System returns it.
type System struct {
	conn *connection
}

// System returns the daemon itself.
func (c *Client) System() System { return System{c.conn} }

// Info returns what the daemon is and does.
func (s System) Info(ctx context.Context) (protocol.SystemInfo, error) {
	return call[protocol.SystemInfo](ctx, s.conn, "system.info", &protocol.NoParams{}, nil)
}

// Health returns whether the daemon is well, check by check.
func (s System) Health(ctx context.Context) (protocol.SystemHealth, error) {
	return call[protocol.SystemHealth](ctx, s.conn, "system.health", &protocol.NoParams{}, nil)
}

// Drain stops the daemon: no new work, then its end when calls in flight are done or the time has passed; 0 stands for
// half a minute.
func (s System) Drain(ctx context.Context, timeout time.Duration) error {
	params := &protocol.SystemDrainParams{}
	if timeout > 0 {
		params.TimeoutMS = protocol.Ptr(milliseconds(timeout))
	}
	_, err := call[protocol.Empty](ctx, s.conn, "system.drain", params, nil)
	return err
}

// Backends yields the backends of this node, with what they can do.
func (s System) Backends(ctx context.Context) iter.Seq2[protocol.BackendInfo, error] {
	return listOnce(func() ([]protocol.BackendInfo, error) {
		listed, err := call[protocol.BackendList](ctx, s.conn, "backend.list", &protocol.NoParams{}, nil)
		return listed.Backends, err
	})
}

// Config yields the values in force whose keys begin with prefix, each with where it came from; repository adds the
// project layer of a repository and may be empty.
func (s System) Config(ctx context.Context, prefix, repository string) iter.Seq2[protocol.ConfigEntry, error] {
	return listOnce(func() ([]protocol.ConfigEntry, error) {
		params := &protocol.ConfigGetParams{Prefix: prefix, Repository: optional(repository)}
		values, err := call[protocol.ConfigValues](ctx, s.conn, "config.get", params, nil)
		return values.Entries, err
	})
}

// ValidateConfig checks a configuration in YAML, without using it.
func (s System) ValidateConfig(
	ctx context.Context, text string, layer protocol.ConfigLayer,
) (protocol.ConfigValidated, error) {
	params := &protocol.ConfigValidateParams{Text: text, Layer: layer}
	return call[protocol.ConfigValidated](ctx, s.conn, "config.validate", params, nil)
}
