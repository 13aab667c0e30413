/**
 * How far a receiver has allowed its peer to go. Limits are absolute, so a grant that is lost or repeated does no harm.
 */
export class ReceiveCredit {
  /** Position up to which everything was taken out of the receiver's hands. */
  consumed: number;
  /** Position that the peer may reach. */
  limit: number;
  readonly #window: number;

  /** `window`: how much may be under way at a time. `start`: position at which the stream begins. */
  constructor(window: number, start = 0) {
    this.#window = window;
    this.consumed = start;
    this.limit = start + window;
  }

  /** Note that `amount` more was taken. Returns the limit to grant when half of the window or less is left. */
  consume(amount: number): number | undefined {
    this.consumed += amount;
    if (this.limit - this.consumed > this.#window / 2) return undefined;
    const limit = this.consumed + this.#window;
    if (limit <= this.limit) return undefined;
    this.limit = limit;
    return limit;
  }
}
