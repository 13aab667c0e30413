import type { Progress } from "./link.js";
import type { LinkFailure } from "./retry.js";
import type { OpenSocket } from "./socket.js";

/** A token, or a function that returns a fresh one each time a connection is made. */
export type Token = string | (() => string | Promise<string>);

/** Options of `connect`. */
export interface ConnectOptions {
  /** `http://`, `https://`, `ws://` or `wss://`; path `/rpc` unless it has one. */
  url: string | URL;
  /** The token, or a function that returns a fresh one for each connection. */
  token?: Token | undefined;
  /** Gives up connecting; has no effect on a client that is connected. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for connecting, handshake and the daemon's first message. Default 10,000. */
  openTimeoutMs?: number | undefined;
  /** Milliseconds to go on trying after a connection broke; 0 never reconnects. Default 60,000. */
  reconnectTimeoutMs?: number | undefined;
  /** Milliseconds of silence before a sign of life is asked for, and until the connection is given up; null never asks. Default 20,000. */
  pingIntervalMs?: number | null | undefined;
  /** Decides which failures are worth another attempt. Default {@link isTransient}. */
  isTransient?: ((failure: LinkFailure) => boolean) | undefined;
  /** Give calls that take a key a random one, so that they can be repeated after a break. Default true. */
  autoKey?: boolean | undefined;
  /** Opens WebSockets; by default what the engine has. */
  openSocket?: OpenSocket | undefined;
}

/** What every call takes. */
export interface CallOptions {
  /** Gives up the call: it rejects with the signal's reason, and the daemon is told to cancel. */
  signal?: AbortSignal | undefined;
  /** Milliseconds until `call_timeout`. Default: the method's own deadline and a margin. `Infinity`: none. */
  timeoutMs?: number | undefined;
}

/** What calls with progress take. */
export interface ProgressOptions extends CallOptions {
  /** Called at most ten times a second. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Begin `timeoutMs` anew with each progress. Default false. */
  resetTimeoutOnProgress?: boolean | undefined;
  /** With `resetTimeoutOnProgress`: milliseconds until `call_timeout` in any case. Default: none. */
  maxTotalMs?: number | undefined;
}

/** What calls that change something take. */
export interface ChangeOptions extends CallOptions {
  /** Makes repeating the call safe: the same key with the same params returns the first outcome. Default: a random one. */
  key?: string | undefined;
}

/** Options of lifecycle changes. */
export interface LifecycleOptions extends ChangeOptions, ProgressOptions {
  /** Return when it is done; otherwise at once, with the operation under way. Default true. */
  wait?: boolean | undefined;
}

/** The members of an object that are given; the wire knows absent, but not undefined. */
export function given<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const found = {} as Record<string, unknown>;
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) found[name] = value;
  }
  return found as { [K in keyof T]: Exclude<T[K], undefined> };
}
