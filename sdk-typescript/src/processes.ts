import { Scope } from "./async.js";
import type { Connection } from "./connection.js";
import { SdkError } from "./errors.js";
import { type CallOptions, type ChangeOptions, given } from "./options.js";
import type { ExecListParams, ExecStartParams, Process as ProcessRecord, PtySize, Signal } from "./protocol/types.js";

const STEP_MS = 300_000;

/** How to start a command. */
export interface StartOptions extends ChangeOptions {
  /** Where, relative to the workspace's root. Default: the root. */
  cwd?: string | undefined;
  /** Added to the workspace's environment. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Give it a terminal of this size, instead of pipes. */
  pty?: PtySize | undefined;
  /** Keep its stdin open; a terminal always has one. Default false. */
  stdin?: boolean | undefined;
  /** Milliseconds after which the daemon kills it. Default: never. */
  killAfterMs?: number | undefined;
  /** Labels to find it by. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** How much output the daemon keeps, in bytes. Default 16 MiB. */
  logLimit?: number | undefined;
}

/** Params of `exec.start`; `argv` is a list, never a command line. */
export function startParams(workspace: string, argv: readonly string[], options: StartOptions): ExecStartParams {
  if (!isList(argv)) throw new TypeError('argv is a list; for a shell command pass ["sh", "-c", command]');
  const { cwd, env, pty, stdin, killAfterMs, labels, logLimit, key } = options;
  const timeout =
    killAfterMs === undefined || killAfterMs === Infinity ? undefined : Math.max(1, Math.round(killAfterMs));
  return given({
    workspace,
    argv: [...argv],
    cwd,
    env,
    pty: pty === undefined ? undefined : { cols: pty.cols, rows: pty.rows },
    stdin,
    timeout_ms: timeout,
    labels,
    log_limit: logLimit,
    key,
  });
}

/** Processes of one workspace, whoever started them; `workspace.processes`. To follow one, see `Workspace.attach`. */
export class Processes {
  readonly #connection: Connection;
  readonly #workspace: string;

  /** @internal */
  constructor(connection: Connection, workspace: string) {
    this.#connection = connection;
    this.#workspace = workspace;
  }

  /** Start a command without following it. */
  start(argv: readonly string[], options: StartOptions = {}): Promise<ProcessRecord> {
    const { signal, timeoutMs } = options;
    return this.#connection.call("exec.start", startParams(this.#workspace, argv, options), { signal, timeoutMs });
  }

  /** Processes, newest first: with `running` only those that run, with `labels` only those that have all of these. */
  async list(
    options: CallOptions & { running?: boolean; labels?: Readonly<Record<string, string>> } = {},
  ): Promise<ProcessRecord[]> {
    const { running, labels, ...call } = options;
    const params = given({ workspace: this.#workspace, running, labels }) as ExecListParams;
    return (await this.#connection.call("exec.list", params, call)).processes;
  }

  /** One process. */
  get(process: string, options?: CallOptions): Promise<ProcessRecord> {
    return this.#connection.call("exec.get", { process }, options);
  }

  /** Wait until a process has ended. Giving up, by signal or `timeoutMs`, does not touch it. */
  async wait(process: string, options: CallOptions = {}): Promise<ProcessRecord> {
    const scope = new Scope(options.signal);
    const stop = new AbortController();
    const { timeoutMs = Infinity } = options;
    scope.deadline(
      timeoutMs,
      () => new SdkError("call_timeout", `process ${process} has not ended within ${timeoutMs} ms`),
    );
    try {
      for (;;) {
        const step = this.#connection.call("exec.wait", { process, timeout_ms: STEP_MS }, { signal: stop.signal });
        const record = await scope.race(step);
        if (record.state !== "running") return record;
      }
    } finally {
      scope.dispose();
      stop.abort();
    }
  }

  /** Send a signal, by default TERM; with `group`, the default, to its group and all its descendants. */
  signal(
    process: string,
    signal: Signal = "TERM",
    options: CallOptions & { group?: boolean } = {},
  ): Promise<ProcessRecord> {
    const { group = true, ...call } = options;
    return this.#connection.call("exec.signal", { process, signal, group }, call);
  }

  /** Tell a process's terminal its size. */
  resize(process: string, size: PtySize, options?: CallOptions): Promise<ProcessRecord> {
    return this.#connection.call("exec.resize", { process, size: { cols: size.cols, rows: size.rows } }, options);
  }

  /** Forget an ended process and its output. */
  async remove(process: string, options?: CallOptions): Promise<void> {
    await this.#connection.call("exec.remove", { process }, options);
  }
}

/** `Array.isArray` forgets what is in a list that may not be changed. */
function isList(value: readonly string[] | string): value is readonly string[] {
  return Array.isArray(value);
}
