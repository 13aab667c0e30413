/**
 * A process of a workspace, followed from here.
 *
 * A process outlives the connection that started it: `Process` is an attachment, which is made again at the exact byte
 * where it stood when a connection breaks. Nothing is lost, doubled or reordered; where that cannot be kept, reading
 * fails with `output_gap`.
 *
 * @module
 */

import "./dispose.js";
import { Deferred, Scope, abortable, ignore } from "./async.js";
import { Attachment } from "./attachment.js";
import { ByteStream } from "./byteStream.js";
import { randomName, toText, utf8 } from "./bytes.js";
import type { Connection } from "./connection.js";
import { ProcessError, type RemoteError, SdkError, isRemoteError } from "./errors.js";
import { type CallOptions, given } from "./options.js";
import { type Lane, Output, type OutputChunk, gap } from "./output.js";
import type {
  AttachRole,
  ExecAttachOpen,
  ExecAttachParams,
  ExecExit,
  ExecStartParams,
  Process as ProcessRecord,
  PtySize,
  Signal,
} from "./protocol/types.js";
import { ByteSender } from "./sender.js";

const WINDOW = 1_048_576;
const HOLD_MS = 60_000;
const LEAVE_MS = 10_000;
const WAIT_STEP_MS = 300_000;

/** How a process ended. */
export interface ProcessResult {
  /** Its id. */
  readonly process: string;
  /** The exit code; null where a signal ended it, or nobody knows. */
  readonly exitCode: number | null;
  /** The signal that ended it, by name without SIG, or null. */
  readonly signal: string | null;
  /** `exited`, `signalled` (by a caller), `timeout`, `stopped` (with its workspace) or `lost` (the daemon does not know). */
  readonly reason: string;
  /** How many bytes it wrote, both channels. */
  readonly outputEnd: number;
  /** False where a descendant still held the pipe when the daemon's wait ended; undefined where it was not followed. */
  readonly outputComplete: boolean | undefined;
}

/** How to follow a process. */
export interface FollowOptions {
  /** Reject `result` and `wait` with `ProcessError` when it did not end with exit code 0. Default false. */
  check?: boolean | undefined;
  /** How much output may wait here unread, in bytes, before the process has to wait. Default 1 MiB. */
  window?: number | undefined;
  /** Milliseconds for which unread output is kept for this client after a lost connection. Default 60,000. */
  holdMs?: number | undefined;
}

/** Options of `Workspace.attach`. */
export interface AttachOptions extends FollowOptions {
  /** Detaches: whoever reads or waits gets the signal's reason, and the process runs on. */
  signal?: AbortSignal | undefined;
  /** First byte of output wanted. Default 0. */
  offset?: number | undefined;
  /** Begin so many bytes before the end instead, or at the earliest kept. */
  tail?: number | undefined;
  /** `controller` to write to stdin and resize, `observer` to read only, `auto` for what is free. Default `auto`. */
  role?: AttachRole | undefined;
  /** Take control from another attachment. Default false. */
  takeover?: boolean | undefined;
  /** Kill it on `close` before its end, instead of detaching. Default false. */
  killOnClose?: boolean | undefined;
}

/** A process's stdin. Bytes it did not take yet are kept, and sent again after a break. */
export class Stdin {
  readonly #sender: ByteSender;
  #tail: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(sender: ByteSender) {
    this.#sender = sender;
  }

  /** Offset before which the process took everything. */
  get acknowledged(): number {
    return this.#sender.acknowledged;
  }

  /**
   * Hand over bytes, or text as UTF-8. Resolves when they are on their way, which takes as long as the process does not
   * read. Writes go out in the order of their calls.
   */
  write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string" ? utf8(data) : data.slice();
    const written = this.#tail.then(() => this.#sender.write(bytes));
    this.#tail = written.catch(ignore);
    return written;
  }

  /** Close it, after everything that was written. Ending it twice does nothing. */
  async end(): Promise<void> {
    await this.#tail;
    this.#sender.close();
  }

  /** The same as a web stream. */
  toWeb(): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      write: (data) => this.write(data),
      close: () => this.end(),
    });
  }
}

/**
 * A process and the attachment to it. Made by `Workspace.exec`, `shell` and `attach`.
 *
 * Read `stdout` and `stderr`, or `output`; then `await process.result`. Breaking out of a reading loop gives that
 * reading up; when nobody reads any more and stdin is not open, the process is detached and runs on.
 *
 * `close`, or `await using`, ends the following: a process that was read to its end is waited for; one that was started
 * here is killed with its descendants, unless `killOnClose` is false; any other is detached.
 */
export class Process extends Attachment<"exec.attach"> implements AsyncDisposable {
  /** What it writes to stdout. A terminal writes everything here. */
  readonly stdout: ByteStream;
  /** What it writes to stderr. */
  readonly stderr: ByteStream;
  /** Everything it writes, in the order in which it was written. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Its stdin; open where `stdin: true` or a terminal was asked for. */
  readonly stdin: Stdin;
  readonly #options: AttachOptions;
  readonly #startedHere: boolean;
  readonly #attachment = randomName();
  readonly #output: Output;
  readonly #sender: ByteSender;
  readonly #over = new Deferred<ProcessResult>();
  #record: ProcessRecord;
  #role: AttachRole;
  #takesInput = false;
  #detached = false;
  #ended: ProcessResult | undefined;
  #leaving: Promise<void> | undefined;

  private constructor(connection: Connection, record: ProcessRecord, startedHere: boolean, options: AttachOptions) {
    super(connection, "exec.attach", options.signal);
    this.#options = options;
    this.#record = record;
    this.#startedHere = startedHere;
    this.#role = options.role ?? "auto";
    this.#output = new Output({ window: options.window ?? WINDOW, channels: [1, 2], grant: this.grant, held: true });
    this.#sender = new ByteSender(this.frame);
    this.stdin = new Stdin(this.#sender);
    this.stdout = this.#reader(1);
    this.stderr = this.#reader(2);
    this.output = { [Symbol.asyncIterator]: () => this.#chunks() };
  }

  /** @internal */
  static async attach(connection: Connection, process: string, options: AttachOptions): Promise<Process> {
    const record = { id: process } as ProcessRecord;
    const followed = new Process(connection, record, false, options);
    await followed.start();
    return followed;
  }

  /** @internal */
  static async exec(connection: Connection, params: ExecStartParams, options: AttachOptions): Promise<Process> {
    const { signal } = options;
    signal?.throwIfAborted();
    const starting = connection.call("exec.start", params);
    let record: ProcessRecord;
    try {
      record = await abortable(starting, signal);
    } catch (error) {
      // a start cannot be taken back, only followed by a kill
      if (signal?.aborted === true) starting.then((late) => kill(connection, late.id), ignore);
      throw error;
    }
    const followed = new Process(connection, record, true, options);
    try {
      await followed.start();
    } catch (error) {
      if (followed.#kills && signal?.aborted !== true) await kill(connection, record.id);
      throw error;
    }
    return followed;
  }

  // -- what it is --

  /** Its id. */
  get id(): string {
    return this.#record.id;
  }

  /** What the daemon said of it last, when it was attached to or ended. */
  get record(): ProcessRecord {
    return this.#record;
  }

  /** Its process id in the machine; undefined when it has ended. */
  get pid(): number | undefined {
    return this.#record.pid;
  }

  /** What this attachment may do: `controller` or `observer`. */
  get role(): AttachRole {
    return this.#role;
  }

  /** Offset of the next byte expected: where another attachment could go on. */
  get offset(): number {
    return this.#output.offset;
  }

  /** How it ended: the same as `wait()`. */
  get result(): Promise<ProcessResult> {
    return this.wait();
  }

  // -- using it --

  /**
   * Wait until it has ended and all its output has come.
   *
   * Output that nobody reads is dropped meanwhile, but for the end of each channel, so that waiting never stops the
   * process. Output that is being read must be read on. Giving up waiting does not touch the process.
   *
   * Rejects with `call_timeout`; with `ProcessError` where `check` is set; and with what broke the attachment, when
   * nobody knows how the process ended.
   */
  async wait(options: CallOptions & { check?: boolean } = {}): Promise<ProcessResult> {
    this.#output.release();
    const scope = new Scope(options.signal);
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) {
      scope.deadline(
        timeoutMs,
        () => new SdkError("call_timeout", `process ${this.id} has not ended within ${timeoutMs} ms`),
      );
    }
    try {
      const result = await (this.#detached ? this.#waitDetached(scope) : this.#waitAttached(scope));
      if (options.check ?? this.#options.check ?? false) this.#raiseFor(result);
      return result;
    } finally {
      scope.dispose();
    }
  }

  /** Send a signal; with `group`, the default, to the process, its group and all its descendants. */
  async signal(signal: Signal, options: CallOptions & { group?: boolean } = {}): Promise<void> {
    const { group = true, ...call } = options;
    await this.connection.call("exec.signal", { process: this.id, signal, group }, call);
  }

  /** Ask the process and its descendants to end (TERM). */
  async terminate(options?: CallOptions): Promise<void> {
    await this.signal("TERM", options);
  }

  /** End the process and its descendants at once (KILL). One that has ended is left in peace. */
  async kill(options?: CallOptions): Promise<void> {
    try {
      await this.signal("KILL", options);
    } catch (error) {
      if (!isRemoteError(error, "process_exited")) throw error;
    }
  }

  /** Tell its terminal its size. */
  async resize(size: PtySize, options?: CallOptions): Promise<void> {
    // what terminals tell of a resize has more members than these
    const params = { process: this.id, size: { cols: size.cols, rows: size.rows } };
    this.#record = await this.connection.call("exec.resize", params, options);
  }

  /** Leave it running, and stop following it; `wait` still waits for it. */
  async detach(): Promise<void> {
    this.#leaving ??= Promise.resolve();
    await this.#leave();
  }

  /** End the following; see the class for what becomes of the process. Closing twice does nothing. */
  async close(): Promise<void> {
    this.#leaving ??= this.#close();
    await this.#leaving;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // -- the attachment --

  protected override params(): ExecAttachParams {
    const { offset, tail, role, takeover, holdMs } = this.#options;
    const again = this.established;
    return given({
      process: this.id,
      offset: again ? this.#output.offset : (offset ?? 0),
      tail: again ? undefined : tail,
      role,
      takeover: again ? undefined : takeover,
      attachment: this.#attachment,
      hold_ms: holdMs ?? HOLD_MS,
      window: this.#output.nextWindow(),
    });
  }

  protected override onOpen(info: ExecAttachOpen): void {
    const { offset: wanted = 0, tail } = this.#options;
    const again = this.established;
    if (!again && tail === undefined && info.offset > wanted) {
      throw gap(`output from ${wanted} to ${info.offset} is no longer kept`, wanted, info.offset);
    }
    this.#record = info.process;
    this.#role = info.role;
    this.#output.attach(again || tail !== undefined ? info.offset : wanted, !again);
    this.#takesInput = info.stdin_window > 0 && info.process.stdin;
    if (this.#takesInput) this.#sender.attach(info.stdin_offset, info.stdin_window);
    else this.#sender.fail(this.#noStdin("is not open for this attachment"));
  }

  protected override onLost(): void {
    this.#sender.detach();
  }

  protected override refused(error: RemoteError): RemoteError | SdkError {
    if (!isRemoteError(error, "offset_expired")) return error;
    const from = this.#output.offset;
    const earliest = error.details?.earliest ?? from;
    return gap(`output from ${from} to ${earliest} was dropped while the connection was broken`, from, earliest);
  }

  /** @internal */
  override data(channel: number, offset: number, payload: Uint8Array): void {
    this.#output.data(channel, offset, payload);
  }

  /** @internal */
  override eof(channel: number, offset: number): void {
    this.#output.eof(channel, offset);
  }

  /** @internal */
  override credit(_channel: number, limit: number): void {
    this.#sender.credit(limit);
  }

  protected override onEnd(exit: ExecExit | undefined, failed: boolean, error: unknown): void {
    let failure = failed ? { error } : undefined;
    if (exit !== undefined) {
      this.#record = exit.process;
      const came = this.#output.offset;
      const end = exit.output_end;
      if (end > came) failure = { error: gap(`the output ends at ${end}, but only ${came} bytes came`, came, end) };
      if (end < came) {
        failure = { error: new SdkError("protocol_violation", `the output ends at ${end}, but ${came} bytes came`) };
      }
    }
    this.#output.finish(failure);
    this.#sender.fail(failure?.error ?? this.#noStdin("is closed: the process has ended"));
    if (failure !== undefined) {
      this.#over.reject(failure.error);
      if (this.#options.signal?.aborted === true && this.#kills && !this.#detached) {
        void kill(this.connection, this.id);
      }
    } else if (exit !== undefined) {
      this.#ended = resultOf({ ...exit.process, exit: exit.exit }, exit.output_end, exit.output_complete);
      this.#over.resolve(this.#ended);
    }
  }

  get #kills(): boolean {
    return this.#options.killOnClose ?? this.#startedHere;
  }

  #reader(channel: 1 | 2): ByteStream {
    let lane: Lane | undefined;
    const claim = (): Lane => (lane ??= this.#output.claim(channel));
    return new ByteStream({
      read: async () => (await this.#output.take(claim()))?.data,
      leave: () => this.#left(claim()),
    });
  }

  #chunks(): AsyncIterableIterator<OutputChunk> {
    let lane: Lane | undefined;
    const claim = (): Lane => (lane ??= this.#output.claim("all"));
    const iterator: AsyncIterableIterator<OutputChunk> = {
      next: async () => {
        const value = await this.#output.take(claim());
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      return: async () => {
        await this.#left(claim());
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  async #left(lane: Lane): Promise<void> {
    this.#output.leave(lane);
    if (this.#output.abandoned && !(this.#takesInput && !this.#sender.closed) && !this.finished) await this.#leave();
  }

  async #leave(): Promise<void> {
    if (this.#ended === undefined) this.#detached = true;
    await this.stop();
  }

  async #close(): Promise<void> {
    try {
      if (this.#ended === undefined && this.#output.readToEnd && !this.finished) {
        if (this.#startedHere) this.#sender.close();
        await this.#over.promise.catch(ignore);
      } else if (this.#ended === undefined && this.#kills) {
        this.#output.discard();
        await this.#endQuietly();
      }
    } finally {
      await this.#leave();
    }
  }

  async #endQuietly(): Promise<void> {
    // what went wrong already must not be hidden by what goes wrong while cleaning up after it
    await kill(this.connection, this.id);
    if (this.finished) return;
    const scope = new Scope();
    scope.deadline(LEAVE_MS, () => undefined);
    await scope.race(this.#over.promise).catch(ignore);
    scope.dispose();
  }

  async #waitAttached(scope: Scope): Promise<ProcessResult> {
    try {
      return await scope.race(this.#over.promise);
    } catch (error) {
      // a reader gave up while we waited
      if (this.#detached && !scope.ended) return this.#waitDetached(scope);
      throw error;
    }
  }

  async #waitDetached(scope: Scope): Promise<ProcessResult> {
    const stop = new AbortController();
    try {
      for (;;) {
        const params = { process: this.id, timeout_ms: WAIT_STEP_MS };
        const record = await scope.race(this.connection.call("exec.wait", params, { signal: stop.signal }));
        if (record.state !== "running") {
          this.#record = record;
          return resultOf(record, record.output_end, undefined);
        }
      }
    } finally {
      stop.abort();
    }
  }

  #noStdin(reason: string): SdkError {
    return new SdkError("stdin_closed", `stdin of process ${this.id} ${reason}`);
  }

  #raiseFor(result: ProcessResult): void {
    if (result.exitCode === 0) return;
    throw new ProcessError({
      command: this.#record.argv,
      process: this.id,
      exitCode: result.exitCode,
      signal: result.signal,
      reason: result.reason,
      stdout: toText(this.#output.tail(1)),
      stderr: toText(this.#output.tail(2)),
    });
  }
}

function resultOf(record: ProcessRecord, outputEnd: number, outputComplete: boolean | undefined): ProcessResult {
  return {
    process: record.id,
    exitCode: record.exit?.code ?? null,
    signal: record.exit?.signal ?? null,
    reason: record.exit?.reason ?? record.state,
    outputEnd,
    outputComplete,
  };
}

/** Kill a process and its descendants; whether that was possible is nobody's business any more. */
async function kill(connection: Connection, process: string): Promise<void> {
  const params = { process, signal: "KILL", group: true } as const;
  await connection.call("exec.signal", params, { timeoutMs: LEAVE_MS }).catch(ignore);
}
