/** A workspace: its lifecycle, and the way to its files, processes, ports and git. */

import { toBase64, utf8 } from "./bytes.js";
import { Checkpoints } from "./checkpoints.js";
import type { Connection } from "./connection.js";
import { ProcessError } from "./errors.js";
import type { FileWatch } from "./events.js";
import { Files, type WatchOptions } from "./files.js";
import { Git } from "./git.js";
import { type CallOptions, type ChangeOptions, type LifecycleOptions, given } from "./options.js";
import { Ports } from "./ports.js";
import { type AttachOptions, type FollowOptions, Process } from "./process.js";
import { Processes, type StartOptions, startParams } from "./processes.js";
import type { CallMethods } from "./protocol/methods.js";
import type {
  CheckpointRestored,
  ExecRunParams,
  LeaveMode,
  Operation,
  PtySize,
  ResourceStats,
  Workspace as WorkspaceRecord,
  WorkspaceDestroyed,
  WorkspaceState,
} from "./protocol/types.js";

const SHELL = ["sh", "-c", 'exec "${SHELL:-/bin/sh}" -l'];
const RUN_MS = 600_000;

/** What a command did that was run to its end. */
export interface RunResult {
  /** Its id; its whole output can be attached to while the daemon keeps it. */
  readonly process: string;
  /** The exit code; null where a signal ended it. */
  readonly exitCode: number | null;
  /** The signal that ended it, by name without SIG, or null. */
  readonly signal: string | null;
  /** `exited`, `signalled`, `timeout` or `stopped`. */
  readonly reason: string;
  /** What it wrote to stdout; head and tail where it was longer than `outputLimit`. */
  readonly stdout: string;
  /** What it wrote to stderr, likewise. */
  readonly stderr: string;
  /** How many bytes were left out between head and tail, both channels. */
  readonly dropped: number;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
}

/** Options of `Workspace.run`. */
export interface RunOptions extends ChangeOptions {
  /** Reject with `ProcessError` when it did not end with exit code 0. Default false. */
  check?: boolean | undefined;
  /** What it reads from stdin, text as UTF-8; without, stdin is closed. */
  input?: string | Uint8Array | undefined;
  /** Where, relative to the workspace's root. Default: the root. */
  cwd?: string | undefined;
  /** Added to the workspace's environment. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds after which it is killed. Default 600,000; `Infinity` for never. */
  killAfterMs?: number | undefined;
  /** At most so many bytes of each channel are returned: the first half and the last half. Default 262,144. */
  outputLimit?: number | undefined;
}

/** Options of `Workspace.exec`. */
export interface ExecOptions extends StartOptions, FollowOptions {
  /** Kill it on `close` before its end, and when the signal is aborted; otherwise it is detached. Default true. */
  killOnClose?: boolean | undefined;
}

type ChangeMethod = "start" | "stop" | "restart" | "pause" | "resume";

/**
 * A workspace of a daemon. Made by `nexus.workspaces`; holds the record as it was last told. It is a handle, and needs
 * no closing: the workspace lives on the daemon until `destroy`.
 */
export class Workspace {
  /** Its files. */
  readonly files: Files;
  /** Its ports. */
  readonly ports: Ports;
  /** Git in its worktree. */
  readonly git: Git;
  /** Its processes, those that others started included. */
  readonly processes: Processes;
  /** What it was, at moments that were saved. */
  readonly checkpoints: Checkpoints;
  readonly #connection: Connection;
  #record: WorkspaceRecord;

  /** @internal */
  constructor(connection: Connection, record: WorkspaceRecord) {
    this.#connection = connection;
    this.#record = record;
    this.files = new Files(connection, record.id);
    this.ports = new Ports(connection, record.id);
    this.git = new Git(connection, record.id);
    this.processes = new Processes(connection, record.id);
    this.checkpoints = new Checkpoints(connection, record.id);
  }

  /** Everything the daemon said of it last; `refresh` asks anew, and every lifecycle call brings it along. */
  get record(): WorkspaceRecord {
    return this.#record;
  }

  /** Its id. */
  get id(): string {
    return this.#record.id;
  }

  /** Its name, unique for its owner. */
  get name(): string {
    return this.#record.name;
  }

  /** What it is doing. */
  get state(): WorkspaceState {
    return this.#record.state;
  }

  /** Its branch. */
  get branch(): string {
    return this.#record.branch;
  }

  /** Where its files are, as its processes see it. */
  get root(): string {
    return this.#record.root;
  }

  // -- lifecycle --

  /** Ask for the record anew, and return this workspace. */
  async refresh(options?: CallOptions): Promise<this> {
    this.#record = await this.#connection.call("workspace.get", { workspace: this.id }, options);
    return this;
  }

  /** Start it; one that runs already is success. */
  start(options?: LifecycleOptions): Promise<Operation> {
    return this.#change("start", options);
  }

  /** Stop it: its processes are asked to end, and killed after `graceMs` (default 10,000). Files and branch stay. */
  stop(options?: LifecycleOptions & { graceMs?: number }): Promise<Operation> {
    return this.#change("stop", options);
  }

  /** Stop it and start it again. */
  restart(options?: LifecycleOptions & { graceMs?: number }): Promise<Operation> {
    return this.#change("restart", options);
  }

  /** Freeze its processes. Rejects with `capability_missing` when its backend cannot. */
  pause(options?: LifecycleOptions): Promise<Operation> {
    return this.#change("pause", options);
  }

  /** Let frozen processes go on. */
  resume(options?: LifecycleOptions): Promise<Operation> {
    return this.#change("resume", options);
  }

  /**
   * Make it the current workspace of its repository, starting or resuming it. `leave` says what to do with the one that
   * is left: by default it is paused where its backend can, else kept.
   */
  async switch(options: LifecycleOptions & { leave?: LeaveMode } = {}): Promise<Operation> {
    const { leave, wait, key, ...call } = options;
    const params = given({ workspace: this.id, leave, wait, key });
    const result = await this.#connection.call("workspace.switch", params, call);
    this.#record = result.workspace;
    return result.operation;
  }

  /** Change the record; what is not given stays. `env` and `labels` replace what was there. */
  async update(
    changes: { displayName?: string; env?: Record<string, string>; labels?: Record<string, string> },
    options: ChangeOptions = {},
  ): Promise<this> {
    const { key, ...call } = options;
    const { displayName, env, labels } = changes;
    const params = given({ workspace: this.id, display_name: displayName, env, labels, key });
    this.#record = await this.#connection.call("workspace.update", params, call);
    return this;
  }

  /**
   * Take it down. Work that exists nowhere else is kept, and the result says where; `force` loses it. The branch is kept
   * if it has commits of its own, unless `keepBranch` is false. Rejects with `workspace_dirty`.
   */
  async destroy(
    options: LifecycleOptions & { force?: boolean; keepBranch?: boolean; graceMs?: number } = {},
  ): Promise<WorkspaceDestroyed> {
    const { force, keepBranch, graceMs, wait, key, ...call } = options;
    const params = given({ workspace: this.id, force, keep_branch: keepBranch, timeout_ms: graceMs, wait, key });
    const result = await this.#connection.call("workspace.destroy", params, call);
    this.#record = result.workspace;
    return result;
  }

  /**
   * Bring it back to one of its checkpoints, given by id or name. What it is until then is saved as one first: `before`.
   * Its processes are asked to end, and killed after `graceMs` (default 10,000); if it ran, it is started again.
   *
   * Rejects with `checkpoint_not_found`, `checkpoint_elsewhere` when it is one of another workspace, and
   * `checkpoint_damaged` when something of it was removed from outside; nothing was changed then.
   */
  async restore(
    checkpoint: string,
    options: LifecycleOptions & { graceMs?: number } = {},
  ): Promise<CheckpointRestored> {
    const { graceMs, wait, key, ...call } = options;
    const params = given({ workspace: this.id, checkpoint, timeout_ms: graceMs, wait, key });
    const result = await this.#connection.call("checkpoint.restore", params, call);
    this.#record = result.workspace;
    return result;
  }

  /** What it uses now: CPU time, memory, processes, disk. */
  async stats(options?: CallOptions): Promise<ResourceStats> {
    return (await this.#connection.call("workspace.stats", { workspace: this.id }, options)).stats;
  }

  // -- commands --

  /**
   * Start a command and follow it. `argv` is a list; no shell interprets it.
   *
   * Aborting the signal kills it, unless `killOnClose` is false; `timeoutMs` is for the start alone. Rejects with `command_not_found`, `cwd_invalid`,
   * `spawn_failed`, and `workspace_state` when the workspace does not run.
   */
  exec(argv: readonly string[], options: ExecOptions = {}): Promise<Process> {
    const { check, window, holdMs, killOnClose, signal } = options;
    const follow = { check, window, holdMs, killOnClose, signal };
    return Process.exec(this.#connection, startParams(this.id, argv, options), follow, options.timeoutMs);
  }

  /** Start an interactive command in a terminal; by default the user's login shell. */
  shell(options: ExecOptions & { argv?: readonly string[]; size?: PtySize } = {}): Promise<Process> {
    const { argv = SHELL, size = { cols: 80, rows: 24 }, env, ...rest } = options;
    return this.exec(argv, { ...rest, pty: size, stdin: true, env: { TERM: "xterm-256color", ...env } });
  }

  /**
   * Follow a process that runs, or ended a while ago. Aborting the signal detaches.
   *
   * Rejects with `process_not_found`, `offset_expired`, and `not_controller` when another attachment controls it.
   */
  attach(process: string, options: AttachOptions = {}): Promise<Process> {
    return Process.attach(this.#connection, process, options);
  }

  /** Run a command to its end and return its output, in one call. Aborting the signal kills it. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { check = false, input, outputLimit, killAfterMs = RUN_MS, signal, timeoutMs } = options;
    const start = startParams(this.id, argv, { cwd: options.cwd, env: options.env, key: options.key, killAfterMs });
    const params = given({
      ...start,
      timeout_ms: start.timeout_ms ?? 0,
      input: input === undefined ? undefined : toBase64(typeof input === "string" ? utf8(input) : input),
      output_limit: outputLimit,
    }) as ExecRunParams;
    const ran = await this.#connection.call("exec.run", params, { signal, timeoutMs });
    const result: RunResult = {
      process: ran.process,
      exitCode: ran.exit.code ?? null,
      signal: ran.exit.signal ?? null,
      reason: ran.exit.reason,
      stdout: ran.stdout.text,
      stderr: ran.stderr.text,
      dropped: ran.stdout.dropped + ran.stderr.dropped,
      durationMs: ran.duration_ms,
    };
    if (check && result.exitCode !== 0) throw new ProcessError({ command: argv, ...result });
    return result;
  }

  /** Follow changes of its files; the same as `files.watch`. */
  watch(path?: string, options?: WatchOptions): Promise<FileWatch> {
    return this.files.watch(path, options);
  }

  async #change(verb: ChangeMethod, options: LifecycleOptions & { graceMs?: number } = {}): Promise<Operation> {
    const { wait, key, graceMs, ...call } = options;
    const params = given({ workspace: this.id, wait, key, timeout_ms: graceMs });
    const method: `workspace.${ChangeMethod}` = `workspace.${verb}`;
    const result: CallMethods[typeof method]["result"] = await this.#connection.call(method, params, call);
    this.#record = result.workspace;
    return result.operation;
  }
}
