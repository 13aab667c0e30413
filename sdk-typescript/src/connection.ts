/**
 * The connection to a daemon: one link at a time, made anew when it breaks.
 *
 * Calls and streams ask for the link when they need it; the first to ask after a break starts the reconnect that all
 * share. Nothing reconnects while nobody asks.
 *
 * @module
 */

import { Scope, ignore, sleep } from "./async.js";
import { randomName } from "./bytes.js";
import { type NexusError, SdkError, isObject } from "./errors.js";
import { Link, LinkDown } from "./link.js";
import type { ProgressOptions, Token } from "./options.js";
import { type CallMethods, type CallName, METHODS, type MethodSpec } from "./protocol/methods.js";
import { RESULTS } from "./protocol/shapes.js";
import type { SessionReady } from "./protocol/types.js";
import { Backoff, type LinkFailure } from "./retry.js";
import { type OpenSocket, SocketRefused } from "./socket.js";
import { fits } from "./wire/shape.js";

const MARGIN_MS = 15_000;
const UNKNOWN_METHOD_MS = 60_000;
const EXPIRED = 4401;

/** Where to connect to. */
export interface Address {
  readonly url: string;
  readonly socketPath: string | undefined;
  token: Token | undefined;
}

/** How a connection behaves. */
export interface Behaviour {
  readonly openTimeoutMs: number;
  readonly reconnectTimeoutMs: number;
  readonly pingIntervalMs: number | null;
  readonly isTransient: (failure: LinkFailure) => boolean;
  readonly autoKey: boolean;
  readonly openSocket: OpenSocket;
}

/** Calls over one shared WebSocket. */
export class Connection {
  readonly address: Address;
  readonly behaviour: Behaviour;
  /** How often the WebSocket was made anew. */
  reconnects = 0;
  #link: Link | undefined;
  #ready: SessionReady | undefined;
  #connecting: Promise<Link> | undefined;
  readonly #backoff = new Backoff();
  readonly #closing = new AbortController();

  constructor(address: Address, behaviour: Behaviour) {
    this.address = address;
    this.behaviour = behaviour;
  }

  /** What the daemon announced when the connection was last made. */
  get ready(): SessionReady {
    if (this.#ready === undefined) throw new SdkError("connection_failed", "not connected yet");
    return this.#ready;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Whether there is a live connection at this moment. */
  get connected(): boolean {
    return this.#link !== undefined && this.#link.down === undefined;
  }

  /** Connect, once: what fails now is an answer to the caller, not something to sit out. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    const scope = new Scope(signal);
    try {
      this.#adopt(await this.#open(scope));
    } catch (error) {
      throw error instanceof LinkDown ? this.#failed(error) : error;
    } finally {
      scope.dispose();
    }
  }

  /**
   * The live link, after waiting for one if it broke.
   *
   * Rejects with `connection_closed`, `connection_lost`, or `unauthenticated` when the token is no longer accepted.
   */
  async link(): Promise<Link> {
    if (this.closed) throw this.#closedError();
    if (this.#link !== undefined && this.#link.down === undefined) return this.#link;
    if (this.#connecting === undefined) {
      this.#connecting = this.#reconnect().finally(() => {
        this.#connecting = undefined;
      });
      this.#connecting.catch(ignore);
    }
    return this.#connecting;
  }

  /** Call a method of the schema. After a break it is repeated if it is idempotent or carries a key. */
  async call<M extends CallName>(
    method: M,
    params: CallMethods[M]["params"],
    options?: ProgressOptions,
  ): Promise<CallMethods[M]["result"]> {
    return (await this.callAny(method, params, options)) as CallMethods[M]["result"];
  }

  /** Call any method, one of a newer level too. */
  async callAny(method: string, params: unknown, options: ProgressOptions = {}): Promise<unknown> {
    const spec = METHODS.get(method);
    if (spec?.kind === "stream") throw new SdkError("invalid_params", `${method} is a stream, not a call`);
    const { onProgress } = options;
    const prepared = this.#prepare(spec, params, onProgress !== undefined);
    const repeatable =
      spec !== undefined && (spec.idempotent || (spec.keyed && isObject(prepared) && prepared["key"] !== undefined));
    const scope = new Scope(options.signal);
    scope.check();
    let started = false;
    const limit = options.timeoutMs ?? deadline(spec, prepared);
    const late = (ms: number) => () =>
      new SdkError("call_timeout", `${method} was not answered within ${ms} ms`, { mayHaveRun: started });
    let restart = scope.deadline(limit, late(limit));
    if (options.maxTotalMs !== undefined) scope.deadline(options.maxTotalMs, late(options.maxTotalMs));
    const report =
      onProgress === undefined || options.resetTimeoutOnProgress !== true
        ? onProgress
        : (progress: Parameters<typeof onProgress>[0]) => {
            restart();
            restart = scope.deadline(limit, late(limit));
            onProgress(progress);
          };
    try {
      for (;;) {
        let link: Link;
        try {
          link =
            this.#link?.down === undefined && this.#link !== undefined ? this.#link : await scope.race(this.link());
        } catch (error) {
          if (!started || !(error instanceof SdkError) || error.mayHaveRun) throw error;
          throw new SdkError(error.code, error.message, { hint: error.hint, mayHaveRun: true, cause: error });
        }
        this.checkLevel(method, spec, link);
        while (link.full) await link.admit(scope);
        try {
          const request = link.request(method, prepared, undefined, report);
          started = true;
          try {
            const result = await scope.race(request.promise);
            const [type = ""] = RESULTS.get(method)?.split(" ") ?? [];
            if (!fits(type, result)) {
              const message = `the result of ${method} is not what the schema says`;
              throw new SdkError("protocol_violation", message, { mayHaveRun: true });
            }
            return result;
          } finally {
            link.abandon(request);
          }
        } catch (error) {
          if (!(error instanceof LinkDown)) throw error;
          if (this.closed) throw this.#closedError(error.sent);
          if (repeatable || !error.sent) continue;
          throw error.error(`the connection broke while ${method} was under way: ${error.message}`, {
            hint: "find out whether it had its effect before you repeat it, or give it a key",
            mayHaveRun: true,
          });
        }
      }
    } finally {
      scope.dispose();
    }
  }

  /** Throw `method_not_found` when the daemon's level is older than the method. */
  checkLevel(method: string, spec: MethodSpec | undefined, link: Link): void {
    const { level } = link.ready;
    if (spec !== undefined && spec.since > level) {
      throw new SdkError(
        "method_not_found",
        `${method} exists since level ${spec.since}; this daemon speaks level ${level}`,
      );
    }
  }

  /** Close the connection; every call and stream under way fails. Closing twice does nothing. */
  async close(): Promise<void> {
    this.#closing.abort(this.#closedError());
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  #prepare(spec: MethodSpec | undefined, params: unknown, progress: boolean): unknown {
    if (spec === undefined) return params;
    const key = spec.keyed && this.behaviour.autoKey && !(isObject(params) && params["key"] !== undefined);
    if (!key && !(spec.progress && progress)) return params;
    const prepared: Record<string, unknown> = { ...(params as object) };
    if (key) prepared["key"] = randomName();
    if (spec.progress && progress) prepared["progress"] = true;
    return prepared;
  }

  async #open(scope: Scope): Promise<Link> {
    const { openTimeoutMs, openSocket, pingIntervalMs } = this.behaviour;
    const { url, socketPath } = this.address;
    const stop = scope.deadline(
      openTimeoutMs,
      () => new LinkDown(`no answer within ${openTimeoutMs} ms`, { cause: "timeout" }),
    );
    try {
      const token = await scope.race(this.#token());
      const request = {
        url,
        ...(socketPath === undefined ? {} : { socketPath }),
        ...(token === undefined ? {} : { token }),
      };
      return await Link.open(openSocket, request, scope, pingIntervalMs);
    } finally {
      stop();
    }
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.address;
    return typeof token === "function" ? token() : token;
  }

  async #reconnect(): Promise<Link> {
    const { reconnectTimeoutMs: patience, isTransient } = this.behaviour;
    const lost = this.#link;
    this.#link = undefined;
    if (lost?.useful !== false) this.#backoff.reset();
    const down = lost?.down;
    if (down !== undefined && (patience <= 0 || !isTransient(down.failure))) {
      throw down.error(down.message);
    }
    const deadline = Date.now() + patience;
    for (let attempts = 0; ; attempts++) {
      const pause = this.#backoff.next();
      if (attempts > 0 && Date.now() + pause >= deadline) {
        throw new SdkError(
          "connection_lost",
          `no connection to ${this.#where()} for ${patience} ms (${attempts} attempts)`,
          { hint: "see that the daemon runs" },
        );
      }
      await sleep(Math.min(pause, patience), this.#closing.signal);
      const scope = new Scope(this.#closing.signal);
      try {
        const link = await this.#open(scope);
        this.#adopt(link);
        this.reconnects++;
        return link;
      } catch (error) {
        if (!(error instanceof LinkDown)) throw error;
        // engines that do not tell why a handshake failed: after an expiry there is one explanation
        const expired = down?.failure.closeCode === EXPIRED && error.failure.status === undefined;
        if (expired) throw new SdkError("unauthenticated", down.message, { hint: "connect with a new token" });
        if (!isTransient(error.failure)) throw this.#failed(error);
      } finally {
        scope.dispose();
      }
    }
  }

  #adopt(link: Link): void {
    this.#link = link;
    this.#ready = link.ready;
  }

  #where(): string {
    return this.address.socketPath === undefined ? this.address.url : `unix:${this.address.socketPath}`;
  }

  #failed(down: LinkDown): NexusError {
    const { status, violation, cause } = down.failure;
    const message = `cannot connect to ${this.#where()}: ${down.message}`;
    const told = cause instanceof SocketRefused ? cause.hint : "";
    if (violation === true) return new SdkError("protocol_violation", message, { cause: down });
    if (status === 401) return new SdkError("unauthenticated", message, { hint: told, status, cause: down });
    return new SdkError("connection_failed", message, {
      hint: told || "see that the daemon runs, and check the URL",
      ...(status === undefined ? {} : { status }),
      cause: down,
    });
  }

  #closedError(mayHaveRun = false): SdkError {
    return new SdkError("connection_closed", "the client is closed", { mayHaveRun });
  }
}

/** Milliseconds after which an answer is overdue: the method's deadline, or the one in its params, and a margin. */
function deadline(spec: MethodSpec | undefined, params: unknown): number {
  if (spec === undefined) return UNKNOWN_METHOD_MS;
  let limit = spec.timeoutMs;
  if (limit === null) {
    const given = isObject(params) ? params["timeout_ms"] : undefined;
    if (typeof given !== "number" || given === 0) return Infinity;
    limit = given;
  }
  return limit + MARGIN_MS;
}
