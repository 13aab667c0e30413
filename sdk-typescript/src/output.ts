/**
 * Bytes that came from the machine and wait for a reader.
 *
 * What is held is bounded by credit: the daemon sends no further than the window past what was read, so a reader who
 * does not read makes the process wait, and nothing is lost.
 *
 * @module
 */

import { Deferred } from "./async.js";
import { concat } from "./bytes.js";
import { SdkError } from "./errors.js";
import { ReceiveCredit } from "./wire/credit.js";
import { Inbound, StreamError } from "./wire/inbound.js";

/** How much of a channel is kept at least while only the other one is read, in bytes. */
const RETAINED = 262_144;
/** How much of each channel's end is kept for errors, in bytes. */
const EXCERPT = 65_536;
const MIN_WINDOW = 4096;
/** Smaller payloads are copied, so that they do not keep alive the large buffer in which they arrived. */
const COPY_BELOW = 8192;

/** Some output, as it came. */
export interface OutputChunk {
  /** Where it was written; a terminal writes everything to stdout. */
  readonly channel: "stdout" | "stderr";
  /** Position of its first byte in the process's one output log. */
  readonly offset: number;
  /** The bytes, at most 64 KiB. */
  readonly data: Uint8Array;
}

/** What one reader gets: one channel, or all of them. */
export class Lane {
  chunks: OutputChunk[] = [];
  /** Index of the first chunk that was not taken: cheaper than shifting. */
  head = 0;
  claimed = false;
  /** Its reader gave up. */
  left = false;
  ended = false;
  failure: { error: unknown } | undefined;
  dropped = 0;
  retained = 0;
  /** How many of the first chunks have had their credit returned already. */
  unpaid = 0;
  waiter: Deferred<void> | undefined;

  get size(): number {
    return this.chunks.length - this.head;
  }

  shift(): OutputChunk | undefined {
    const chunk = this.chunks[this.head];
    if (chunk === undefined) return undefined;
    if (++this.head === this.chunks.length) {
      this.chunks = [];
      this.head = 0;
    } else if (this.head > 1024) {
      this.chunks = this.chunks.slice(this.head);
      this.head = 0;
    }
    return chunk;
  }

  drain(): OutputChunk[] {
    const waiting = this.chunks.slice(this.head);
    this.chunks = [];
    this.head = 0;
    return waiting;
  }

  wake(): void {
    this.waiter?.resolve();
  }
}

/** Options of `Output`. */
export interface OutputOptions {
  /** How much may be on its way or waiting here, in bytes. */
  window: number;
  /** The channels that may come. */
  channels: readonly (1 | 2)[];
  /** Called with an absolute limit to be granted to the daemon. */
  grant: (limit: number) => void;
  /**
   * The daemon holds what was not consumed, and reads off the credit what was: it takes the window that was asked for
   * from the limit. So the whole window is asked for each time, and up to two may wait here.
   */
  held?: boolean;
}

/** The receiving end of a stream of bytes. */
export class Output {
  /** Offset of the next byte expected. */
  offset = 0;
  readonly #window: number;
  readonly #held: boolean;
  readonly #channels: readonly (1 | 2)[];
  readonly #grant: (limit: number) => void;
  #credit: ReceiveCredit;
  #inbound: Inbound | undefined;
  readonly #lanes = new Map<number, Lane>();
  readonly #merged = new Lane();
  #mode: "undecided" | "merged" | "split" = "undecided";
  readonly #tails = new Map<number, { parts: Uint8Array[]; size: number }>();

  constructor({ window, channels, grant, held = false }: OutputOptions) {
    this.#window = Math.max(window, MIN_WINDOW);
    this.#held = held;
    this.#channels = channels;
    this.#grant = grant;
    this.#credit = new ReceiveCredit(this.#window);
    for (const channel of channels) {
      this.#lanes.set(channel, new Lane());
      this.#tails.set(channel, { parts: [], size: 0 });
    }
  }

  // -- fed by the stream --

  /** The initial credit to ask for when attaching at `offset`. */
  nextWindow(): number {
    if (this.#held) return this.#window;
    return Math.max(this.#credit.consumed + this.#window - this.offset, MIN_WINDOW);
  }

  /** A stream was opened whose data begins at `start`. Throws `output_gap` when bytes before it are gone. */
  attach(start: number, first: boolean): void {
    if (first) {
      this.offset = start;
      this.#credit = new ReceiveCredit(this.#window, start);
    } else if (start > this.offset) {
      throw gap(`output from ${this.offset} to ${start} is no longer kept`, this.offset, start);
    }
    const limit = this.offset + this.nextWindow();
    this.#credit.limit = Math.max(this.#credit.limit, limit);
    this.#inbound = new Inbound(this.#channels, this.offset, limit);
  }

  /** Bytes came. */
  data(channel: number, offset: number, payload: Uint8Array): void {
    const inbound = this.#inbound;
    if (inbound === undefined) throw new StreamError("data before the stream was opened");
    const start = inbound.offset;
    let fresh: Uint8Array;
    try {
      fresh = inbound.data(channel, offset, payload);
    } catch (error) {
      if (error instanceof StreamError && error.gap) {
        throw gap(`output from ${start} to ${offset} is missing`, start, offset);
      }
      throw error;
    }
    if (fresh.byteLength === 0) return;
    const data = fresh.byteLength < COPY_BELOW ? fresh.slice() : fresh;
    this.offset = inbound.offset;
    this.#remember(channel, data);
    const chunk: OutputChunk = { channel: channel === 2 ? "stderr" : "stdout", offset: start, data };
    if (this.#mode !== "split") {
      if (this.#merged.left) {
        this.#consumed(data.byteLength);
        return;
      }
      this.#merged.chunks.push(chunk);
      this.#merged.wake();
      return;
    }
    const lane = this.#lane(channel);
    if (lane.left) {
      this.#consumed(data.byteLength);
    } else if (lane.claimed) {
      lane.chunks.push(chunk);
      lane.wake();
    } else {
      this.#retain(lane, chunk);
    }
  }

  /** A channel ended. */
  eof(channel: number, offset: number): void {
    const came = this.#inbound?.offset ?? 0;
    try {
      if (this.#inbound?.eof(channel, offset) !== true) return;
    } catch (error) {
      if (error instanceof StreamError && error.gap) {
        throw gap(`output from ${came} to ${offset} is missing`, came, offset);
      }
      throw error;
    }
    const lane = this.#lane(channel);
    lane.ended = true;
    lane.wake();
    for (const other of this.#lanes.values()) if (!other.ended) return;
    this.#merged.ended = true;
    this.#merged.wake();
  }

  /** Nothing more comes: readers end after what is here, or fail. */
  finish(failure?: { error: unknown }): void {
    for (const lane of this.#all()) {
      if (!lane.ended) {
        lane.ended = true;
        lane.failure = failure;
        lane.wake();
      }
    }
  }

  // -- for readers --

  /** The last bytes of a channel, read or not, at most 64 KiB. */
  tail(channel: number): Uint8Array {
    const whole = concat(this.#tails.get(channel)?.parts ?? []);
    return whole.subarray(Math.max(0, whole.byteLength - EXCERPT));
  }

  /** Take a channel, or all of them in order, to be read by one reader. */
  claim(channel: 1 | 2 | "all"): Lane {
    let lane: Lane;
    if (channel === "all") {
      if (this.#mode === "split")
        throw new TypeError("stdout or stderr is being read already; read either them or output");
      this.#mode = "merged";
      lane = this.#merged;
    } else {
      if (this.#mode === "merged")
        throw new TypeError("output is being read already; read either it or stdout and stderr");
      this.#split(channel);
      lane = this.#lane(channel);
    }
    if (lane.left) throw leftError();
    lane.claimed = true;
    return lane;
  }

  /** Let go of what nobody reads: from now on unread channels are dropped but for their ends. */
  release(): void {
    if (this.#mode === "undecided") this.#split();
  }

  /** A reader gives up: what waits and still comes is dropped, and its credit returned. */
  leave(lane: Lane): void {
    if (lane.left) return;
    lane.left = true;
    for (const chunk of lane.drain()) {
      if (lane.unpaid > 0) lane.unpaid--;
      else this.#consumed(chunk.data.byteLength);
    }
    lane.wake();
  }

  /** Drop everything that waits and still comes. */
  discard(): void {
    this.#split();
    for (const lane of this.#all()) this.leave(lane);
  }

  /** Whether something was read, and nobody reads any more: each reader came to its end, or gave up. */
  get abandoned(): boolean {
    const claimed = this.#all().filter((lane) => lane.claimed);
    return claimed.some((lane) => lane.left) && claimed.every((lane) => lane.left || (lane.ended && lane.size === 0));
  }

  /** Whether something was read, and everything that was being read has been read. */
  get readToEnd(): boolean {
    const claimed = this.#all().filter((lane) => lane.claimed);
    return claimed.length > 0 && claimed.every((lane) => lane.ended && lane.size === 0 && !lane.left);
  }

  /** A lane's next chunk; undefined at its end. */
  async take(lane: Lane): Promise<OutputChunk | undefined> {
    for (;;) {
      if (lane.left) throw leftError();
      if (lane.dropped > 0) {
        const { dropped } = lane;
        lane.dropped = 0;
        const first = lane.chunks[lane.head]?.offset ?? this.offset;
        throw gap(
          `${dropped} bytes came while only the other channel was read, and were dropped`,
          Math.max(first - dropped, 0),
          first,
          "read output, or stdout and stderr at the same time",
        );
      }
      const chunk = lane.shift();
      if (chunk !== undefined) {
        if (lane.unpaid > 0) lane.unpaid--;
        else this.#consumed(chunk.data.byteLength);
        return chunk;
      }
      if (lane.ended) {
        if (lane.failure !== undefined) throw lane.failure.error;
        return undefined;
      }
      if (lane.waiter !== undefined) throw new TypeError("two readers on the same channel");
      lane.waiter = new Deferred<void>();
      try {
        await lane.waiter.promise;
      } finally {
        lane.waiter = undefined;
      }
    }
  }

  #all(): Lane[] {
    return [this.#merged, ...this.#lanes.values()];
  }

  #lane(channel: number): Lane {
    const lane = this.#lanes.get(channel);
    if (lane === undefined) throw new StreamError(`channel ${channel} does not flow this way`);
    return lane;
  }

  #split(wanted?: number): void {
    if (this.#mode === "split") return;
    this.#mode = "split";
    for (const chunk of this.#merged.drain()) {
      const channel = chunk.channel === "stderr" ? 2 : 1;
      if (channel === wanted) this.#lane(channel).chunks.push(chunk);
      else this.#retain(this.#lane(channel), chunk);
    }
  }

  #retain(lane: Lane, chunk: OutputChunk): void {
    // its credit is returned at once, so that a channel nobody asked for cannot stop the other one
    lane.chunks.push(chunk);
    lane.unpaid++;
    lane.retained += chunk.data.byteLength;
    // at least a window, so that who asks for both channels at once loses nothing by the order of asking
    while (lane.retained > Math.max(RETAINED, this.#window)) {
      const gone = lane.shift();
      if (gone === undefined) break;
      lane.unpaid--;
      lane.retained -= gone.data.byteLength;
      lane.dropped += gone.data.byteLength;
    }
    this.#consumed(chunk.data.byteLength);
  }

  #consumed(amount: number): void {
    const limit = this.#credit.consume(amount);
    if (limit !== undefined && this.#inbound !== undefined && limit > this.#inbound.limit) {
      this.#inbound.limit = limit;
      this.#grant(limit);
    }
  }

  #remember(channel: number, data: Uint8Array): void {
    const tail = this.#tails.get(channel);
    if (tail === undefined) return;
    tail.parts.push(data);
    tail.size += data.byteLength;
    while (tail.size - (tail.parts[0]?.byteLength ?? 0) >= EXCERPT) tail.size -= tail.parts.shift()?.byteLength ?? 0;
  }
}

/** The error of bytes that are gone. */
export function gap(message: string, expected: number, offset: number, hint?: string): SdkError {
  return new SdkError("output_gap", message, { expected, offset, ...(hint === undefined ? {} : { hint }) });
}

function leftError(): SdkError {
  return new SdkError("reader_closed", "reading was given up before; attach again to read on");
}
