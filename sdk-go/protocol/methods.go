// Code generated from the schema. DO NOT EDIT.
//
// Generated from schema/nexus; do not edit.

package protocol

import "time"

// Method is one row of the method table: what a client needs to know of a method.
type Method struct {
	// Name is the method's name on the wire.
	Name string

	// Kind is "call" (answered), "notify" (not answered) or "stream" (answered when the stream ends).
	Kind string

	// Direction says who sends it: "client" or "server".
	Direction string

	// Summary says what it does, in a sentence.
	Summary string

	// NewParams returns a pointer to a zero value of the params.
	NewParams func() any

	// NewResult returns a pointer to a zero value of the result; the function is nil for a notification.
	NewResult func() any

	// Errors names the errors it answers, beside those that every method may.
	Errors []string

	// Scope is what the identity needs; empty when any identity may call it.
	Scope string

	// Target names the param that says which workspace is concerned; empty when none is.
	Target string

	// Capability is what the workspace's backend must be able to do; empty when every backend can.
	Capability string

	// Idempotent says whether calling twice is the same as calling once, so that a client may retry by itself.
	Idempotent bool

	// Keyed says whether the params take a key that makes a retry safe.
	Keyed bool

	// Progress says whether the params take progress, which asks for $/progress.
	Progress bool

	// Cancel says what $/cancel does: "abort" gives up the work, "detach" leaves it running, "none" does nothing.
	Cancel string

	// Timeout is the deadline of the call; zero when it has none of its own.
	Timeout time.Duration

	// DefaultTimeout is the deadline of a call whose params have a timeout_ms that was not given; zero when there is none.
	DefaultTimeout time.Duration

	// Since is the first level that has it.
	Since int

	// Stability is "stable" or "experimental".
	Stability string

	// Deprecated is set for a method that goes away.
	Deprecated *Deprecation

	// Stream is set for streams only.
	Stream *StreamSpec
}

// Deprecation says since when a method is discouraged, and what to call instead.
type Deprecation struct {
	// Since is the level from which it is discouraged.
	Since int

	// Message says why.
	Message string

	// Use names what to call instead; it may be empty.
	Use string

	// RemoveAfter is the last level that has it; zero when that is not decided.
	RemoveAfter int
}

// StreamSpec says what a stream method carries between its request and its response.
type StreamSpec struct {
	// Down is what the server sends: "bytes", "events" or nothing.
	Down string

	// Up is what the client sends: "bytes" or nothing.
	Up string

	// Channels names the channels in use.
	Channels []string

	// Resume says how a broken stream continues: by "offset", by "cursor", or "none".
	Resume string

	// Lossy says whether events may be coalesced and dropped, which an overflow event then says.
	Lossy bool

	// Window is the initial credit when the params name none: bytes, or events.
	Window int64
}

// Methods holds every method by its name.
var Methods = func() map[string]*Method {
	methods := make(map[string]*Method, len(all))
	for _, method := range all {
		methods[method.Name] = method
	}
	return methods
}()

// Level is the version of the schema.
const Level = 2

// Scopes lists every scope that some method needs, sorted.
var Scopes = []string{
	"exec:read",
	"exec:write",
	"files:read",
	"files:write",
	"git:read",
	"git:write",
	"ports:forward",
	"ports:read",
	"system:read",
	"system:write",
	"tokens",
	"workspaces:read",
	"workspaces:write",
}

var all = []*Method{
	{Name: "$/cancel", Kind: "notify", Direction: "client", Summary: "Cancel a call in flight.", NewParams: func() any { return new(CancelParams) }, Cancel: "none", Since: 1, Stability: "stable"},
	{Name: "$/progress", Kind: "notify", Direction: "server", Summary: "How far a call is; sent only when its params asked for it.", NewParams: func() any { return new(ProgressParams) }, Cancel: "none", Since: 1, Stability: "stable"},
	{Name: "backend.list", Kind: "call", Direction: "client", Summary: "The backends of this node and what they can do.", NewParams: func() any { return new(NoParams) }, NewResult: func() any { return new(BackendList) }, Scope: "system:read", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "checkpoint.create", Kind: "call", Direction: "client", Summary: "Save what a workspace is: its files, git's state, and its machine's own filesystem.", NewParams: func() any { return new(CheckpointCreateParams) }, NewResult: func() any { return new(CheckpointResult) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_busy", "backend_failed", "backend_unavailable", "capability_missing", "checkpoint_exists", "checkpoint_impossible", "limit_checkpoints", "git_failed", "storage_full", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Capability: "checkpoint", Keyed: true, Progress: true, Cancel: "detach", Timeout: 3600000 * time.Millisecond, Since: 2, Stability: "stable"},
	{Name: "checkpoint.fork", Kind: "call", Direction: "client", Summary: "Make a new workspace that begins as another one is, or as a checkpoint of it.", NewParams: func() any { return new(CheckpointForkParams) }, NewResult: func() any { return new(LifecycleResult) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_exists", "invalid_name", "workspace_busy", "backend_failed", "backend_unavailable", "capability_missing", "limit_workspaces", "checkpoint_not_found", "checkpoint_damaged", "checkpoint_impossible", "branch_exists", "repository_unusable", "git_failed", "ports_exhausted", "option_unsupported", "image_unusable", "machine_conflict", "port_taken", "storage_full", "key_reused"}, Scope: "workspaces:write", Keyed: true, Progress: true, Cancel: "detach", Timeout: 3600000 * time.Millisecond, Since: 2, Stability: "stable"},
	{Name: "checkpoint.list", Kind: "call", Direction: "client", Summary: "The checkpoints of the workspaces that the identity can see.", NewParams: func() any { return new(CheckpointListParams) }, NewResult: func() any { return new(CheckpointList) }, Errors: []string{"workspace_not_found"}, Scope: "workspaces:read", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 2, Stability: "stable"},
	{Name: "checkpoint.remove", Kind: "call", Direction: "client", Summary: "Remove a checkpoint and everything that it holds.", NewParams: func() any { return new(CheckpointRemoveParams) }, NewResult: func() any { return new(CheckpointResult) }, Errors: []string{"checkpoint_not_found", "workspace_busy", "backend_failed", "backend_unavailable", "git_failed", "key_reused"}, Scope: "workspaces:write", Target: "checkpoint", Keyed: true, Progress: true, Cancel: "detach", Timeout: 300000 * time.Millisecond, Since: 2, Stability: "stable"},
	{Name: "checkpoint.restore", Kind: "call", Direction: "client", Summary: "Bring a workspace back to what it was at a checkpoint.", NewParams: func() any { return new(CheckpointRestoreParams) }, NewResult: func() any { return new(CheckpointRestored) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_busy", "backend_failed", "backend_unavailable", "capability_missing", "checkpoint_not_found", "checkpoint_elsewhere", "checkpoint_damaged", "checkpoint_impossible", "limit_checkpoints", "git_failed", "port_taken", "machine_conflict", "storage_full", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Capability: "checkpoint", Keyed: true, Progress: true, Cancel: "detach", Timeout: 3600000 * time.Millisecond, Since: 2, Stability: "stable"},
	{Name: "config.get", Kind: "call", Direction: "client", Summary: "The configuration in force, with provenance.", NewParams: func() any { return new(ConfigGetParams) }, NewResult: func() any { return new(ConfigValues) }, Scope: "system:read", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "config.validate", Kind: "call", Direction: "client", Summary: "Check a configuration without using it.", NewParams: func() any { return new(ConfigValidateParams) }, NewResult: func() any { return new(ConfigValidated) }, Scope: "system:read", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "exec.attach", Kind: "stream", Direction: "client", Summary: "Follow a process's output from an offset, and write to its stdin.", NewParams: func() any { return new(ExecAttachParams) }, NewResult: func() any { return new(ExecExit) }, Errors: []string{"process_not_found", "offset_expired", "offset_invalid", "not_controller", "taken_over", "observer_lagged", "stdin_closed", "process_lost"}, Scope: "exec:read", Target: "process", Idempotent: true, Cancel: "detach", Since: 1, Stability: "stable", Stream: &StreamSpec{Down: "bytes", Up: "bytes", Channels: []string{"stdin", "stdout", "stderr"}, Resume: "offset", Window: 262144}},
	{Name: "exec.get", Kind: "call", Direction: "client", Summary: "One process.", NewParams: func() any { return new(ExecGetParams) }, NewResult: func() any { return new(Process) }, Errors: []string{"process_not_found"}, Scope: "exec:read", Target: "process", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "exec.list", Kind: "call", Direction: "client", Summary: "The processes of a workspace.", NewParams: func() any { return new(ExecListParams) }, NewResult: func() any { return new(ExecList) }, Errors: []string{"workspace_not_found"}, Scope: "exec:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "exec.remove", Kind: "call", Direction: "client", Summary: "Forget an ended process and its output.", NewParams: func() any { return new(ExecRemoveParams) }, NewResult: func() any { return new(Empty) }, Errors: []string{"process_not_found", "workspace_state"}, Scope: "exec:write", Target: "process", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "exec.resize", Kind: "call", Direction: "client", Summary: "Resize a terminal.", NewParams: func() any { return new(ExecResizeParams) }, NewResult: func() any { return new(Process) }, Errors: []string{"process_not_found", "process_exited", "not_a_terminal"}, Scope: "exec:write", Target: "process", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "exec.run", Kind: "call", Direction: "client", Summary: "Run a command to its end and return its output.", NewParams: func() any { return new(ExecRunParams) }, NewResult: func() any { return new(ExecRunResult) }, Errors: []string{"workspace_not_found", "workspace_state", "command_not_found", "cwd_invalid", "spawn_failed", "limit_processes", "storage_full", "key_reused", "outcome_unknown", "process_lost"}, Scope: "exec:write", Target: "workspace", Keyed: true, Cancel: "abort", DefaultTimeout: 600000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "exec.signal", Kind: "call", Direction: "client", Summary: "Send a signal.", NewParams: func() any { return new(ExecSignalParams) }, NewResult: func() any { return new(Process) }, Errors: []string{"process_not_found", "process_exited"}, Scope: "exec:write", Target: "process", Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "exec.start", Kind: "call", Direction: "client", Summary: "Start a command; it outlives the connection.", NewParams: func() any { return new(ExecStartParams) }, NewResult: func() any { return new(Process) }, Errors: []string{"workspace_not_found", "workspace_state", "command_not_found", "cwd_invalid", "spawn_failed", "limit_processes", "storage_full", "key_reused", "outcome_unknown"}, Scope: "exec:write", Target: "workspace", Keyed: true, Cancel: "none", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "exec.wait", Kind: "call", Direction: "client", Summary: "Wait until a process ends.", NewParams: func() any { return new(ExecWaitParams) }, NewResult: func() any { return new(Process) }, Errors: []string{"process_not_found"}, Scope: "exec:read", Target: "process", Idempotent: true, Cancel: "detach", DefaultTimeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.chmod", Kind: "call", Direction: "client", Summary: "Change permission bits.", NewParams: func() any { return new(FsChmodParams) }, NewResult: func() any { return new(FileInfo) }, Errors: []string{"workspace_not_found", "path_not_found", "path_escapes", "path_invalid", "permission_denied", "key_reused", "too_many_links"}, Scope: "files:write", Target: "workspace", Idempotent: true, Keyed: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.copy", Kind: "call", Direction: "client", Summary: "Copy a file or directory.", NewParams: func() any { return new(FsCopyParams) }, NewResult: func() any { return new(FileInfo) }, Errors: []string{"workspace_not_found", "deadline_exceeded", "path_not_found", "path_exists", "path_escapes", "path_invalid", "not_a_file", "not_a_directory", "permission_denied", "storage_full", "key_reused", "outcome_unknown", "too_many_links"}, Scope: "files:write", Target: "workspace", Keyed: true, Progress: true, Cancel: "abort", Timeout: 600000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.download", Kind: "stream", Direction: "client", Summary: "Stream a file's bytes on channel 1; the offset is the position in the file.", NewParams: func() any { return new(FsDownloadParams) }, NewResult: func() any { return new(FsDownloaded) }, Errors: []string{"workspace_not_found", "path_not_found", "path_escapes", "path_invalid", "not_a_file", "permission_denied", "etag_mismatch", "file_changed", "too_many_links"}, Scope: "files:read", Target: "workspace", Idempotent: true, Cancel: "abort", Since: 1, Stability: "stable", Stream: &StreamSpec{Down: "bytes", Channels: []string{"stdout"}, Resume: "offset", Window: 1048576}},
	{Name: "fs.edit", Kind: "call", Direction: "client", Summary: "Apply replacements or a unified diff to a text file, all or nothing.", NewParams: func() any { return new(FsEditParams) }, NewResult: func() any { return new(FsEdited) }, Errors: []string{"workspace_not_found", "deadline_exceeded", "path_not_found", "path_escapes", "path_invalid", "not_a_file", "permission_denied", "etag_mismatch", "edit_failed", "not_text", "file_too_large", "storage_full", "key_reused", "outcome_unknown", "too_many_links"}, Scope: "files:write", Target: "workspace", Keyed: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.glob", Kind: "call", Direction: "client", Summary: "Paths that match a pattern.", NewParams: func() any { return new(FsGlobParams) }, NewResult: func() any { return new(FsGlobbed) }, Errors: []string{"workspace_not_found", "path_not_found", "path_escapes", "path_invalid", "not_a_directory", "pattern_invalid", "permission_denied", "too_many_links"}, Scope: "files:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 120000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.list", Kind: "call", Direction: "client", Summary: "Entries of a directory.", NewParams: func() any { return new(FsListParams) }, NewResult: func() any { return new(FsListing) }, Errors: []string{"workspace_not_found", "path_not_found", "path_escapes", "path_invalid", "not_a_directory", "permission_denied", "too_many_links", "cursor_expired"}, Scope: "files:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.mkdir", Kind: "call", Direction: "client", Summary: "Make a directory.", NewParams: func() any { return new(FsMkdirParams) }, NewResult: func() any { return new(FileInfo) }, Errors: []string{"workspace_not_found", "path_not_found", "path_exists", "path_escapes", "path_invalid", "not_a_directory", "permission_denied", "storage_full", "key_reused", "outcome_unknown", "too_many_links"}, Scope: "files:write", Target: "workspace", Keyed: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.read", Kind: "call", Direction: "client", Summary: "Content of a file, whole or a window of it.", NewParams: func() any { return new(FsReadParams) }, NewResult: func() any { return new(FileContent) }, Errors: []string{"workspace_not_found", "path_not_found", "path_escapes", "path_invalid", "not_a_file", "permission_denied", "file_too_large", "not_text", "too_many_links"}, Scope: "files:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.remove", Kind: "call", Direction: "client", Summary: "Remove a file, link or directory.", NewParams: func() any { return new(FsRemoveParams) }, NewResult: func() any { return new(FsRemoved) }, Errors: []string{"workspace_not_found", "path_not_found", "path_escapes", "path_invalid", "directory_not_empty", "permission_denied", "key_reused", "outcome_unknown", "too_many_links"}, Scope: "files:write", Target: "workspace", Keyed: true, Cancel: "abort", Timeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.rename", Kind: "call", Direction: "client", Summary: "Rename or move an entry.", NewParams: func() any { return new(FsRenameParams) }, NewResult: func() any { return new(FileInfo) }, Errors: []string{"workspace_not_found", "deadline_exceeded", "path_not_found", "path_exists", "path_escapes", "path_invalid", "not_a_directory", "directory_not_empty", "permission_denied", "key_reused", "outcome_unknown", "too_many_links"}, Scope: "files:write", Target: "workspace", Keyed: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.search", Kind: "stream", Direction: "client", Summary: "Search the content of files; matches stream as they are found.", NewParams: func() any { return new(FsSearchParams) }, NewResult: func() any { return new(FsSearched) }, Errors: []string{"workspace_not_found", "not_a_file", "path_not_found", "path_escapes", "path_invalid", "pattern_invalid", "permission_denied", "too_many_links"}, Scope: "files:read", Target: "workspace", Idempotent: true, Cancel: "abort", Since: 1, Stability: "stable", Stream: &StreamSpec{Down: "events", Resume: "none", Window: 256}},
	{Name: "fs.stat", Kind: "call", Direction: "client", Summary: "What is known of an entry.", NewParams: func() any { return new(FsStatParams) }, NewResult: func() any { return new(FileInfo) }, Errors: []string{"workspace_not_found", "path_not_found", "path_escapes", "path_invalid", "permission_denied", "too_many_links"}, Scope: "files:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.symlink", Kind: "call", Direction: "client", Summary: "Make a symbolic link.", NewParams: func() any { return new(FsSymlinkParams) }, NewResult: func() any { return new(FileInfo) }, Errors: []string{"workspace_not_found", "path_not_found", "path_exists", "path_escapes", "path_invalid", "permission_denied", "storage_full", "key_reused", "outcome_unknown", "too_many_links"}, Scope: "files:write", Target: "workspace", Keyed: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "fs.upload", Kind: "stream", Direction: "client", Summary: "Receive a file's bytes on channel 0; EOF puts the file in place atomically.", NewParams: func() any { return new(FsUploadParams) }, NewResult: func() any { return new(FsUploaded) }, Errors: []string{"workspace_not_found", "file_changed", "deadline_exceeded", "path_not_found", "path_escapes", "path_invalid", "not_a_file", "permission_denied", "etag_mismatch", "upload_mismatch", "storage_full", "too_many_links"}, Scope: "files:write", Target: "workspace", Idempotent: true, Cancel: "abort", Since: 1, Stability: "stable", Stream: &StreamSpec{Up: "bytes", Channels: []string{"stdin"}, Resume: "offset", Window: 1048576}},
	{Name: "fs.watch", Kind: "stream", Direction: "client", Summary: "Follow changes below a path, in folders created later too.", NewParams: func() any { return new(FsWatchParams) }, NewResult: func() any { return new(Empty) }, Errors: []string{"workspace_not_found", "too_many_requests", "deadline_exceeded", "path_not_found", "path_escapes", "path_invalid", "permission_denied", "cursor_expired", "too_many_links"}, Scope: "files:read", Target: "workspace", Idempotent: true, Cancel: "detach", Since: 1, Stability: "stable", Stream: &StreamSpec{Down: "events", Resume: "cursor", Lossy: true, Window: 256}},
	{Name: "fs.write", Kind: "call", Direction: "client", Summary: "Replace a file atomically: temporary file, fsync, rename.", NewParams: func() any { return new(FsWriteParams) }, NewResult: func() any { return new(FileInfo) }, Errors: []string{"workspace_not_found", "deadline_exceeded", "path_not_found", "path_escapes", "path_invalid", "not_a_file", "permission_denied", "etag_mismatch", "storage_full", "key_reused", "outcome_unknown", "too_many_links"}, Scope: "files:write", Target: "workspace", Keyed: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "git.branch", Kind: "call", Direction: "client", Summary: "List branches; make, check out or delete one.", NewParams: func() any { return new(GitBranchParams) }, NewResult: func() any { return new(GitBranches) }, Errors: []string{"workspace_not_found", "ref_not_found", "branch_exists", "git_failed", "message_too_large", "key_reused", "outcome_unknown"}, Scope: "git:write", Target: "workspace", Keyed: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "git.commit", Kind: "call", Direction: "client", Summary: "Commit changes.", NewParams: func() any { return new(GitCommitParams) }, NewResult: func() any { return new(GitCommit) }, Errors: []string{"workspace_not_found", "nothing_to_commit", "identity_missing", "storage_full", "git_failed", "key_reused", "outcome_unknown"}, Scope: "git:write", Target: "workspace", Keyed: true, Cancel: "abort", Timeout: 120000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "git.diff", Kind: "call", Direction: "client", Summary: "What changed.", NewParams: func() any { return new(GitDiffParams) }, NewResult: func() any { return new(GitDiff) }, Errors: []string{"workspace_not_found", "ref_not_found", "git_failed"}, Scope: "git:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "git.log", Kind: "call", Direction: "client", Summary: "Commits.", NewParams: func() any { return new(GitLogParams) }, NewResult: func() any { return new(GitLog) }, Errors: []string{"workspace_not_found", "ref_not_found", "git_failed"}, Scope: "git:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "git.status", Kind: "call", Direction: "client", Summary: "Where the worktree stands.", NewParams: func() any { return new(GitStatusParams) }, NewResult: func() any { return new(GitStatus) }, Errors: []string{"workspace_not_found", "git_failed"}, Scope: "git:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "git.sync", Kind: "call", Direction: "client", Summary: "Fetch, take and send commits. A conflict leaves the worktree as it was.", NewParams: func() any { return new(GitSyncParams) }, NewResult: func() any { return new(GitSynced) }, Errors: []string{"workspace_not_found", "repository_unusable", "merge_conflict", "push_rejected", "identity_missing", "storage_full", "git_failed", "key_reused", "outcome_unknown"}, Scope: "git:write", Target: "workspace", Keyed: true, Progress: true, Cancel: "abort", Timeout: 600000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "operation.cancel", Kind: "call", Direction: "client", Summary: "Cancel an operation: the step under way ends, then everything is undone.", NewParams: func() any { return new(OperationGetParams) }, NewResult: func() any { return new(Operation) }, Errors: []string{"operation_not_found", "operation_done"}, Scope: "workspaces:write", Target: "operation", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "operation.get", Kind: "call", Direction: "client", Summary: "One operation.", NewParams: func() any { return new(OperationGetParams) }, NewResult: func() any { return new(Operation) }, Errors: []string{"operation_not_found"}, Scope: "workspaces:read", Target: "operation", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "operation.list", Kind: "call", Direction: "client", Summary: "Operations of the workspaces that the identity can see.", NewParams: func() any { return new(OperationListParams) }, NewResult: func() any { return new(OperationList) }, Errors: []string{"workspace_not_found"}, Scope: "workspaces:read", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "operation.wait", Kind: "call", Direction: "client", Summary: "Wait until an operation ends.", NewParams: func() any { return new(OperationWaitParams) }, NewResult: func() any { return new(Operation) }, Errors: []string{"operation_not_found"}, Scope: "workspaces:read", Target: "operation", Idempotent: true, Progress: true, Cancel: "detach", DefaultTimeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "port.forward", Kind: "stream", Direction: "client", Summary: "One TCP connection to a port of the workspace: channel 0 up, channel 1 down; either half closes alone.", NewParams: func() any { return new(PortForwardParams) }, NewResult: func() any { return new(PortForwarded) }, Errors: []string{"workspace_not_found", "workspace_state", "port_refused", "port_forbidden", "tunnel_lost"}, Scope: "ports:forward", Target: "workspace", Cancel: "abort", Since: 1, Stability: "stable", Stream: &StreamSpec{Down: "bytes", Up: "bytes", Channels: []string{"stdin", "stdout"}, Resume: "none", Window: 262144}},
	{Name: "port.list", Kind: "call", Direction: "client", Summary: "What listens in the workspace, and what is allocated to it.", NewParams: func() any { return new(PortListParams) }, NewResult: func() any { return new(PortList) }, Errors: []string{"workspace_not_found"}, Scope: "ports:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "rpc.discover", Kind: "call", Direction: "client", Summary: "The schema as an OpenRPC document.", NewParams: func() any { return new(NoParams) }, NewResult: func() any { return new(DiscoverResult) }, Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "session.closing", Kind: "notify", Direction: "server", Summary: "Sent before the server closes a connection on purpose.", NewParams: func() any { return new(SessionClosingParams) }, Cancel: "none", Since: 1, Stability: "stable"},
	{Name: "session.info", Kind: "call", Direction: "client", Summary: "What the server announced in session.ready.", NewParams: func() any { return new(NoParams) }, NewResult: func() any { return new(SessionReady) }, Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "session.ping", Kind: "call", Direction: "client", Summary: "Answer at once.", NewParams: func() any { return new(NoParams) }, NewResult: func() any { return new(SessionPong) }, Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "session.ready", Kind: "notify", Direction: "server", Summary: "Sent first on every connection.", NewParams: func() any { return new(SessionReady) }, Cancel: "none", Since: 1, Stability: "stable"},
	{Name: "session.refresh", Kind: "call", Direction: "client", Summary: "Renew the identity of this connection in place.", NewParams: func() any { return new(SessionRefreshParams) }, NewResult: func() any { return new(SessionRefreshed) }, Errors: []string{"unauthenticated"}, Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "stream.event", Kind: "notify", Direction: "server", Summary: "One event of an event stream.", NewParams: func() any { return new(StreamEventParams) }, Cancel: "none", Since: 1, Stability: "stable"},
	{Name: "stream.open", Kind: "notify", Direction: "server", Summary: "A stream is open and has this number.", NewParams: func() any { return new(StreamOpenParams) }, Cancel: "none", Since: 1, Stability: "stable"},
	{Name: "system.drain", Kind: "call", Direction: "client", Summary: "Take no new work, let calls in flight end, then exit.", NewParams: func() any { return new(SystemDrainParams) }, NewResult: func() any { return new(Empty) }, Scope: "system:write", Target: "node", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "system.health", Kind: "call", Direction: "client", Summary: "Whether the daemon is well.", NewParams: func() any { return new(NoParams) }, NewResult: func() any { return new(SystemHealth) }, Scope: "system:read", Target: "node", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "system.info", Kind: "call", Direction: "client", Summary: "What the daemon is and does.", NewParams: func() any { return new(NoParams) }, NewResult: func() any { return new(SystemInfo) }, Scope: "system:read", Target: "node", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "token.create", Kind: "call", Direction: "client", Summary: "Make a token. It cannot grant more than its maker holds.", NewParams: func() any { return new(TokenCreateParams) }, NewResult: func() any { return new(TokenCreated) }, Errors: []string{"scope_invalid"}, Scope: "tokens", Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "token.list", Kind: "call", Direction: "client", Summary: "Tokens that this identity may manage.", NewParams: func() any { return new(NoParams) }, NewResult: func() any { return new(TokenList) }, Scope: "tokens", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "token.revoke", Kind: "call", Direction: "client", Summary: "Revoke a token; live connections that use it close within five seconds.", NewParams: func() any { return new(TokenRevokeParams) }, NewResult: func() any { return new(TokenInfo) }, Errors: []string{"token_not_found"}, Scope: "tokens", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.create", Kind: "call", Direction: "client", Summary: "Create a workspace from a repository, on a branch and worktree of its own.", NewParams: func() any { return new(WorkspaceCreateParams) }, NewResult: func() any { return new(LifecycleResult) }, Errors: []string{"workspace_exists", "invalid_name", "config_invalid", "backend_not_found", "backend_failed", "limit_workspaces", "repository_unusable", "ref_not_found", "branch_exists", "ports_exhausted", "storage_full", "backend_unavailable", "option_unsupported", "image_unusable", "image_build_failed", "machine_conflict", "port_taken", "key_reused"}, Scope: "workspaces:write", Keyed: true, Progress: true, Cancel: "detach", Timeout: 600000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.destroy", Kind: "call", Direction: "client", Summary: "Take a workspace down: processes, ports, worktree, and a branch that holds nothing of its own.", NewParams: func() any { return new(WorkspaceDestroyParams) }, NewResult: func() any { return new(WorkspaceDestroyed) }, Errors: []string{"workspace_not_found", "workspace_dirty", "workspace_busy", "backend_failed", "backend_unavailable", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Idempotent: true, Keyed: true, Progress: true, Cancel: "detach", Timeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.get", Kind: "call", Direction: "client", Summary: "One workspace.", NewParams: func() any { return new(WorkspaceGetParams) }, NewResult: func() any { return new(Workspace) }, Errors: []string{"workspace_not_found"}, Scope: "workspaces:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.list", Kind: "call", Direction: "client", Summary: "The workspaces that the identity can see.", NewParams: func() any { return new(WorkspaceListParams) }, NewResult: func() any { return new(WorkspaceList) }, Scope: "workspaces:read", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.pause", Kind: "call", Direction: "client", Summary: "Freeze a workspace's processes where they stand.", NewParams: func() any { return new(WorkspaceChangeParams) }, NewResult: func() any { return new(LifecycleResult) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_busy", "backend_failed", "capability_missing", "backend_unavailable", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Capability: "pause", Idempotent: true, Keyed: true, Progress: true, Cancel: "detach", Timeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.restart", Kind: "call", Direction: "client", Summary: "Stop, then start.", NewParams: func() any { return new(WorkspaceChangeParams) }, NewResult: func() any { return new(LifecycleResult) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_busy", "backend_failed", "backend_unavailable", "option_unsupported", "image_unusable", "image_build_failed", "machine_conflict", "port_taken", "storage_full", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Keyed: true, Progress: true, Cancel: "detach", Timeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.resume", Kind: "call", Direction: "client", Summary: "Let a paused workspace go on.", NewParams: func() any { return new(WorkspaceChangeParams) }, NewResult: func() any { return new(LifecycleResult) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_busy", "backend_failed", "capability_missing", "backend_unavailable", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Capability: "pause", Idempotent: true, Keyed: true, Progress: true, Cancel: "detach", Timeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.start", Kind: "call", Direction: "client", Summary: "Start a workspace; already running is success.", NewParams: func() any { return new(WorkspaceChangeParams) }, NewResult: func() any { return new(LifecycleResult) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_busy", "backend_failed", "backend_unavailable", "option_unsupported", "image_unusable", "image_build_failed", "machine_conflict", "port_taken", "storage_full", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Idempotent: true, Keyed: true, Progress: true, Cancel: "detach", Timeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.stats", Kind: "call", Direction: "client", Summary: "What a workspace uses now.", NewParams: func() any { return new(WorkspaceGetParams) }, NewResult: func() any { return new(WorkspaceStatsResult) }, Errors: []string{"workspace_not_found", "backend_failed", "backend_unavailable"}, Scope: "workspaces:read", Target: "workspace", Idempotent: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.stop", Kind: "call", Direction: "client", Summary: "Stop a workspace: its processes are asked to end, then killed; files stay.", NewParams: func() any { return new(WorkspaceChangeParams) }, NewResult: func() any { return new(LifecycleResult) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_busy", "backend_failed", "backend_unavailable", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Idempotent: true, Keyed: true, Progress: true, Cancel: "detach", Timeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.switch", Kind: "call", Direction: "client", Summary: "Make a workspace the current one of its repository: start or resume it, and leave the former one.", NewParams: func() any { return new(WorkspaceSwitchParams) }, NewResult: func() any { return new(LifecycleResult) }, Errors: []string{"workspace_not_found", "workspace_state", "workspace_busy", "backend_failed", "capability_missing", "backend_unavailable", "option_unsupported", "image_unusable", "image_build_failed", "machine_conflict", "port_taken", "storage_full", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Idempotent: true, Keyed: true, Progress: true, Cancel: "detach", Timeout: 300000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.update", Kind: "call", Direction: "client", Summary: "Change a workspace's record.", NewParams: func() any { return new(WorkspaceUpdateParams) }, NewResult: func() any { return new(Workspace) }, Errors: []string{"workspace_not_found", "workspace_state", "key_reused"}, Scope: "workspaces:write", Target: "workspace", Idempotent: true, Keyed: true, Cancel: "abort", Timeout: 30000 * time.Millisecond, Since: 1, Stability: "stable"},
	{Name: "workspace.watch", Kind: "stream", Direction: "client", Summary: "Follow changes of workspaces.", NewParams: func() any { return new(WorkspaceWatchParams) }, NewResult: func() any { return new(Empty) }, Errors: []string{"workspace_not_found"}, Scope: "workspaces:read", Idempotent: true, Cancel: "detach", Since: 1, Stability: "stable", Stream: &StreamSpec{Down: "events", Resume: "cursor", Lossy: true, Window: 256}},
}
