/**
 * Streams of events: searches, and watches that continue after a break.
 *
 * Events wait here within the credit that was granted, so a slow reader slows the daemon's stream, never the connection.
 * A watch that cannot continue without a gap says so with an overflow event, after which the reader lists again.
 *
 * @module
 */

import "./dispose.js";
import { Deferred } from "./async.js";
import { Attachment } from "./attachment.js";
import type { Connection } from "./connection.js";
import { type NexusError, type RemoteError, SdkError, isRemoteError } from "./errors.js";
import type { LinkDown } from "./link.js";
import type { StreamMethods } from "./protocol/methods.js";
import type {
  FsMatch,
  FsSearchEvent,
  FsSearchParams,
  FsSearched,
  FsWatchEvent,
  FsWatchOpen,
  FsWatchParams,
  WorkspaceEvent,
  WorkspaceWatchParams,
} from "./protocol/types.js";
import { ReceiveCredit } from "./wire/credit.js";

const WINDOW = 256;

type EventMethod = "fs.search" | "fs.watch" | "workspace.watch";

/** Events to be read once, by one reader. Breaking out of a loop ends the stream, as `close` does. */
export abstract class EventStream<E, M extends EventMethod>
  extends Attachment<M>
  implements AsyncIterable<E>, AsyncDisposable
{
  readonly #window: number;
  #credit: ReceiveCredit;
  #received = 0;
  #granted = 0;
  #asked: number;
  #events: E[] = [];
  #owed = 0;
  #waiter: Deferred<void> | undefined;
  #failure: { error: unknown } | undefined;
  #closed = false;

  protected constructor(
    connection: Connection,
    method: M,
    window: number | undefined,
    signal: AbortSignal | undefined,
    resumable: boolean,
  ) {
    super(connection, method, signal, resumable);
    this.#window = this.#asked = Math.max(window ?? WINDOW, 1);
    this.#credit = new ReceiveCredit(this.#window);
  }

  /** The next event; undefined at the end. */
  async read(): Promise<E | undefined> {
    while (this.#events.length === 0) {
      if (this.#closed) return undefined;
      if (this.finished) {
        if (this.#failure !== undefined) throw this.#failure.error;
        return undefined;
      }
      if (this.#waiter !== undefined) throw new TypeError("two readers on the same stream");
      this.#waiter = new Deferred<void>();
      try {
        await this.#waiter.promise;
      } finally {
        this.#waiter = undefined;
      }
    }
    const event = this.#events.shift();
    if (this.#owed > 0) this.#owed--;
    else this.taken();
    return event;
  }

  /** End the stream. Closing twice does nothing. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#events = [];
    await this.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<E> {
    const iterator: AsyncIterableIterator<E> = {
      next: async () => {
        const value = await this.read();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** The initial credit to ask for: what is free of the window. */
  protected free(): number {
    this.#asked = Math.max(this.#window - this.#events.length, 1);
    return this.#asked;
  }

  /** One more event was taken out of this end's hands. */
  protected taken(): void {
    const limit = this.#credit.consume(1);
    if (limit !== undefined && !this.finished) {
      this.#granted = limit;
      this.grant(limit);
    }
  }

  protected override onOpen(_info: StreamMethods[M]["open"]): void {
    // each attachment counts its events from 0; those that still wait here were paid for by an earlier one
    this.#owed = this.#events.length;
    this.#credit = new ReceiveCredit(this.#window);
    this.#received = 0;
    this.#granted = this.#credit.limit = this.#asked;
  }

  /** @internal */
  override event(cursor: string | undefined, event: unknown): void {
    if (++this.#received > this.#granted) {
      throw new SdkError(
        "protocol_violation",
        `${this.method}: event ${this.#received} exceeds the credit of ${this.#granted}`,
      );
    }
    this.checkEvent(event);
    this.came(cursor, event as StreamMethods[M]["event"]);
  }

  /** An event came. */
  protected abstract came(cursor: string | undefined, event: StreamMethods[M]["event"]): void;

  /** Put an event where readers find it; one that was made here costs no credit. */
  protected push(event: E, madeHere = false): void {
    if (this.#closed) return;
    if (madeHere) this.#owed++;
    this.#events.push(event);
    this.#waiter?.resolve();
  }

  protected override onEnd(_result: StreamMethods[M]["result"] | undefined, failed: boolean, error: unknown): void {
    this.#failure = failed ? { error } : undefined;
    this.#waiter?.resolve();
  }
}

/** Matches of `Files.search`, as they are found. */
export class Search extends EventStream<FsMatch, "fs.search"> {
  /** How many files were looked at so far. */
  files = 0;
  readonly #params: FsSearchParams;
  #result: FsSearched | undefined;

  private constructor(connection: Connection, params: FsSearchParams, signal: AbortSignal | undefined) {
    super(connection, "fs.search", params.window, signal, false);
    this.#params = params;
  }

  /** @internal */
  static async open(connection: Connection, params: FsSearchParams, signal: AbortSignal | undefined): Promise<Search> {
    const search = new Search(connection, params, signal);
    await search.start();
    return search;
  }

  /** What the search did; undefined before its end. */
  get result(): FsSearched | undefined {
    return this.#result;
  }

  protected override params(): FsSearchParams {
    return { ...this.#params, window: this.free() };
  }

  protected override came(_cursor: string | undefined, event: FsSearchEvent): void {
    if (event.kind === "match") this.push(event);
    else {
      this.files = event.files;
      this.taken();
    }
  }

  protected override broken(lost: LinkDown): NexusError {
    return lost.error(`the connection broke during a search: ${lost.message}`, { hint: "search again" });
  }

  protected override onEnd(result: FsSearched | undefined, failed: boolean, error: unknown): void {
    if (result !== undefined) {
      this.#result = result;
      this.files = result.files;
    }
    super.onEnd(result, failed, error);
  }
}

/** A stream that continues after a cursor. */
abstract class Watch<E, M extends "fs.watch" | "workspace.watch"> extends EventStream<E, M> {
  protected position: string | undefined;

  /** Where to continue after the last event that came; undefined before the first is known. */
  get cursor(): string | undefined {
    return this.position;
  }

  protected override came(cursor: string | undefined, event: StreamMethods[M]["event"]): void {
    if (cursor !== undefined) this.position = cursor;
    this.push(event as E);
  }

  protected override onLost(): void {
    if (this.established && this.position === undefined) this.overflow("the connection broke before the first event");
  }

  protected override refused(error: RemoteError): NexusError | undefined {
    if (!isRemoteError(error, "cursor_expired") || this.position === undefined) return error;
    this.position = undefined;
    this.overflow("events that came while the connection was broken are no longer kept");
    return undefined;
  }

  protected abstract overflow(reason: string): void;
}

/** Changes of files. An `overflow` says that some were missed: list again. */
export class FileWatch extends Watch<FsWatchEvent, "fs.watch"> {
  readonly #params: FsWatchParams;

  private constructor(connection: Connection, params: FsWatchParams, signal: AbortSignal | undefined) {
    super(connection, "fs.watch", params.window, signal, true);
    this.#params = params;
    this.position = params.cursor;
  }

  /** @internal */
  static async open(
    connection: Connection,
    params: FsWatchParams,
    signal: AbortSignal | undefined,
  ): Promise<FileWatch> {
    const watch = new FileWatch(connection, params, signal);
    await watch.start();
    return watch;
  }

  protected override params(): FsWatchParams {
    const window = this.free();
    return this.position === undefined
      ? without(this.#params, window)
      : { ...this.#params, cursor: this.position, window };
  }

  protected override onOpen(info: FsWatchOpen): void {
    super.onOpen(info);
    if (this.position !== undefined && !info.resumed) this.overflow("the watch could not be continued without a gap");
    this.position = info.cursor;
  }

  protected override overflow(reason: string): void {
    this.push({ kind: "overflow", reason }, true);
  }
}

/** Changes of workspaces. An `overflow` says that some were missed: list again. */
export class WorkspaceWatch extends Watch<WorkspaceEvent, "workspace.watch"> {
  readonly #params: WorkspaceWatchParams;

  private constructor(connection: Connection, params: WorkspaceWatchParams, signal: AbortSignal | undefined) {
    super(connection, "workspace.watch", params.window, signal, true);
    this.#params = params;
    this.position = params.cursor;
  }

  /** @internal */
  static async open(
    connection: Connection,
    params: WorkspaceWatchParams,
    signal: AbortSignal | undefined,
  ): Promise<WorkspaceWatch> {
    const watch = new WorkspaceWatch(connection, params, signal);
    await watch.start();
    return watch;
  }

  protected override params(): WorkspaceWatchParams {
    const window = this.free();
    return this.position === undefined
      ? without(this.#params, window)
      : { ...this.#params, cursor: this.position, window };
  }

  protected override overflow(): void {
    this.push({ kind: "overflow", missed: 0 }, true);
  }
}

function without<P extends { cursor?: string; window?: number }>(params: P, window: number): P {
  const copy: P = { ...params, window };
  delete copy.cursor;
  return copy;
}
