import { concat, toText } from "./bytes.js";

/** Where the bytes of a `ByteStream` come from. */
export interface ByteSource {
  /** The next bytes; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Nobody reads on. */
  leave(): void | Promise<void>;
}

/**
 * Bytes to be read once, by one reader: iterate them, or take them as text, lines, one array or a web stream.
 *
 * Breaking out of a loop, or cancelling the web stream, gives the reading up for good: what waits is dropped, and the
 * sender is not held up by a reader that is gone.
 */
export class ByteStream implements AsyncIterable<Uint8Array> {
  readonly #source: ByteSource;

  /** @internal */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next bytes, as many as came together, at most 64 KiB; undefined at the end. */
  read(): Promise<Uint8Array | undefined> {
    return this.#source.read();
  }

  /** Everything to the end; it is held in memory. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array[] = [];
    for (let part = await this.read(); part !== undefined; part = await this.read()) parts.push(part);
    return concat(parts);
  }

  /** Everything to the end as text; it is held in memory. What is not UTF-8 becomes replacement characters. */
  async text(): Promise<string> {
    return toText(await this.bytes());
  }

  /** Lines without their ends; a last line without an end is a line too. */
  lines(): AsyncIterableIterator<string> {
    return new Lines(this.#source);
  }

  /** The same bytes as a web stream; cancelling it gives the reading up. */
  toWeb(): ReadableStream<Uint8Array> {
    const source = this.#source;
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const part = await source.read();
          if (part === undefined) controller.close();
          else controller.enqueue(part);
        },
        cancel: () => source.leave(),
      },
      { highWaterMark: 0 },
    );
  }

  /** What `for await` does: `read` to the end; leaving the loop gives the reading up. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return new Pieces(this.#source);
  }
}

class Pieces implements AsyncIterableIterator<Uint8Array> {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const value = await this.#source.read();
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#source.leave();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

class Lines implements AsyncIterableIterator<string> {
  readonly #source: ByteSource;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #ready: string[] = [];
  #parts: string[] = [];
  #done = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    while (this.#ready.length === 0) {
      if (this.#done) return { done: true, value: undefined };
      const data = await this.#source.read();
      this.#done = data === undefined;
      const text = data === undefined ? this.#decoder.decode() : this.#decoder.decode(data, { stream: true });
      const [head = "", ...rest] = text.split("\n");
      this.#parts.push(head);
      if (rest.length > 0) {
        this.#ready = [this.#parts.join(""), ...rest.slice(0, -1)];
        this.#parts = [rest[rest.length - 1] ?? ""];
      }
      if (this.#done) {
        const last = this.#parts.join("");
        if (last !== "") this.#ready.push(last);
      }
      this.#ready.reverse(); // so that taking the first one is cheap
    }
    const line = this.#ready.pop() ?? "";
    return { done: false, value: line.endsWith("\r") ? line.slice(0, -1) : line };
  }

  async return(): Promise<IteratorResult<string, undefined>> {
    await this.#source.leave();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
