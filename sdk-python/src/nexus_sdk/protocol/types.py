# Generated from schema/nexus; do not edit.
"""The values that cross the wire, one struct per object type of the schema.

Structs of params refuse unknown fields, all others ignore them. An optional field without a default is `msgspec.UNSET`
when it is absent; None stands for JSON null and appears only where null means something.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal, TypeAlias, Union

import msgspec

__all__ = [
    "AttachRole",
    "BackendFailure",
    "BackendInfo",
    "BackendList",
    "BackendRef",
    "BuildData",
    "CancelParams",
    "Capabilities",
    "CapabilityData",
    "ChangeType",
    "Checkpoint",
    "CheckpointCreateParams",
    "CheckpointElsewhere",
    "CheckpointForkParams",
    "CheckpointList",
    "CheckpointListParams",
    "CheckpointMissing",
    "CheckpointObstacle",
    "CheckpointRef",
    "CheckpointRemoveParams",
    "CheckpointRestoreParams",
    "CheckpointRestored",
    "CheckpointResult",
    "CheckpointState",
    "CommandData",
    "ConfigEntry",
    "ConfigGetParams",
    "ConfigLayer",
    "ConfigProblem",
    "ConfigProblems",
    "ConfigValidateParams",
    "ConfigValidated",
    "ConfigValues",
    "ConflictData",
    "CursorData",
    "DateTime",
    "DeadlineData",
    "DiscoverResult",
    "EditData",
    "Empty",
    "Encoding",
    "EntryType",
    "EtagData",
    "ExecAttachOpen",
    "ExecAttachParams",
    "ExecExit",
    "ExecGetParams",
    "ExecList",
    "ExecListParams",
    "ExecRemoveParams",
    "ExecResizeParams",
    "ExecRunParams",
    "ExecRunResult",
    "ExecSignalParams",
    "ExecStartParams",
    "ExecWaitParams",
    "ExitReason",
    "ExitStatus",
    "FileContent",
    "FileInfo",
    "ForbiddenData",
    "FsChange",
    "FsChmodParams",
    "FsCopyParams",
    "FsDownloadOpen",
    "FsDownloadParams",
    "FsDownloaded",
    "FsEdit",
    "FsEditParams",
    "FsEdited",
    "FsGlobParams",
    "FsGlobbed",
    "FsListParams",
    "FsListing",
    "FsMatch",
    "FsMkdirParams",
    "FsOverflow",
    "FsReadParams",
    "FsRemoveParams",
    "FsRemoved",
    "FsRenameParams",
    "FsSearchEvent",
    "FsSearchParams",
    "FsSearchProgress",
    "FsSearched",
    "FsStatParams",
    "FsSymlinkParams",
    "FsUploadOpen",
    "FsUploadParams",
    "FsUploaded",
    "FsWatchEvent",
    "FsWatchOpen",
    "FsWatchParams",
    "FsWriteParams",
    "GitBranch",
    "GitBranchParams",
    "GitBranches",
    "GitCommit",
    "GitCommitParams",
    "GitDiff",
    "GitDiffFile",
    "GitDiffParams",
    "GitFailure",
    "GitFile",
    "GitFileState",
    "GitLog",
    "GitLogParams",
    "GitStatus",
    "GitStatusParams",
    "GitSyncParams",
    "GitSynced",
    "HealthCheck",
    "Identity",
    "ImageBuild",
    "ImageData",
    "ImagePull",
    "Int53",
    "KeyData",
    "LeaveMode",
    "LifecycleResult",
    "LimitData",
    "Limits",
    "ListeningPort",
    "MachineConflict",
    "MachineOptions",
    "MachineSettings",
    "MachineUser",
    "NameData",
    "NoParams",
    "OffsetData",
    "Operation",
    "OperationError",
    "OperationGetParams",
    "OperationList",
    "OperationListParams",
    "OperationRef",
    "OperationState",
    "OperationStep",
    "OperationWaitParams",
    "OptionData",
    "OutputText",
    "PathData",
    "PatternData",
    "PortData",
    "PortForwardOpen",
    "PortForwardParams",
    "PortForwarded",
    "PortList",
    "PortListParams",
    "PortMapping",
    "PortRange",
    "PortTaken",
    "Process",
    "ProcessRef",
    "ProcessState",
    "ProgressParams",
    "PtySize",
    "PtyState",
    "RefData",
    "Repository",
    "RepositoryData",
    "RepositorySource",
    "ResourceStats",
    "ScopeData",
    "ServerInfo",
    "SessionClosingParams",
    "SessionPong",
    "SessionReady",
    "SessionRefreshParams",
    "SessionRefreshed",
    "Signal",
    "SizeData",
    "StepState",
    "StorageData",
    "StreamData",
    "StreamEventParams",
    "StreamOpenParams",
    "SyncMode",
    "SystemDrainParams",
    "SystemHealth",
    "SystemInfo",
    "TokenCreateParams",
    "TokenCreated",
    "TokenInfo",
    "TokenList",
    "TokenRef",
    "TokenRevokeParams",
    "Uint53",
    "UploadData",
    "Workspace",
    "WorkspaceBusyData",
    "WorkspaceChangeParams",
    "WorkspaceChanged",
    "WorkspaceCreateParams",
    "WorkspaceDestroyParams",
    "WorkspaceDestroyed",
    "WorkspaceEvent",
    "WorkspaceGetParams",
    "WorkspaceKept",
    "WorkspaceList",
    "WorkspaceListParams",
    "WorkspaceOverflow",
    "WorkspaceRef",
    "WorkspaceState",
    "WorkspaceStateData",
    "WorkspaceStatsResult",
    "WorkspaceSwitchParams",
    "WorkspaceUpdateParams",
    "WorkspaceWatchParams",
]

Uint53: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=9007199254740991)]
"""A count, size, offset or duration: 0 to 2^53-1, the range in which JavaScript numbers are exact."""

Int53: TypeAlias = Annotated[int, msgspec.Meta(ge=-9007199254740991, le=9007199254740991)]
"""An integer that fits a JavaScript number exactly."""

DateTime: TypeAlias = Annotated[datetime.datetime, msgspec.Meta(tz=True)]
"""A moment with its time zone; RFC 3339 on the wire."""

CheckpointState: TypeAlias = str
"""How far a checkpoint is.

- `making`: Its operation is under way.
- `ready`: It can be restored and forked.
- `removed`: Gone; only its record remains.

Later servers may send others.
"""

ProcessState: TypeAlias = str
"""What a process is doing.

- `running`: It has not ended.
- `exited`: It ended by itself or by a signal; `exit` says how.
- `lost`: The daemon lost it; its exit code is unknown.

Later servers may send others.
"""

Signal: TypeAlias = Literal["HUP", "INT", "QUIT", "TERM", "KILL", "USR1", "USR2", "STOP", "CONT", "WINCH"]
"""A signal, by name without SIG.

- `HUP`: Hang up.
- `INT`: Interrupt, as Ctrl-C.
- `QUIT`: Quit, as Ctrl-\\.
- `TERM`: Please end.
- `KILL`: End at once; cannot be caught.
- `USR1`: User-defined.
- `USR2`: User-defined.
- `STOP`: Freeze.
- `CONT`: Go on.
- `WINCH`: The window changed.
"""

ExitReason: TypeAlias = str
"""Why a process ended.

- `exited`: It ended by itself, or by a signal from elsewhere.
- `signalled`: A caller signalled it.
- `timeout`: Its timeout passed.
- `stopped`: Its workspace was stopped or destroyed.

Later servers may send others.
"""

AttachRole: TypeAlias = Literal["auto", "controller", "observer"]
"""What an attachment may do.

- `auto`: Controller if there is none, else observer.
- `controller`: May write to stdin and resize.
- `observer`: Only reads.
"""

EntryType: TypeAlias = str
"""What an entry is.

- `file`: A regular file.
- `directory`: A directory.
- `symlink`: A symbolic link.
- `other`: A FIFO, socket or device; it can be listed and removed, not opened.

Later servers may send others.
"""

Encoding: TypeAlias = Literal["utf-8", "base64"]
"""How bytes travel in JSON.

- `utf-8`: As text; the bytes must be UTF-8.
- `base64`: As base64.
"""

ChangeType: TypeAlias = str
"""What happened to an entry.

- `created`: It appeared.
- `modified`: Its content or attributes changed.
- `deleted`: It went away.

Later servers may send others.
"""

GitFileState: TypeAlias = str
"""What happened to a file, compared with the index or HEAD.

- `unmodified`: Nothing.
- `modified`: Changed.
- `added`: New.
- `deleted`: Gone.
- `renamed`: Moved.
- `copied`: Copied.
- `typechange`: Became another kind of entry.
- `unmerged`: In conflict.
- `untracked`: Not known to git.

Later servers may send others.
"""

SyncMode: TypeAlias = Literal["none", "ff", "rebase", "merge"]
"""How to take a remote's commits.

- `none`: Only fetch.
- `ff`: Only if nothing of ours is in the way.
- `rebase`: Put ours on top.
- `merge`: Make a merge commit.
"""

OperationState: TypeAlias = str
"""How far an operation is.

- `running`: Under way.
- `done`: It succeeded.
- `failed`: A step failed; what was done was undone where it could be.
- `cancelled`: It was cancelled and undone.

Later servers may send others.
"""

StepState: TypeAlias = str
"""How far a step is.

- `waiting`: Not begun.
- `running`: Under way.
- `done`: Done.
- `failed`: Failed.
- `undone`: Its compensation ran.

Later servers may send others.
"""

ConfigLayer: TypeAlias = Literal["node", "user", "project"]
"""The layers of configuration, low to high.

- `node`: /etc/nexus/config.yaml
- `user`: $NEXUS_HOME/config.yaml
- `project`: .nexus/config.yaml in a repository
"""

WorkspaceState: TypeAlias = str
"""What a workspace is doing.

- `pending`: Being created.
- `stopped`: Exists; nothing runs.
- `running`: Processes can be started.
- `paused`: Processes are frozen.
- `error`: A step failed; `message` says which. Start, stop or destroy repair it.
- `destroying`: Being taken down.
- `destroyed`: Gone; only its record remains.

Later servers may send others.
"""

ImagePull: TypeAlias = Literal["missing", "always", "never"]
"""When an image is fetched from its registry.

- `missing`: When this node does not have it.
- `always`: Before each creation of the machine.
- `never`: Never; an image that is not there is an error.
"""

MachineUser: TypeAlias = Literal["owner", "root"]
"""Whom the processes of a machine run as.

- `owner`: The user and group that own the worktree, so that files made inside belong to them.
- `root`: Root inside the machine, for installing packages; files made in the worktree belong to root.
"""

LeaveMode: TypeAlias = Literal["keep", "pause", "stop"]
"""What to do with the workspace that is left.

- `keep`: Let it run.
- `pause`: Freeze its processes.
- `stop`: Stop it.
"""


class CheckpointRef(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which checkpoint."""

    checkpoint: str
    """The id or name as the caller gave it."""


class CheckpointMissing(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is gone."""

    checkpoint: str
    """The checkpoint's id."""
    missing: str
    """What of it is missing: `files`, `commit` or `image`."""


class CheckpointElsewhere(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whose it is."""

    checkpoint: str
    """The checkpoint's id."""
    workspace: str
    """The id of the workspace that it was made of."""


class CheckpointObstacle(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What cannot be saved."""

    workspace: str
    """The workspace's id."""
    path: str
    """Where it is, relative to the worktree; outside of it as the machine's processes see it."""
    reason: str
    """Why not."""


class Checkpoint(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a workspace was at one moment: its files, what git was in the middle of, and its machine's own filesystem.
    """

    id: str
    """Its id."""
    workspace: str
    """The id of the workspace that it was made of."""
    workspace_name: str
    """The name of that workspace."""
    state: CheckpointState
    """How far it is."""
    name: str
    """A name for people, unique in its workspace."""
    comment: str
    """What it is for."""
    automatic: bool
    """Whether Nexus made it by itself, before a restore."""
    backend: str
    """The backend that ran the workspace."""
    branch: str | msgspec.UnsetType = msgspec.UNSET
    """The branch it was on; absent when HEAD was detached."""
    commit: str | msgspec.UnsetType = msgspec.UNSET
    """The commit that HEAD was; absent on a branch without commits."""
    files: Uint53
    """Files, directories and links in the worktree."""
    skipped: Uint53
    """What was left out because it cannot be kept: sockets, device nodes, other filesystems mounted there."""
    size: Uint53
    """Bytes that it takes: the copy of the worktree, and of the machine what its image does not share. Filesystems that
    share blocks (Btrfs, XFS) take less.
    """
    created_at: DateTime
    """When it was asked for."""


class CheckpointCreateParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A new checkpoint."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    """A name for people, unique in its workspace; default: `checkpoint` and a number."""
    comment: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    """What it is for."""
    wait: bool = True
    """Answer when done; otherwise at once, with the operation."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class CheckpointResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A checkpoint and what was done to it."""

    checkpoint: Checkpoint
    """The checkpoint now."""
    operation: Operation
    """The operation that did it."""


class CheckpointListParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which checkpoints."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Only those of this workspace; default: of every one that the identity can see."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """At most so many."""
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    """Continue a list, from `next_cursor`."""


class CheckpointList(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Checkpoints, newest first."""

    checkpoints: list[Checkpoint]
    """The checkpoints."""
    next_cursor: str | msgspec.UnsetType = msgspec.UNSET
    """There are more; pass this as `cursor`."""


class CheckpointRestoreParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Bring a workspace back to a checkpoint of its own."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    checkpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    """The checkpoint's id, or its name."""
    timeout_ms: Uint53 = 10000
    """How long processes may take to end by themselves before they are killed."""
    wait: bool = True
    """Answer when done; otherwise at once, with the operation."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class CheckpointRestored(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What restoring did."""

    workspace: Workspace
    """The workspace now."""
    operation: Operation
    """The operation that did it."""
    checkpoint: Checkpoint
    """The checkpoint that was restored."""
    before: Checkpoint
    """What the workspace was until then, saved as a checkpoint of its own."""


class CheckpointRemoveParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which checkpoint."""

    checkpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """The checkpoint's id."""
    wait: bool = True
    """Answer when done; otherwise at once, with the operation."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class CheckpointForkParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A new workspace that begins as another one is, or as a checkpoint of it. Give `checkpoint` or `workspace`."""

    checkpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Id of the checkpoint that it begins as."""
    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Id or name of the workspace that it begins as; its state now is what counts."""
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")]
    """The new workspace's name: lower-case letters, digits, inner hyphens."""
    display_name: Annotated[str, msgspec.Meta(max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    """A name for people."""
    env: dict[str, str] = msgspec.field(default_factory=dict)
    """Added to the environment that the other workspace has."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Labels; those of the other workspace are not taken over."""
    ports: list[str] = msgspec.field(default_factory=list)
    """Names of ports to allocate now, besides the standard ones and those that the other workspace has."""
    start: bool = True
    """Start it too."""
    wait: bool = True
    """Answer when done; otherwise at once, with the operation."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class ProcessRef(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which process."""

    process: str
    """The id as the caller gave it."""


class CommandData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which command."""

    command: str
    """argv[0], or the directory."""
    reason: str
    """What the operating system said."""


class OffsetData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where the output is."""

    process: str
    """The process."""
    offset: Uint53
    """The offset that was asked for."""
    earliest: Uint53
    """The first offset that is kept."""
    end: Uint53
    """The end of the output so far."""


class PtySize(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A terminal's size."""

    cols: Annotated[int, msgspec.Meta(ge=1, le=10000)]
    """Columns."""
    rows: Annotated[int, msgspec.Meta(ge=1, le=10000)]
    """Rows."""


class PtyState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A terminal's size now."""

    cols: Uint53
    """Columns."""
    rows: Uint53
    """Rows."""


class ExitStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How a process ended."""

    code: Int53 | msgspec.UnsetType = msgspec.UNSET
    """The exit code; absent where a signal ended it."""
    signal: str | msgspec.UnsetType = msgspec.UNSET
    """The signal that ended it, by name without SIG."""
    reason: ExitReason
    """Why."""
    at: DateTime
    """When it was reaped."""


class Process(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A process."""

    id: str
    """Its id."""
    workspace: str
    """The workspace's id."""
    argv: list[str]
    """The command."""
    cwd: str
    """Where it started, relative to the workspace's root."""
    state: ProcessState
    """What it is doing."""
    pid: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """Its process id in the machine, while it runs."""
    pty: PtyState | msgspec.UnsetType = msgspec.UNSET
    """Its terminal's size; absent without a terminal."""
    stdin: bool
    """Whether its stdin is open."""
    exit: ExitStatus | msgspec.UnsetType = msgspec.UNSET
    """How it ended."""
    output_start: Uint53
    """The first offset that is kept."""
    output_end: Uint53
    """How many bytes it has written, both channels."""
    attached: Uint53
    """Attachments now."""
    labels: dict[str, str]
    """Labels."""
    generation: Uint53
    """The workspace's incarnation it belongs to."""
    started_at: DateTime
    """When it started."""


class ExecRunParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A command to run to its end."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    argv: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10000)]
    """The command; not interpreted by a shell."""
    cwd: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "."
    """Where, relative to the workspace's root."""
    env: dict[str, str] = msgspec.field(default_factory=dict)
    """Added to the workspace's environment."""
    input: bytes | msgspec.UnsetType = msgspec.UNSET
    """Bytes for its stdin; absent: stdin is closed."""
    timeout_ms: Uint53 = 600000
    """After so long the group is killed; 0: never."""
    output_limit: Annotated[int, msgspec.Meta(ge=0, le=1048576)] = 262144
    """At most so many bytes of each channel are returned: the first half and the last half."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class OutputText(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One channel's output."""

    text: str
    """The output as UTF-8, invalid bytes replaced; head and tail where it was cut."""
    bytes: Uint53
    """How many bytes were written in all."""
    dropped: Uint53
    """How many were left out between head and tail."""


class ExecRunResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a command did."""

    process: str
    """Its id; its whole output can be attached to while it is kept."""
    exit: ExitStatus
    """How it ended."""
    stdout: OutputText
    """What it wrote to stdout."""
    stderr: OutputText
    """What it wrote to stderr."""
    duration_ms: Uint53
    """How long it ran."""


class ExecStartParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A command to start."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    argv: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10000)]
    """The command; not interpreted by a shell."""
    cwd: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "."
    """Where, relative to the workspace's root."""
    env: dict[str, str] = msgspec.field(default_factory=dict)
    """Added to the workspace's environment."""
    pty: PtySize | msgspec.UnsetType = msgspec.UNSET
    """Give it a terminal of this size."""
    stdin: bool = False
    """Keep its stdin open for an attachment; a terminal always has one."""
    timeout_ms: Uint53 = 0
    """After so long the group is killed; 0: never."""
    log_limit: Annotated[int, msgspec.Meta(ge=65536, le=1073741824)] = 16777216
    """How much output is kept on disk, in bytes."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Labels."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class ExecAttachParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Follow a process."""

    process: str
    """Its id."""
    offset: Uint53 = 0
    """First byte of output wanted. With `tail` ignored."""
    tail: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """Begin so many bytes before the end, or at the earliest kept."""
    role: AttachRole = "auto"
    """Whether to control a terminal or stdin."""
    takeover: bool = False
    """Take control from another attachment."""
    attachment: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{8,64}\Z")] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen id. After a lost connection, unread output is held for this id for `hold_ms`; attaching again with
    it replaces the old attachment.
    """
    hold_ms: Annotated[int, msgspec.Meta(ge=0, le=3600000)] = 60000
    """How long output is held after a lost connection."""
    window: Annotated[int, msgspec.Meta(ge=4096, le=67108864)] = 262144
    """Initial credit, in bytes."""


class ExecAttachOpen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The attachment is in place."""

    process: Process
    """The process now."""
    role: AttachRole
    """What this attachment may do."""
    offset: Uint53
    """Where output begins."""
    stdin_offset: Uint53
    """How many bytes of stdin the process has taken; send from here."""
    stdin_window: Uint53
    """Credit for stdin beyond that, in bytes; 0 for an observer."""


class ExecExit(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How the process ended, and where its output ended."""

    process: Process
    """The process now."""
    exit: ExitStatus
    """How it ended."""
    output_end: Uint53
    """How many bytes it wrote."""
    output_complete: bool
    """False where a descendant still held the pipe when the wait for it ended."""


class ExecGetParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which process."""

    process: str
    """Its id."""


class ExecListParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which processes."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    running: bool = False
    """Only those that run."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Only those that have all of these labels."""


class ExecList(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Processes, newest first."""

    processes: list[Process]
    """The processes."""


class ExecSignalParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A signal to send."""

    process: str
    """Its id."""
    signal: Signal = "TERM"
    """The signal."""
    group: bool = True
    """To the whole group and all descendants; otherwise to the process alone."""


class ExecResizeParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A terminal's new size."""

    process: str
    """Its id."""
    size: PtySize
    """The size."""


class ExecWaitParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Wait for a process."""

    process: str
    """Its id."""
    timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=3600000)] = 300000
    """Answer after so long in any case; `exit` is then absent."""


class ExecRemoveParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Forget an ended process."""

    process: str
    """Its id."""


class PathData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which path."""

    path: str
    """The path as the caller gave it."""


class EtagData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which file and its etag now."""

    path: str
    """The path."""
    etag: str
    """The etag now; empty where the file is gone."""


class SizeData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How large."""

    path: str
    """The path."""
    size: Uint53
    """Its size, in bytes."""
    limit: Uint53
    """The limit, in bytes."""


class EditData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which edit."""

    path: str
    """The path."""
    index: Uint53
    """Which edit of the list, from 0."""
    matches: Uint53
    """How often its text was found."""
    reason: str
    """Why it did not apply."""


class PatternData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which pattern."""

    pattern: str
    """The pattern."""
    reason: str
    """What is wrong with it."""


class UploadData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was expected and what came."""

    path: str
    """The path."""
    expected: str
    """The size or checksum that was announced."""
    actual: str
    """What was received."""


class CursorData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where events begin."""

    cursor: str
    """The cursor as the caller gave it."""


class FileInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of an entry."""

    path: str
    """Relative to the workspace's root, `.` for the root; absolute where it lies outside."""
    name: str
    """The last part of the path."""
    type: EntryType
    """What it is."""
    size: Uint53
    """Bytes; for a link the length of its target."""
    mode: Annotated[str, msgspec.Meta(pattern=r"^[0-7]{3,4}\Z")]
    """Permission bits."""
    mtime: DateTime
    """When its content last changed."""
    etag: str
    """Changes whenever the content or identity of the file changes."""
    uid: Uint53
    """Owner."""
    gid: Uint53
    """Group."""
    target: str | msgspec.UnsetType = msgspec.UNSET
    """Where a link points, as written."""


class FsStatParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which entry."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The path."""
    follow: bool = True
    """Follow a link in the last position."""


class FsListParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which directory."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "."
    """The directory."""
    depth: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """How deep; 1 is the directory's own entries."""
    hidden: bool = True
    """Include names that begin with a dot."""
    gitignore: bool = False
    """Leave out what .gitignore excludes, and .git."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 1000
    """At most so many entries."""
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    """Continue a list, from `next_cursor`."""


class FsListing(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Entries of a directory, ordered by path."""

    entries: list[FileInfo]
    """The entries."""
    next_cursor: str | msgspec.UnsetType = msgspec.UNSET
    """There are more; pass this as `cursor`."""


class FsReadParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to read. Give a byte range or a line window, not both."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The file."""
    encoding: Encoding = "utf-8"
    """How to answer."""
    offset: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """First byte, from 0."""
    length: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """At most so many bytes."""
    line: Annotated[int, msgspec.Meta(ge=1, le=9007199254740991)] | msgspec.UnsetType = msgspec.UNSET
    """First line, from 1."""
    lines: Annotated[int, msgspec.Meta(ge=1, le=9007199254740991)] | msgspec.UnsetType = msgspec.UNSET
    """At most so many lines."""


class FileContent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Content of a file."""

    path: str
    """The file."""
    encoding: Encoding
    """How `content` is encoded."""
    content: str
    """The bytes asked for."""
    offset: Uint53
    """Position of the first byte."""
    size: Uint53
    """Size of the whole file, in bytes."""
    etag: str
    """The file's etag."""
    line: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """The first line's number, for a line window."""
    lines: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """How many lines `content` holds, for a line window."""
    total_lines: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """How many lines the file has, for a line window."""
    truncated: bool
    """Whether the file goes on after `content`."""


class FsWriteParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to write. The file is replaced as a whole, atomically."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The file."""
    content: str
    """The content."""
    encoding: Encoding = "utf-8"
    """How `content` is encoded."""
    mode: Annotated[str, msgspec.Meta(pattern=r"^[0-7]{3,4}\Z")] | msgspec.UnsetType = msgspec.UNSET
    """Permission bits; default: those of the file replaced, else 644."""
    if_match: str | msgspec.UnsetType = msgspec.UNSET
    """Only if the file's etag is this; empty: only if there is no file."""
    parents: bool = False
    """Make missing directories."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class FsEditParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Changes to one text file, all or nothing. Give `edits` or `diff`."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The file."""
    edits: Annotated[list[FsEdit], msgspec.Meta(max_length=1000)] = msgspec.field(default_factory=list)
    """Replacements, applied in order."""
    diff: str | msgspec.UnsetType = msgspec.UNSET
    """A unified diff of this one file."""
    if_match: str | msgspec.UnsetType = msgspec.UNSET
    """Only if the file's etag is this."""
    dry_run: bool = False
    """Check only."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class FsEdit(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One replacement of exactly matching text."""

    old: Annotated[str, msgspec.Meta(min_length=1)]
    """The text to find."""
    new: str
    """The text to put there."""
    all: bool = False
    """Replace every match; otherwise there must be exactly one."""


class FsEdited(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What an edit did."""

    info: FileInfo
    """The file now."""
    replacements: Uint53
    """How many places changed."""
    diff: str
    """What changed, as a unified diff."""


class FsMkdirParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A directory to make."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The directory."""
    parents: bool = False
    """Make missing parents; an existing directory is then success."""
    mode: Annotated[str, msgspec.Meta(pattern=r"^[0-7]{3,4}\Z")] = "755"
    """Permission bits."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class FsRemoveParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to remove."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The entry; a link is removed, not followed."""
    recursive: bool = False
    """Remove a directory with all it holds."""
    missing_ok: bool = False
    """Nothing there is success."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class FsRemoved(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was removed."""

    removed: Uint53
    """How many entries."""


class FsRenameParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to rename or move."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The entry; a link itself is moved."""
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """Its new path."""
    overwrite: bool = False
    """Replace a file that is there."""
    parents: bool = False
    """Make missing directories."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class FsCopyParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to copy."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The entry."""
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The path of the copy."""
    recursive: bool = False
    """Copy a directory with all it holds; links are copied as links."""
    overwrite: bool = False
    """Replace files that are there."""
    parents: bool = False
    """Make missing directories."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class FsChmodParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """New permission bits."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The entry; links are followed inside the workspace."""
    mode: Annotated[str, msgspec.Meta(pattern=r"^[0-7]{3,4}\Z")]
    """Permission bits."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class FsSymlinkParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A link to make."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The link."""
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """Where it points; must stay inside the workspace."""
    overwrite: bool = False
    """Replace a link that is there."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class FsGlobParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which paths to find."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    pattern: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """`*`, `?`, `[…]` and `**`, relative to `path`."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "."
    """Where to begin."""
    gitignore: bool = True
    """Leave out what .gitignore excludes, and .git."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 1000
    """At most so many."""


class FsGlobbed(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Paths that match, in order."""

    paths: list[str]
    """Relative to the workspace's root; absolute where it lies outside."""
    truncated: bool
    """Whether there are more."""


class FsSearchParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to search for in the content of files."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    pattern: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """What to find."""
    regex: bool = False
    """Whether the pattern is a regular expression."""
    ignore_case: bool = False
    """Whether case is ignored."""
    word: bool = False
    """Only whole words."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "."
    """Where to begin."""
    include: list[str] = msgspec.field(default_factory=list)
    """Only paths that match one of these globs."""
    exclude: list[str] = msgspec.field(default_factory=list)
    """Not paths that match one of these globs."""
    gitignore: bool = True
    """Leave out what .gitignore excludes, and .git."""
    context: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """Lines around a match."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100000)] = 1000
    """At most so many matches."""
    window: Annotated[int, msgspec.Meta(ge=1, le=65536)] = 256
    """Initial credit, in events."""


class FsMatch(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="kind", tag="match"):
    """One match."""

    path: str
    """The file."""
    line: Uint53
    """The line's number, from 1."""
    column: Uint53
    """The match's first character in the line, from 1."""
    text: str
    """The line, cut at 2,000 characters."""
    before: list[str]
    """Lines before it."""
    after: list[str]
    """Lines after it."""


class FsSearchProgress(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="kind", tag="progress"):
    """How far the search is."""

    files: Uint53
    """Files looked at."""


class FsSearched(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a search did."""

    files: Uint53
    """Files looked at."""
    matches: Uint53
    """Matches sent."""
    skipped: Uint53
    """Files left out as binary, too large or unreadable."""
    truncated: bool
    """Whether there are more."""


class FsWatchParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to watch."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "."
    """File or directory."""
    recursive: bool = True
    """Whether directories below are watched too."""
    gitignore: bool = True
    """Leave out what .gitignore excludes, and .git."""
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    """Continue after this cursor."""
    window: Annotated[int, msgspec.Meta(ge=1, le=65536)] = 256
    """Initial credit, in events."""


class FsWatchOpen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The watch is in place: later changes are reported."""

    cursor: str
    """Where the watch begins."""
    resumed: bool
    """Whether it continues after the given cursor without a gap."""


class FsChange(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="kind", tag="change"):
    """An entry changed."""

    path: str
    """Relative to the workspace's root; absolute where it lies outside."""
    change: ChangeType
    """What happened, after coalescing."""


class FsOverflow(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="kind", tag="overflow"):
    """Changes were missed; list again."""

    reason: str
    """Why."""


class FsDownloadParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which file to stream."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The file."""
    offset: Uint53 = 0
    """First byte."""
    length: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """At most so many bytes."""
    if_match: str | msgspec.UnsetType = msgspec.UNSET
    """Only if the file's etag is this."""
    window: Annotated[int, msgspec.Meta(ge=4096, le=67108864)] = 1048576
    """Initial credit, in bytes."""


class FsDownloadOpen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is coming."""

    info: FileInfo
    """The file."""
    length: Uint53
    """How many bytes will come."""


class FsDownloaded(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The file arrived whole."""

    info: FileInfo
    """The file."""
    sha256: str | msgspec.UnsetType = msgspec.UNSET
    """Checksum of the bytes sent, in hex."""


class FsUploadParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A file to receive. The file is replaced as a whole, when all bytes have come."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """The file."""
    upload: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{8,64}\Z")]
    """Caller-chosen id of this upload; the same id resumes it."""
    size: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """How many bytes will come."""
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")] | msgspec.UnsetType = msgspec.UNSET
    """Their checksum."""
    mode: Annotated[str, msgspec.Meta(pattern=r"^[0-7]{3,4}\Z")] | msgspec.UnsetType = msgspec.UNSET
    """Permission bits; default: those of the file replaced, else 644."""
    if_match: str | msgspec.UnsetType = msgspec.UNSET
    """Only if the file's etag is this; empty: only if there is no file."""
    parents: bool = False
    """Make missing directories."""


class FsUploadOpen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The upload may begin."""

    offset: Uint53
    """How many bytes are there already; continue from here."""
    window: Uint53
    """The initial grant of credit beyond `offset`, in bytes."""


class FsUploaded(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The file is in place."""

    info: FileInfo
    """The file."""


class RepositoryData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which repository."""

    url: str
    """The path or URL, without credentials."""
    reason: str
    """What git said."""


class RefData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which ref."""

    ref: str
    """The branch, tag or commit."""


class ConflictData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where."""

    files: list[str]
    """The files in conflict."""


class GitFailure(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What git said."""

    command: str
    """The git subcommand."""
    reason: str
    """Its last lines."""


class GitStatusParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which workspace."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""


class GitFile(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One changed file."""

    path: str
    """The path."""
    original: str | msgspec.UnsetType = msgspec.UNSET
    """Where it was, for a rename or copy."""
    index: GitFileState
    """In the index, compared with HEAD."""
    worktree: GitFileState
    """In the worktree, compared with the index."""


class GitStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where a worktree stands."""

    branch: str | msgspec.UnsetType = msgspec.UNSET
    """The branch; absent when detached."""
    commit: str | msgspec.UnsetType = msgspec.UNSET
    """HEAD's commit; absent before the first."""
    upstream: str | msgspec.UnsetType = msgspec.UNSET
    """The branch it follows."""
    ahead: Uint53
    """Commits the upstream does not have."""
    behind: Uint53
    """Commits only the upstream has."""
    files: list[GitFile]
    """Changed files, at most 10,000."""
    truncated: bool
    """Whether there are more."""
    clean: bool
    """Whether nothing is changed."""


class GitDiffParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to compare."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    base: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | msgspec.UnsetType = msgspec.UNSET
    """Compare with this commit; default: the index, or HEAD with `staged`."""
    staged: bool = False
    """What would be committed."""
    untracked: bool = True
    """Include new files."""
    paths: list[Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]] = msgspec.field(default_factory=list)
    """Only these."""
    context: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 3
    """Lines around a change."""


class GitDiffFile(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One file of a diff."""

    path: str
    """The path."""
    added: Uint53
    """Lines added."""
    removed: Uint53
    """Lines removed."""
    binary: bool
    """Whether it is binary."""


class GitDiff(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A difference."""

    diff: str
    """As a unified diff, at most 512 KiB."""
    files: list[GitDiffFile]
    """Per file."""
    truncated: bool
    """Whether the diff was cut."""


class GitLogParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which commits."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    ref: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] = "HEAD"
    """Where to begin."""
    paths: list[Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]] = msgspec.field(default_factory=list)
    """Only commits that touch these."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    """At most so many."""
    skip: Uint53 = 0
    """Leave out the first."""


class GitCommit(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A commit."""

    commit: str
    """Its hash."""
    parents: list[str]
    """Its parents' hashes."""
    author: str
    """Who wrote it."""
    email: str
    """Their address."""
    time: DateTime
    """When it was written."""
    subject: str
    """The first line."""
    body: str
    """The rest."""


class GitLog(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Commits, newest first."""

    commits: list[GitCommit]
    """The commits."""
    truncated: bool
    """Whether there are more."""


class GitCommitParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What to commit."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=65536)]
    """The message."""
    paths: list[Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]] = msgspec.field(default_factory=list)
    """Only these; default with `all`: everything."""
    all: bool = True
    """Stage every change first, new files too; otherwise commit the index."""
    author: Annotated[str, msgspec.Meta(max_length=320)] | msgspec.UnsetType = msgspec.UNSET
    """`Name <address>`."""
    amend: bool = False
    """Replace the last commit."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class GitBranchParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Branches of the repository; with `create`, `switch` or `delete` one is changed first."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    create: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    """Make a branch of this name."""
    start: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | msgspec.UnsetType = msgspec.UNSET
    """Where the new branch begins; default HEAD."""
    switch: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    """Check out this branch."""
    delete: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    """Delete this merged branch."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class GitBranch(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A branch."""

    name: str
    """Its name."""
    commit: str
    """Where it points."""
    current: bool
    """Whether it is checked out here."""
    remote: bool
    """Whether it is a remote-tracking branch."""
    upstream: str | msgspec.UnsetType = msgspec.UNSET
    """What it follows."""


class GitBranches(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Branches."""

    branches: list[GitBranch]
    """The branches."""


class GitSyncParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Exchange commits with a remote."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    remote: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "origin"
    """The remote."""
    pull: SyncMode = "rebase"
    """How to take theirs."""
    push: bool = False
    """Send ours, to the branch of the same name."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class GitSynced(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What an exchange did."""

    status: GitStatus
    """Where the worktree stands now."""
    fetched: bool
    """Whether a fetch was made."""
    pulled: Uint53
    """Commits taken."""
    pushed: Uint53
    """Commits sent."""


class OperationRef(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which operation."""

    operation: str
    """The id as the caller gave it."""


class OperationStep(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One step of an operation."""

    name: str
    """The step's name."""
    state: StepState
    """How far it is."""
    started_at: DateTime | msgspec.UnsetType = msgspec.UNSET
    """When it began."""
    ended_at: DateTime | msgspec.UnsetType = msgspec.UNSET
    """When it ended."""


class OperationError(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Why an operation failed, as the call would have said it."""

    code: Int53
    """The error's number."""
    name: str
    """The error's name."""
    message: str
    """What happened."""
    hint: str
    """What to try."""
    details: Any | msgspec.UnsetType = msgspec.UNSET
    """The error's typed data."""


class Operation(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A lifecycle change."""

    id: str
    """Its id."""
    kind: str
    """The verb: create, start, stop, pause, resume, restart, switch, destroy, checkpoint, restore, fork, forget."""
    workspace: str
    """The workspace's id."""
    state: OperationState
    """How far it is."""
    steps: list[OperationStep]
    """Its steps, in order."""
    message: str
    """What is being done, for a person."""
    error: OperationError | msgspec.UnsetType = msgspec.UNSET
    """Why it failed."""
    created_at: DateTime
    """When it was accepted."""
    ended_at: DateTime | msgspec.UnsetType = msgspec.UNSET
    """When it ended."""


class OperationGetParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which operation."""

    operation: str
    """Its id."""


class OperationListParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which operations."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Only those of this workspace."""
    running: bool = False
    """Only those under way."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """At most so many."""


class OperationList(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Operations, newest first."""

    operations: list[Operation]
    """The operations."""


class OperationWaitParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Wait for an operation."""

    operation: str
    """Its id."""
    timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=3600000)] = 300000
    """Answer after so long in any case, with the state it then has."""
    progress: bool = False
    """Send $/progress."""


class PortRange(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The range."""

    start: Uint53
    """First port."""
    end: Uint53
    """Last port."""


class PortData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which port."""

    port: Uint53
    """The port."""


class PortListParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which workspace."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""


class ListeningPort(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A port of a workspace."""

    port: Uint53
    """The port."""
    name: str | msgspec.UnsetType = msgspec.UNSET
    """The name it is allocated under."""
    listening: bool
    """Whether something accepts connections on it."""
    address: str | msgspec.UnsetType = msgspec.UNSET
    """The address it is bound to."""
    pid: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """The process that listens."""
    command: str | msgspec.UnsetType = msgspec.UNSET
    """Its command's name."""


class PortList(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Ports that are allocated to the workspace, and ports its processes listen on."""

    ports: list[ListeningPort]
    """The ports, in order."""


class PortForwardParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One TCP connection into the workspace."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    """The port, on the machine's own loopback."""
    window: Annotated[int, msgspec.Meta(ge=4096, le=67108864)] = 262144
    """Initial credit, in bytes."""


class PortForwardOpen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The connection is made."""

    window: Uint53
    """Credit towards the machine, in bytes."""


class PortForwarded(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The connection ended."""

    sent: Uint53
    """Bytes to the machine."""
    received: Uint53
    """Bytes from the machine."""


class ForbiddenData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was missing."""

    scope: str
    """The scope that the method needs."""
    method: str
    """The method that was called."""


class DeadlineData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which deadline passed."""

    timeout_ms: Uint53
    """The deadline."""


class LimitData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which limit was reached."""

    limit: str
    """The limit's name, as in `Limits`."""
    value: Uint53
    """Its value."""


class KeyData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which key."""

    key: str
    """The key."""


class StreamData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where a stream broke."""

    stream: Uint53
    """The stream's number."""
    reason: str
    """What was wrong."""


class CapabilityData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What cannot be done."""

    backend: str
    """The backend."""
    capability: str
    """The missing capability."""


class StorageData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where space is missing."""

    path: str
    """The directory or file that could not grow."""


class Limits(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the server accepts. Counts are per connection unless said otherwise."""

    max_message: Uint53
    """Largest text frame, in bytes."""
    max_payload: Uint53
    """Largest payload of a binary frame, in bytes."""
    max_requests: Uint53
    """Calls in flight."""
    max_streams: Uint53
    """Open streams."""
    max_output: Uint53
    """Largest `output_limit` of exec.run, in bytes."""
    max_read: Uint53
    """Largest answer of fs.read, in bytes."""
    ping_interval_ms: Uint53
    """How often the server pings."""


class Identity(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Who the server takes the caller for."""

    subject: str
    """The token's subject, or `uid:<n>` on the Unix socket."""
    scopes: list[str]
    """Granted scopes; `*` grants all."""
    workspaces: list[str]
    """Workspace ids, `*` for all, or `own` for those this subject created."""
    via: str
    """How the identity was established: `jwt` or `peer`."""


class ServerInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Who is answering."""

    name: str
    """The server's name, `nexusd`."""
    version: str
    """Its version."""
    node: str
    """The node's name."""
    instance: str
    """An id that changes with every start of the daemon."""


class SessionReady(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The first message on every connection."""

    level: Uint53
    """The schema level the server speaks."""
    server: ServerInfo
    """Who is answering."""
    capabilities: list[str]
    """Optional features of this server."""
    limits: Limits
    """What the server accepts."""
    identity: Identity
    """Who the caller is."""
    expires_at: DateTime | None
    """When the identity expires; null for never."""


class SessionRefreshParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A new token for the same subject."""

    token: Annotated[str, msgspec.Meta(max_length=16384)]
    """The token."""


class SessionRefreshed(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The renewed identity."""

    identity: Identity
    """Who the caller is now."""
    expires_at: DateTime | None
    """When it expires; null for never."""


class Empty(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Nothing."""


class NoParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """No params."""


class SessionPong(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Answer to a ping."""

    time: DateTime
    """The server's clock."""


class DiscoverResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The schema as OpenRPC."""

    document: Any
    """The OpenRPC document."""


class CancelParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which call to cancel."""

    id: Any
    """The id of the request: an integer or a string."""


class ProgressParams(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far a call is."""

    id: Any
    """The id of the request."""
    done: Uint53
    """Units done; never decreases."""
    total: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """Units in all, when known."""
    message: str
    """What is being done, for a person."""


class StreamOpenParams(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A stream is open."""

    id: Any
    """The id of the request that opened it."""
    stream: Uint53
    """The stream's number in binary frames."""
    info: Any | msgspec.UnsetType = msgspec.UNSET
    """What the method's `stream.open` type says."""


class StreamEventParams(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One event of a stream."""

    stream: Uint53
    """The stream's number."""
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    """Where to continue after this event, opaque."""
    event: Any
    """The event; its type is the method's `stream.event`."""


class SessionClosingParams(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Why the server is about to close the connection."""

    code: Uint53
    """The close code that follows."""
    reason: str
    """Why."""


class ConfigProblem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing that is wrong."""

    source: str
    """The file, flag or variable."""
    key: str
    """The key."""
    line: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """The line, in a file."""
    message: str
    """What is wrong."""
    suggestion: str | msgspec.UnsetType = msgspec.UNSET
    """What would be right."""


class ConfigProblems(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All that is wrong."""

    problems: list[ConfigProblem]
    """The problems."""


class Capabilities(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a backend can do."""

    pause: bool
    """Freeze and thaw."""
    checkpoint: bool
    """Save and restore its state."""
    fork: bool
    """Copy a workspace with its state."""
    survives_daemon: bool
    """Whether processes go on while the daemon restarts."""
    isolation: str
    """none, container or vm: what separates tenants."""
    own_network: bool
    """Whether each workspace has a loopback of its own."""


class BackendInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A backend of this node."""

    name: str
    """Its name."""
    default: bool
    """Whether workspaces use it when they do not say."""
    healthy: bool
    """Whether it can be used now."""
    message: str
    """What is wrong, where it is not healthy."""
    capabilities: Capabilities
    """What it can do."""


class BackendList(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The backends of this node."""

    backends: list[BackendInfo]
    """The backends."""


class ConfigGetParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which keys."""

    prefix: str = ""
    """Only keys that begin with this."""
    repository: str | msgspec.UnsetType = msgspec.UNSET
    """With this repository's project layer."""


class ConfigEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One value and where it came from."""

    key: str
    """The key, with dots."""
    value: Any
    """The value; secrets are shown as `***`."""
    source: str
    """default, or the file, flag or variable that set it."""
    description: str
    """What it is for."""


class ConfigValues(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The configuration in force."""

    entries: list[ConfigEntry]
    """The values, by key."""


class ConfigValidateParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A configuration to check."""

    text: Annotated[str, msgspec.Meta(max_length=262144)]
    """The YAML text."""
    layer: ConfigLayer = "user"
    """Which layer it is for."""


class ConfigValidated(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whether it is valid."""

    valid: bool
    """Whether it is."""
    problems: list[ConfigProblem]
    """What is wrong."""


class HealthCheck(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One check."""

    name: str
    """What was checked."""
    ok: bool
    """Whether it is well."""
    message: str
    """What was found."""


class SystemHealth(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whether the daemon is well."""

    ok: bool
    """Whether all checks are."""
    draining: bool
    """Whether it is shutting down."""
    checks: list[HealthCheck]
    """The checks."""


class SystemInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the daemon is and does."""

    version: str
    """Its version."""
    level: Uint53
    """The schema level."""
    node: str
    """The node's name."""
    pid: Uint53
    """Its process id."""
    started_at: DateTime
    """When it started."""
    home: str
    """NEXUS_HOME."""
    listen: list[str]
    """Where it listens."""
    workspaces: Uint53
    """Workspaces that are not destroyed."""
    processes: Uint53
    """Processes that run."""
    connections: Uint53
    """Connections now."""
    memory: Uint53
    """Its resident memory, in bytes."""


class SystemDrainParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How to stop."""

    timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=600000)] = 30000
    """How long calls in flight may take."""


class TokenRef(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which token."""

    id: str
    """The token's id."""


class ScopeData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which scope."""

    scope: str
    """The scope."""


class TokenCreateParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A new token."""

    subject: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.@:-]{1,128}\Z")]
    """Who it is for."""
    scopes: Annotated[list[str], msgspec.Meta(min_length=1)]
    """What it may do: scopes of the schema, or `*`."""
    workspaces: Annotated[list[str], msgspec.Meta(min_length=1, max_length=128)] = (
        msgspec.field(default_factory=lambda: ["own"])
    )
    """Workspace ids, `*`, or `own`."""
    ttl_ms: Annotated[int, msgspec.Meta(ge=0, le=31622400000)] = 2592000000
    """How long it is valid; default 30 days."""
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """What it is for."""


class TokenInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A token, without its secret."""

    id: str
    """Its id, the claim `jti`."""
    subject: str
    """Who it is for."""
    name: str
    """What it is for."""
    scopes: list[str]
    """What it may do."""
    workspaces: list[str]
    """Where."""
    created_at: DateTime
    """When it was made."""
    expires_at: DateTime
    """When it expires."""
    revoked_at: DateTime | msgspec.UnsetType = msgspec.UNSET
    """When it was revoked."""


class TokenCreated(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A new token."""

    token: str
    """The token. It is shown once."""
    info: TokenInfo
    """What is known of it."""


class TokenList(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Tokens, newest first."""

    tokens: list[TokenInfo]
    """The tokens."""


class TokenRevokeParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which token."""

    id: str
    """Its id."""


class WorkspaceRef(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which workspace."""

    workspace: str
    """The id or name as the caller gave it."""


class WorkspaceStateData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The state that was in the way."""

    workspace: str
    """The workspace's id."""
    state: WorkspaceState
    """Its state."""
    allowed: list[WorkspaceState]
    """The states in which this is allowed."""


class WorkspaceBusyData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What it is busy with."""

    workspace: str
    """The workspace's id."""
    operation: str
    """The operation that is running."""


class BackendRef(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which backend."""

    backend: str
    """The backend's name as the caller gave it."""


class BackendFailure(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What failed where."""

    backend: str
    """The backend."""
    step: str
    """The step that failed."""
    reason: str
    """What the backend said."""


class NameData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which name."""

    name: str
    """The name as the caller gave it."""


class WorkspaceKept(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Work that exists nowhere else."""

    workspace: str
    """The workspace's id."""
    path: str
    """Where the worktree is."""
    branch: str
    """Its branch."""
    changed: Uint53
    """Files changed or new and not committed."""
    unpushed: Uint53
    """Commits that no remote and no other branch has."""
    files: list[str]
    """The first of the changed files, at most 20."""


class RepositorySource(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a workspace's code comes from."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    """A local repository's absolute path, or a URL that git can fetch (https, ssh, git, file)."""
    ref: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | msgspec.UnsetType = msgspec.UNSET
    """Branch, tag or commit to start from; default: the repository's HEAD."""


class Repository(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where a workspace's code came from."""

    url: str
    """As given, without credentials."""
    path: str
    """The repository on this node."""
    ref: str
    """What it was started from."""
    commit: str
    """The commit it was started from."""


class PortMapping(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One port of a workspace."""

    name: str
    """What it is for."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    """The host port that belongs to the workspace."""


class ResourceStats(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a workspace uses now."""

    cpu_ms: Uint53
    """CPU time used by the processes alive now, in milliseconds."""
    memory: Uint53
    """Resident memory, in bytes."""
    processes: Uint53
    """Processes alive, descendants included."""
    disk: Uint53
    """Bytes in the worktree; a cached figure, at most a minute old."""


class Workspace(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A workspace."""

    id: str
    """Its id."""
    name: str
    """Its name, unique for its owner."""
    display_name: str | msgspec.UnsetType = msgspec.UNSET
    """A name for people."""
    owner: str
    """The subject that created it."""
    state: WorkspaceState
    """What it is doing."""
    message: str
    """What went wrong, in state error; else empty."""
    backend: str
    """The backend that runs it."""
    repository: Repository
    """Where its code came from."""
    branch: str
    """Its branch."""
    root: str
    """Where its worktree is, as its processes see it. Absolute paths of file calls are of the same view."""
    worktree: str
    """The worktree on this node."""
    ports: list[PortMapping]
    """Ports that belong to it."""
    env: dict[str, str]
    """Environment of every process in it."""
    labels: dict[str, str]
    """Labels."""
    machine: MachineSettings | msgspec.UnsetType = msgspec.UNSET
    """How its machine is made; absent on backends without options."""
    current: bool
    """Whether it is the one last switched to in its repository."""
    generation: Uint53
    """Grows with each start; ties processes to one incarnation."""
    created_at: DateTime
    """When it was created."""
    updated_at: DateTime
    """When its record last changed."""
    last_active_at: DateTime
    """When something last ran or was attached in it."""
    operation: str | msgspec.UnsetType = msgspec.UNSET
    """The operation that is changing it, if any."""


class ImageBuild(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How an image is built from files of the worktree."""

    context: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "."
    """Directory whose files the build may use, relative to the worktree."""
    dockerfile: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "Dockerfile"
    """The Dockerfile, relative to the context."""
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | msgspec.UnsetType = msgspec.UNSET
    """The stage to stop at; default: the last."""
    args: dict[str, str] = msgspec.field(default_factory=dict)
    """Build arguments. They stay visible in the image: no place for secrets."""


class MachineOptions(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a backend makes a workspace's machine. What a backend cannot do is refused, never ignored."""

    image: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] | msgspec.UnsetType = msgspec.UNSET
    """The image it is made from; default: the configured one. Excludes `build`."""
    build: ImageBuild | msgspec.UnsetType = msgspec.UNSET
    """Build the image from the worktree."""
    pull: ImagePull = "missing"
    """When the image is fetched."""
    resource_class: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | msgspec.UnsetType = msgspec.UNSET
    """Limits by name, from `resources.classes` of the configuration; default: `resources.default`. The limits below
    win.
    """
    cpu: Annotated[float, msgspec.Meta(ge=0.01, le=1024)] | msgspec.UnsetType = msgspec.UNSET
    """CPUs that it may use at most; fractions are parts of one."""
    memory: Annotated[int, msgspec.Meta(ge=6291456, le=9007199254740991)] | msgspec.UnsetType = msgspec.UNSET
    """Memory it may use at most, in bytes, without swap."""
    pids: Annotated[int, msgspec.Meta(ge=8, le=9007199254740991)] | msgspec.UnsetType = msgspec.UNSET
    """Processes and threads it may have at most."""
    storage: Annotated[int, msgspec.Meta(ge=1048576, le=9007199254740991)] | msgspec.UnsetType = msgspec.UNSET
    """Bytes it may write outside of the worktree."""
    read_only: bool = False
    """Its root filesystem cannot be written; /tmp, /run and the home directory are in memory."""
    user: MachineUser = "owner"
    """Whom its processes run as."""
    egress: bool = True
    """Whether it reaches other hosts. Its ports are reached from this node either way."""
    container_ports: dict[str, Annotated[int, msgspec.Meta(ge=1, le=65535)]] = msgspec.field(default_factory=dict)
    """Port inside by name of an allocated port; default: the same number as on the node."""


class MachineSettings(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How a workspace's machine is made, as asked for or configured when it was created."""

    image: str | msgspec.UnsetType = msgspec.UNSET
    """The image it is made from."""
    dockerfile: str | msgspec.UnsetType = msgspec.UNSET
    """The Dockerfile that its image is built from, relative to the worktree."""
    resource_class: str | msgspec.UnsetType = msgspec.UNSET
    """Limits by name."""
    cpu: float | msgspec.UnsetType = msgspec.UNSET
    """CPUs that it may use at most."""
    memory: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """Memory it may use at most, in bytes."""
    pids: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """Processes and threads it may have at most."""
    storage: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """Bytes it may write outside of the worktree."""
    read_only: bool
    """Whether its root filesystem cannot be written."""
    user: MachineUser
    """Whom its processes run as."""
    egress: bool
    """Whether it reaches other hosts."""
    container_ports: dict[str, Annotated[int, msgspec.Meta(ge=1, le=65535)]]
    """Port inside by name of an allocated port, where it is not the same number."""


class OptionData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which option."""

    backend: str
    """The backend."""
    option: str
    """The option, as in `options`."""
    reason: str
    """Why it cannot be done."""


class ImageData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which image."""

    image: str
    """The image as it was asked for."""
    reason: str
    """What the engine said."""


class BuildData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What failed in a build."""

    dockerfile: str
    """The Dockerfile, relative to the worktree."""
    step: str
    """The last step that began."""
    reason: str
    """What the engine said."""
    output: str
    """The end of the build's output, at most 4 KiB."""


class MachineConflict(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is in the way."""

    backend: str
    """The backend."""
    name: str
    """The name that both have."""
    id: str
    """The backend's id of what is in the way."""


class PortTaken(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which port."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    """The port on this node."""
    name: str
    """What it is for."""


class WorkspaceCreateParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A new workspace."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")]
    """Its name: lower-case letters, digits, inner hyphens."""
    repository: RepositorySource
    """Where its code comes from."""
    backend: str | msgspec.UnsetType = msgspec.UNSET
    """The backend; default: the configured one."""
    display_name: Annotated[str, msgspec.Meta(max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    """A name for people."""
    env: dict[str, str] = msgspec.field(default_factory=dict)
    """Environment of every process in it."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Labels."""
    ports: list[str] = msgspec.field(default_factory=list)
    """Names of ports to allocate now, besides the standard ones."""
    options: MachineOptions | msgspec.UnsetType = msgspec.UNSET
    """How its machine is made; default: as the backend and the configuration say."""
    start: bool = True
    """Start it too."""
    wait: bool = True
    """Answer when done; otherwise at once, with the operation."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class LifecycleResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a lifecycle call did."""

    workspace: Workspace
    """The workspace now."""
    operation: Operation
    """The operation that did it."""


class WorkspaceGetParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which workspace."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""


class WorkspaceListParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which workspaces."""

    repository: str | msgspec.UnsetType = msgspec.UNSET
    """Only those of this repository (path or URL)."""
    state: WorkspaceState | msgspec.UnsetType = msgspec.UNSET
    """Only those in this state."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Only those that have all of these labels."""
    destroyed: bool = False
    """Include destroyed ones."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """At most so many."""
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    """Continue a list, from `next_cursor`."""


class WorkspaceList(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Workspaces, newest first."""

    workspaces: list[Workspace]
    """The workspaces."""
    next_cursor: str | msgspec.UnsetType = msgspec.UNSET
    """There are more; pass this as `cursor`."""


class WorkspaceChangeParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A lifecycle change of one workspace."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    wait: bool = True
    """Answer when done; otherwise at once, with the operation."""
    progress: bool = False
    """Send $/progress."""
    timeout_ms: Uint53 = 10000
    """How long processes may take to end by themselves before they are killed."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class WorkspaceSwitchParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Make a workspace the current one."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    leave: LeaveMode | msgspec.UnsetType = msgspec.UNSET
    """What to do with the one left; default: pause where the backend can, else keep."""
    wait: bool = True
    """Answer when done."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class WorkspaceUpdateParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Changes to a workspace's record. Absent fields stay."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    display_name: Annotated[str, msgspec.Meta(max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    """A name for people."""
    env: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    """Replaces the environment; running processes keep theirs."""
    labels: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    """Replaces the labels."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class WorkspaceDestroyParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Take a workspace down."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """Workspace id, or its name."""
    force: bool = False
    """Lose uncommitted and unpushed work."""
    keep_branch: bool = True
    """Keep the branch if it has commits of its own; ignored with force."""
    timeout_ms: Uint53 = 10000
    """How long processes may take to end by themselves before they are killed."""
    wait: bool = True
    """Answer when done."""
    progress: bool = False
    """Send $/progress."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`."""


class WorkspaceDestroyed(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What destroying did."""

    workspace: Workspace
    """The workspace now."""
    operation: Operation
    """The operation that did it."""
    kept: WorkspaceKept | msgspec.UnsetType = msgspec.UNSET
    """Work that was kept, and where it is."""
    checkpoints: Uint53 | msgspec.UnsetType = msgspec.UNSET
    """How many checkpoints of it went with it; absent: none."""


class WorkspaceStatsResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a workspace uses."""

    stats: ResourceStats
    """The figures."""


class WorkspaceWatchParams(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which workspaces to follow."""

    workspace: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | msgspec.UnsetType = msgspec.UNSET
    """Only this one; default: all that the identity can see."""
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    """Continue after this cursor."""
    window: Annotated[int, msgspec.Meta(ge=1, le=65536)] = 256
    """Initial credit, in events."""


class WorkspaceChanged(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="kind", tag="changed"):
    """A workspace's record changed."""

    workspace: Workspace
    """The workspace now."""


class WorkspaceOverflow(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="kind", tag="overflow"):
    """Changes were missed; list again."""

    missed: Uint53
    """How many at least; 0 where unknown."""


FsSearchEvent: TypeAlias = Union[FsMatch, FsSearchProgress]
"""Something a search found."""

FsWatchEvent: TypeAlias = Union[FsChange, FsOverflow]
"""What happened in the watched tree."""

WorkspaceEvent: TypeAlias = Union[WorkspaceChanged, WorkspaceOverflow]
"""A change of a workspace."""
