/**
 * Bytes on their way to the machine, kept until they are acknowledged.
 *
 * The daemon's credit is its acknowledgement: with a limit L and the window W that it announced, everything before
 * L - W was taken. What was not is kept, and sent again from where the daemon says it stands after a break.
 *
 * @module
 */

import { Deferred } from "./async.js";
import { SdkError } from "./errors.js";
import { DATA, EOF, MAX_PAYLOAD, UP } from "./wire/frames.js";

/** The sending end of a stream of bytes. One writer at a time. */
export class ByteSender {
  /** Offset before which everything was taken by the machine. */
  acknowledged = 0;
  /** Offset of the next byte to be written. */
  end = 0;
  /** Whether `close` was called. */
  closed = false;
  /** Called when more was acknowledged. */
  onAcknowledged: ((offset: number) => void) | undefined;
  readonly #frame: (type: number, channel: number, offset: number, payload?: Uint8Array) => void;
  readonly #rewindable: boolean;
  #attached = false;
  #window = 0;
  #limit = 0;
  #sent = 0;
  #unsent: Uint8Array[] = [];
  #unacknowledged: Uint8Array[] = [];
  #waiter: Deferred<void> | undefined;
  #failure: { error: unknown } | undefined;
  #started = false;
  #eofSent = false;
  #over = false;

  /** `rewindable`: whether the writer can produce bytes again that were acknowledged before (a file, not a pipe). */
  constructor(
    frame: (type: number, channel: number, offset: number, payload?: Uint8Array) => void,
    rewindable = false,
  ) {
    this.#frame = frame;
    this.#rewindable = rewindable;
  }

  // -- fed by the stream --

  /** A stream was opened which takes bytes from `offset` on, `window` of them for now. */
  attach(offset: number, window: number): void {
    this.#attached = true;
    this.#window = window;
    if (!this.#started) {
      this.#started = true;
      this.acknowledged = this.#sent = this.end = offset;
    } else if (offset < this.acknowledged || offset > this.end) {
      if (!this.#rewindable) {
        throw new SdkError(
          "protocol_violation",
          `the daemon continues input at ${offset}; this end has ${this.acknowledged} to ${this.end}`,
        );
      }
      this.#unsent = [];
      this.#unacknowledged = [];
      this.closed = false;
      this.acknowledged = this.#sent = this.end = offset;
    } else {
      this.#unsent = [...this.#unacknowledged, ...this.#unsent];
      this.#unacknowledged = [];
      this.#sent = this.acknowledged;
      this.#discard(this.#unsent, offset);
      this.#sent = offset;
    }
    this.#limit = offset + window;
    this.#eofSent = false;
    this.#wake();
    this.#pump();
  }

  /** The link is gone; nothing can be sent until the next `attach`. */
  detach(): void {
    this.#attached = false;
    this.#limit = 0;
  }

  /** The daemon allows bytes up to `limit`. */
  credit(limit: number): void {
    if (limit <= this.#limit) return;
    this.#limit = limit;
    const taken = Math.min(limit - this.#window, this.#sent);
    if (taken > this.acknowledged) {
      this.#discard(this.#unacknowledged, taken);
      this.onAcknowledged?.(this.acknowledged);
    }
    this.#pump();
    this.#wake();
  }

  /** Writing is over: who waits, and who writes from now on, gets `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** The stream ended well. */
  finish(): void {
    this.#over = true;
    this.#wake();
  }

  // -- for the writer --

  /** Hand bytes over, waiting while the daemon allows none. They must not be changed afterwards. */
  async write(data: Uint8Array): Promise<void> {
    if (this.closed) throw new TypeError("write after the end was sent");
    let rest = data;
    while (rest.byteLength > 0) {
      await this.#room();
      const part = rest.subarray(0, this.#limit - this.end);
      this.#put(part);
      rest = rest.subarray(part.byteLength);
    }
  }

  /** Hand over bytes that belong at `offset`; false when the stream was rewound and wants others. */
  async writeAt(offset: number, data: Uint8Array): Promise<boolean> {
    let position = offset;
    let rest = data;
    while (rest.byteLength > 0) {
      await this.#room();
      if (this.end !== position) return false;
      const part = rest.subarray(0, this.#limit - this.end);
      this.#put(part);
      position += part.byteLength;
      rest = rest.subarray(part.byteLength);
    }
    return true;
  }

  /** End the input after what was written, as soon as credit allows. Closing twice does nothing. */
  close(): void {
    this.closed = true;
    this.#pump();
  }

  /** Wait, after `close`, for what becomes of it: true when the stream is over, false when it was rewound. */
  async settle(): Promise<boolean> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#over) return true;
      if (!this.closed) return false;
      await this.#pause();
    }
  }

  async #room(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#attached && this.#limit > this.end) return;
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    if (this.#waiter !== undefined) throw new TypeError("two writers on one stream");
    this.#waiter = new Deferred<void>();
    try {
      await this.#waiter.promise;
    } finally {
      this.#waiter = undefined;
    }
  }

  #put(part: Uint8Array): void {
    this.#unsent.push(part);
    this.end += part.byteLength;
    this.#pump();
  }

  #pump(): void {
    if (!this.#attached) return;
    while (this.#unsent.length > 0 && this.#sent < this.#limit) {
      const head = this.#unsent[0] as Uint8Array;
      const size = Math.min(head.byteLength, MAX_PAYLOAD, this.#limit - this.#sent);
      const view = head.subarray(0, size);
      if (size < head.byteLength) this.#unsent[0] = head.subarray(size);
      else this.#unsent.shift();
      this.#unacknowledged.push(view);
      this.#frame(DATA, UP, this.#sent, view);
      this.#sent += size;
    }
    if (this.closed && this.#unsent.length === 0 && !this.#eofSent) {
      this.#eofSent = true;
      this.#frame(EOF, UP, this.#sent);
    }
  }

  #discard(views: Uint8Array[], offset: number): void {
    while (this.acknowledged < offset) {
      const head = views[0];
      if (head === undefined)
        throw new SdkError("protocol_violation", "the daemon acknowledged bytes that were not sent");
      const size = Math.min(head.byteLength, offset - this.acknowledged);
      if (size < head.byteLength) views[0] = head.subarray(size);
      else views.shift();
      this.acknowledged += size;
    }
  }

  #wake(): void {
    this.#waiter?.resolve();
  }
}
