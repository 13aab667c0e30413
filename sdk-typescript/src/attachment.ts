/**
 * A stream that outlives links: opens its method, and opens it again where it stood when the link breaks.
 *
 * What can be resumed belongs to the resource (a byte offset, a cursor, an upload id), so each kind of stream says in
 * its params where it stands and judges in `onOpen` what it was given.
 *
 * @module
 */

import { Deferred, Scope, sleep } from "./async.js";
import type { Connection } from "./connection.js";
import { type NexusError, RemoteError, SdkError } from "./errors.js";
import { type Link, LinkDown, type Request, type StreamSink } from "./link.js";
import { METHODS, type StreamMethods, type StreamName } from "./protocol/methods.js";
import { RESULTS } from "./protocol/shapes.js";
import { DOWN, CREDIT } from "./wire/frames.js";
import { fits } from "./wire/shape.js";

const OPEN_MS = 30_000;
const RETRY_STEP_MS = 200;
const RETRY_NAMES: ReadonlySet<string> = new Set(["draining", "too_many_requests"]);

/** Base of every stream: drives it from `start` to its final answer. */
export abstract class Attachment<M extends StreamName> implements StreamSink {
  /** How often the stream was attached again after a break. */
  reconnects = 0;
  /** Whether the stream is over. */
  finished = false;
  protected readonly connection: Connection;
  protected readonly method: M;
  /** Whether the stream was in place once. */
  protected established = false;
  #link: Link | undefined;
  #number = 0;
  #request: Request | undefined;
  #driving: Promise<void> | undefined;
  readonly #first = new Deferred<void>();
  readonly #scope: Scope;
  readonly #resumable: boolean;
  readonly #types: readonly string[];

  /** `signal` ends the stream; its reason is then the error of the stream. */
  protected constructor(connection: Connection, method: M, signal: AbortSignal | undefined, resumable = true) {
    this.connection = connection;
    this.method = method;
    this.#resumable = resumable;
    this.#scope = new Scope(signal);
    this.#types = RESULTS.get(method)?.split(" ") ?? [];
  }

  // -- what a kind of stream says of itself --

  /** Params that begin, or continue, where the stream stands. */
  protected abstract params(): StreamMethods[M]["params"];

  /** The stream is over: with its final response, or an error. Called once. */
  protected abstract onEnd(result: StreamMethods[M]["result"] | undefined, failed: boolean, error: unknown): void;

  /** The stream is in place. */
  protected onOpen(_info: StreamMethods[M]["open"]): void {
    // most streams need no more than to be open
  }

  /** The link is gone; what was on its way is too. */
  protected onLost(): void {
    // nothing to forget
  }

  /** The error of a stream that cannot be resumed. */
  protected broken(lost: LinkDown): NexusError {
    return lost.error(`the connection broke during ${this.method}: ${lost.message}`, { mayHaveRun: lost.sent });
  }

  /** Translate the refusal of an attempt to resume; undefined tries once more with changed params. */
  protected refused(error: RemoteError): NexusError | undefined {
    return error;
  }

  // -- the sink of the link; overridden where a kind of stream uses them --

  /** @internal */
  opened(link: Link, number: number, info: unknown): void {
    this.#link = link;
    this.#number = number;
    if (!fits(this.#types[1] ?? "", info)) {
      throw new SdkError("protocol_violation", `stream.open of ${this.method} is not what the schema says`);
    }
    this.onOpen((info ?? {}) as unknown as StreamMethods[M]["open"]);
    this.established = true;
    this.#first.resolve();
  }

  /** @internal */
  data(channel: number, _offset: number, _payload: Uint8Array): void {
    throw new SdkError("protocol_violation", `${this.method} carries no data on channel ${channel}`);
  }

  /** @internal */
  eof(channel: number, _offset: number): void {
    throw new SdkError("protocol_violation", `${this.method} has no channel ${channel} to end`);
  }

  /** @internal */
  credit(channel: number, _limit: number): void {
    throw new SdkError("protocol_violation", `${this.method} takes no credit on channel ${channel}`);
  }

  /** @internal */
  event(_cursor: string | undefined, _event: unknown): void {
    throw new SdkError("protocol_violation", `${this.method} has no events`);
  }

  // -- used by kinds of streams --

  /** Throw `protocol_violation` for an event that is not what the schema says. */
  protected checkEvent(event: unknown): void {
    if (fits(this.#types[2] ?? "", event)) return;
    throw new SdkError("protocol_violation", `an event of ${this.method} is not what the schema says`);
  }

  /** Open the stream; resolves when it is in place, or ended at once. */
  protected async start(): Promise<void> {
    this.#driving = this.#drive();
    await this.#first.promise;
  }

  /** Leave the stream: the daemon is told to cancel it, which for an attachment means to detach. */
  protected async stop(reason?: unknown): Promise<void> {
    this.#scope.end(reason ?? new SdkError("connection_closed", `${this.method} was left`));
    await this.#driving;
  }

  /** Whether frames can be sent. */
  protected get attached(): boolean {
    return this.#link !== undefined;
  }

  protected grant = (limit: number): void => {
    this.#link?.frame(CREDIT, DOWN, this.#number, limit);
  };

  protected frame = (type: number, channel: number, offset: number, payload?: Uint8Array): void => {
    this.#link?.frame(type, channel, this.#number, offset, payload);
  };

  async #drive(): Promise<void> {
    let result: StreamMethods[M]["result"] | undefined;
    let failed = false;
    let failure: unknown;
    try {
      result = await this.#run();
    } catch (error) {
      failed = true;
      failure = error;
    }
    this.#scope.dispose();
    this.#link = undefined;
    this.finished = true;
    this.onEnd(result, failed, failure);
    if (failed) this.#first.reject(failure);
    else this.#first.resolve();
  }

  async #run(): Promise<StreamMethods[M]["result"]> {
    let deadline = 0;
    for (;;) {
      const link = await this.#scope.race(this.connection.link());
      this.connection.checkLevel(this.method, METHODS.get(this.method), link);
      try {
        return await this.#attach(link);
      } catch (error) {
        const wasOpen = this.#link !== undefined;
        this.#link = undefined;
        if (this.#scope.ended) throw error;
        if (error instanceof LinkDown) {
          if (this.connection.closed) {
            throw new SdkError("connection_closed", `the client was closed during ${this.method}`);
          }
          this.onLost();
          deadline = Date.now() + this.connection.behaviour.reconnectTimeoutMs;
          if (!this.#resumable && error.sent) throw this.broken(error);
          if (this.established) this.reconnects++;
        } else if (error instanceof RemoteError && this.established && !wasOpen) {
          if (RETRY_NAMES.has(error.code) && Date.now() < deadline) {
            await this.#pause();
            continue;
          }
          const translated = this.refused(error);
          if (translated !== undefined) throw translated;
        } else {
          throw error;
        }
      }
    }
  }

  async #attach(link: Link): Promise<StreamMethods[M]["result"]> {
    const request = link.request(this.method, this.params(), this);
    this.#request = request;
    const overdue = setTimeout(() => {
      if (this.#request === request && this.#link === undefined) {
        request.reject(new SdkError("call_timeout", `${this.method} was not opened within ${OPEN_MS} ms`));
      }
    }, OPEN_MS);
    try {
      const result = await this.#scope.race(request.promise);
      if (this.#link === undefined) {
        throw new SdkError("protocol_violation", `${this.method} was answered before it was open`);
      }
      if (!fits(this.#types[0] ?? "", result)) {
        throw new SdkError("protocol_violation", `the result of ${this.method} is not what the schema says`);
      }
      return result as StreamMethods[M]["result"];
    } finally {
      clearTimeout(overdue);
      link.abandon(request);
    }
  }

  async #pause(): Promise<void> {
    const stop = new AbortController();
    try {
      await this.#scope.race(sleep(RETRY_STEP_MS, stop.signal));
    } finally {
      stop.abort();
    }
  }
}
