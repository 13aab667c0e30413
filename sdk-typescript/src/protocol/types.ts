// Generated from schema/nexus; do not edit.

/**
 * The values that cross the wire, one interface per object type of the schema.
 *
 * An optional member is absent when it is not given; `null` appears only where it means something. Moments are RFC
 * 3339 texts, integers stay within 2^53 - 1, bytes are base64. Members that are not known here may be present in what
 * the daemon sends.
 *
 * @module
 */

/** Which checkpoint. */
export interface CheckpointRef {
  /** The id or name as the caller gave it. */
  checkpoint: string;
}

/** What is gone. */
export interface CheckpointMissing {
  /** The checkpoint's id. */
  checkpoint: string;
  /** What of it is missing: `files`, `commit` or `image`. */
  missing: string;
}

/** Whose it is. */
export interface CheckpointElsewhere {
  /** The checkpoint's id. */
  checkpoint: string;
  /** The id of the workspace that it was made of. */
  workspace: string;
}

/** What cannot be saved. */
export interface CheckpointObstacle {
  /** The workspace's id. */
  workspace: string;
  /** Where it is, relative to the worktree; outside of it as the machine's processes see it. */
  path: string;
  /** Why not. */
  reason: string;
}

/**
 * How far a checkpoint is.
 *
 * - `making`: Its operation is under way.
 * - `ready`: It can be restored and forked.
 * - `removed`: Gone; only its record remains.
 *
 * Later daemons may send others.
 */
export type CheckpointState = "making" | "ready" | "removed" | (string & {});

/** What a workspace was at one moment: its files, what git was in the middle of, and its machine's own filesystem. */
export interface Checkpoint {
  /** Its id. */
  id: string;
  /** The id of the workspace that it was made of. */
  workspace: string;
  /** The name of that workspace. */
  workspace_name: string;
  /** How far it is. */
  state: CheckpointState;
  /** A name for people, unique in its workspace. */
  name: string;
  /** What it is for. */
  comment: string;
  /** Whether Nexus made it by itself, before a restore. */
  automatic: boolean;
  /** The backend that ran the workspace. */
  backend: string;
  /** The branch it was on; absent when HEAD was detached. */
  branch?: string;
  /** The commit that HEAD was; absent on a branch without commits. */
  commit?: string;
  /** Files, directories and links in the worktree. */
  files: number;
  /** What was left out because it cannot be kept: sockets, device nodes, other filesystems mounted there. */
  skipped: number;
  /**
   * Bytes that it takes: the copy of the worktree, and of the machine what its image does not share. Filesystems that
   * share blocks (Btrfs, XFS) take less.
   */
  size: number;
  /** When it was asked for. */
  created_at: string;
}

/** A new checkpoint. */
export interface CheckpointCreateParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** A name for people, unique in its workspace; default: `checkpoint` and a number. */
  name?: string;
  /** What it is for. */
  comment?: string;
  /**
   * Answer when done; otherwise at once, with the operation.
   *
   * @defaultValue `true`
   */
  wait?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** A checkpoint and what was done to it. */
export interface CheckpointResult {
  /** The checkpoint now. */
  checkpoint: Checkpoint;
  /** The operation that did it. */
  operation: Operation;
}

/** Which checkpoints. */
export interface CheckpointListParams {
  /** Only those of this workspace; default: of every one that the identity can see. */
  workspace?: string;
  /**
   * At most so many.
   *
   * @defaultValue `100`
   */
  limit?: number;
  /** Continue a list, from `next_cursor`. */
  cursor?: string;
}

/** Checkpoints, newest first. */
export interface CheckpointList {
  /** The checkpoints. */
  checkpoints: Checkpoint[];
  /** There are more; pass this as `cursor`. */
  next_cursor?: string;
}

/** Bring a workspace back to a checkpoint of its own. */
export interface CheckpointRestoreParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The checkpoint's id, or its name. */
  checkpoint: string;
  /**
   * How long processes may take to end by themselves before they are killed.
   *
   * @defaultValue `10000`
   */
  timeout_ms?: number;
  /**
   * Answer when done; otherwise at once, with the operation.
   *
   * @defaultValue `true`
   */
  wait?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** What restoring did. */
export interface CheckpointRestored {
  /** The workspace now. */
  workspace: Workspace;
  /** The operation that did it. */
  operation: Operation;
  /** The checkpoint that was restored. */
  checkpoint: Checkpoint;
  /** What the workspace was until then, saved as a checkpoint of its own. */
  before: Checkpoint;
}

/** Which checkpoint. */
export interface CheckpointRemoveParams {
  /** The checkpoint's id. */
  checkpoint: string;
  /**
   * Answer when done; otherwise at once, with the operation.
   *
   * @defaultValue `true`
   */
  wait?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** A new workspace that begins as another one is, or as a checkpoint of it. Give `checkpoint` or `workspace`. */
export interface CheckpointForkParams {
  /** Id of the checkpoint that it begins as. */
  checkpoint?: string;
  /** Id or name of the workspace that it begins as; its state now is what counts. */
  workspace?: string;
  /** The new workspace's name: lower-case letters, digits, inner hyphens. */
  name: string;
  /** A name for people. */
  display_name?: string;
  /** Added to the environment that the other workspace has. */
  env?: Record<string, string>;
  /** Labels; those of the other workspace are not taken over. */
  labels?: Record<string, string>;
  /** Names of ports to allocate now, besides the standard ones and those that the other workspace has. */
  ports?: string[];
  /**
   * Start it too.
   *
   * @defaultValue `true`
   */
  start?: boolean;
  /**
   * Answer when done; otherwise at once, with the operation.
   *
   * @defaultValue `true`
   */
  wait?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** Which process. */
export interface ProcessRef {
  /** The id as the caller gave it. */
  process: string;
}

/** Which command. */
export interface CommandData {
  /** argv[0], or the directory. */
  command: string;
  /** What the operating system said. */
  reason: string;
}

/** Where the output is. */
export interface OffsetData {
  /** The process. */
  process: string;
  /** The offset that was asked for. */
  offset: number;
  /** The first offset that is kept. */
  earliest: number;
  /** The end of the output so far. */
  end: number;
}

/**
 * What a process is doing.
 *
 * - `running`: It has not ended.
 * - `exited`: It ended by itself or by a signal; `exit` says how.
 * - `lost`: The daemon lost it; its exit code is unknown.
 *
 * Later daemons may send others.
 */
export type ProcessState = "running" | "exited" | "lost" | (string & {});

/**
 * A signal, by name without SIG.
 *
 * - `HUP`: Hang up.
 * - `INT`: Interrupt, as Ctrl-C.
 * - `QUIT`: Quit, as Ctrl-\.
 * - `TERM`: Please end.
 * - `KILL`: End at once; cannot be caught.
 * - `USR1`: User-defined.
 * - `USR2`: User-defined.
 * - `STOP`: Freeze.
 * - `CONT`: Go on.
 * - `WINCH`: The window changed.
 */
export type Signal = "HUP" | "INT" | "QUIT" | "TERM" | "KILL" | "USR1" | "USR2" | "STOP" | "CONT" | "WINCH";

/** A terminal's size. */
export interface PtySize {
  /** Columns. */
  cols: number;
  /** Rows. */
  rows: number;
}

/** A terminal's size now. */
export interface PtyState {
  /** Columns. */
  cols: number;
  /** Rows. */
  rows: number;
}

/** How a process ended. */
export interface ExitStatus {
  /** The exit code; absent where a signal ended it. */
  code?: number;
  /** The signal that ended it, by name without SIG. */
  signal?: string;
  /** Why. */
  reason: ExitReason;
  /** When it was reaped. */
  at: string;
}

/**
 * Why a process ended.
 *
 * - `exited`: It ended by itself, or by a signal from elsewhere.
 * - `signalled`: A caller signalled it.
 * - `timeout`: Its timeout passed.
 * - `stopped`: Its workspace was stopped or destroyed.
 *
 * Later daemons may send others.
 */
export type ExitReason = "exited" | "signalled" | "timeout" | "stopped" | (string & {});

/** A process. */
export interface Process {
  /** Its id. */
  id: string;
  /** The workspace's id. */
  workspace: string;
  /** The command. */
  argv: string[];
  /** Where it started, relative to the workspace's root. */
  cwd: string;
  /** What it is doing. */
  state: ProcessState;
  /** Its process id in the machine, while it runs. */
  pid?: number;
  /** Its terminal's size; absent without a terminal. */
  pty?: PtyState;
  /** Whether its stdin is open. */
  stdin: boolean;
  /** How it ended. */
  exit?: ExitStatus;
  /** The first offset that is kept. */
  output_start: number;
  /** How many bytes it has written, both channels. */
  output_end: number;
  /** Attachments now. */
  attached: number;
  /** Labels. */
  labels: Record<string, string>;
  /** The workspace's incarnation it belongs to. */
  generation: number;
  /** When it started. */
  started_at: string;
}

/** A command to run to its end. */
export interface ExecRunParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The command; not interpreted by a shell. */
  argv: string[];
  /**
   * Where, relative to the workspace's root.
   *
   * @defaultValue `"."`
   */
  cwd?: string;
  /** Added to the workspace's environment. */
  env?: Record<string, string>;
  /** Bytes for its stdin; absent: stdin is closed. */
  input?: string;
  /**
   * After so long the group is killed; 0: never.
   *
   * @defaultValue `600000`
   */
  timeout_ms?: number;
  /**
   * At most so many bytes of each channel are returned: the first half and the last half.
   *
   * @defaultValue `262144`
   */
  output_limit?: number;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** One channel's output. */
export interface OutputText {
  /** The output as UTF-8, invalid bytes replaced; head and tail where it was cut. */
  text: string;
  /** How many bytes were written in all. */
  bytes: number;
  /** How many were left out between head and tail. */
  dropped: number;
}

/** What a command did. */
export interface ExecRunResult {
  /** Its id; its whole output can be attached to while it is kept. */
  process: string;
  /** How it ended. */
  exit: ExitStatus;
  /** What it wrote to stdout. */
  stdout: OutputText;
  /** What it wrote to stderr. */
  stderr: OutputText;
  /** How long it ran. */
  duration_ms: number;
}

/** A command to start. */
export interface ExecStartParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The command; not interpreted by a shell. */
  argv: string[];
  /**
   * Where, relative to the workspace's root.
   *
   * @defaultValue `"."`
   */
  cwd?: string;
  /** Added to the workspace's environment. */
  env?: Record<string, string>;
  /** Give it a terminal of this size. */
  pty?: PtySize;
  /**
   * Keep its stdin open for an attachment; a terminal always has one.
   *
   * @defaultValue `false`
   */
  stdin?: boolean;
  /**
   * After so long the group is killed; 0: never.
   *
   * @defaultValue `0`
   */
  timeout_ms?: number;
  /**
   * How much output is kept on disk, in bytes.
   *
   * @defaultValue `16777216`
   */
  log_limit?: number;
  /** Labels. */
  labels?: Record<string, string>;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** Follow a process. */
export interface ExecAttachParams {
  /** Its id. */
  process: string;
  /**
   * First byte of output wanted. With `tail` ignored.
   *
   * @defaultValue `0`
   */
  offset?: number;
  /** Begin so many bytes before the end, or at the earliest kept. */
  tail?: number;
  /**
   * Whether to control a terminal or stdin.
   *
   * @defaultValue `"auto"`
   */
  role?: AttachRole;
  /**
   * Take control from another attachment.
   *
   * @defaultValue `false`
   */
  takeover?: boolean;
  /**
   * Caller-chosen id. After a lost connection, unread output is held for this id for `hold_ms`; attaching again with
   * it replaces the old attachment.
   */
  attachment?: string;
  /**
   * How long output is held after a lost connection.
   *
   * @defaultValue `60000`
   */
  hold_ms?: number;
  /**
   * Initial credit, in bytes.
   *
   * @defaultValue `262144`
   */
  window?: number;
}

/**
 * What an attachment may do.
 *
 * - `auto`: Controller if there is none, else observer.
 * - `controller`: May write to stdin and resize.
 * - `observer`: Only reads.
 */
export type AttachRole = "auto" | "controller" | "observer";

/** The attachment is in place. */
export interface ExecAttachOpen {
  /** The process now. */
  process: Process;
  /** What this attachment may do. */
  role: AttachRole;
  /** Where output begins. */
  offset: number;
  /** How many bytes of stdin the process has taken; send from here. */
  stdin_offset: number;
  /** Credit for stdin beyond that, in bytes; 0 for an observer. */
  stdin_window: number;
}

/** How the process ended, and where its output ended. */
export interface ExecExit {
  /** The process now. */
  process: Process;
  /** How it ended. */
  exit: ExitStatus;
  /** How many bytes it wrote. */
  output_end: number;
  /** False where a descendant still held the pipe when the wait for it ended. */
  output_complete: boolean;
}

/** Which process. */
export interface ExecGetParams {
  /** Its id. */
  process: string;
}

/** Which processes. */
export interface ExecListParams {
  /** Workspace id, or its name. */
  workspace: string;
  /**
   * Only those that run.
   *
   * @defaultValue `false`
   */
  running?: boolean;
  /** Only those that have all of these labels. */
  labels?: Record<string, string>;
}

/** Processes, newest first. */
export interface ExecList {
  /** The processes. */
  processes: Process[];
}

/** A signal to send. */
export interface ExecSignalParams {
  /** Its id. */
  process: string;
  /**
   * The signal.
   *
   * @defaultValue `"TERM"`
   */
  signal?: Signal;
  /**
   * To the whole group and all descendants; otherwise to the process alone.
   *
   * @defaultValue `true`
   */
  group?: boolean;
}

/** A terminal's new size. */
export interface ExecResizeParams {
  /** Its id. */
  process: string;
  /** The size. */
  size: PtySize;
}

/** Wait for a process. */
export interface ExecWaitParams {
  /** Its id. */
  process: string;
  /**
   * Answer after so long in any case; `exit` is then absent.
   *
   * @defaultValue `300000`
   */
  timeout_ms?: number;
}

/** Forget an ended process. */
export interface ExecRemoveParams {
  /** Its id. */
  process: string;
}

/** Which path. */
export interface PathData {
  /** The path as the caller gave it. */
  path: string;
}

/** Which file and its etag now. */
export interface EtagData {
  /** The path. */
  path: string;
  /** The etag now; empty where the file is gone. */
  etag: string;
}

/** How large. */
export interface SizeData {
  /** The path. */
  path: string;
  /** Its size, in bytes. */
  size: number;
  /** The limit, in bytes. */
  limit: number;
}

/** Which edit. */
export interface EditData {
  /** The path. */
  path: string;
  /** Which edit of the list, from 0. */
  index: number;
  /** How often its text was found. */
  matches: number;
  /** Why it did not apply. */
  reason: string;
}

/** Which pattern. */
export interface PatternData {
  /** The pattern. */
  pattern: string;
  /** What is wrong with it. */
  reason: string;
}

/** What was expected and what came. */
export interface UploadData {
  /** The path. */
  path: string;
  /** The size or checksum that was announced. */
  expected: string;
  /** What was received. */
  actual: string;
}

/** Where events begin. */
export interface CursorData {
  /** The cursor as the caller gave it. */
  cursor: string;
}

/**
 * What an entry is.
 *
 * - `file`: A regular file.
 * - `directory`: A directory.
 * - `symlink`: A symbolic link.
 * - `other`: A FIFO, socket or device; it can be listed and removed, not opened.
 *
 * Later daemons may send others.
 */
export type EntryType = "file" | "directory" | "symlink" | "other" | (string & {});

/** What is known of an entry. */
export interface FileInfo {
  /** Relative to the workspace's root, `.` for the root; absolute where it lies outside. */
  path: string;
  /** The last part of the path. */
  name: string;
  /** What it is. */
  type: EntryType;
  /** Bytes; for a link the length of its target. */
  size: number;
  /** Permission bits. */
  mode: string;
  /** When its content last changed. */
  mtime: string;
  /** Changes whenever the content or identity of the file changes. */
  etag: string;
  /** Owner. */
  uid: number;
  /** Group. */
  gid: number;
  /** Where a link points, as written. */
  target?: string;
}

/** Which entry. */
export interface FsStatParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The path. */
  path: string;
  /**
   * Follow a link in the last position.
   *
   * @defaultValue `true`
   */
  follow?: boolean;
}

/** Which directory. */
export interface FsListParams {
  /** Workspace id, or its name. */
  workspace: string;
  /**
   * The directory.
   *
   * @defaultValue `"."`
   */
  path?: string;
  /**
   * How deep; 1 is the directory's own entries.
   *
   * @defaultValue `1`
   */
  depth?: number;
  /**
   * Include names that begin with a dot.
   *
   * @defaultValue `true`
   */
  hidden?: boolean;
  /**
   * Leave out what .gitignore excludes, and .git.
   *
   * @defaultValue `false`
   */
  gitignore?: boolean;
  /**
   * At most so many entries.
   *
   * @defaultValue `1000`
   */
  limit?: number;
  /** Continue a list, from `next_cursor`. */
  cursor?: string;
}

/** Entries of a directory, ordered by path. */
export interface FsListing {
  /** The entries. */
  entries: FileInfo[];
  /** There are more; pass this as `cursor`. */
  next_cursor?: string;
}

/**
 * How bytes travel in JSON.
 *
 * - `utf-8`: As text; the bytes must be UTF-8.
 * - `base64`: As base64.
 */
export type Encoding = "utf-8" | "base64";

/** What to read. Give a byte range or a line window, not both. */
export interface FsReadParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The file. */
  path: string;
  /**
   * How to answer.
   *
   * @defaultValue `"utf-8"`
   */
  encoding?: Encoding;
  /** First byte, from 0. */
  offset?: number;
  /** At most so many bytes. */
  length?: number;
  /** First line, from 1. */
  line?: number;
  /** At most so many lines. */
  lines?: number;
}

/** Content of a file. */
export interface FileContent {
  /** The file. */
  path: string;
  /** How `content` is encoded. */
  encoding: Encoding;
  /** The bytes asked for. */
  content: string;
  /** Position of the first byte. */
  offset: number;
  /** Size of the whole file, in bytes. */
  size: number;
  /** The file's etag. */
  etag: string;
  /** The first line's number, for a line window. */
  line?: number;
  /** How many lines `content` holds, for a line window. */
  lines?: number;
  /** How many lines the file has, for a line window. */
  total_lines?: number;
  /** Whether the file goes on after `content`. */
  truncated: boolean;
}

/** What to write. The file is replaced as a whole, atomically. */
export interface FsWriteParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The file. */
  path: string;
  /** The content. */
  content: string;
  /**
   * How `content` is encoded.
   *
   * @defaultValue `"utf-8"`
   */
  encoding?: Encoding;
  /** Permission bits; default: those of the file replaced, else 644. */
  mode?: string;
  /** Only if the file's etag is this; empty: only if there is no file. */
  if_match?: string;
  /**
   * Make missing directories.
   *
   * @defaultValue `false`
   */
  parents?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** Changes to one text file, all or nothing. Give `edits` or `diff`. */
export interface FsEditParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The file. */
  path: string;
  /** Replacements, applied in order. */
  edits?: FsEdit[];
  /** A unified diff of this one file. */
  diff?: string;
  /** Only if the file's etag is this. */
  if_match?: string;
  /**
   * Check only.
   *
   * @defaultValue `false`
   */
  dry_run?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** One replacement of exactly matching text. */
export interface FsEdit {
  /** The text to find. */
  old: string;
  /** The text to put there. */
  new: string;
  /**
   * Replace every match; otherwise there must be exactly one.
   *
   * @defaultValue `false`
   */
  all?: boolean;
}

/** What an edit did. */
export interface FsEdited {
  /** The file now. */
  info: FileInfo;
  /** How many places changed. */
  replacements: number;
  /** What changed, as a unified diff. */
  diff: string;
}

/** A directory to make. */
export interface FsMkdirParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The directory. */
  path: string;
  /**
   * Make missing parents; an existing directory is then success.
   *
   * @defaultValue `false`
   */
  parents?: boolean;
  /**
   * Permission bits.
   *
   * @defaultValue `"755"`
   */
  mode?: string;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** What to remove. */
export interface FsRemoveParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The entry; a link is removed, not followed. */
  path: string;
  /**
   * Remove a directory with all it holds.
   *
   * @defaultValue `false`
   */
  recursive?: boolean;
  /**
   * Nothing there is success.
   *
   * @defaultValue `false`
   */
  missing_ok?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** What was removed. */
export interface FsRemoved {
  /** How many entries. */
  removed: number;
}

/** What to rename or move. */
export interface FsRenameParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The entry; a link itself is moved. */
  source: string;
  /** Its new path. */
  target: string;
  /**
   * Replace a file that is there.
   *
   * @defaultValue `false`
   */
  overwrite?: boolean;
  /**
   * Make missing directories.
   *
   * @defaultValue `false`
   */
  parents?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** What to copy. */
export interface FsCopyParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The entry. */
  source: string;
  /** The path of the copy. */
  target: string;
  /**
   * Copy a directory with all it holds; links are copied as links.
   *
   * @defaultValue `false`
   */
  recursive?: boolean;
  /**
   * Replace files that are there.
   *
   * @defaultValue `false`
   */
  overwrite?: boolean;
  /**
   * Make missing directories.
   *
   * @defaultValue `false`
   */
  parents?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** New permission bits. */
export interface FsChmodParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The entry; links are followed inside the workspace. */
  path: string;
  /** Permission bits. */
  mode: string;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** A link to make. */
export interface FsSymlinkParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The link. */
  path: string;
  /** Where it points; must stay inside the workspace. */
  target: string;
  /**
   * Replace a link that is there.
   *
   * @defaultValue `false`
   */
  overwrite?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** Which paths to find. */
export interface FsGlobParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** `*`, `?`, `[…]` and `**`, relative to `path`. */
  pattern: string;
  /**
   * Where to begin.
   *
   * @defaultValue `"."`
   */
  path?: string;
  /**
   * Leave out what .gitignore excludes, and .git.
   *
   * @defaultValue `true`
   */
  gitignore?: boolean;
  /**
   * At most so many.
   *
   * @defaultValue `1000`
   */
  limit?: number;
}

/** Paths that match, in order. */
export interface FsGlobbed {
  /** Relative to the workspace's root; absolute where it lies outside. */
  paths: string[];
  /** Whether there are more. */
  truncated: boolean;
}

/** What to search for in the content of files. */
export interface FsSearchParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** What to find. */
  pattern: string;
  /**
   * Whether the pattern is a regular expression.
   *
   * @defaultValue `false`
   */
  regex?: boolean;
  /**
   * Whether case is ignored.
   *
   * @defaultValue `false`
   */
  ignore_case?: boolean;
  /**
   * Only whole words.
   *
   * @defaultValue `false`
   */
  word?: boolean;
  /**
   * Where to begin.
   *
   * @defaultValue `"."`
   */
  path?: string;
  /** Only paths that match one of these globs. */
  include?: string[];
  /** Not paths that match one of these globs. */
  exclude?: string[];
  /**
   * Leave out what .gitignore excludes, and .git.
   *
   * @defaultValue `true`
   */
  gitignore?: boolean;
  /**
   * Lines around a match.
   *
   * @defaultValue `0`
   */
  context?: number;
  /**
   * At most so many matches.
   *
   * @defaultValue `1000`
   */
  limit?: number;
  /**
   * Initial credit, in events.
   *
   * @defaultValue `256`
   */
  window?: number;
}

/** One match. */
export interface FsMatch {
  /** Tells the variants apart. */
  kind: "match";
  /** The file. */
  path: string;
  /** The line's number, from 1. */
  line: number;
  /** The match's first character in the line, from 1. */
  column: number;
  /** The line, cut at 2,000 characters. */
  text: string;
  /** Lines before it. */
  before: string[];
  /** Lines after it. */
  after: string[];
}

/** How far the search is. */
export interface FsSearchProgress {
  /** Tells the variants apart. */
  kind: "progress";
  /** Files looked at. */
  files: number;
}

/** Something a search found. */
export type FsSearchEvent = FsMatch | FsSearchProgress;

/** What a search did. */
export interface FsSearched {
  /** Files looked at. */
  files: number;
  /** Matches sent. */
  matches: number;
  /** Files left out as binary, too large or unreadable. */
  skipped: number;
  /** Whether there are more. */
  truncated: boolean;
}

/** What to watch. */
export interface FsWatchParams {
  /** Workspace id, or its name. */
  workspace: string;
  /**
   * File or directory.
   *
   * @defaultValue `"."`
   */
  path?: string;
  /**
   * Whether directories below are watched too.
   *
   * @defaultValue `true`
   */
  recursive?: boolean;
  /**
   * Leave out what .gitignore excludes, and .git.
   *
   * @defaultValue `true`
   */
  gitignore?: boolean;
  /** Continue after this cursor. */
  cursor?: string;
  /**
   * Initial credit, in events.
   *
   * @defaultValue `256`
   */
  window?: number;
}

/** The watch is in place: later changes are reported. */
export interface FsWatchOpen {
  /** Where the watch begins. */
  cursor: string;
  /** Whether it continues after the given cursor without a gap. */
  resumed: boolean;
}

/**
 * What happened to an entry.
 *
 * - `created`: It appeared.
 * - `modified`: Its content or attributes changed.
 * - `deleted`: It went away.
 *
 * Later daemons may send others.
 */
export type ChangeType = "created" | "modified" | "deleted" | (string & {});

/** An entry changed. */
export interface FsChange {
  /** Tells the variants apart. */
  kind: "change";
  /** Relative to the workspace's root; absolute where it lies outside. */
  path: string;
  /** What happened, after coalescing. */
  change: ChangeType;
}

/** Changes were missed; list again. */
export interface FsOverflow {
  /** Tells the variants apart. */
  kind: "overflow";
  /** Why. */
  reason: string;
}

/** What happened in the watched tree. */
export type FsWatchEvent = FsChange | FsOverflow;

/** Which file to stream. */
export interface FsDownloadParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The file. */
  path: string;
  /**
   * First byte.
   *
   * @defaultValue `0`
   */
  offset?: number;
  /** At most so many bytes. */
  length?: number;
  /** Only if the file's etag is this. */
  if_match?: string;
  /**
   * Initial credit, in bytes.
   *
   * @defaultValue `1048576`
   */
  window?: number;
}

/** What is coming. */
export interface FsDownloadOpen {
  /** The file. */
  info: FileInfo;
  /** How many bytes will come. */
  length: number;
}

/** The file arrived whole. */
export interface FsDownloaded {
  /** The file. */
  info: FileInfo;
  /** Checksum of the bytes sent, in hex. */
  sha256?: string;
}

/** A file to receive. The file is replaced as a whole, when all bytes have come. */
export interface FsUploadParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The file. */
  path: string;
  /** Caller-chosen id of this upload; the same id resumes it. */
  upload: string;
  /** How many bytes will come. */
  size?: number;
  /** Their checksum. */
  sha256?: string;
  /** Permission bits; default: those of the file replaced, else 644. */
  mode?: string;
  /** Only if the file's etag is this; empty: only if there is no file. */
  if_match?: string;
  /**
   * Make missing directories.
   *
   * @defaultValue `false`
   */
  parents?: boolean;
}

/** The upload may begin. */
export interface FsUploadOpen {
  /** How many bytes are there already; continue from here. */
  offset: number;
  /** The initial grant of credit beyond `offset`, in bytes. */
  window: number;
}

/** The file is in place. */
export interface FsUploaded {
  /** The file. */
  info: FileInfo;
}

/** Which repository. */
export interface RepositoryData {
  /** The path or URL, without credentials. */
  url: string;
  /** What git said. */
  reason: string;
}

/** Which ref. */
export interface RefData {
  /** The branch, tag or commit. */
  ref: string;
}

/** Where. */
export interface ConflictData {
  /** The files in conflict. */
  files: string[];
}

/** What git said. */
export interface GitFailure {
  /** The git subcommand. */
  command: string;
  /** Its last lines. */
  reason: string;
}

/** Which workspace. */
export interface GitStatusParams {
  /** Workspace id, or its name. */
  workspace: string;
}

/**
 * What happened to a file, compared with the index or HEAD.
 *
 * - `unmodified`: Nothing.
 * - `modified`: Changed.
 * - `added`: New.
 * - `deleted`: Gone.
 * - `renamed`: Moved.
 * - `copied`: Copied.
 * - `typechange`: Became another kind of entry.
 * - `unmerged`: In conflict.
 * - `untracked`: Not known to git.
 *
 * Later daemons may send others.
 */
export type GitFileState =
  | "unmodified"
  | "modified"
  | "added"
  | "deleted"
  | "renamed"
  | "copied"
  | "typechange"
  | "unmerged"
  | "untracked"
  | (string & {});

/** One changed file. */
export interface GitFile {
  /** The path. */
  path: string;
  /** Where it was, for a rename or copy. */
  original?: string;
  /** In the index, compared with HEAD. */
  index: GitFileState;
  /** In the worktree, compared with the index. */
  worktree: GitFileState;
}

/** Where a worktree stands. */
export interface GitStatus {
  /** The branch; absent when detached. */
  branch?: string;
  /** HEAD's commit; absent before the first. */
  commit?: string;
  /** The branch it follows. */
  upstream?: string;
  /** Commits the upstream does not have. */
  ahead: number;
  /** Commits only the upstream has. */
  behind: number;
  /** Changed files, at most 10,000. */
  files: GitFile[];
  /** Whether there are more. */
  truncated: boolean;
  /** Whether nothing is changed. */
  clean: boolean;
}

/** What to compare. */
export interface GitDiffParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** Compare with this commit; default: the index, or HEAD with `staged`. */
  base?: string;
  /**
   * What would be committed.
   *
   * @defaultValue `false`
   */
  staged?: boolean;
  /**
   * Include new files.
   *
   * @defaultValue `true`
   */
  untracked?: boolean;
  /** Only these. */
  paths?: string[];
  /**
   * Lines around a change.
   *
   * @defaultValue `3`
   */
  context?: number;
}

/** One file of a diff. */
export interface GitDiffFile {
  /** The path. */
  path: string;
  /** Lines added. */
  added: number;
  /** Lines removed. */
  removed: number;
  /** Whether it is binary. */
  binary: boolean;
}

/** A difference. */
export interface GitDiff {
  /** As a unified diff, at most 512 KiB. */
  diff: string;
  /** Per file. */
  files: GitDiffFile[];
  /** Whether the diff was cut. */
  truncated: boolean;
}

/** Which commits. */
export interface GitLogParams {
  /** Workspace id, or its name. */
  workspace: string;
  /**
   * Where to begin.
   *
   * @defaultValue `"HEAD"`
   */
  ref?: string;
  /** Only commits that touch these. */
  paths?: string[];
  /**
   * At most so many.
   *
   * @defaultValue `50`
   */
  limit?: number;
  /**
   * Leave out the first.
   *
   * @defaultValue `0`
   */
  skip?: number;
}

/** A commit. */
export interface GitCommit {
  /** Its hash. */
  commit: string;
  /** Its parents' hashes. */
  parents: string[];
  /** Who wrote it. */
  author: string;
  /** Their address. */
  email: string;
  /** When it was written. */
  time: string;
  /** The first line. */
  subject: string;
  /** The rest. */
  body: string;
}

/** Commits, newest first. */
export interface GitLog {
  /** The commits. */
  commits: GitCommit[];
  /** Whether there are more. */
  truncated: boolean;
}

/** What to commit. */
export interface GitCommitParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The message. */
  message: string;
  /** Only these; default with `all`: everything. */
  paths?: string[];
  /**
   * Stage every change first, new files too; otherwise commit the index.
   *
   * @defaultValue `true`
   */
  all?: boolean;
  /** `Name <address>`. */
  author?: string;
  /**
   * Replace the last commit.
   *
   * @defaultValue `false`
   */
  amend?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** Branches of the repository; with `create`, `switch` or `delete` one is changed first. */
export interface GitBranchParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** Make a branch of this name. */
  create?: string;
  /** Where the new branch begins; default HEAD. */
  start?: string;
  /** Check out this branch. */
  switch?: string;
  /** Delete this merged branch. */
  delete?: string;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** A branch. */
export interface GitBranch {
  /** Its name. */
  name: string;
  /** Where it points. */
  commit: string;
  /** Whether it is checked out here. */
  current: boolean;
  /** Whether it is a remote-tracking branch. */
  remote: boolean;
  /** What it follows. */
  upstream?: string;
}

/** Branches. */
export interface GitBranches {
  /** The branches. */
  branches: GitBranch[];
}

/** Exchange commits with a remote. */
export interface GitSyncParams {
  /** Workspace id, or its name. */
  workspace: string;
  /**
   * The remote.
   *
   * @defaultValue `"origin"`
   */
  remote?: string;
  /**
   * How to take theirs.
   *
   * @defaultValue `"rebase"`
   */
  pull?: SyncMode;
  /**
   * Send ours, to the branch of the same name.
   *
   * @defaultValue `false`
   */
  push?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/**
 * How to take a remote's commits.
 *
 * - `none`: Only fetch.
 * - `ff`: Only if nothing of ours is in the way.
 * - `rebase`: Put ours on top.
 * - `merge`: Make a merge commit.
 */
export type SyncMode = "none" | "ff" | "rebase" | "merge";

/** What an exchange did. */
export interface GitSynced {
  /** Where the worktree stands now. */
  status: GitStatus;
  /** Whether a fetch was made. */
  fetched: boolean;
  /** Commits taken. */
  pulled: number;
  /** Commits sent. */
  pushed: number;
}

/** Which operation. */
export interface OperationRef {
  /** The id as the caller gave it. */
  operation: string;
}

/**
 * How far an operation is.
 *
 * - `running`: Under way.
 * - `done`: It succeeded.
 * - `failed`: A step failed; what was done was undone where it could be.
 * - `cancelled`: It was cancelled and undone.
 *
 * Later daemons may send others.
 */
export type OperationState = "running" | "done" | "failed" | "cancelled" | (string & {});

/** One step of an operation. */
export interface OperationStep {
  /** The step's name. */
  name: string;
  /** How far it is. */
  state: StepState;
  /** When it began. */
  started_at?: string;
  /** When it ended. */
  ended_at?: string;
}

/**
 * How far a step is.
 *
 * - `waiting`: Not begun.
 * - `running`: Under way.
 * - `done`: Done.
 * - `failed`: Failed.
 * - `undone`: Its compensation ran.
 *
 * Later daemons may send others.
 */
export type StepState = "waiting" | "running" | "done" | "failed" | "undone" | (string & {});

/** Why an operation failed, as the call would have said it. */
export interface OperationError {
  /** The error's number. */
  code: number;
  /** The error's name. */
  name: string;
  /** What happened. */
  message: string;
  /** What to try. */
  hint: string;
  /** The error's typed data. */
  details?: unknown;
}

/** A lifecycle change. */
export interface Operation {
  /** Its id. */
  id: string;
  /** The verb: create, start, stop, pause, resume, restart, switch, destroy, checkpoint, restore, fork, forget. */
  kind: string;
  /** The workspace's id. */
  workspace: string;
  /** How far it is. */
  state: OperationState;
  /** Its steps, in order. */
  steps: OperationStep[];
  /** What is being done, for a person. */
  message: string;
  /** Why it failed. */
  error?: OperationError;
  /** When it was accepted. */
  created_at: string;
  /** When it ended. */
  ended_at?: string;
}

/** Which operation. */
export interface OperationGetParams {
  /** Its id. */
  operation: string;
}

/** Which operations. */
export interface OperationListParams {
  /** Only those of this workspace. */
  workspace?: string;
  /**
   * Only those under way.
   *
   * @defaultValue `false`
   */
  running?: boolean;
  /**
   * At most so many.
   *
   * @defaultValue `100`
   */
  limit?: number;
}

/** Operations, newest first. */
export interface OperationList {
  /** The operations. */
  operations: Operation[];
}

/** Wait for an operation. */
export interface OperationWaitParams {
  /** Its id. */
  operation: string;
  /**
   * Answer after so long in any case, with the state it then has.
   *
   * @defaultValue `300000`
   */
  timeout_ms?: number;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
}

/** The range. */
export interface PortRange {
  /** First port. */
  start: number;
  /** Last port. */
  end: number;
}

/** Which port. */
export interface PortData {
  /** The port. */
  port: number;
}

/** Which workspace. */
export interface PortListParams {
  /** Workspace id, or its name. */
  workspace: string;
}

/** A port of a workspace. */
export interface ListeningPort {
  /** The port. */
  port: number;
  /** The name it is allocated under. */
  name?: string;
  /** Whether something accepts connections on it. */
  listening: boolean;
  /** The address it is bound to. */
  address?: string;
  /** The process that listens. */
  pid?: number;
  /** Its command's name. */
  command?: string;
}

/** Ports that are allocated to the workspace, and ports its processes listen on. */
export interface PortList {
  /** The ports, in order. */
  ports: ListeningPort[];
}

/** One TCP connection into the workspace. */
export interface PortForwardParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** The port, on the machine's own loopback. */
  port: number;
  /**
   * Initial credit, in bytes.
   *
   * @defaultValue `262144`
   */
  window?: number;
}

/** The connection is made. */
export interface PortForwardOpen {
  /** Credit towards the machine, in bytes. */
  window: number;
}

/** The connection ended. */
export interface PortForwarded {
  /** Bytes to the machine. */
  sent: number;
  /** Bytes from the machine. */
  received: number;
}

/** What was missing. */
export interface ForbiddenData {
  /** The scope that the method needs. */
  scope: string;
  /** The method that was called. */
  method: string;
}

/** Which deadline passed. */
export interface DeadlineData {
  /** The deadline. */
  timeout_ms: number;
}

/** Which limit was reached. */
export interface LimitData {
  /** The limit's name, as in `Limits`. */
  limit: string;
  /** Its value. */
  value: number;
}

/** Which key. */
export interface KeyData {
  /** The key. */
  key: string;
}

/** Where a stream broke. */
export interface StreamData {
  /** The stream's number. */
  stream: number;
  /** What was wrong. */
  reason: string;
}

/** What cannot be done. */
export interface CapabilityData {
  /** The backend. */
  backend: string;
  /** The missing capability. */
  capability: string;
}

/** Where space is missing. */
export interface StorageData {
  /** The directory or file that could not grow. */
  path: string;
}

/** What the server accepts. Counts are per connection unless said otherwise. */
export interface Limits {
  /** Largest text frame, in bytes. */
  max_message: number;
  /** Largest payload of a binary frame, in bytes. */
  max_payload: number;
  /** Calls in flight. */
  max_requests: number;
  /** Open streams. */
  max_streams: number;
  /** Largest `output_limit` of exec.run, in bytes. */
  max_output: number;
  /** Largest answer of fs.read, in bytes. */
  max_read: number;
  /** How often the server pings. */
  ping_interval_ms: number;
}

/** Who the server takes the caller for. */
export interface Identity {
  /** The token's subject, or `uid:<n>` on the Unix socket. */
  subject: string;
  /** Granted scopes; `*` grants all. */
  scopes: string[];
  /** Workspace ids, `*` for all, or `own` for those this subject created. */
  workspaces: string[];
  /** How the identity was established: `jwt` or `peer`. */
  via: string;
}

/** Who is answering. */
export interface ServerInfo {
  /** The server's name, `nexusd`. */
  name: string;
  /** Its version. */
  version: string;
  /** The node's name. */
  node: string;
  /** An id that changes with every start of the daemon. */
  instance: string;
}

/** The first message on every connection. */
export interface SessionReady {
  /** The schema level the server speaks. */
  level: number;
  /** Who is answering. */
  server: ServerInfo;
  /** Optional features of this server. */
  capabilities: string[];
  /** What the server accepts. */
  limits: Limits;
  /** Who the caller is. */
  identity: Identity;
  /** When the identity expires; null for never. */
  expires_at: string | null;
}

/** A new token for the same subject. */
export interface SessionRefreshParams {
  /** The token. */
  token: string;
}

/** The renewed identity. */
export interface SessionRefreshed {
  /** Who the caller is now. */
  identity: Identity;
  /** When it expires; null for never. */
  expires_at: string | null;
}

/** Nothing. */
export type Empty = Record<string, unknown>;

/** No params. */
export type NoParams = Record<string, never>;

/** Answer to a ping. */
export interface SessionPong {
  /** The server's clock. */
  time: string;
}

/** The schema as OpenRPC. */
export interface DiscoverResult {
  /** The OpenRPC document. */
  document: unknown;
}

/** Which call to cancel. */
export interface CancelParams {
  /** The id of the request: an integer or a string. */
  id: unknown;
}

/** How far a call is. */
export interface ProgressParams {
  /** The id of the request. */
  id: unknown;
  /** Units done; never decreases. */
  done: number;
  /** Units in all, when known. */
  total?: number;
  /** What is being done, for a person. */
  message: string;
}

/** A stream is open. */
export interface StreamOpenParams {
  /** The id of the request that opened it. */
  id: unknown;
  /** The stream's number in binary frames. */
  stream: number;
  /** What the method's `stream.open` type says. */
  info?: unknown;
}

/** One event of a stream. */
export interface StreamEventParams {
  /** The stream's number. */
  stream: number;
  /** Where to continue after this event, opaque. */
  cursor?: string;
  /** The event; its type is the method's `stream.event`. */
  event: unknown;
}

/** Why the server is about to close the connection. */
export interface SessionClosingParams {
  /** The close code that follows. */
  code: number;
  /** Why. */
  reason: string;
}

/** One thing that is wrong. */
export interface ConfigProblem {
  /** The file, flag or variable. */
  source: string;
  /** The key. */
  key: string;
  /** The line, in a file. */
  line?: number;
  /** What is wrong. */
  message: string;
  /** What would be right. */
  suggestion?: string;
}

/** All that is wrong. */
export interface ConfigProblems {
  /** The problems. */
  problems: ConfigProblem[];
}

/** What a backend can do. */
export interface Capabilities {
  /** Freeze and thaw. */
  pause: boolean;
  /** Save and restore its state. */
  checkpoint: boolean;
  /** Copy a workspace with its state. */
  fork: boolean;
  /** Whether processes go on while the daemon restarts. */
  survives_daemon: boolean;
  /** none, container or vm: what separates tenants. */
  isolation: string;
  /** Whether each workspace has a loopback of its own. */
  own_network: boolean;
}

/** A backend of this node. */
export interface BackendInfo {
  /** Its name. */
  name: string;
  /** Whether workspaces use it when they do not say. */
  default: boolean;
  /** Whether it can be used now. */
  healthy: boolean;
  /** What is wrong, where it is not healthy. */
  message: string;
  /** What it can do. */
  capabilities: Capabilities;
}

/** The backends of this node. */
export interface BackendList {
  /** The backends. */
  backends: BackendInfo[];
}

/** Which keys. */
export interface ConfigGetParams {
  /** Only keys that begin with this. */
  prefix?: string;
  /** With this repository's project layer. */
  repository?: string;
}

/** One value and where it came from. */
export interface ConfigEntry {
  /** The key, with dots. */
  key: string;
  /** The value; secrets are shown as `***`. */
  value: unknown;
  /** default, or the file, flag or variable that set it. */
  source: string;
  /** What it is for. */
  description: string;
}

/** The configuration in force. */
export interface ConfigValues {
  /** The values, by key. */
  entries: ConfigEntry[];
}

/** A configuration to check. */
export interface ConfigValidateParams {
  /** The YAML text. */
  text: string;
  /**
   * Which layer it is for.
   *
   * @defaultValue `"user"`
   */
  layer?: ConfigLayer;
}

/**
 * The layers of configuration, low to high.
 *
 * - `node`: /etc/nexus/config.yaml
 * - `user`: $NEXUS_HOME/config.yaml
 * - `project`: .nexus/config.yaml in a repository
 */
export type ConfigLayer = "node" | "user" | "project";

/** Whether it is valid. */
export interface ConfigValidated {
  /** Whether it is. */
  valid: boolean;
  /** What is wrong. */
  problems: ConfigProblem[];
}

/** One check. */
export interface HealthCheck {
  /** What was checked. */
  name: string;
  /** Whether it is well. */
  ok: boolean;
  /** What was found. */
  message: string;
}

/** Whether the daemon is well. */
export interface SystemHealth {
  /** Whether all checks are. */
  ok: boolean;
  /** Whether it is shutting down. */
  draining: boolean;
  /** The checks. */
  checks: HealthCheck[];
}

/** What the daemon is and does. */
export interface SystemInfo {
  /** Its version. */
  version: string;
  /** The schema level. */
  level: number;
  /** The node's name. */
  node: string;
  /** Its process id. */
  pid: number;
  /** When it started. */
  started_at: string;
  /** NEXUS_HOME. */
  home: string;
  /** Where it listens. */
  listen: string[];
  /** Workspaces that are not destroyed. */
  workspaces: number;
  /** Processes that run. */
  processes: number;
  /** Connections now. */
  connections: number;
  /** Its resident memory, in bytes. */
  memory: number;
}

/** How to stop. */
export interface SystemDrainParams {
  /**
   * How long calls in flight may take.
   *
   * @defaultValue `30000`
   */
  timeout_ms?: number;
}

/** Which token. */
export interface TokenRef {
  /** The token's id. */
  id: string;
}

/** Which scope. */
export interface ScopeData {
  /** The scope. */
  scope: string;
}

/** A new token. */
export interface TokenCreateParams {
  /** Who it is for. */
  subject: string;
  /** What it may do: scopes of the schema, or `*`. */
  scopes: string[];
  /**
   * Workspace ids, `*`, or `own`.
   *
   * @defaultValue `["own"]`
   */
  workspaces?: string[];
  /**
   * How long it is valid; default 30 days.
   *
   * @defaultValue `2592000000`
   */
  ttl_ms?: number;
  /** What it is for. */
  name?: string;
}

/** A token, without its secret. */
export interface TokenInfo {
  /** Its id, the claim `jti`. */
  id: string;
  /** Who it is for. */
  subject: string;
  /** What it is for. */
  name: string;
  /** What it may do. */
  scopes: string[];
  /** Where. */
  workspaces: string[];
  /** When it was made. */
  created_at: string;
  /** When it expires. */
  expires_at: string;
  /** When it was revoked. */
  revoked_at?: string;
}

/** A new token. */
export interface TokenCreated {
  /** The token. It is shown once. */
  token: string;
  /** What is known of it. */
  info: TokenInfo;
}

/** Tokens, newest first. */
export interface TokenList {
  /** The tokens. */
  tokens: TokenInfo[];
}

/** Which token. */
export interface TokenRevokeParams {
  /** Its id. */
  id: string;
}

/** Which workspace. */
export interface WorkspaceRef {
  /** The id or name as the caller gave it. */
  workspace: string;
}

/** The state that was in the way. */
export interface WorkspaceStateData {
  /** The workspace's id. */
  workspace: string;
  /** Its state. */
  state: WorkspaceState;
  /** The states in which this is allowed. */
  allowed: WorkspaceState[];
}

/** What it is busy with. */
export interface WorkspaceBusyData {
  /** The workspace's id. */
  workspace: string;
  /** The operation that is running. */
  operation: string;
}

/** Which backend. */
export interface BackendRef {
  /** The backend's name as the caller gave it. */
  backend: string;
}

/** What failed where. */
export interface BackendFailure {
  /** The backend. */
  backend: string;
  /** The step that failed. */
  step: string;
  /** What the backend said. */
  reason: string;
}

/** Which name. */
export interface NameData {
  /** The name as the caller gave it. */
  name: string;
}

/** Work that exists nowhere else. */
export interface WorkspaceKept {
  /** The workspace's id. */
  workspace: string;
  /** Where the worktree is. */
  path: string;
  /** Its branch. */
  branch: string;
  /** Files changed or new and not committed. */
  changed: number;
  /** Commits that no remote and no other branch has. */
  unpushed: number;
  /** The first of the changed files, at most 20. */
  files: string[];
}

/**
 * What a workspace is doing.
 *
 * - `pending`: Being created.
 * - `stopped`: Exists; nothing runs.
 * - `running`: Processes can be started.
 * - `paused`: Processes are frozen.
 * - `error`: A step failed; `message` says which. Start, stop or destroy repair it.
 * - `destroying`: Being taken down.
 * - `destroyed`: Gone; only its record remains.
 *
 * Later daemons may send others.
 */
export type WorkspaceState =
  | "pending"
  | "stopped"
  | "running"
  | "paused"
  | "error"
  | "destroying"
  | "destroyed"
  | (string & {});

/** Where a workspace's code comes from. */
export interface RepositorySource {
  /** A local repository's absolute path, or a URL that git can fetch (https, ssh, git, file). */
  url: string;
  /** Branch, tag or commit to start from; default: the repository's HEAD. */
  ref?: string;
}

/** Where a workspace's code came from. */
export interface Repository {
  /** As given, without credentials. */
  url: string;
  /** The repository on this node. */
  path: string;
  /** What it was started from. */
  ref: string;
  /** The commit it was started from. */
  commit: string;
}

/** One port of a workspace. */
export interface PortMapping {
  /** What it is for. */
  name: string;
  /** The host port that belongs to the workspace. */
  port: number;
}

/** What a workspace uses now. */
export interface ResourceStats {
  /** CPU time used by the processes alive now, in milliseconds. */
  cpu_ms: number;
  /** Resident memory, in bytes. */
  memory: number;
  /** Processes alive, descendants included. */
  processes: number;
  /** Bytes in the worktree; a cached figure, at most a minute old. */
  disk: number;
}

/** A workspace. */
export interface Workspace {
  /** Its id. */
  id: string;
  /** Its name, unique for its owner. */
  name: string;
  /** A name for people. */
  display_name?: string;
  /** The subject that created it. */
  owner: string;
  /** What it is doing. */
  state: WorkspaceState;
  /** What went wrong, in state error; else empty. */
  message: string;
  /** The backend that runs it. */
  backend: string;
  /** Where its code came from. */
  repository: Repository;
  /** Its branch. */
  branch: string;
  /** Where its worktree is, as its processes see it. Absolute paths of file calls are of the same view. */
  root: string;
  /** The worktree on this node. */
  worktree: string;
  /** Ports that belong to it. */
  ports: PortMapping[];
  /** Environment of every process in it. */
  env: Record<string, string>;
  /** Labels. */
  labels: Record<string, string>;
  /** How its machine is made; absent on backends without options. */
  machine?: MachineSettings;
  /** Whether it is the one last switched to in its repository. */
  current: boolean;
  /** Grows with each start; ties processes to one incarnation. */
  generation: number;
  /** When it was created. */
  created_at: string;
  /** When its record last changed. */
  updated_at: string;
  /** When something last ran or was attached in it. */
  last_active_at: string;
  /** The operation that is changing it, if any. */
  operation?: string;
}

/**
 * When an image is fetched from its registry.
 *
 * - `missing`: When this node does not have it.
 * - `always`: Before each creation of the machine.
 * - `never`: Never; an image that is not there is an error.
 */
export type ImagePull = "missing" | "always" | "never";

/**
 * Whom the processes of a machine run as.
 *
 * - `owner`: The user and group that own the worktree, so that files made inside belong to them.
 * - `root`: Root inside the machine, for installing packages; files made in the worktree belong to root.
 */
export type MachineUser = "owner" | "root";

/** How an image is built from files of the worktree. */
export interface ImageBuild {
  /**
   * Directory whose files the build may use, relative to the worktree.
   *
   * @defaultValue `"."`
   */
  context?: string;
  /**
   * The Dockerfile, relative to the context.
   *
   * @defaultValue `"Dockerfile"`
   */
  dockerfile?: string;
  /** The stage to stop at; default: the last. */
  target?: string;
  /** Build arguments. They stay visible in the image: no place for secrets. */
  args?: Record<string, string>;
}

/** How a backend makes a workspace's machine. What a backend cannot do is refused, never ignored. */
export interface MachineOptions {
  /** The image it is made from; default: the configured one. Excludes `build`. */
  image?: string;
  /** Build the image from the worktree. */
  build?: ImageBuild;
  /**
   * When the image is fetched.
   *
   * @defaultValue `"missing"`
   */
  pull?: ImagePull;
  /**
   * Limits by name, from `resources.classes` of the configuration; default: `resources.default`. The limits below
   * win.
   */
  resource_class?: string;
  /** CPUs that it may use at most; fractions are parts of one. */
  cpu?: number;
  /** Memory it may use at most, in bytes, without swap. */
  memory?: number;
  /** Processes and threads it may have at most. */
  pids?: number;
  /** Bytes it may write outside of the worktree. */
  storage?: number;
  /**
   * Its root filesystem cannot be written; /tmp, /run and the home directory are in memory.
   *
   * @defaultValue `false`
   */
  read_only?: boolean;
  /**
   * Whom its processes run as.
   *
   * @defaultValue `"owner"`
   */
  user?: MachineUser;
  /**
   * Whether it reaches other hosts. Its ports are reached from this node either way.
   *
   * @defaultValue `true`
   */
  egress?: boolean;
  /** Port inside by name of an allocated port; default: the same number as on the node. */
  container_ports?: Record<string, number>;
}

/** How a workspace's machine is made, as asked for or configured when it was created. */
export interface MachineSettings {
  /** The image it is made from. */
  image?: string;
  /** The Dockerfile that its image is built from, relative to the worktree. */
  dockerfile?: string;
  /** Limits by name. */
  resource_class?: string;
  /** CPUs that it may use at most. */
  cpu?: number;
  /** Memory it may use at most, in bytes. */
  memory?: number;
  /** Processes and threads it may have at most. */
  pids?: number;
  /** Bytes it may write outside of the worktree. */
  storage?: number;
  /** Whether its root filesystem cannot be written. */
  read_only: boolean;
  /** Whom its processes run as. */
  user: MachineUser;
  /** Whether it reaches other hosts. */
  egress: boolean;
  /** Port inside by name of an allocated port, where it is not the same number. */
  container_ports: Record<string, number>;
}

/** Which option. */
export interface OptionData {
  /** The backend. */
  backend: string;
  /** The option, as in `options`. */
  option: string;
  /** Why it cannot be done. */
  reason: string;
}

/** Which image. */
export interface ImageData {
  /** The image as it was asked for. */
  image: string;
  /** What the engine said. */
  reason: string;
}

/** What failed in a build. */
export interface BuildData {
  /** The Dockerfile, relative to the worktree. */
  dockerfile: string;
  /** The last step that began. */
  step: string;
  /** What the engine said. */
  reason: string;
  /** The end of the build's output, at most 4 KiB. */
  output: string;
}

/** What is in the way. */
export interface MachineConflict {
  /** The backend. */
  backend: string;
  /** The name that both have. */
  name: string;
  /** The backend's id of what is in the way. */
  id: string;
}

/** Which port. */
export interface PortTaken {
  /** The port on this node. */
  port: number;
  /** What it is for. */
  name: string;
}

/** A new workspace. */
export interface WorkspaceCreateParams {
  /** Its name: lower-case letters, digits, inner hyphens. */
  name: string;
  /** Where its code comes from. */
  repository: RepositorySource;
  /** The backend; default: the configured one. */
  backend?: string;
  /** A name for people. */
  display_name?: string;
  /** Environment of every process in it. */
  env?: Record<string, string>;
  /** Labels. */
  labels?: Record<string, string>;
  /** Names of ports to allocate now, besides the standard ones. */
  ports?: string[];
  /** How its machine is made; default: as the backend and the configuration say. */
  options?: MachineOptions;
  /**
   * Start it too.
   *
   * @defaultValue `true`
   */
  start?: boolean;
  /**
   * Answer when done; otherwise at once, with the operation.
   *
   * @defaultValue `true`
   */
  wait?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** What a lifecycle call did. */
export interface LifecycleResult {
  /** The workspace now. */
  workspace: Workspace;
  /** The operation that did it. */
  operation: Operation;
}

/** Which workspace. */
export interface WorkspaceGetParams {
  /** Workspace id, or its name. */
  workspace: string;
}

/** Which workspaces. */
export interface WorkspaceListParams {
  /** Only those of this repository (path or URL). */
  repository?: string;
  /** Only those in this state. */
  state?: WorkspaceState;
  /** Only those that have all of these labels. */
  labels?: Record<string, string>;
  /**
   * Include destroyed ones.
   *
   * @defaultValue `false`
   */
  destroyed?: boolean;
  /**
   * At most so many.
   *
   * @defaultValue `100`
   */
  limit?: number;
  /** Continue a list, from `next_cursor`. */
  cursor?: string;
}

/** Workspaces, newest first. */
export interface WorkspaceList {
  /** The workspaces. */
  workspaces: Workspace[];
  /** There are more; pass this as `cursor`. */
  next_cursor?: string;
}

/** A lifecycle change of one workspace. */
export interface WorkspaceChangeParams {
  /** Workspace id, or its name. */
  workspace: string;
  /**
   * Answer when done; otherwise at once, with the operation.
   *
   * @defaultValue `true`
   */
  wait?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * How long processes may take to end by themselves before they are killed.
   *
   * @defaultValue `10000`
   */
  timeout_ms?: number;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** Make a workspace the current one. */
export interface WorkspaceSwitchParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** What to do with the one left; default: pause where the backend can, else keep. */
  leave?: LeaveMode;
  /**
   * Answer when done.
   *
   * @defaultValue `true`
   */
  wait?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/**
 * What to do with the workspace that is left.
 *
 * - `keep`: Let it run.
 * - `pause`: Freeze its processes.
 * - `stop`: Stop it.
 */
export type LeaveMode = "keep" | "pause" | "stop";

/** Changes to a workspace's record. Absent fields stay. */
export interface WorkspaceUpdateParams {
  /** Workspace id, or its name. */
  workspace: string;
  /** A name for people. */
  display_name?: string;
  /** Replaces the environment; running processes keep theirs. */
  env?: Record<string, string>;
  /** Replaces the labels. */
  labels?: Record<string, string>;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** Take a workspace down. */
export interface WorkspaceDestroyParams {
  /** Workspace id, or its name. */
  workspace: string;
  /**
   * Lose uncommitted and unpushed work.
   *
   * @defaultValue `false`
   */
  force?: boolean;
  /**
   * Keep the branch if it has commits of its own; ignored with force.
   *
   * @defaultValue `true`
   */
  keep_branch?: boolean;
  /**
   * How long processes may take to end by themselves before they are killed.
   *
   * @defaultValue `10000`
   */
  timeout_ms?: number;
  /**
   * Answer when done.
   *
   * @defaultValue `true`
   */
  wait?: boolean;
  /**
   * Send $/progress.
   *
   * @defaultValue `false`
   */
  progress?: boolean;
  /**
   * Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
   */
  key?: string;
}

/** What destroying did. */
export interface WorkspaceDestroyed {
  /** The workspace now. */
  workspace: Workspace;
  /** The operation that did it. */
  operation: Operation;
  /** Work that was kept, and where it is. */
  kept?: WorkspaceKept;
  /** How many checkpoints of it went with it; absent: none. */
  checkpoints?: number;
}

/** What a workspace uses. */
export interface WorkspaceStatsResult {
  /** The figures. */
  stats: ResourceStats;
}

/** Which workspaces to follow. */
export interface WorkspaceWatchParams {
  /** Only this one; default: all that the identity can see. */
  workspace?: string;
  /** Continue after this cursor. */
  cursor?: string;
  /**
   * Initial credit, in events.
   *
   * @defaultValue `256`
   */
  window?: number;
}

/** A workspace's record changed. */
export interface WorkspaceChanged {
  /** Tells the variants apart. */
  kind: "changed";
  /** The workspace now. */
  workspace: Workspace;
}

/** Changes were missed; list again. */
export interface WorkspaceOverflow {
  /** Tells the variants apart. */
  kind: "overflow";
  /** How many at least; 0 where unknown. */
  missed: number;
}

/** A change of a workspace. */
export type WorkspaceEvent = WorkspaceChanged | WorkspaceOverflow;
