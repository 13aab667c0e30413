// Generated from schema/nexus; do not edit.

/**
 * The method table: what a client knows of each method.
 *
 * @module
 */

import type {
  BackendList,
  CheckpointCreateParams,
  CheckpointForkParams,
  CheckpointList,
  CheckpointListParams,
  CheckpointRemoveParams,
  CheckpointRestoreParams,
  CheckpointRestored,
  CheckpointResult,
  ConfigGetParams,
  ConfigValidateParams,
  ConfigValidated,
  ConfigValues,
  DiscoverResult,
  Empty,
  ExecAttachOpen,
  ExecAttachParams,
  ExecExit,
  ExecGetParams,
  ExecList,
  ExecListParams,
  ExecRemoveParams,
  ExecResizeParams,
  ExecRunParams,
  ExecRunResult,
  ExecSignalParams,
  ExecStartParams,
  ExecWaitParams,
  FileContent,
  FileInfo,
  FsChmodParams,
  FsCopyParams,
  FsDownloadOpen,
  FsDownloadParams,
  FsDownloaded,
  FsEditParams,
  FsEdited,
  FsGlobParams,
  FsGlobbed,
  FsListParams,
  FsListing,
  FsMkdirParams,
  FsReadParams,
  FsRemoveParams,
  FsRemoved,
  FsRenameParams,
  FsSearchEvent,
  FsSearchParams,
  FsSearched,
  FsStatParams,
  FsSymlinkParams,
  FsUploadOpen,
  FsUploadParams,
  FsUploaded,
  FsWatchEvent,
  FsWatchOpen,
  FsWatchParams,
  FsWriteParams,
  GitBranchParams,
  GitBranches,
  GitCommit,
  GitCommitParams,
  GitDiff,
  GitDiffParams,
  GitLog,
  GitLogParams,
  GitStatus,
  GitStatusParams,
  GitSyncParams,
  GitSynced,
  LifecycleResult,
  NoParams,
  Operation,
  OperationGetParams,
  OperationList,
  OperationListParams,
  OperationWaitParams,
  PortForwardOpen,
  PortForwardParams,
  PortForwarded,
  PortList,
  PortListParams,
  Process,
  SessionPong,
  SessionReady,
  SessionRefreshParams,
  SessionRefreshed,
  SystemDrainParams,
  SystemHealth,
  SystemInfo,
  TokenCreateParams,
  TokenCreated,
  TokenInfo,
  TokenList,
  TokenRevokeParams,
  Workspace,
  WorkspaceChangeParams,
  WorkspaceCreateParams,
  WorkspaceDestroyParams,
  WorkspaceDestroyed,
  WorkspaceEvent,
  WorkspaceGetParams,
  WorkspaceList,
  WorkspaceListParams,
  WorkspaceStatsResult,
  WorkspaceSwitchParams,
  WorkspaceUpdateParams,
  WorkspaceWatchParams,
} from "./types.js";

/** The version of the schema. */
export const LEVEL = 2;

/** The types of one call. */
export interface CallTypes<P, R> {
  /** What it takes. */
  params: P;
  /** What it is answered with. */
  result: R;
}

/** The types of one stream. */
export interface StreamTypes<P, R, O, E> extends CallTypes<P, R> {
  /** `info` of `stream.open`; undefined where it has none. */
  open: O;
  /** Its events; never where it has none. */
  event: E;
}

/** Params and result of every call. */
export interface CallMethods {
  /** The backends of this node and what they can do. */
  "backend.list": CallTypes<NoParams, BackendList>;
  /** Save what a workspace is: its files, git's state, and its machine's own filesystem. */
  "checkpoint.create": CallTypes<CheckpointCreateParams, CheckpointResult>;
  /** Make a new workspace that begins as another one is, or as a checkpoint of it. */
  "checkpoint.fork": CallTypes<CheckpointForkParams, LifecycleResult>;
  /** The checkpoints of the workspaces that the identity can see. */
  "checkpoint.list": CallTypes<CheckpointListParams, CheckpointList>;
  /** Remove a checkpoint and everything that it holds. */
  "checkpoint.remove": CallTypes<CheckpointRemoveParams, CheckpointResult>;
  /** Bring a workspace back to what it was at a checkpoint. */
  "checkpoint.restore": CallTypes<CheckpointRestoreParams, CheckpointRestored>;
  /** The configuration in force, with provenance. */
  "config.get": CallTypes<ConfigGetParams, ConfigValues>;
  /** Check a configuration without using it. */
  "config.validate": CallTypes<ConfigValidateParams, ConfigValidated>;
  /** One process. */
  "exec.get": CallTypes<ExecGetParams, Process>;
  /** The processes of a workspace. */
  "exec.list": CallTypes<ExecListParams, ExecList>;
  /** Forget an ended process and its output. */
  "exec.remove": CallTypes<ExecRemoveParams, Empty>;
  /** Resize a terminal. */
  "exec.resize": CallTypes<ExecResizeParams, Process>;
  /** Run a command to its end and return its output. */
  "exec.run": CallTypes<ExecRunParams, ExecRunResult>;
  /** Send a signal. */
  "exec.signal": CallTypes<ExecSignalParams, Process>;
  /** Start a command; it outlives the connection. */
  "exec.start": CallTypes<ExecStartParams, Process>;
  /** Wait until a process ends. */
  "exec.wait": CallTypes<ExecWaitParams, Process>;
  /** Change permission bits. */
  "fs.chmod": CallTypes<FsChmodParams, FileInfo>;
  /** Copy a file or directory. */
  "fs.copy": CallTypes<FsCopyParams, FileInfo>;
  /** Apply replacements or a unified diff to a text file, all or nothing. */
  "fs.edit": CallTypes<FsEditParams, FsEdited>;
  /** Paths that match a pattern. */
  "fs.glob": CallTypes<FsGlobParams, FsGlobbed>;
  /** Entries of a directory. */
  "fs.list": CallTypes<FsListParams, FsListing>;
  /** Make a directory. */
  "fs.mkdir": CallTypes<FsMkdirParams, FileInfo>;
  /** Content of a file, whole or a window of it. */
  "fs.read": CallTypes<FsReadParams, FileContent>;
  /** Remove a file, link or directory. */
  "fs.remove": CallTypes<FsRemoveParams, FsRemoved>;
  /** Rename or move an entry. */
  "fs.rename": CallTypes<FsRenameParams, FileInfo>;
  /** What is known of an entry. */
  "fs.stat": CallTypes<FsStatParams, FileInfo>;
  /** Make a symbolic link. */
  "fs.symlink": CallTypes<FsSymlinkParams, FileInfo>;
  /** Replace a file atomically: temporary file, fsync, rename. */
  "fs.write": CallTypes<FsWriteParams, FileInfo>;
  /** List branches; make, check out or delete one. */
  "git.branch": CallTypes<GitBranchParams, GitBranches>;
  /** Commit changes. */
  "git.commit": CallTypes<GitCommitParams, GitCommit>;
  /** What changed. */
  "git.diff": CallTypes<GitDiffParams, GitDiff>;
  /** Commits. */
  "git.log": CallTypes<GitLogParams, GitLog>;
  /** Where the worktree stands. */
  "git.status": CallTypes<GitStatusParams, GitStatus>;
  /** Fetch, take and send commits. A conflict leaves the worktree as it was. */
  "git.sync": CallTypes<GitSyncParams, GitSynced>;
  /** Cancel an operation: the step under way ends, then everything is undone. */
  "operation.cancel": CallTypes<OperationGetParams, Operation>;
  /** One operation. */
  "operation.get": CallTypes<OperationGetParams, Operation>;
  /** Operations of the workspaces that the identity can see. */
  "operation.list": CallTypes<OperationListParams, OperationList>;
  /** Wait until an operation ends. */
  "operation.wait": CallTypes<OperationWaitParams, Operation>;
  /** What listens in the workspace, and what is allocated to it. */
  "port.list": CallTypes<PortListParams, PortList>;
  /** The schema as an OpenRPC document. */
  "rpc.discover": CallTypes<NoParams, DiscoverResult>;
  /** What the server announced in session.ready. */
  "session.info": CallTypes<NoParams, SessionReady>;
  /** Answer at once. */
  "session.ping": CallTypes<NoParams, SessionPong>;
  /** Renew the identity of this connection in place. */
  "session.refresh": CallTypes<SessionRefreshParams, SessionRefreshed>;
  /** Take no new work, let calls in flight end, then exit. */
  "system.drain": CallTypes<SystemDrainParams, Empty>;
  /** Whether the daemon is well. */
  "system.health": CallTypes<NoParams, SystemHealth>;
  /** What the daemon is and does. */
  "system.info": CallTypes<NoParams, SystemInfo>;
  /** Make a token. It cannot grant more than its maker holds. */
  "token.create": CallTypes<TokenCreateParams, TokenCreated>;
  /** Tokens that this identity may manage. */
  "token.list": CallTypes<NoParams, TokenList>;
  /** Revoke a token; live connections that use it close within five seconds. */
  "token.revoke": CallTypes<TokenRevokeParams, TokenInfo>;
  /** Create a workspace from a repository, on a branch and worktree of its own. */
  "workspace.create": CallTypes<WorkspaceCreateParams, LifecycleResult>;
  /** Take a workspace down: processes, ports, worktree, and a branch that holds nothing of its own. */
  "workspace.destroy": CallTypes<WorkspaceDestroyParams, WorkspaceDestroyed>;
  /** One workspace. */
  "workspace.get": CallTypes<WorkspaceGetParams, Workspace>;
  /** The workspaces that the identity can see. */
  "workspace.list": CallTypes<WorkspaceListParams, WorkspaceList>;
  /** Freeze a workspace's processes where they stand. */
  "workspace.pause": CallTypes<WorkspaceChangeParams, LifecycleResult>;
  /** Stop, then start. */
  "workspace.restart": CallTypes<WorkspaceChangeParams, LifecycleResult>;
  /** Let a paused workspace go on. */
  "workspace.resume": CallTypes<WorkspaceChangeParams, LifecycleResult>;
  /** Start a workspace; already running is success. */
  "workspace.start": CallTypes<WorkspaceChangeParams, LifecycleResult>;
  /** What a workspace uses now. */
  "workspace.stats": CallTypes<WorkspaceGetParams, WorkspaceStatsResult>;
  /** Stop a workspace: its processes are asked to end, then killed; files stay. */
  "workspace.stop": CallTypes<WorkspaceChangeParams, LifecycleResult>;
  /** Make a workspace the current one of its repository: start or resume it, and leave the former one. */
  "workspace.switch": CallTypes<WorkspaceSwitchParams, LifecycleResult>;
  /** Change a workspace's record. */
  "workspace.update": CallTypes<WorkspaceUpdateParams, Workspace>;
}

/** Params, result, `info` of `stream.open` and events of every stream. */
export interface StreamMethods {
  /** Follow a process's output from an offset, and write to its stdin. */
  "exec.attach": StreamTypes<ExecAttachParams, ExecExit, ExecAttachOpen, never>;
  /** Stream a file's bytes on channel 1; the offset is the position in the file. */
  "fs.download": StreamTypes<FsDownloadParams, FsDownloaded, FsDownloadOpen, never>;
  /** Search the content of files; matches stream as they are found. */
  "fs.search": StreamTypes<FsSearchParams, FsSearched, undefined, FsSearchEvent>;
  /** Receive a file's bytes on channel 0; EOF puts the file in place atomically. */
  "fs.upload": StreamTypes<FsUploadParams, FsUploaded, FsUploadOpen, never>;
  /** Follow changes below a path, in folders created later too. */
  "fs.watch": StreamTypes<FsWatchParams, Empty, FsWatchOpen, FsWatchEvent>;
  /** One TCP connection to a port of the workspace: channel 0 up, channel 1 down; either half closes alone. */
  "port.forward": StreamTypes<PortForwardParams, PortForwarded, PortForwardOpen, never>;
  /** Follow changes of workspaces. */
  "workspace.watch": StreamTypes<WorkspaceWatchParams, Empty, undefined, WorkspaceEvent>;
}

/** Name of a call. */
export type CallName = keyof CallMethods;

/** Name of a stream. */
export type StreamName = keyof StreamMethods;

/** What a client needs to know of a method to send it. */
export interface MethodSpec {
  /** `call` is answered, `stream` is answered when the stream ends. */
  readonly kind: "call" | "stream";
  /** First level that has it. */
  readonly since: number;
  /** Whether calling twice is the same as calling once, so that a client may retry by itself. */
  readonly idempotent: boolean;
  /** Whether the params take a `key` that makes a retry safe. */
  readonly keyed: boolean;
  /** Whether the params take `progress`, which asks for `$/progress`. */
  readonly progress: boolean;
  /** Deadline of the call, in milliseconds; null when it has none of its own. */
  readonly timeoutMs: number | null;
}

const spec = (
  kind: MethodSpec["kind"],
  since: number,
  flags: string,
  timeoutMs: number | null,
): MethodSpec => ({
  kind,
  since,
  idempotent: flags.includes("i"),
  keyed: flags.includes("k"),
  progress: flags.includes("p"),
  timeoutMs,
});

/** Every call and stream by its name. */
export const METHODS: ReadonlyMap<string, MethodSpec> = new Map([
  ["backend.list", spec("call", 1, "i", 30000)],
  ["checkpoint.create", spec("call", 2, "kp", 3600000)],
  ["checkpoint.fork", spec("call", 2, "kp", 3600000)],
  ["checkpoint.list", spec("call", 2, "i", 30000)],
  ["checkpoint.remove", spec("call", 2, "kp", 300000)],
  ["checkpoint.restore", spec("call", 2, "kp", 3600000)],
  ["config.get", spec("call", 1, "i", 30000)],
  ["config.validate", spec("call", 1, "i", 30000)],
  ["exec.attach", spec("stream", 1, "i", null)],
  ["exec.get", spec("call", 1, "i", 30000)],
  ["exec.list", spec("call", 1, "i", 30000)],
  ["exec.remove", spec("call", 1, "i", 30000)],
  ["exec.resize", spec("call", 1, "i", 30000)],
  ["exec.run", spec("call", 1, "k", null)],
  ["exec.signal", spec("call", 1, "", 30000)],
  ["exec.start", spec("call", 1, "k", 30000)],
  ["exec.wait", spec("call", 1, "i", null)],
  ["fs.chmod", spec("call", 1, "ik", 30000)],
  ["fs.copy", spec("call", 1, "kp", 600000)],
  ["fs.download", spec("stream", 1, "i", null)],
  ["fs.edit", spec("call", 1, "k", 30000)],
  ["fs.glob", spec("call", 1, "i", 120000)],
  ["fs.list", spec("call", 1, "i", 30000)],
  ["fs.mkdir", spec("call", 1, "k", 30000)],
  ["fs.read", spec("call", 1, "i", 30000)],
  ["fs.remove", spec("call", 1, "k", 300000)],
  ["fs.rename", spec("call", 1, "k", 30000)],
  ["fs.search", spec("stream", 1, "i", null)],
  ["fs.stat", spec("call", 1, "i", 30000)],
  ["fs.symlink", spec("call", 1, "k", 30000)],
  ["fs.upload", spec("stream", 1, "i", null)],
  ["fs.watch", spec("stream", 1, "i", null)],
  ["fs.write", spec("call", 1, "k", 30000)],
  ["git.branch", spec("call", 1, "k", 30000)],
  ["git.commit", spec("call", 1, "k", 120000)],
  ["git.diff", spec("call", 1, "i", 30000)],
  ["git.log", spec("call", 1, "i", 30000)],
  ["git.status", spec("call", 1, "i", 30000)],
  ["git.sync", spec("call", 1, "kp", 600000)],
  ["operation.cancel", spec("call", 1, "i", 30000)],
  ["operation.get", spec("call", 1, "i", 30000)],
  ["operation.list", spec("call", 1, "i", 30000)],
  ["operation.wait", spec("call", 1, "ip", null)],
  ["port.forward", spec("stream", 1, "", null)],
  ["port.list", spec("call", 1, "i", 30000)],
  ["rpc.discover", spec("call", 1, "i", 30000)],
  ["session.info", spec("call", 1, "i", 30000)],
  ["session.ping", spec("call", 1, "i", 30000)],
  ["session.refresh", spec("call", 1, "i", 30000)],
  ["system.drain", spec("call", 1, "i", 30000)],
  ["system.health", spec("call", 1, "i", 30000)],
  ["system.info", spec("call", 1, "i", 30000)],
  ["token.create", spec("call", 1, "", 30000)],
  ["token.list", spec("call", 1, "i", 30000)],
  ["token.revoke", spec("call", 1, "i", 30000)],
  ["workspace.create", spec("call", 1, "kp", 600000)],
  ["workspace.destroy", spec("call", 1, "ikp", 300000)],
  ["workspace.get", spec("call", 1, "i", 30000)],
  ["workspace.list", spec("call", 1, "i", 30000)],
  ["workspace.pause", spec("call", 1, "ikp", 300000)],
  ["workspace.restart", spec("call", 1, "kp", 300000)],
  ["workspace.resume", spec("call", 1, "ikp", 300000)],
  ["workspace.start", spec("call", 1, "ikp", 300000)],
  ["workspace.stats", spec("call", 1, "i", 30000)],
  ["workspace.stop", spec("call", 1, "ikp", 300000)],
  ["workspace.switch", spec("call", 1, "ikp", 300000)],
  ["workspace.update", spec("call", 1, "ik", 30000)],
  ["workspace.watch", spec("stream", 1, "i", null)],
]);
