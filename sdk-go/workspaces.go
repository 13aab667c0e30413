package nexus

import (
	"context"
	"iter"
	"os"
	"path/filepath"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// Workspaces makes and finds workspaces; Client.Workspaces returns it.
type Workspaces struct {
	conn *connection
}

// Workspaces returns the workspaces of the daemon.
func (c *Client) Workspaces() Workspaces { return Workspaces{c.conn} }

// CreateOptions says what workspace to make.
type CreateOptions struct {
	// Name is lower-case letters, digits and inner hyphens, at most 63; unique for its owner.
	Name string

	// Repository is a path on the daemon's machine, made absolute if it is a directory of this machine too, or a URL
	// that git can fetch.
	Repository string

	// Ref is the branch, tag or commit to start from; empty for the repository's HEAD.
	Ref string

	// Backend is what runs it; empty for the configured one.
	Backend string

	// Machine is what its machine is made of, and how large, where the backend makes machines; nil for its defaults.
	Machine *protocol.MachineOptions

	// DisplayName is a name for people.
	DisplayName string

	// Env is the environment of every process in it.
	Env map[string]string

	// Labels are labels to find it by.
	Labels map[string]string

	// Ports names ports to allocate, besides the standard ones.
	Ports []string

	// Stopped leaves it stopped; otherwise it is started too.
	Stopped bool

	// NoWait returns at once, with the workspace in state pending; otherwise Create returns when it is done.
	NoWait bool

	// OnProgress is called with each step, from the goroutine that called Create.
	OnProgress func(Progress)

	// Key makes repeating the call safe; empty makes a random one.
	Key string
}

// Create makes a workspace from a git repository, and starts it. Errors are ErrWorkspaceExists where the name is taken,
// ErrRepositoryUnusable and ErrRefNotFound. When ctx ends, the daemon goes on: Get finds the workspace later.
func (w Workspaces) Create(ctx context.Context, options CreateOptions) (*Workspace, error) {
	url := options.Repository
	if info, err := os.Stat(url); err == nil && info.IsDir() {
		if absolute, err := filepath.Abs(url); err == nil {
			url = absolute
		}
	}
	params := &protocol.WorkspaceCreateParams{
		Name: options.Name, Repository: protocol.RepositorySource{URL: url, Ref: options.Ref},
		Backend: optional(options.Backend), DisplayName: optional(options.DisplayName), Env: options.Env,
		Labels: options.Labels, Ports: options.Ports, Key: options.Key, Options: options.Machine,
	}
	if options.Stopped {
		params.Start = protocol.Ptr(false)
	}
	if options.NoWait {
		params.Wait = protocol.Ptr(false)
	}
	result, err := call[protocol.LifecycleResult](ctx, w.conn, "workspace.create", params, options.OnProgress)
	if err != nil {
		return nil, err
	}
	return newWorkspace(w.conn, result.Workspace), nil
}

// optional returns nil for the empty string.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Get returns a workspace by its id or name, or fails with ErrWorkspaceNotFound.
func (w Workspaces) Get(ctx context.Context, idOrName string) (*Workspace, error) {
	params := &protocol.WorkspaceGetParams{Workspace: idOrName}
	record, err := call[protocol.Workspace](ctx, w.conn, "workspace.get", params, nil)
	if err != nil {
		return nil, err
	}
	return newWorkspace(w.conn, record), nil
}

// ListOptions says which workspaces to list; the zero value lists all that are not destroyed.
type ListOptions struct {
	// Repository leaves out those of other repositories; it is a path or a URL.
	Repository string

	// State leaves out those in other states.
	State protocol.WorkspaceState

	// Labels leaves out those that do not have all of these.
	Labels map[string]string

	// Destroyed includes destroyed ones.
	Destroyed bool
}

// List yields workspaces, newest first, asking for more as they are taken. The last pair has an error when that failed.
func (w Workspaces) List(ctx context.Context, options ListOptions) iter.Seq2[*Workspace, error] {
	return listPages(func(cursor *string) ([]*Workspace, *string, error) {
		page, err := call[protocol.WorkspaceList](ctx, w.conn, "workspace.list", &protocol.WorkspaceListParams{
			Repository: optional(options.Repository), State: options.State, Labels: options.Labels,
			Destroyed: options.Destroyed, Limit: 1000, Cursor: cursor,
		}, nil)
		if err != nil {
			return nil, nil, err
		}
		found := make([]*Workspace, len(page.Workspaces))
		for i, record := range page.Workspaces {
			found[i] = newWorkspace(w.conn, record)
		}
		return found, page.NextCursor, nil
	})
}
