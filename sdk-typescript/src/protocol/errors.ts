// Generated from schema/nexus; do not edit.

/**
 * The errors that a daemon answers with.
 *
 * @module
 */

import type {
  BackendFailure,
  BackendRef,
  BuildData,
  CapabilityData,
  CheckpointElsewhere,
  CheckpointMissing,
  CheckpointObstacle,
  CheckpointRef,
  CommandData,
  ConfigProblems,
  ConflictData,
  CursorData,
  DeadlineData,
  EditData,
  EtagData,
  ForbiddenData,
  GitFailure,
  ImageData,
  KeyData,
  LimitData,
  MachineConflict,
  NameData,
  OffsetData,
  OperationRef,
  OptionData,
  PathData,
  PatternData,
  PortData,
  PortRange,
  PortTaken,
  ProcessRef,
  RefData,
  RepositoryData,
  ScopeData,
  SizeData,
  StorageData,
  StreamData,
  TokenRef,
  UploadData,
  WorkspaceBusyData,
  WorkspaceKept,
  WorkspaceRef,
  WorkspaceStateData,
} from "./types.js";

/** What is wrong with the params. */
export interface InvalidParamsDetails {
  /** The offending place, from `$` for the params as a whole: `$.argv[0]`. */
  path: string;
  /** What is wrong there. */
  reason: string;
}

/** Where to look. */
export interface InternalErrorDetails {
  /** Id of the log record that holds the cause, which is not sent. */
  incident?: string;
}

/** Name of each error, and the type of its details; `undefined` where it has none. */
export interface ErrorDetails {
  /** A text frame was not JSON. */
  parse_error: undefined;
  /** A message was not one JSON-RPC 2.0 request or notification. */
  invalid_request: undefined;
  /** There is no such method. */
  method_not_found: undefined;
  /** The params are not what the schema says. */
  invalid_params: InvalidParamsDetails;
  /** The daemon failed; the cause is in its log. */
  internal_error: InternalErrorDetails;
  /** No identity could be established from the token or the socket. */
  unauthenticated: undefined;
  /** The identity lacks the scope that this method needs. */
  forbidden: ForbiddenData;
  /** The call was cancelled by its caller. */
  cancelled: undefined;
  /** The call took longer than its deadline; it may have had an effect. */
  deadline_exceeded: DeadlineData;
  /** A limit of this connection or identity was reached. */
  too_many_requests: LimitData;
  /** Stream methods need the WebSocket endpoint. */
  stream_needs_websocket: undefined;
  /** The key was used before with other params. */
  key_reused: KeyData;
  /** An earlier call with this key was interrupted; whether it had an effect is unknown. */
  outcome_unknown: KeyData;
  /** The daemon is shutting down and takes no new work. */
  draining: undefined;
  /** A stream's frames broke the protocol: a gap, data after its end, or more than was granted. */
  stream_protocol: StreamData;
  /** The workspace's backend cannot do this. */
  capability_missing: CapabilityData;
  /** The disk or quota that this needs is full; nothing was changed. */
  storage_full: StorageData;
  /** A message or a result is over the announced limit. */
  message_too_large: LimitData;
  /** There is no such workspace for this identity. */
  workspace_not_found: WorkspaceRef;
  /** The name is taken. */
  workspace_exists: WorkspaceRef;
  /** The workspace's state does not allow this. */
  workspace_state: WorkspaceStateData;
  /** Another operation is changing this workspace. */
  workspace_busy: WorkspaceBusyData;
  /** Destroying would lose work, which was kept. */
  workspace_dirty: WorkspaceKept;
  /** There is no such backend on this node. */
  backend_not_found: BackendRef;
  /** The backend could not do its part. */
  backend_failed: BackendFailure;
  /** The node's or user's limit of workspaces is reached. */
  limit_workspaces: LimitData;
  /** The name is not a valid name. */
  invalid_name: NameData;
  /** What the backend needs, such as a container engine, does not answer. */
  backend_unavailable: BackendFailure;
  /** The backend cannot do what an option asks for; nothing was made. */
  option_unsupported: OptionData;
  /** The image is not there and cannot be had, or cannot be used. */
  image_unusable: ImageData;
  /** Building the image failed. */
  image_build_failed: BuildData;
  /** Something that Nexus did not make has the name that the workspace's machine needs. */
  machine_conflict: MachineConflict;
  /** Another program on this host listens on a port that belongs to the workspace. */
  port_taken: PortTaken;
  /** There is no such operation for this identity. */
  operation_not_found: OperationRef;
  /** The operation has ended; it cannot be cancelled. */
  operation_done: OperationRef;
  /** There is no such checkpoint for this identity. */
  checkpoint_not_found: CheckpointRef;
  /** The workspace has a checkpoint of this name. */
  checkpoint_exists: CheckpointRef;
  /** The checkpoint was made of another workspace. */
  checkpoint_elsewhere: CheckpointElsewhere;
  /** Something that belongs to the checkpoint is gone; nothing was changed. */
  checkpoint_damaged: CheckpointMissing;
  /** The workspace holds something that cannot be saved; nothing was saved. */
  checkpoint_impossible: CheckpointObstacle;
  /** The workspace has as many checkpoints as it may. */
  limit_checkpoints: LimitData;
  /** There is nothing at this path. */
  path_not_found: PathData;
  /** There is already something at this path. */
  path_exists: PathData;
  /** The path leaves the workspace. */
  path_escapes: PathData;
  /** This is not a usable path: empty, too long, with a NUL byte, or absolute where the workspace has no files. */
  path_invalid: PathData;
  /** A regular file is needed here; this is a directory, device, FIFO or socket. */
  not_a_file: PathData;
  /** A directory is needed here. */
  not_a_directory: PathData;
  /** The directory is not empty. */
  directory_not_empty: PathData;
  /** The operating system refused access. */
  permission_denied: PathData;
  /** The file changed since that etag was read. */
  etag_mismatch: EtagData;
  /** The file or window is larger than this call may return. */
  file_too_large: SizeData;
  /** The bytes are not UTF-8. */
  not_text: PathData;
  /** An edit did not apply; nothing was changed. */
  edit_failed: EditData;
  /** The pattern cannot be compiled. */
  pattern_invalid: PatternData;
  /** The file changed while it was being transferred. */
  file_changed: PathData;
  /** The bytes received do not match the announced size or checksum; nothing was changed. */
  upload_mismatch: UploadData;
  /** Events after this cursor are no longer kept. */
  cursor_expired: CursorData;
  /** The path goes through too many links, or round in a circle. */
  too_many_links: PathData;
  /** There is no such process for this identity. */
  process_not_found: ProcessRef;
  /** The process has ended. */
  process_exited: ProcessRef;
  /** The program cannot be found or executed. */
  command_not_found: CommandData;
  /** The working directory does not exist or leaves the workspace. */
  cwd_invalid: CommandData;
  /** Output at this offset is no longer kept. */
  offset_expired: OffsetData;
  /** The offset lies after the end of the output. */
  offset_invalid: OffsetData;
  /** The process has no terminal. */
  not_a_terminal: ProcessRef;
  /** Another attachment controls this terminal. */
  not_controller: ProcessRef;
  /** Another attachment took over this one. */
  taken_over: ProcessRef;
  /** This observer fell so far behind that output it had not read was dropped. */
  observer_lagged: OffsetData;
  /** The process's stdin was not asked for, or is closed. */
  stdin_closed: ProcessRef;
  /** The operating system could not start the program. */
  spawn_failed: CommandData;
  /** The daemon was killed while this process ran; its exit code is unknown. */
  process_lost: ProcessRef;
  /** The workspace has as many processes as it may. */
  limit_processes: LimitData;
  /** No free port is left in the configured range. */
  ports_exhausted: PortRange;
  /** Nothing accepts connections on this port of the workspace. */
  port_refused: PortData;
  /** This port does not belong to the workspace. */
  port_forbidden: PortData;
  /** The tunnel's connection was lost; TCP cannot be resumed. */
  tunnel_lost: PortData;
  /** The repository cannot be used: not found, not a git repository, or the remote refused. */
  repository_unusable: RepositoryData;
  /** There is no such branch, tag or commit. */
  ref_not_found: RefData;
  /** The branch, or the worktree directory, exists already. */
  branch_exists: RefData;
  /** There is nothing to commit. */
  nothing_to_commit: undefined;
  /** The changes do not merge; nothing was changed. */
  merge_conflict: ConflictData;
  /** The remote refused the push. */
  push_rejected: RefData;
  /** Git failed. */
  git_failed: GitFailure;
  /** Git does not know who commits. */
  identity_missing: undefined;
  /** There is no such token. */
  token_not_found: TokenRef;
  /** There is no such scope, or the caller does not hold it. */
  scope_invalid: ScopeData;
  /** The configuration is not valid. */
  config_invalid: ConfigProblems;
}

/** Name of an error of the schema. */
export type ErrorName = keyof ErrorDetails;

/** One row of the error table. */
export interface ErrorRow {
  /** Number on the wire. Never reused for another meaning. */
  readonly number: number;
  /** Stable name. */
  readonly name: ErrorName;
  /** Whether the same call may succeed later without anything else being changed. */
  readonly retryable: boolean;
  /** What to try next, for a person; may be empty. */
  readonly hint: string;
}

const ROWS: readonly (readonly [number, ErrorName, boolean, string])[] = [
  [-32700, "parse_error", false, "Send exactly one JSON-RPC 2.0 object per text frame, in UTF-8."],
  [-32600, "invalid_request", false, "Send one object with jsonrpc, method and, for a call, id; batches are not supported."],
  [-32601, "method_not_found", false, "rpc.discover lists the methods of this server."],
  [-32602, "invalid_params", false, ""],
  [-32603, "internal_error", false, "Look for the incident in the daemon's log."],
  [1000, "unauthenticated", false, "Pass a token in the Authorization header; `boulder token create` makes one."],
  [1001, "forbidden", false, "Ask for a token with the named scope."],
  [1002, "cancelled", false, ""],
  [1003, "deadline_exceeded", true, "Look at the state of the thing before calling again, or pass a key."],
  [1004, "too_many_requests", true, "Wait for calls in flight to end, then try again."],
  [1005, "stream_needs_websocket", false, "Connect to /rpc with the subprotocol nexus.v1."],
  [1006, "key_reused", false, "Choose a new key for a new request."],
  [1007, "outcome_unknown", false, "Look at the state of the thing, then use a new key."],
  [1008, "draining", true, "Reconnect in a few seconds."],
  [1009, "stream_protocol", false, ""],
  [1010, "capability_missing", false, "`boulder backend list` shows what each backend can do."],
  [1011, "storage_full", true, "Free space, then try again."],
  [1012, "message_too_large", false, "Use a stream method or a smaller window."],
  [2000, "workspace_not_found", false, "`boulder ls` lists the workspaces you can see."],
  [2001, "workspace_exists", false, "Choose another name, or work in the existing workspace."],
  [2002, "workspace_state", false, "Look at `state` and start, resume or repair the workspace first."],
  [2003, "workspace_busy", true, "Wait for that operation: `operation.wait`."],
  [2004, "workspace_dirty", false, "Commit and push, or pass force to lose it."],
  [2005, "backend_not_found", false, "`boulder backend list` lists them."],
  [2006, "backend_failed", true, ""],
  [2007, "limit_workspaces", false, "Destroy a workspace you no longer need."],
  [2008, "invalid_name", false, "Use lower-case letters, digits and inner hyphens, at most 63."],
  [2009, "backend_unavailable", true, "`boulder doctor` and `boulder backend list` say what is missing."],
  [2010, "option_unsupported", false, "Leave the option out, or choose another backend: `boulder backend list`."],
  [2011, "image_unusable", false, "Check its name, and log in to its registry with `docker login` as the user that runs the daemon."],
  [2012, "image_build_failed", false, "`output` ends with what the failing step said."],
  [2013, "machine_conflict", false, "Rename or remove it, then start the workspace again."],
  [2014, "port_taken", true, "End that program, then start the workspace again."],
  [2100, "operation_not_found", false, ""],
  [2101, "operation_done", false, ""],
  [2200, "checkpoint_not_found", false, "`boulder checkpoint list` lists the checkpoints you can see."],
  [2201, "checkpoint_exists", false, "Choose another name, or remove the other checkpoint."],
  [2202, "checkpoint_elsewhere", false, "Make a workspace of it: `checkpoint.fork`."],
  [2203, "checkpoint_damaged", false, "It was removed from outside of Nexus. Remove the checkpoint."],
  [2204, "checkpoint_impossible", false, ""],
  [2205, "limit_checkpoints", false, "Remove one: `checkpoint.remove`."],
  [3000, "path_not_found", false, ""],
  [3001, "path_exists", false, "Pass overwrite, or choose another path."],
  [3002, "path_escapes", false, "Use a path below the workspace's root; links must stay inside too."],
  [3003, "path_invalid", false, ""],
  [3004, "not_a_file", false, ""],
  [3005, "not_a_directory", false, ""],
  [3006, "directory_not_empty", false, "Pass recursive to remove it with all it holds."],
  [3007, "permission_denied", false, ""],
  [3008, "etag_mismatch", false, "Read it again and redo the change."],
  [3009, "file_too_large", false, "Use a range, or fs.download."],
  [3010, "not_text", false, "Ask for encoding base64, or use fs.download."],
  [3011, "edit_failed", false, "Read the file again: the text must match exactly and, without `all`, once."],
  [3012, "pattern_invalid", false, ""],
  [3013, "file_changed", true, "Start the transfer again."],
  [3014, "upload_mismatch", false, ""],
  [3015, "cursor_expired", false, "List again, then watch without a cursor."],
  [3016, "too_many_links", false, ""],
  [4000, "process_not_found", false, "`exec.list` lists the processes of a workspace; records are kept 24 hours after exit."],
  [4001, "process_exited", false, ""],
  [4002, "command_not_found", false, "Check argv[0] and PATH inside the workspace."],
  [4003, "cwd_invalid", false, ""],
  [4004, "offset_expired", false, "Attach from `earliest`; what came before is lost."],
  [4005, "offset_invalid", false, ""],
  [4006, "not_a_terminal", false, "Start it with a pty."],
  [4007, "not_controller", false, "Attach with takeover, or as an observer."],
  [4008, "taken_over", false, ""],
  [4009, "observer_lagged", false, "Attach again from `earliest`."],
  [4010, "stdin_closed", false, ""],
  [4011, "spawn_failed", true, ""],
  [4012, "process_lost", false, ""],
  [4013, "limit_processes", true, "Remove ended ones or wait."],
  [5000, "ports_exhausted", false, "Destroy a workspace, or widen ports.range in the configuration."],
  [5001, "port_refused", true, "Start the server, or look at port.list for what listens."],
  [5002, "port_forbidden", false, "On the host backend a tunnel reaches ports that the workspace's own processes listen on, or that are allocated to it."],
  [5003, "tunnel_lost", false, "Connect again."],
  [6000, "repository_unusable", false, "Check the path or URL, and the credentials git would use on this node."],
  [6001, "ref_not_found", false, ""],
  [6002, "branch_exists", false, "Choose another name, or remove the branch."],
  [6003, "nothing_to_commit", false, ""],
  [6004, "merge_conflict", false, "Resolve by hand in the workspace: boulder shell."],
  [6005, "push_rejected", false, "Sync first, then push again."],
  [6006, "git_failed", false, ""],
  [6007, "identity_missing", false, "Pass author, or set user.name and user.email."],
  [7000, "token_not_found", false, ""],
  [7001, "scope_invalid", false, ""],
  [8000, "config_invalid", false, ""],
];

/** Every error by its number. */
export const ERRORS: ReadonlyMap<number, ErrorRow> = new Map(
  ROWS.map(([number, name, retryable, hint]) => [number, { number, name, retryable, hint }]),
);
