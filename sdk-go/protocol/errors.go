// Code generated from the schema. DO NOT EDIT.
//
// Generated from schema/nexus; do not edit.

package protocol

import (
	"encoding/json"
	"io/fs"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/strict"
)

// DecodeError says what is wrong with a received value, and where: Path is "$" for the value as a whole or for text that
// is not JSON, "$.argv[0]", or "$.env[...]" for an entry of a map, whose name is not repeated.
type DecodeError = strict.Error

// ErrorKind is one row of the error table. The rows are the values to pass to errors.Is; they are never returned
// themselves.
type ErrorKind struct {
	// Code is the number on the wire. It is never reused for another meaning.
	Code int

	// Name is the stable machine-readable name.
	Name string

	// Hint says what to try next, for a person; it may be empty.
	Hint string

	// Retryable says whether the same call may succeed later without anything else being changed.
	Retryable bool

	details func(data []byte) any
}

// Error returns the name.
func (k *ErrorKind) Error() string { return k.Name }

// RemoteError is an error that a daemon answered with. Find it with errors.As, and which one it is with errors.Is and the
// Err values of this package. It also matches fs.ErrNotExist, fs.ErrExist and fs.ErrPermission where they say the same.
type RemoteError struct {
	// Code is the number on the wire.
	Code int

	// Name is the stable machine-readable name; "unknown_error" when the daemon gave none.
	Name string

	// Message says what happened, to which thing, for a person.
	Message string

	// Hint says what to try next, for a person; it may be empty.
	Hint string

	// Retryable says whether the same call may succeed later without anything else being changed.
	Retryable bool

	// MayHaveRun is true when the call may have had its effect although it failed.
	MayHaveRun bool

	// Details is the typed part: a pointer to the struct that the error's documentation names, or nil when there is
	// none or it could not be read.
	Details any

	// Data is the error's data as it was received; nil when there was none.
	Data json.RawMessage
}

// Error returns the message.
func (e *RemoteError) Error() string { return e.Message }

// Is reports whether target is the row of the error table with this code, or an error of package io/fs with the same
// meaning.
func (e *RemoteError) Is(target error) bool {
	if kind, ok := target.(*ErrorKind); ok {
		return kind.Code == e.Code
	}
	switch target {
	case fs.ErrNotExist:
		return e.Code == ErrPathNotFound.Code
	case fs.ErrExist:
		return e.Code == ErrPathExists.Code
	case fs.ErrPermission:
		return e.Code == ErrPermissionDenied.Code || e.Code == ErrPathEscapes.Code || e.Code == ErrForbidden.Code
	}
	return false
}

// InvalidParamsDetails says what is wrong with the params.
type InvalidParamsDetails struct {
	// Path is the offending place, from "$" for the params as a whole: "$.argv[0]".
	Path string `json:"path"`

	// Reason says what is wrong there.
	Reason string `json:"reason"`
}

// InternalErrorDetails says where to look.
type InternalErrorDetails struct {
	// Incident is the id of the log record that holds the cause, which is not sent.
	Incident string `json:"incident"`
}

// NewRemoteError returns the error of a received error object. The code picks the row of the table; what is missing or
// malformed in data falls back to it and never hides the error.
func NewRemoteError(code int, message string, data json.RawMessage) *RemoteError {
	e := &RemoteError{Code: code, Name: "unknown_error", Message: message, Data: data}
	kind := byCode[code]
	if kind != nil {
		e.Name, e.Hint, e.Retryable = kind.Name, kind.Hint, kind.Retryable
	}
	var loose map[string]json.RawMessage
	if json.Unmarshal(data, &loose) != nil {
		return e
	}
	if kind == nil {
		assign(loose["name"], &e.Name)
	}
	assign(loose["hint"], &e.Hint)
	assign(loose["retryable"], &e.Retryable)
	if details := loose["details"]; details != nil && kind != nil && kind.details != nil {
		e.Details = kind.details(details)
	}
	return e
}

func assign[T any](data json.RawMessage, to *T) {
	var value *T
	if data != nil && json.Unmarshal(data, &value) == nil && value != nil {
		*to = *value
	}
}

func detailsOf[T any](data []byte) any {
	details := new(T)
	if json.Unmarshal(data, details) != nil {
		return nil
	}
	return details
}

// Ptr returns a pointer to a copy of v, for optional fields.
func Ptr[T any](v T) *T { return &v }

var byCode = func() map[int]*ErrorKind {
	kinds := make(map[int]*ErrorKind, len(Errors))
	for _, kind := range Errors {
		kinds[kind.Code] = kind
	}
	return kinds
}()

// ErrParseError: the message is not JSON in UTF-8.
var ErrParseError = &ErrorKind{Code: -32700, Name: "parse_error"}

// ErrInvalidRequest: the message is JSON, but not a JSON-RPC 2.0 request.
var ErrInvalidRequest = &ErrorKind{Code: -32600, Name: "invalid_request"}

// ErrMethodNotFound: there is no such method.
var ErrMethodNotFound = &ErrorKind{Code: -32601, Name: "method_not_found"}

// ErrInvalidParams: a param is missing, unknown, of a wrong type or out of bounds. Its details are a
// *InvalidParamsDetails.
var ErrInvalidParams = &ErrorKind{Code: -32602, Name: "invalid_params", details: detailsOf[InvalidParamsDetails]}

// ErrInternalError: the server failed; the cause is in its log. Its details are a *InternalErrorDetails.
var ErrInternalError = &ErrorKind{Code: -32603, Name: "internal_error", details: detailsOf[InternalErrorDetails]}

// ErrUnauthenticated: no identity could be established from the token or the socket.
var ErrUnauthenticated = &ErrorKind{Code: 1000, Name: "unauthenticated", Hint: "Pass a token in the Authorization header; `boulder token create` makes one."}

// ErrForbidden: the identity lacks the scope that this method needs. Its details are a *ForbiddenData.
var ErrForbidden = &ErrorKind{Code: 1001, Name: "forbidden", Hint: "Ask for a token with the named scope.", details: detailsOf[ForbiddenData]}

// ErrCancelled: the call was cancelled by its caller.
var ErrCancelled = &ErrorKind{Code: 1002, Name: "cancelled"}

// ErrDeadlineExceeded: the call took longer than its deadline; it may have had an effect. Its details are a
// *DeadlineData.
var ErrDeadlineExceeded = &ErrorKind{Code: 1003, Name: "deadline_exceeded", Hint: "Look at the state of the thing before calling again, or pass a key.", Retryable: true, details: detailsOf[DeadlineData]}

// ErrTooManyRequests: a limit of this connection or identity was reached. Its details are a *LimitData.
var ErrTooManyRequests = &ErrorKind{Code: 1004, Name: "too_many_requests", Hint: "Wait for calls in flight to end, then try again.", Retryable: true, details: detailsOf[LimitData]}

// ErrStreamNeedsWebsocket: stream methods need the WebSocket endpoint.
var ErrStreamNeedsWebsocket = &ErrorKind{Code: 1005, Name: "stream_needs_websocket", Hint: "Connect to /rpc with the subprotocol nexus.v1."}

// ErrKeyReused: the key was used before with other params. Its details are a *KeyData.
var ErrKeyReused = &ErrorKind{Code: 1006, Name: "key_reused", Hint: "Choose a new key for a new request.", details: detailsOf[KeyData]}

// ErrOutcomeUnknown: an earlier call with this key was interrupted; whether it had an effect is unknown. Its details
// are a *KeyData.
var ErrOutcomeUnknown = &ErrorKind{Code: 1007, Name: "outcome_unknown", Hint: "Look at the state of the thing, then use a new key.", details: detailsOf[KeyData]}

// ErrDraining: the daemon is shutting down and takes no new work.
var ErrDraining = &ErrorKind{Code: 1008, Name: "draining", Hint: "Reconnect in a few seconds.", Retryable: true}

// ErrStreamProtocol: a stream's frames broke the protocol: a gap, data after its end, or more than was granted. Its
// details are a *StreamData.
var ErrStreamProtocol = &ErrorKind{Code: 1009, Name: "stream_protocol", details: detailsOf[StreamData]}

// ErrCapabilityMissing: the workspace's backend cannot do this. Its details are a *CapabilityData.
var ErrCapabilityMissing = &ErrorKind{Code: 1010, Name: "capability_missing", Hint: "`boulder backend list` shows what each backend can do.", details: detailsOf[CapabilityData]}

// ErrStorageFull: the disk or quota that this needs is full; nothing was changed. Its details are a *StorageData.
var ErrStorageFull = &ErrorKind{Code: 1011, Name: "storage_full", Hint: "Free space, then try again.", Retryable: true, details: detailsOf[StorageData]}

// ErrMessageTooLarge: a message or a result is over the announced limit. Its details are a *LimitData.
var ErrMessageTooLarge = &ErrorKind{Code: 1012, Name: "message_too_large", Hint: "Use a stream method or a smaller window.", details: detailsOf[LimitData]}

// ErrWorkspaceNotFound: there is no such workspace for this identity. Its details are a *WorkspaceRef.
var ErrWorkspaceNotFound = &ErrorKind{Code: 2000, Name: "workspace_not_found", Hint: "`boulder ls` lists the workspaces you can see.", details: detailsOf[WorkspaceRef]}

// ErrWorkspaceExists: the name is taken. Its details are a *WorkspaceRef.
var ErrWorkspaceExists = &ErrorKind{Code: 2001, Name: "workspace_exists", Hint: "Choose another name, or work in the existing workspace.", details: detailsOf[WorkspaceRef]}

// ErrWorkspaceState: the workspace's state does not allow this. Its details are a *WorkspaceStateData.
var ErrWorkspaceState = &ErrorKind{Code: 2002, Name: "workspace_state", Hint: "Look at `state` and start, resume or repair the workspace first.", details: detailsOf[WorkspaceStateData]}

// ErrWorkspaceBusy: another operation is changing this workspace. Its details are a *WorkspaceBusyData.
var ErrWorkspaceBusy = &ErrorKind{Code: 2003, Name: "workspace_busy", Hint: "Wait for that operation: `operation.wait`.", Retryable: true, details: detailsOf[WorkspaceBusyData]}

// ErrWorkspaceDirty: destroying would lose work, which was kept. Its details are a *WorkspaceKept.
var ErrWorkspaceDirty = &ErrorKind{Code: 2004, Name: "workspace_dirty", Hint: "Commit and push, or pass force to lose it.", details: detailsOf[WorkspaceKept]}

// ErrBackendNotFound: there is no such backend on this node. Its details are a *BackendRef.
var ErrBackendNotFound = &ErrorKind{Code: 2005, Name: "backend_not_found", Hint: "`boulder backend list` lists them.", details: detailsOf[BackendRef]}

// ErrBackendFailed: the backend could not do its part. Its details are a *BackendFailure.
var ErrBackendFailed = &ErrorKind{Code: 2006, Name: "backend_failed", Retryable: true, details: detailsOf[BackendFailure]}

// ErrLimitWorkspaces: the node's or user's limit of workspaces is reached. Its details are a *LimitData.
var ErrLimitWorkspaces = &ErrorKind{Code: 2007, Name: "limit_workspaces", Hint: "Destroy a workspace you no longer need.", details: detailsOf[LimitData]}

// ErrInvalidName: the name is not a valid name. Its details are a *NameData.
var ErrInvalidName = &ErrorKind{Code: 2008, Name: "invalid_name", Hint: "Use lower-case letters, digits and inner hyphens, at most 63.", details: detailsOf[NameData]}

// ErrBackendUnavailable: what the backend needs, such as a container engine, does not answer. Its details are a
// *BackendFailure.
var ErrBackendUnavailable = &ErrorKind{Code: 2009, Name: "backend_unavailable", Hint: "`boulder doctor` and `boulder backend list` say what is missing.", Retryable: true, details: detailsOf[BackendFailure]}

// ErrOptionUnsupported: the backend cannot do what an option asks for; nothing was made. Its details are a
// *OptionData.
var ErrOptionUnsupported = &ErrorKind{Code: 2010, Name: "option_unsupported", Hint: "Leave the option out, or choose another backend: `boulder backend list`.", details: detailsOf[OptionData]}

// ErrImageUnusable: the image is not there and cannot be had, or cannot be used. Its details are a *ImageData.
var ErrImageUnusable = &ErrorKind{Code: 2011, Name: "image_unusable", Hint: "Check its name, and log in to its registry with `docker login` as the user that runs the daemon.", details: detailsOf[ImageData]}

// ErrImageBuildFailed: building the image failed. Its details are a *BuildData.
var ErrImageBuildFailed = &ErrorKind{Code: 2012, Name: "image_build_failed", Hint: "`output` ends with what the failing step said.", details: detailsOf[BuildData]}

// ErrMachineConflict: something that Nexus did not make has the name that the workspace's machine needs. Its details
// are a *MachineConflict.
var ErrMachineConflict = &ErrorKind{Code: 2013, Name: "machine_conflict", Hint: "Rename or remove it, then start the workspace again.", details: detailsOf[MachineConflict]}

// ErrPortTaken: another program on this host listens on a port that belongs to the workspace. Its details are a
// *PortTaken.
var ErrPortTaken = &ErrorKind{Code: 2014, Name: "port_taken", Hint: "End that program, then start the workspace again.", Retryable: true, details: detailsOf[PortTaken]}

// ErrOperationNotFound: there is no such operation for this identity. Its details are a *OperationRef.
var ErrOperationNotFound = &ErrorKind{Code: 2100, Name: "operation_not_found", details: detailsOf[OperationRef]}

// ErrOperationDone: the operation has ended; it cannot be cancelled. Its details are a *OperationRef.
var ErrOperationDone = &ErrorKind{Code: 2101, Name: "operation_done", details: detailsOf[OperationRef]}

// ErrCheckpointNotFound: there is no such checkpoint for this identity. Its details are a *CheckpointRef.
var ErrCheckpointNotFound = &ErrorKind{Code: 2200, Name: "checkpoint_not_found", Hint: "`boulder checkpoint list` lists the checkpoints you can see.", details: detailsOf[CheckpointRef]}

// ErrCheckpointExists: the workspace has a checkpoint of this name. Its details are a *CheckpointRef.
var ErrCheckpointExists = &ErrorKind{Code: 2201, Name: "checkpoint_exists", Hint: "Choose another name, or remove the other checkpoint.", details: detailsOf[CheckpointRef]}

// ErrCheckpointElsewhere: the checkpoint was made of another workspace. Its details are a *CheckpointElsewhere.
var ErrCheckpointElsewhere = &ErrorKind{Code: 2202, Name: "checkpoint_elsewhere", Hint: "Make a workspace of it: `checkpoint.fork`.", details: detailsOf[CheckpointElsewhere]}

// ErrCheckpointDamaged: something that belongs to the checkpoint is gone; nothing was changed. Its details are a
// *CheckpointMissing.
var ErrCheckpointDamaged = &ErrorKind{Code: 2203, Name: "checkpoint_damaged", Hint: "It was removed from outside of Nexus. Remove the checkpoint.", details: detailsOf[CheckpointMissing]}

// ErrCheckpointImpossible: the workspace holds something that cannot be saved; nothing was saved. Its details are a
// *CheckpointObstacle.
var ErrCheckpointImpossible = &ErrorKind{Code: 2204, Name: "checkpoint_impossible", details: detailsOf[CheckpointObstacle]}

// ErrLimitCheckpoints: the workspace has as many checkpoints as it may. Its details are a *LimitData.
var ErrLimitCheckpoints = &ErrorKind{Code: 2205, Name: "limit_checkpoints", Hint: "Remove one: `checkpoint.remove`.", details: detailsOf[LimitData]}

// ErrPathNotFound: there is nothing at this path. Its details are a *PathData.
var ErrPathNotFound = &ErrorKind{Code: 3000, Name: "path_not_found", details: detailsOf[PathData]}

// ErrPathExists: there is already something at this path. Its details are a *PathData.
var ErrPathExists = &ErrorKind{Code: 3001, Name: "path_exists", Hint: "Pass overwrite, or choose another path.", details: detailsOf[PathData]}

// ErrPathEscapes: the path leaves the workspace. Its details are a *PathData.
var ErrPathEscapes = &ErrorKind{Code: 3002, Name: "path_escapes", Hint: "Use a path below the workspace's root; links must stay inside too.", details: detailsOf[PathData]}

// ErrPathInvalid: this is not a usable path: empty, too long, with a NUL byte, or absolute where the workspace has no
// files. Its details are a *PathData.
var ErrPathInvalid = &ErrorKind{Code: 3003, Name: "path_invalid", details: detailsOf[PathData]}

// ErrNotAFile: a regular file is needed here; this is a directory, device, FIFO or socket. Its details are a
// *PathData.
var ErrNotAFile = &ErrorKind{Code: 3004, Name: "not_a_file", details: detailsOf[PathData]}

// ErrNotADirectory: a directory is needed here. Its details are a *PathData.
var ErrNotADirectory = &ErrorKind{Code: 3005, Name: "not_a_directory", details: detailsOf[PathData]}

// ErrDirectoryNotEmpty: the directory is not empty. Its details are a *PathData.
var ErrDirectoryNotEmpty = &ErrorKind{Code: 3006, Name: "directory_not_empty", Hint: "Pass recursive to remove it with all it holds.", details: detailsOf[PathData]}

// ErrPermissionDenied: the operating system refused access. Its details are a *PathData.
var ErrPermissionDenied = &ErrorKind{Code: 3007, Name: "permission_denied", details: detailsOf[PathData]}

// ErrEtagMismatch: the file changed since that etag was read. Its details are a *EtagData.
var ErrEtagMismatch = &ErrorKind{Code: 3008, Name: "etag_mismatch", Hint: "Read it again and redo the change.", details: detailsOf[EtagData]}

// ErrFileTooLarge: the file or window is larger than this call may return. Its details are a *SizeData.
var ErrFileTooLarge = &ErrorKind{Code: 3009, Name: "file_too_large", Hint: "Use a range, or fs.download.", details: detailsOf[SizeData]}

// ErrNotText: the bytes are not UTF-8. Its details are a *PathData.
var ErrNotText = &ErrorKind{Code: 3010, Name: "not_text", Hint: "Ask for encoding base64, or use fs.download.", details: detailsOf[PathData]}

// ErrEditFailed: an edit did not apply; nothing was changed. Its details are a *EditData.
var ErrEditFailed = &ErrorKind{Code: 3011, Name: "edit_failed", Hint: "Read the file again: the text must match exactly and, without `all`, once.", details: detailsOf[EditData]}

// ErrPatternInvalid: the pattern cannot be compiled. Its details are a *PatternData.
var ErrPatternInvalid = &ErrorKind{Code: 3012, Name: "pattern_invalid", details: detailsOf[PatternData]}

// ErrFileChanged: the file changed while it was being transferred. Its details are a *PathData.
var ErrFileChanged = &ErrorKind{Code: 3013, Name: "file_changed", Hint: "Start the transfer again.", Retryable: true, details: detailsOf[PathData]}

// ErrUploadMismatch: the bytes received do not match the announced size or checksum; nothing was changed. Its details
// are a *UploadData.
var ErrUploadMismatch = &ErrorKind{Code: 3014, Name: "upload_mismatch", details: detailsOf[UploadData]}

// ErrCursorExpired: events after this cursor are no longer kept. Its details are a *CursorData.
var ErrCursorExpired = &ErrorKind{Code: 3015, Name: "cursor_expired", Hint: "List again, then watch without a cursor.", details: detailsOf[CursorData]}

// ErrTooManyLinks: the path goes through too many links, or round in a circle. Its details are a *PathData.
var ErrTooManyLinks = &ErrorKind{Code: 3016, Name: "too_many_links", details: detailsOf[PathData]}

// ErrProcessNotFound: there is no such process for this identity. Its details are a *ProcessRef.
var ErrProcessNotFound = &ErrorKind{Code: 4000, Name: "process_not_found", Hint: "`exec.list` lists the processes of a workspace; records are kept 24 hours after exit.", details: detailsOf[ProcessRef]}

// ErrProcessExited: the process has ended. Its details are a *ProcessRef.
var ErrProcessExited = &ErrorKind{Code: 4001, Name: "process_exited", details: detailsOf[ProcessRef]}

// ErrCommandNotFound: the program cannot be found or executed. Its details are a *CommandData.
var ErrCommandNotFound = &ErrorKind{Code: 4002, Name: "command_not_found", Hint: "Check argv[0] and PATH inside the workspace.", details: detailsOf[CommandData]}

// ErrCwdInvalid: the working directory does not exist or leaves the workspace. Its details are a *CommandData.
var ErrCwdInvalid = &ErrorKind{Code: 4003, Name: "cwd_invalid", details: detailsOf[CommandData]}

// ErrOffsetExpired: output at this offset is no longer kept. Its details are a *OffsetData.
var ErrOffsetExpired = &ErrorKind{Code: 4004, Name: "offset_expired", Hint: "Attach from `earliest`; what came before is lost.", details: detailsOf[OffsetData]}

// ErrOffsetInvalid: the offset lies after the end of the output. Its details are a *OffsetData.
var ErrOffsetInvalid = &ErrorKind{Code: 4005, Name: "offset_invalid", details: detailsOf[OffsetData]}

// ErrNotATerminal: the process has no terminal. Its details are a *ProcessRef.
var ErrNotATerminal = &ErrorKind{Code: 4006, Name: "not_a_terminal", Hint: "Start it with a pty.", details: detailsOf[ProcessRef]}

// ErrNotController: another attachment controls this terminal. Its details are a *ProcessRef.
var ErrNotController = &ErrorKind{Code: 4007, Name: "not_controller", Hint: "Attach with takeover, or as an observer.", details: detailsOf[ProcessRef]}

// ErrTakenOver: another attachment took over this one. Its details are a *ProcessRef.
var ErrTakenOver = &ErrorKind{Code: 4008, Name: "taken_over", details: detailsOf[ProcessRef]}

// ErrObserverLagged: this observer fell so far behind that output it had not read was dropped. Its details are a
// *OffsetData.
var ErrObserverLagged = &ErrorKind{Code: 4009, Name: "observer_lagged", Hint: "Attach again from `earliest`.", details: detailsOf[OffsetData]}

// ErrStdinClosed: the process's stdin was not asked for, or is closed. Its details are a *ProcessRef.
var ErrStdinClosed = &ErrorKind{Code: 4010, Name: "stdin_closed", details: detailsOf[ProcessRef]}

// ErrSpawnFailed: the operating system could not start the program. Its details are a *CommandData.
var ErrSpawnFailed = &ErrorKind{Code: 4011, Name: "spawn_failed", Retryable: true, details: detailsOf[CommandData]}

// ErrProcessLost: the daemon was killed while this process ran; its exit code is unknown. Its details are a
// *ProcessRef.
var ErrProcessLost = &ErrorKind{Code: 4012, Name: "process_lost", details: detailsOf[ProcessRef]}

// ErrLimitProcesses: the workspace has as many processes as it may. Its details are a *LimitData.
var ErrLimitProcesses = &ErrorKind{Code: 4013, Name: "limit_processes", Hint: "Remove ended ones or wait.", Retryable: true, details: detailsOf[LimitData]}

// ErrPortsExhausted: no free port is left in the configured range. Its details are a *PortRange.
var ErrPortsExhausted = &ErrorKind{Code: 5000, Name: "ports_exhausted", Hint: "Destroy a workspace, or widen ports.range in the configuration.", details: detailsOf[PortRange]}

// ErrPortRefused: nothing accepts connections on this port of the workspace. Its details are a *PortData.
var ErrPortRefused = &ErrorKind{Code: 5001, Name: "port_refused", Hint: "Start the server, or look at port.list for what listens.", Retryable: true, details: detailsOf[PortData]}

// ErrPortForbidden: this port does not belong to the workspace. Its details are a *PortData.
var ErrPortForbidden = &ErrorKind{Code: 5002, Name: "port_forbidden", Hint: "On the host backend a tunnel reaches ports that the workspace's own processes listen on, or that are allocated to it.", details: detailsOf[PortData]}

// ErrTunnelLost: the tunnel's connection was lost; TCP cannot be resumed. Its details are a *PortData.
var ErrTunnelLost = &ErrorKind{Code: 5003, Name: "tunnel_lost", Hint: "Connect again.", details: detailsOf[PortData]}

// ErrRepositoryUnusable: the repository cannot be used: not found, not a git repository, or the remote refused. Its
// details are a *RepositoryData.
var ErrRepositoryUnusable = &ErrorKind{Code: 6000, Name: "repository_unusable", Hint: "Check the path or URL, and the credentials git would use on this node.", details: detailsOf[RepositoryData]}

// ErrRefNotFound: there is no such branch, tag or commit. Its details are a *RefData.
var ErrRefNotFound = &ErrorKind{Code: 6001, Name: "ref_not_found", details: detailsOf[RefData]}

// ErrBranchExists: the branch, or the worktree directory, exists already. Its details are a *RefData.
var ErrBranchExists = &ErrorKind{Code: 6002, Name: "branch_exists", Hint: "Choose another name, or remove the branch.", details: detailsOf[RefData]}

// ErrNothingToCommit: there is nothing to commit.
var ErrNothingToCommit = &ErrorKind{Code: 6003, Name: "nothing_to_commit"}

// ErrMergeConflict: the changes do not merge; nothing was changed. Its details are a *ConflictData.
var ErrMergeConflict = &ErrorKind{Code: 6004, Name: "merge_conflict", Hint: "Resolve by hand in the workspace: boulder shell.", details: detailsOf[ConflictData]}

// ErrPushRejected: the remote refused the push. Its details are a *RefData.
var ErrPushRejected = &ErrorKind{Code: 6005, Name: "push_rejected", Hint: "Sync first, then push again.", details: detailsOf[RefData]}

// ErrGitFailed: git failed. Its details are a *GitFailure.
var ErrGitFailed = &ErrorKind{Code: 6006, Name: "git_failed", details: detailsOf[GitFailure]}

// ErrIdentityMissing: git does not know who commits.
var ErrIdentityMissing = &ErrorKind{Code: 6007, Name: "identity_missing", Hint: "Pass author, or set user.name and user.email."}

// ErrTokenNotFound: there is no such token. Its details are a *TokenRef.
var ErrTokenNotFound = &ErrorKind{Code: 7000, Name: "token_not_found", details: detailsOf[TokenRef]}

// ErrScopeInvalid: there is no such scope, or the caller does not hold it. Its details are a *ScopeData.
var ErrScopeInvalid = &ErrorKind{Code: 7001, Name: "scope_invalid", details: detailsOf[ScopeData]}

// ErrConfigInvalid: the configuration is not valid. Its details are a *ConfigProblems.
var ErrConfigInvalid = &ErrorKind{Code: 8000, Name: "config_invalid", details: detailsOf[ConfigProblems]}

// Errors lists the error table by ascending code within each domain.
var Errors = []*ErrorKind{
	ErrParseError,
	ErrInvalidRequest,
	ErrMethodNotFound,
	ErrInvalidParams,
	ErrInternalError,
	ErrUnauthenticated,
	ErrForbidden,
	ErrCancelled,
	ErrDeadlineExceeded,
	ErrTooManyRequests,
	ErrStreamNeedsWebsocket,
	ErrKeyReused,
	ErrOutcomeUnknown,
	ErrDraining,
	ErrStreamProtocol,
	ErrCapabilityMissing,
	ErrStorageFull,
	ErrMessageTooLarge,
	ErrWorkspaceNotFound,
	ErrWorkspaceExists,
	ErrWorkspaceState,
	ErrWorkspaceBusy,
	ErrWorkspaceDirty,
	ErrBackendNotFound,
	ErrBackendFailed,
	ErrLimitWorkspaces,
	ErrInvalidName,
	ErrBackendUnavailable,
	ErrOptionUnsupported,
	ErrImageUnusable,
	ErrImageBuildFailed,
	ErrMachineConflict,
	ErrPortTaken,
	ErrOperationNotFound,
	ErrOperationDone,
	ErrCheckpointNotFound,
	ErrCheckpointExists,
	ErrCheckpointElsewhere,
	ErrCheckpointDamaged,
	ErrCheckpointImpossible,
	ErrLimitCheckpoints,
	ErrPathNotFound,
	ErrPathExists,
	ErrPathEscapes,
	ErrPathInvalid,
	ErrNotAFile,
	ErrNotADirectory,
	ErrDirectoryNotEmpty,
	ErrPermissionDenied,
	ErrEtagMismatch,
	ErrFileTooLarge,
	ErrNotText,
	ErrEditFailed,
	ErrPatternInvalid,
	ErrFileChanged,
	ErrUploadMismatch,
	ErrCursorExpired,
	ErrTooManyLinks,
	ErrProcessNotFound,
	ErrProcessExited,
	ErrCommandNotFound,
	ErrCwdInvalid,
	ErrOffsetExpired,
	ErrOffsetInvalid,
	ErrNotATerminal,
	ErrNotController,
	ErrTakenOver,
	ErrObserverLagged,
	ErrStdinClosed,
	ErrSpawnFailed,
	ErrProcessLost,
	ErrLimitProcesses,
	ErrPortsExhausted,
	ErrPortRefused,
	ErrPortForbidden,
	ErrTunnelLost,
	ErrRepositoryUnusable,
	ErrRefNotFound,
	ErrBranchExists,
	ErrNothingToCommit,
	ErrMergeConflict,
	ErrPushRejected,
	ErrGitFailed,
	ErrIdentityMissing,
	ErrTokenNotFound,
	ErrScopeInvalid,
	ErrConfigInvalid,
}
