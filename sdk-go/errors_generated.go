// Code generated from the schema. DO NOT EDIT.
//
// Generated from schema/nexus; do not edit.

package nexus

import "github.com/nexus-workspaces/nexus/sdk-go/protocol"

// The errors that a daemon answers with, for errors.Is. Each matches the *RemoteError of its code.
var (
	// ErrParseError: the message is not JSON in UTF-8.
	ErrParseError = protocol.ErrParseError

	// ErrInvalidRequest: the message is JSON, but not a JSON-RPC 2.0 request.
	ErrInvalidRequest = protocol.ErrInvalidRequest

	// ErrMethodNotFound: there is no such method.
	ErrMethodNotFound = protocol.ErrMethodNotFound

	// ErrInvalidParams: a param is missing, unknown, of a wrong type or out of bounds.
	ErrInvalidParams = protocol.ErrInvalidParams

	// ErrInternalError: the server failed; the cause is in its log.
	ErrInternalError = protocol.ErrInternalError

	// ErrUnauthenticated: no identity could be established from the token or the socket.
	ErrUnauthenticated = protocol.ErrUnauthenticated

	// ErrForbidden: the identity lacks the scope that this method needs.
	ErrForbidden = protocol.ErrForbidden

	// ErrCancelled: the call was cancelled by its caller.
	ErrCancelled = protocol.ErrCancelled

	// ErrDeadlineExceeded: the call took longer than its deadline; it may have had an effect.
	ErrDeadlineExceeded = protocol.ErrDeadlineExceeded

	// ErrTooManyRequests: a limit of this connection or identity was reached.
	ErrTooManyRequests = protocol.ErrTooManyRequests

	// ErrStreamNeedsWebsocket: stream methods need the WebSocket endpoint.
	ErrStreamNeedsWebsocket = protocol.ErrStreamNeedsWebsocket

	// ErrKeyReused: the key was used before with other params.
	ErrKeyReused = protocol.ErrKeyReused

	// ErrOutcomeUnknown: an earlier call with this key was interrupted; whether it had an effect is unknown.
	ErrOutcomeUnknown = protocol.ErrOutcomeUnknown

	// ErrDraining: the daemon is shutting down and takes no new work.
	ErrDraining = protocol.ErrDraining

	// ErrStreamProtocol: a stream's frames broke the protocol: a gap, data after its end, or more than was granted.
	ErrStreamProtocol = protocol.ErrStreamProtocol

	// ErrCapabilityMissing: the workspace's backend cannot do this.
	ErrCapabilityMissing = protocol.ErrCapabilityMissing

	// ErrStorageFull: the disk or quota that this needs is full; nothing was changed.
	ErrStorageFull = protocol.ErrStorageFull

	// ErrMessageTooLarge: a message or a result is over the announced limit.
	ErrMessageTooLarge = protocol.ErrMessageTooLarge

	// ErrWorkspaceNotFound: there is no such workspace for this identity.
	ErrWorkspaceNotFound = protocol.ErrWorkspaceNotFound

	// ErrWorkspaceExists: the name is taken.
	ErrWorkspaceExists = protocol.ErrWorkspaceExists

	// ErrWorkspaceState: the workspace's state does not allow this.
	ErrWorkspaceState = protocol.ErrWorkspaceState

	// ErrWorkspaceBusy: another operation is changing this workspace.
	ErrWorkspaceBusy = protocol.ErrWorkspaceBusy

	// ErrWorkspaceDirty: destroying would lose work, which was kept.
	ErrWorkspaceDirty = protocol.ErrWorkspaceDirty

	// ErrBackendNotFound: there is no such backend on this node.
	ErrBackendNotFound = protocol.ErrBackendNotFound

	// ErrBackendFailed: the backend could not do its part.
	ErrBackendFailed = protocol.ErrBackendFailed

	// ErrLimitWorkspaces: the node's or user's limit of workspaces is reached.
	ErrLimitWorkspaces = protocol.ErrLimitWorkspaces

	// ErrInvalidName: the name is not a valid name.
	ErrInvalidName = protocol.ErrInvalidName

	// ErrBackendUnavailable: what the backend needs, such as a container engine, does not answer.
	ErrBackendUnavailable = protocol.ErrBackendUnavailable

	// ErrOptionUnsupported: the backend cannot do what an option asks for; nothing was made.
	ErrOptionUnsupported = protocol.ErrOptionUnsupported

	// ErrImageUnusable: the image is not there and cannot be had, or cannot be used.
	ErrImageUnusable = protocol.ErrImageUnusable

	// ErrImageBuildFailed: building the image failed.
	ErrImageBuildFailed = protocol.ErrImageBuildFailed

	// ErrMachineConflict: something that Nexus did not make has the name that the workspace's machine needs.
	ErrMachineConflict = protocol.ErrMachineConflict

	// ErrPortTaken: another program on this host listens on a port that belongs to the workspace.
	ErrPortTaken = protocol.ErrPortTaken

	// ErrOperationNotFound: there is no such operation for this identity.
	ErrOperationNotFound = protocol.ErrOperationNotFound

	// ErrOperationDone: the operation has ended; it cannot be cancelled.
	ErrOperationDone = protocol.ErrOperationDone

	// ErrCheckpointNotFound: there is no such checkpoint for this identity.
	ErrCheckpointNotFound = protocol.ErrCheckpointNotFound

	// ErrCheckpointExists: the workspace has a checkpoint of this name.
	ErrCheckpointExists = protocol.ErrCheckpointExists

	// ErrCheckpointElsewhere: the checkpoint was made of another workspace.
	ErrCheckpointElsewhere = protocol.ErrCheckpointElsewhere

	// ErrCheckpointDamaged: something that belongs to the checkpoint is gone; nothing was changed.
	ErrCheckpointDamaged = protocol.ErrCheckpointDamaged

	// ErrCheckpointImpossible: the workspace holds something that cannot be saved; nothing was saved.
	ErrCheckpointImpossible = protocol.ErrCheckpointImpossible

	// ErrLimitCheckpoints: the workspace has as many checkpoints as it may.
	ErrLimitCheckpoints = protocol.ErrLimitCheckpoints

	// ErrPathNotFound: there is nothing at this path.
	ErrPathNotFound = protocol.ErrPathNotFound

	// ErrPathExists: there is already something at this path.
	ErrPathExists = protocol.ErrPathExists

	// ErrPathEscapes: the path leaves the workspace.
	ErrPathEscapes = protocol.ErrPathEscapes

	// ErrPathInvalid: this is not a usable path: empty, too long, with a NUL byte, or absolute where the workspace has
	// no files.
	ErrPathInvalid = protocol.ErrPathInvalid

	// ErrNotAFile: a regular file is needed here; this is a directory, device, FIFO or socket.
	ErrNotAFile = protocol.ErrNotAFile

	// ErrNotADirectory: a directory is needed here.
	ErrNotADirectory = protocol.ErrNotADirectory

	// ErrDirectoryNotEmpty: the directory is not empty.
	ErrDirectoryNotEmpty = protocol.ErrDirectoryNotEmpty

	// ErrPermissionDenied: the operating system refused access.
	ErrPermissionDenied = protocol.ErrPermissionDenied

	// ErrEtagMismatch: the file changed since that etag was read.
	ErrEtagMismatch = protocol.ErrEtagMismatch

	// ErrFileTooLarge: the file or window is larger than this call may return.
	ErrFileTooLarge = protocol.ErrFileTooLarge

	// ErrNotText: the bytes are not UTF-8.
	ErrNotText = protocol.ErrNotText

	// ErrEditFailed: an edit did not apply; nothing was changed.
	ErrEditFailed = protocol.ErrEditFailed

	// ErrPatternInvalid: the pattern cannot be compiled.
	ErrPatternInvalid = protocol.ErrPatternInvalid

	// ErrFileChanged: the file changed while it was being transferred.
	ErrFileChanged = protocol.ErrFileChanged

	// ErrUploadMismatch: the bytes received do not match the announced size or checksum; nothing was changed.
	ErrUploadMismatch = protocol.ErrUploadMismatch

	// ErrCursorExpired: events after this cursor are no longer kept.
	ErrCursorExpired = protocol.ErrCursorExpired

	// ErrTooManyLinks: the path goes through too many links, or round in a circle.
	ErrTooManyLinks = protocol.ErrTooManyLinks

	// ErrProcessNotFound: there is no such process for this identity.
	ErrProcessNotFound = protocol.ErrProcessNotFound

	// ErrProcessExited: the process has ended.
	ErrProcessExited = protocol.ErrProcessExited

	// ErrCommandNotFound: the program cannot be found or executed.
	ErrCommandNotFound = protocol.ErrCommandNotFound

	// ErrCwdInvalid: the working directory does not exist or leaves the workspace.
	ErrCwdInvalid = protocol.ErrCwdInvalid

	// ErrOffsetExpired: output at this offset is no longer kept.
	ErrOffsetExpired = protocol.ErrOffsetExpired

	// ErrOffsetInvalid: the offset lies after the end of the output.
	ErrOffsetInvalid = protocol.ErrOffsetInvalid

	// ErrNotATerminal: the process has no terminal.
	ErrNotATerminal = protocol.ErrNotATerminal

	// ErrNotController: another attachment controls this terminal.
	ErrNotController = protocol.ErrNotController

	// ErrTakenOver: another attachment took over this one.
	ErrTakenOver = protocol.ErrTakenOver

	// ErrObserverLagged: this observer fell so far behind that output it had not read was dropped.
	ErrObserverLagged = protocol.ErrObserverLagged

	// ErrStdinClosed: the process's stdin was not asked for, or is closed.
	ErrStdinClosed = protocol.ErrStdinClosed

	// ErrSpawnFailed: the operating system could not start the program.
	ErrSpawnFailed = protocol.ErrSpawnFailed

	// ErrProcessLost: the daemon was killed while this process ran; its exit code is unknown.
	ErrProcessLost = protocol.ErrProcessLost

	// ErrLimitProcesses: the workspace has as many processes as it may.
	ErrLimitProcesses = protocol.ErrLimitProcesses

	// ErrPortsExhausted: no free port is left in the configured range.
	ErrPortsExhausted = protocol.ErrPortsExhausted

	// ErrPortRefused: nothing accepts connections on this port of the workspace.
	ErrPortRefused = protocol.ErrPortRefused

	// ErrPortForbidden: this port does not belong to the workspace.
	ErrPortForbidden = protocol.ErrPortForbidden

	// ErrTunnelLost: the tunnel's connection was lost; TCP cannot be resumed.
	ErrTunnelLost = protocol.ErrTunnelLost

	// ErrRepositoryUnusable: the repository cannot be used: not found, not a git repository, or the remote refused.
	ErrRepositoryUnusable = protocol.ErrRepositoryUnusable

	// ErrRefNotFound: there is no such branch, tag or commit.
	ErrRefNotFound = protocol.ErrRefNotFound

	// ErrBranchExists: the branch, or the worktree directory, exists already.
	ErrBranchExists = protocol.ErrBranchExists

	// ErrNothingToCommit: there is nothing to commit.
	ErrNothingToCommit = protocol.ErrNothingToCommit

	// ErrMergeConflict: the changes do not merge; nothing was changed.
	ErrMergeConflict = protocol.ErrMergeConflict

	// ErrPushRejected: the remote refused the push.
	ErrPushRejected = protocol.ErrPushRejected

	// ErrGitFailed: git failed.
	ErrGitFailed = protocol.ErrGitFailed

	// ErrIdentityMissing: git does not know who commits.
	ErrIdentityMissing = protocol.ErrIdentityMissing

	// ErrTokenNotFound: there is no such token.
	ErrTokenNotFound = protocol.ErrTokenNotFound

	// ErrScopeInvalid: there is no such scope, or the caller does not hold it.
	ErrScopeInvalid = protocol.ErrScopeInvalid

	// ErrConfigInvalid: the configuration is not valid.
	ErrConfigInvalid = protocol.ErrConfigInvalid
)
