// Generated from schema/nexus; do not edit.

/**
 * The method table: what a client knows of each method.
 *
 * @module
 */

import type {
  BackendList,
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
export const LEVEL = 1;

/** Params and result of every call. */
export interface CallMethods {
  /** The backends of this node and what they can do. */
  "backend.list": { params: NoParams; result: BackendList };
  /** The configuration in force, with provenance. */
  "config.get": { params: ConfigGetParams; result: ConfigValues };
  /** Check a configuration without using it. */
  "config.validate": { params: ConfigValidateParams; result: ConfigValidated };
  /** One process. */
  "exec.get": { params: ExecGetParams; result: Process };
  /** The processes of a workspace. */
  "exec.list": { params: ExecListParams; result: ExecList };
  /** Forget an ended process and its output. */
  "exec.remove": { params: ExecRemoveParams; result: Empty };
  /** Resize a terminal. */
  "exec.resize": { params: ExecResizeParams; result: Process };
  /** Run a command to its end and return its output. */
  "exec.run": { params: ExecRunParams; result: ExecRunResult };
  /** Send a signal. */
  "exec.signal": { params: ExecSignalParams; result: Process };
  /** Start a command; it outlives the connection. */
  "exec.start": { params: ExecStartParams; result: Process };
  /** Wait until a process ends. */
  "exec.wait": { params: ExecWaitParams; result: Process };
  /** Change permission bits. */
  "fs.chmod": { params: FsChmodParams; result: FileInfo };
  /** Copy a file or directory. */
  "fs.copy": { params: FsCopyParams; result: FileInfo };
  /** Apply replacements or a unified diff to a text file, all or nothing. */
  "fs.edit": { params: FsEditParams; result: FsEdited };
  /** Paths that match a pattern. */
  "fs.glob": { params: FsGlobParams; result: FsGlobbed };
  /** Entries of a directory. */
  "fs.list": { params: FsListParams; result: FsListing };
  /** Make a directory. */
  "fs.mkdir": { params: FsMkdirParams; result: FileInfo };
  /** Content of a file, whole or a window of it. */
  "fs.read": { params: FsReadParams; result: FileContent };
  /** Remove a file, link or directory. */
  "fs.remove": { params: FsRemoveParams; result: FsRemoved };
  /** Rename or move an entry. */
  "fs.rename": { params: FsRenameParams; result: FileInfo };
  /** What is known of an entry. */
  "fs.stat": { params: FsStatParams; result: FileInfo };
  /** Make a symbolic link. */
  "fs.symlink": { params: FsSymlinkParams; result: FileInfo };
  /** Replace a file atomically: temporary file, fsync, rename. */
  "fs.write": { params: FsWriteParams; result: FileInfo };
  /** List branches; make, check out or delete one. */
  "git.branch": { params: GitBranchParams; result: GitBranches };
  /** Commit changes. */
  "git.commit": { params: GitCommitParams; result: GitCommit };
  /** What changed. */
  "git.diff": { params: GitDiffParams; result: GitDiff };
  /** Commits. */
  "git.log": { params: GitLogParams; result: GitLog };
  /** Where the worktree stands. */
  "git.status": { params: GitStatusParams; result: GitStatus };
  /** Fetch, take and send commits. A conflict leaves the worktree as it was. */
  "git.sync": { params: GitSyncParams; result: GitSynced };
  /** Cancel an operation: the step under way ends, then everything is undone. */
  "operation.cancel": { params: OperationGetParams; result: Operation };
  /** One operation. */
  "operation.get": { params: OperationGetParams; result: Operation };
  /** Operations of the workspaces that the identity can see. */
  "operation.list": { params: OperationListParams; result: OperationList };
  /** Wait until an operation ends. */
  "operation.wait": { params: OperationWaitParams; result: Operation };
  /** What listens in the workspace, and what is allocated to it. */
  "port.list": { params: PortListParams; result: PortList };
  /** The schema as an OpenRPC document. */
  "rpc.discover": { params: NoParams; result: DiscoverResult };
  /** What the server announced in session.ready. */
  "session.info": { params: NoParams; result: SessionReady };
  /** Answer at once. */
  "session.ping": { params: NoParams; result: SessionPong };
  /** Renew the identity of this connection in place. */
  "session.refresh": { params: SessionRefreshParams; result: SessionRefreshed };
  /** Take no new work, let calls in flight end, then exit. */
  "system.drain": { params: SystemDrainParams; result: Empty };
  /** Whether the daemon is well. */
  "system.health": { params: NoParams; result: SystemHealth };
  /** What the daemon is and does. */
  "system.info": { params: NoParams; result: SystemInfo };
  /** Make a token. It cannot grant more than its maker holds. */
  "token.create": { params: TokenCreateParams; result: TokenCreated };
  /** Tokens that this identity may manage. */
  "token.list": { params: NoParams; result: TokenList };
  /** Revoke a token; live connections that use it close within five seconds. */
  "token.revoke": { params: TokenRevokeParams; result: TokenInfo };
  /** Create a workspace from a repository, on a branch and worktree of its own. */
  "workspace.create": { params: WorkspaceCreateParams; result: LifecycleResult };
  /** Take a workspace down: processes, ports, worktree, and a branch that holds nothing of its own. */
  "workspace.destroy": { params: WorkspaceDestroyParams; result: WorkspaceDestroyed };
  /** One workspace. */
  "workspace.get": { params: WorkspaceGetParams; result: Workspace };
  /** The workspaces that the identity can see. */
  "workspace.list": { params: WorkspaceListParams; result: WorkspaceList };
  /** Freeze a workspace's processes where they stand. */
  "workspace.pause": { params: WorkspaceChangeParams; result: LifecycleResult };
  /** Stop, then start. */
  "workspace.restart": { params: WorkspaceChangeParams; result: LifecycleResult };
  /** Let a paused workspace go on. */
  "workspace.resume": { params: WorkspaceChangeParams; result: LifecycleResult };
  /** Start a workspace; already running is success. */
  "workspace.start": { params: WorkspaceChangeParams; result: LifecycleResult };
  /** What a workspace uses now. */
  "workspace.stats": { params: WorkspaceGetParams; result: WorkspaceStatsResult };
  /** Stop a workspace: its processes are asked to end, then killed; files stay. */
  "workspace.stop": { params: WorkspaceChangeParams; result: LifecycleResult };
  /** Make a workspace the current one of its repository: start or resume it, and leave the former one. */
  "workspace.switch": { params: WorkspaceSwitchParams; result: LifecycleResult };
  /** Change a workspace's record. */
  "workspace.update": { params: WorkspaceUpdateParams; result: Workspace };
}

/** Params, result, `info` of `stream.open` and events of every stream. */
export interface StreamMethods {
  /** Follow a process's output from an offset, and write to its stdin. */
  "exec.attach": { params: ExecAttachParams; result: ExecExit; open: ExecAttachOpen; event: never };
  /** Stream a file's bytes on channel 1; the offset is the position in the file. */
  "fs.download": { params: FsDownloadParams; result: FsDownloaded; open: FsDownloadOpen; event: never };
  /** Search the content of files; matches stream as they are found. */
  "fs.search": { params: FsSearchParams; result: FsSearched; open: undefined; event: FsSearchEvent };
  /** Receive a file's bytes on channel 0; EOF puts the file in place atomically. */
  "fs.upload": { params: FsUploadParams; result: FsUploaded; open: FsUploadOpen; event: never };
  /** Follow changes below a path, in folders created later too. */
  "fs.watch": { params: FsWatchParams; result: Empty; open: FsWatchOpen; event: FsWatchEvent };
  /** One TCP connection to a port of the workspace: channel 0 up, channel 1 down; either half closes alone. */
  "port.forward": { params: PortForwardParams; result: PortForwarded; open: PortForwardOpen; event: never };
  /** Follow changes of workspaces. */
  "workspace.watch": { params: WorkspaceWatchParams; result: Empty; open: undefined; event: WorkspaceEvent };
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
