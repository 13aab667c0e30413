/**
 * One WebSocket connection, from its handshake to its end. It is never repaired; `connection.ts` makes another.
 *
 * Every message is handed on at once: answers to their promise, frames and events to the sink of their stream. A sink
 * must not wait; credit keeps what it holds bounded.
 *
 * @module
 */

import { Deferred, type Scope, ignore } from "./async.js";
import { RemoteError, SdkError } from "./errors.js";
import type { SessionReady } from "./protocol/types.js";
import type { LinkFailure } from "./retry.js";
import { type OpenSocket, type Socket, SocketRefused, type SocketRequest } from "./socket.js";
import { DATA, EOF, UP, type Frame, FrameError, decodeFrame, encodeFrame } from "./wire/frames.js";
import { StreamError } from "./wire/inbound.js";
import {
  type Message,
  MessageError,
  decodeMessage,
  encodeNotification,
  encodeRequest,
  exceeds,
} from "./wire/messages.js";
import { fits } from "./wire/shape.js";

const DEFAULT_MAX_MESSAGE = 1_048_576;
const VIOLATION = 4400;
const CLOSE_MS = 2000;
const MAX_STREAM = 2 ** 32 - 1;

/** The WebSocket ended, or could not be made. */
export class LinkDown extends Error {
  /** What it means. */
  readonly failure: LinkFailure;
  /** Whether the request that hears of it had been handed to the transport. */
  readonly sent: boolean;

  constructor(message: string, failure: LinkFailure, sent = false) {
    super(message);
    this.failure = failure;
    this.sent = sent;
  }

  /** What to tell the caller: `protocol_violation` where the peer broke the protocol, else `connection_lost`. */
  error(message: string, facts: { hint?: string; mayHaveRun?: boolean } = {}): SdkError {
    if (this.failure.violation !== true) return new SdkError("connection_lost", message, { ...facts, cause: this });
    return new SdkError("protocol_violation", message, { mayHaveRun: facts.mayHaveRun ?? false, cause: this });
  }
}

/** How far a call or transfer is. */
export interface Progress {
  /** Units done; never decreases. */
  readonly done: number;
  /** Units in all; undefined while that is not known. */
  readonly total: number | undefined;
  /** What is being done, for a person. */
  readonly message: string;
}

/** What receives the messages of one stream. Methods may throw; the stream then fails with that error. */
export interface StreamSink {
  /** The stream has this number; `info` is what came with it. */
  opened(link: Link, number: number, info: unknown): void;
  /** Bytes came. */
  data(channel: number, offset: number, payload: Uint8Array): void;
  /** A channel ends. */
  eof(channel: number, offset: number): void;
  /** This end may send up to `limit`. */
  credit(channel: number, limit: number): void;
  /** An event came. */
  event(cursor: string | undefined, event: unknown): void;
}

/** One request on one link, until its single answer. */
export class Request extends Deferred<unknown> {
  readonly id: number;
  readonly sink: StreamSink | undefined;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  stream: number | undefined;

  constructor(id: number, sink: StreamSink | undefined, onProgress: ((progress: Progress) => void) | undefined) {
    super();
    this.id = id;
    this.sink = sink;
    this.onProgress = onProgress;
  }
}

/** A live connection. Made by `Link.open`. */
export class Link {
  /** Whether it carried an answer, bytes or an event; a link that does not is followed by a pause. */
  useful = false;
  #ready: SessionReady | undefined;
  readonly #first = new Deferred<void>();
  readonly #ended = new Deferred<void>();
  #socket: Socket | undefined;
  #down: LinkDown | undefined;
  #closing = "";
  #nextId = 1;
  #calls = 0;
  readonly #requests = new Map<number, Request>();
  readonly #streams = new Map<number, Request>();
  #waiting: Deferred<void>[] = [];
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #heard = true;
  #pinged = false;

  private constructor() {
    // made by open()
  }

  /**
   * Connect, shake hands and take the daemon's first message.
   *
   * Rejects with `LinkDown` when there is no connection, and with what ended the scope.
   */
  static async open(
    open: OpenSocket,
    request: Omit<SocketRequest, "signal">,
    scope: Scope,
    pingIntervalMs: number | null,
  ): Promise<Link> {
    const link = new Link();
    const abort = new AbortController();
    try {
      const opening = open(
        { ...request, signal: abort.signal },
        {
          message: (data) => {
            link.#message(data);
          },
          closed: (code, reason, broken) => {
            link.#closed(code, reason, broken === true);
          },
        },
      );
      opening.then((socket) => {
        if (link.#down !== undefined) socket.terminate(); // it came too late
      }, ignore);
      link.#socket = await scope.race(opening);
      await scope.race(link.#first.promise);
    } catch (error) {
      abort.abort(error);
      link.#end(new LinkDown("the connection was given up", { cause: error }));
      link.#socket?.terminate();
      if (error instanceof LinkDown || scope.ended) throw error;
      const told = error instanceof SocketRefused && error.status !== undefined ? { status: error.status } : {};
      throw new LinkDown(error instanceof Error ? error.message : String(error), { ...told, cause: error });
    }
    if (pingIntervalMs !== null)
      link.#heartbeat = setInterval(() => {
        link.#beat();
      }, pingIntervalMs);
    return link;
  }

  /** What the daemon announced first. */
  get ready(): SessionReady {
    if (this.#ready === undefined) throw new Error("the link is not open");
    return this.#ready;
  }

  /** Why the link ended; undefined while it lives. */
  get down(): LinkDown | undefined {
    return this.#down;
  }

  /** Whether the daemon's limit of calls in flight leaves no room for one more. */
  get full(): boolean {
    const limit = this.ready.limits.max_requests;
    return this.#down === undefined && limit > 0 && this.#requests.size >= limit;
  }

  /** Wait until there may be room for one more call. */
  admit(scope: Scope): Promise<void> {
    if (this.#calls === 0) {
      const limit = this.ready.limits.max_requests;
      throw new SdkError("too_many_requests", `this connection has ${limit} open streams and takes no more calls`);
    }
    const turn = new Deferred<void>();
    this.#waiting.push(turn);
    return scope.race(turn.promise).catch((error: unknown) => {
      const place = this.#waiting.indexOf(turn);
      if (place >= 0) this.#waiting.splice(place, 1);
      else this.#passTurn();
      throw error;
    });
  }

  /**
   * Send a request; its promise is settled exactly once.
   *
   * Throws `LinkDown` when the link is down already, and `message_too_large`.
   */
  request(method: string, params: unknown, sink?: StreamSink, onProgress?: (progress: Progress) => void): Request {
    if (this.#down !== undefined) throw new LinkDown(this.#down.message, this.#down.failure);
    const encoded = encodeRequest(this.#nextId, method, params);
    const limit = this.ready.limits.max_message || DEFAULT_MAX_MESSAGE;
    if (exceeds(encoded, limit)) {
      throw new SdkError(
        "message_too_large",
        `the params of ${method} are larger than the ${limit} bytes of a message`,
      );
    }
    const request = new Request(this.#nextId++, sink, onProgress);
    this.#requests.set(request.id, request);
    if (sink === undefined) this.#calls++;
    this.#socket?.send(encoded);
    return request;
  }

  /** Stop waiting for a request and tell the daemon to cancel it. Its late answer is ignored. */
  abandon(request: Request): void {
    if (this.#requests.get(request.id) !== request) return;
    this.#forget(request);
    this.#send(encodeNotification("$/cancel", { id: request.id }));
  }

  /** Send a frame without waiting. Senders are bounded by the credit of their stream. */
  frame(type: number, channel: number, stream: number, offset: number, payload?: Uint8Array): void {
    this.#send(encodeFrame(type, channel, stream, offset, payload));
  }

  /** Shake hands on the end, for at most two seconds. */
  async close(): Promise<void> {
    if (this.#down === undefined) {
      const late = setTimeout(() => {
        this.#end(new LinkDown("the connection was closed", { closeCode: 1000 }));
      }, CLOSE_MS);
      this.#socket?.close(1000, "");
      await this.#ended.promise;
      clearTimeout(late);
    }
    this.#socket?.terminate();
  }

  #send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#down === undefined) this.#socket?.send(data);
  }

  #beat(): void {
    if (this.#heard) {
      this.#heard = this.#pinged = false;
    } else if (!this.#pinged) {
      this.#pinged = true;
      this.request("session.ping", {});
    } else {
      this.#end(new LinkDown("the daemon gave no sign of life", { closeCode: 1006 }));
      this.#socket?.terminate();
    }
  }

  #message(data: string | Uint8Array): void {
    if (this.#down !== undefined) return;
    this.#heard = true;
    try {
      if (typeof data === "string") this.#text(decodeMessage(data));
      else this.#binary(decodeFrame(data));
    } catch (error) {
      const known = error instanceof FrameError || error instanceof MessageError || error instanceof SdkError;
      const text = known
        ? `the daemon broke the protocol: ${error.message}`
        : `the client failed: ${error instanceof Error ? error.message : String(error)}`;
      this.#end(new LinkDown(text, { violation: true, cause: error }));
      this.#socket?.close(VIOLATION, "protocol violation");
    }
  }

  #closed(code: number, reason: string, broken: boolean): void {
    if (broken) {
      this.#end(new LinkDown(`the daemon broke the protocol: ${reason}`, { closeCode: code, violation: true }));
      return;
    }
    const why = this.#closing || reason || "the connection broke";
    this.#end(new LinkDown(`${why} (close code ${code})`, { closeCode: code }));
  }

  #binary(frame: Frame): void {
    if (this.#ready === undefined) throw new MessageError("its first message is not session.ready");
    this.useful = true;
    const request = this.#streams.get(frame.stream);
    const sink = request?.sink;
    if (request === undefined || sink === undefined) return; // a stream this end has left
    try {
      if (frame.type === DATA) sink.data(frame.channel, frame.offset, frame.payload);
      else if (frame.type === EOF) sink.eof(frame.channel, frame.offset);
      else if (frame.channel === UP) sink.credit(frame.channel, frame.offset);
      else throw new StreamError(`credit on channel ${frame.channel}`);
    } catch (error) {
      this.#fail(request, error);
    }
  }

  #text(message: Message): void {
    if (this.#ready === undefined) {
      this.#greeted(message);
    } else if (message.kind === "response") {
      this.useful = true;
      const request = this.#take(message.id);
      request?.resolve(message.result);
    } else if (message.kind === "error") {
      const error = new RemoteError(message.error.code, message.error.message, message.error.data);
      if (message.id === null) throw new MessageError(`the daemon could not read a message of ours: ${error.message}`);
      this.#take(message.id)?.reject(error);
    } else if (message.kind === "notification") {
      this.#notified(message.method, message.params);
    }
    // the daemon sends no requests; one of a newer level is not ours to answer
  }

  #greeted(message: Message): void {
    if (message.kind === "notification" && message.method === "session.ready" && fits("SessionReady", message.params)) {
      this.#ready = message.params as unknown as SessionReady;
      this.#first.resolve();
    } else if (message.kind === "notification" && message.method === "session.closing") {
      this.#closing = closing(message.params);
    } else {
      throw new MessageError("its first message is not session.ready");
    }
  }

  #notified(method: string, params: Record<string, unknown>): void {
    if (method === "stream.event") {
      this.useful = true;
      const { stream, cursor } = params;
      if (typeof stream !== "number" || (cursor !== undefined && typeof cursor !== "string")) {
        throw new MessageError("stream.event names no stream");
      }
      const request = this.#streams.get(stream);
      if (request === undefined) return;
      try {
        request.sink?.event(cursor, params["event"]);
      } catch (error) {
        this.#fail(request, error);
      }
    } else if (method === "stream.open") {
      this.#opened(params);
    } else if (method === "$/progress") {
      this.#progress(params);
    } else if (method === "session.closing") {
      this.#closing = closing(params);
    }
  }

  #opened(params: Record<string, unknown>): void {
    const { id, stream } = params;
    if (typeof stream !== "number" || !Number.isSafeInteger(stream) || stream < 1 || stream > MAX_STREAM)
      throw new MessageError("stream.open without number");
    const request = typeof id === "number" ? this.#requests.get(id) : undefined;
    if (request?.sink === undefined) return;
    if (request.stream !== undefined || this.#streams.has(stream)) {
      throw new MessageError(`stream ${stream} was opened twice`);
    }
    request.stream = stream;
    this.#streams.set(stream, request);
    try {
      request.sink.opened(this, stream, params["info"]);
    } catch (error) {
      this.#fail(request, error);
    }
  }

  #progress(params: Record<string, unknown>): void {
    const { id, done, total, message } = params;
    const request = typeof id === "number" ? this.#requests.get(id) : undefined;
    if (request?.onProgress === undefined || typeof done !== "number") return;
    try {
      request.onProgress({
        done,
        total: typeof total === "number" ? total : undefined,
        message: typeof message === "string" ? message : "",
      });
    } catch (error) {
      // a caller's own mistake belongs to the caller, not to everybody on this connection
      this.#fail(request, error);
    }
  }

  #fail(request: Request, error: unknown): void {
    request.reject(
      error instanceof StreamError
        ? new SdkError("protocol_violation", `the daemon broke a stream: ${error.message}`)
        : error,
    );
    this.abandon(request);
  }

  #take(id: number | string): Request | undefined {
    const request = typeof id === "number" ? this.#requests.get(id) : undefined;
    if (request !== undefined) this.#forget(request);
    return request;
  }

  #forget(request: Request): void {
    this.#requests.delete(request.id);
    if (request.stream !== undefined) this.#streams.delete(request.stream);
    if (request.sink === undefined) this.#calls--;
    if (this.#waiting.length > 0) this.#passTurn();
  }

  #passTurn(): void {
    this.#waiting.shift()?.resolve();
  }

  #end(down: LinkDown): void {
    if (this.#down !== undefined) return;
    this.#down = down;
    clearInterval(this.#heartbeat);
    this.#first.reject(down);
    for (const request of this.#requests.values()) request.reject(new LinkDown(down.message, down.failure, true));
    this.#requests.clear();
    this.#streams.clear();
    for (const turn of this.#waiting.splice(0)) turn.resolve();
    this.#ended.resolve();
  }
}

function closing(params: Record<string, unknown>): string {
  const reason = params["reason"];
  return `the daemon closed the connection${typeof reason === "string" ? `: ${reason}` : ""}`;
}
