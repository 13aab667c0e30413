/** The peer broke the rules of one stream. That stream fails, the connection need not. */
export class StreamError extends Error {
  /** What is wrong: bytes are missing, or something else. */
  readonly gap: boolean;

  constructor(message: string, gap = false) {
    super(message);
    this.gap = gap;
  }
}

/**
 * The direction that this end receives: judges what arrives, keeps no data. Both output channels of a process share one
 * sequence of offsets; bytes before the expected position may come again after a resume and are dropped.
 */
export class Inbound {
  /** Position of the next byte expected. */
  offset: number;
  /** Position granted to the peer. */
  limit: number;
  readonly #channels: readonly number[];
  readonly #ends = new Map<number, number>();
  readonly #reached = new Map<number, number>();

  constructor(channels: readonly number[], start: number, limit: number) {
    this.#channels = channels;
    this.offset = start;
    this.limit = limit;
  }

  /** Judge a DATA frame and return the part of its payload that is new, possibly empty. */
  data(channel: number, offset: number, payload: Uint8Array): Uint8Array {
    this.#check(channel);
    if (offset > this.offset) {
      throw new StreamError(`data at offset ${offset} leaves a gap; expected ${this.offset}`, true);
    }
    const fresh = offset === this.offset ? payload : payload.subarray(this.offset - offset);
    if (fresh.byteLength === 0) return fresh;
    if (this.#ends.has(channel)) throw new StreamError(`channel ${channel} goes on after its end`);
    const end = this.offset + fresh.byteLength;
    if (end > this.limit) throw new StreamError(`data up to offset ${end} exceeds the credit of ${this.limit}`);
    this.offset = end;
    this.#reached.set(channel, end);
    return fresh;
  }

  /** Judge an EOF frame. Returns whether the end is news. */
  eof(channel: number, offset: number): boolean {
    this.#check(channel);
    const known = this.#ends.get(channel);
    if (known !== undefined) {
      if (known === offset) return false;
      throw new StreamError(`channel ${channel} ended at offset ${known}, and again at ${offset}`);
    }
    if (offset > this.offset) throw new StreamError(`the end at ${offset} leaves a gap; expected ${this.offset}`, true);
    // channels that share offsets end wherever their own last byte was; one alone ends where the direction stands
    const floor = this.#channels.length > 1 ? (this.#reached.get(channel) ?? 0) : this.offset;
    if (offset < floor) throw new StreamError(`channel ${channel} cannot end at ${offset}; it reached ${floor}`);
    this.#ends.set(channel, offset);
    return true;
  }

  #check(channel: number): void {
    if (!this.#channels.includes(channel)) throw new StreamError(`channel ${channel} does not flow this way`);
  }
}
