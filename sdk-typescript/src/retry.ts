/**
 * When to connect again, and after how long. What is transient is decided by one pure function, which
 * `ConnectOptions.isTransient` replaces.
 *
 * @module
 */

/** Why there is no connection. */
export interface LinkFailure {
  /** The WebSocket close code of a connection that ended; 1006 where there was no handshake. */
  readonly closeCode?: number;
  /** The HTTP status with which a connection was refused; absent where the engine does not tell. */
  readonly status?: number;
  /** Whether the peer broke the protocol, or does not speak it. */
  readonly violation?: boolean;
  /** What the transport said. */
  readonly cause?: unknown;
}

const FATAL_CLOSE: ReadonlySet<number> = new Set([1002, 1003, 1007, 1009, 1010, 4400]);
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Whether connecting again may help.
 *
 * True for a refused, reset or timed out connection, HTTP 408, 425, 429 and 5xx, and every close code but 1002, 1003,
 * 1007, 1009, 1010 and 4400, which say that one side does not speak the protocol. An identity that expired or was
 * revoked (4401) is worth one attempt, which is refused if it still is.
 */
export function isTransient(failure: LinkFailure): boolean {
  if (failure.violation === true) return false;
  if (failure.closeCode !== undefined) return !FATAL_CLOSE.has(failure.closeCode);
  if (failure.status !== undefined) return TRANSIENT_STATUS.has(failure.status);
  return true;
}

/** Delays between attempts: none at first, then growing, each between half and the whole of its step. */
export class Backoff {
  #step = 0;
  readonly #first: number;
  readonly #limit: number;
  readonly #random: () => number;

  /** First and longest step in milliseconds. */
  constructor(first = 50, limit = 5000, random: () => number = Math.random) {
    this.#first = first;
    this.#limit = limit;
    this.#random = random;
  }

  /** Begin anew: the connection proved useful. */
  reset(): void {
    this.#step = 0;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const step = this.#step;
    this.#step = step === 0 ? this.#first : Math.min(step * 2, this.#limit);
    return step * (0.5 + this.#random() / 2);
  }
}
