// Package nexus is the Go client of Nexus, which gives every branch a machine of its own: files, processes, ports and git
// of a workspace, over one connection to a daemon.
//
// It mirrors the standard library where there is something to mirror. A command is an os/exec.Cmd, the files are an
// fs.FS, a port is dialled like any other, and lists and watches are iterators:
//
//	client, err := nexus.Connect(ctx, nexus.Options{})
//	ws, err := client.Workspaces().Create(ctx, nexus.CreateOptions{Name: "demo", Repository: "."})
//	output, err := ws.CommandContext(ctx, "make", "-j8").CombinedOutput()
//	data, err := ws.FS().ReadFile("README.md")
//	conn, err := ws.DialContext(ctx, "tcp", "127.0.0.1:8080")
//	for event, err := range ws.Watch(ctx, "src") { ... }
//
// # Contexts
//
// All callers share one connection, and no context of a caller ever ends it. When a context ends, the call returns at once
// with an *InterruptedError, and the daemon is told to cancel. What that means depends on what was under way:
// CommandContext kills the command, as in os/exec; Attach detaches, and the process runs on; a lifecycle change, a
// checkpoint included, goes on without this caller; a read or a search is given up.
//
// # Broken connections
//
// A process outlives the connection that started it. When a connection breaks, the client makes another one, and every
// Cmd, Attachment, Watch, upload and download goes on at the exact byte or event where it stood. What cannot be continued
// without a gap says so, with an *OutputGapError or an Event whose Overflow is set. TCP connections into the workspace
// cannot be resumed; they fail with ErrTunnelLost.
//
// A call that was under way is repeated by itself where the schema calls it idempotent or it carries a key, which it is
// given where it takes one. Otherwise it fails with a *ConnectionLostError, and MayHaveRun says whether it may have had
// its effect.
//
// # Errors
//
// Errors that the daemon answered with are of type *RemoteError, with a stable name, a hint and typed details. errors.Is
// compares them with the Err values of this package: errors.Is(err, nexus.ErrWorkspaceNotFound).
package nexus
