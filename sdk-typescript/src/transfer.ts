/**
 * Whole files over streams, continued where they stood when a connection breaks.
 *
 * A download goes on at its offset as long as the file is the one it began with. An upload goes on where the daemon says
 * it stands; the file appears at its path as a whole, when all of it has come.
 *
 * @module
 */

import "./dispose.js";
import { ignore } from "./async.js";
import { Attachment } from "./attachment.js";
import { ByteStream } from "./byteStream.js";
import { utf8 } from "./bytes.js";
import type { Connection } from "./connection.js";
import { type NexusError, type RemoteError, SdkError, isRemoteError } from "./errors.js";
import type { Progress } from "./link.js";
import { Output, gap } from "./output.js";
import type {
  FileInfo,
  FsDownloadOpen,
  FsDownloadParams,
  FsDownloaded,
  FsUploadOpen,
  FsUploadParams,
  FsUploaded,
} from "./protocol/types.js";
import { ByteSender } from "./sender.js";

/** How much of a download may wait here unread by default, in bytes. */
export const DOWNLOAD_WINDOW = 4_194_304;
const BLOCK = 2_097_152;

/** Something whose bytes can be read at any place, more than once: what an upload needs to continue. */
export interface RandomAccess {
  /** Its length in bytes. */
  readonly size: number;
  /** Up to `length` bytes from `offset` on; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What can be uploaded. */
export type UploadSource = string | Uint8Array | Blob | RandomAccess;

/** A file of the workspace on its way here. Made by `Files.download`; `close` stops it before its end. */
export class Download extends ByteStream implements AsyncDisposable {
  /** The file, as it was when the download began. */
  readonly info: FileInfo;
  /** Position in the file of the first byte that comes. */
  readonly start: number;
  /** How many bytes come in all. */
  readonly length: number;
  readonly #stream: DownloadStream;

  private constructor(stream: DownloadStream, open: FsDownloadOpen, start: number) {
    super(stream);
    this.#stream = stream;
    this.info = open.info;
    this.start = start;
    this.length = open.length;
  }

  /** @internal */
  static async open(connection: Connection, params: FsDownloadParams, signal?: AbortSignal): Promise<Download> {
    const stream = new DownloadStream(connection, params, signal);
    return new Download(stream, await stream.open(), params.offset ?? 0);
  }

  /** How often it was continued after a break. */
  get reconnects(): number {
    return this.#stream.reconnects;
  }

  /** Stop. Closing twice does nothing. */
  async close(): Promise<void> {
    await this.#stream.leave();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class DownloadStream extends Attachment<"fs.download"> {
  readonly #request: FsDownloadParams;
  readonly #output: Output;
  readonly #lane;
  #open: FsDownloadOpen | undefined;
  #end = 0;

  constructor(connection: Connection, params: FsDownloadParams, signal?: AbortSignal) {
    super(connection, "fs.download", signal);
    this.#request = params;
    this.#output = new Output({ window: params.window ?? DOWNLOAD_WINDOW, channels: [1], grant: this.grant });
    this.#lane = this.#output.claim("all");
  }

  async open(): Promise<FsDownloadOpen> {
    await this.start();
    if (this.#open === undefined) throw new SdkError("protocol_violation", "fs.download ended before it was opened");
    return this.#open;
  }

  async read(): Promise<Uint8Array | undefined> {
    return (await this.#output.take(this.#lane))?.data;
  }

  async leave(): Promise<void> {
    this.#output.leave(this.#lane);
    await this.stop();
  }

  protected override params(): FsDownloadParams {
    const window = this.#output.nextWindow();
    if (this.#open === undefined) return { ...this.#request, window };
    const { offset } = this.#output;
    return { ...this.#request, offset, length: this.#end - offset, if_match: this.#open.info.etag, window };
  }

  protected override onOpen(info: FsDownloadOpen): void {
    const first = this.#open === undefined;
    const offset = first ? (this.#request.offset ?? 0) : this.#output.offset;
    this.#output.attach(offset, first);
    if (first) {
      this.#open = info;
      this.#end = offset + info.length;
    }
  }

  protected override refused(error: RemoteError): NexusError {
    return isRemoteError(error, "etag_mismatch") ? this.#changed() : error;
  }

  override data(channel: number, offset: number, payload: Uint8Array): void {
    this.#output.data(channel, offset, payload);
  }

  override eof(): void {
    // held back until the daemon has said that the file did not change meanwhile
  }

  protected override onEnd(result: FsDownloaded | undefined, failed: boolean, error: unknown): void {
    let failure = failed ? { error } : undefined;
    if (result !== undefined && this.#open !== undefined) {
      const { offset } = this.#output;
      if (result.info.etag !== this.#open.info.etag) {
        failure = { error: this.#changed() };
      } else if (offset > this.#end) {
        const message = `the download of ${this.#request.path} has ${this.#end} bytes, but ${offset} came`;
        failure = { error: new SdkError("protocol_violation", message) };
      } else if (offset < this.#end) {
        const message = `the download of ${this.#request.path} ended at ${offset} instead of ${this.#end}`;
        failure = { error: gap(message, offset, this.#end, "download it again") };
      }
    }
    this.#output.finish(failure);
  }

  #changed(): SdkError {
    return new SdkError("file_changed", `${this.#request.path} changed while it was downloaded`, {
      hint: "download it again",
      retryable: true,
    });
  }
}

class UploadStream extends Attachment<"fs.upload"> {
  readonly sender = new ByteSender(this.frame, true);
  result: FsUploaded | undefined;
  readonly #request: FsUploadParams;

  constructor(connection: Connection, params: FsUploadParams, signal?: AbortSignal) {
    super(connection, "fs.upload", signal);
    this.#request = params;
  }

  open(): Promise<void> {
    return this.start();
  }

  close(): Promise<void> {
    return this.stop();
  }

  protected override params(): FsUploadParams {
    return this.#request;
  }

  protected override onOpen(info: FsUploadOpen): void {
    const size = this.#request.size ?? 0;
    if (info.offset > size) {
      throw new SdkError("protocol_violation", `the daemon continues the upload at ${info.offset} of ${size} bytes`);
    }
    this.sender.attach(info.offset, info.window);
  }

  protected override onLost(): void {
    this.sender.detach();
  }

  override credit(_channel: number, limit: number): void {
    this.sender.credit(limit);
  }

  protected override onEnd(result: FsUploaded | undefined, failed: boolean, error: unknown): void {
    this.result = result;
    if (failed) this.sender.fail(error);
    else this.sender.finish();
  }
}

/** Send a source to a path of the workspace. */
export async function uploadFrom(
  connection: Connection,
  params: FsUploadParams,
  source: RandomAccess,
  signal: AbortSignal | undefined,
  onProgress: ((progress: Progress) => void) | undefined,
): Promise<FileInfo> {
  const { size } = source;
  const upload = new UploadStream(connection, { ...params, size }, signal);
  const { sender } = upload;
  const report = (done: number): void => onProgress?.({ done, total: size, message: "" });
  sender.onAcknowledged = report;
  const blocks = new ReadAhead(source);
  try {
    await upload.open();
    for (;;) {
      const offset = sender.end;
      if (offset < size) {
        await sender.writeAt(offset, await blocks.at(offset));
        continue;
      }
      sender.close();
      if (await sender.settle()) break;
    }
  } finally {
    await upload.close();
  }
  if (upload.result === undefined) throw new SdkError("protocol_violation", "fs.upload ended without a result");
  report(size);
  return upload.result.info;
}

/** Blocks of a source, of which the next is read while one is sent. */
class ReadAhead {
  readonly #source: RandomAccess;
  #next: { offset: number; block: Promise<Uint8Array> } | undefined;

  constructor(source: RandomAccess) {
    this.#source = source;
  }

  async at(offset: number): Promise<Uint8Array> {
    const wanted = this.#next?.offset === offset ? this.#next.block : this.#read(offset);
    this.#next = undefined;
    const block = await wanted;
    if (block.byteLength === 0) {
      throw new RangeError(`the source shrank to ${offset} bytes while it was sent; it had ${this.#source.size}`);
    }
    const after = offset + block.byteLength;
    if (after < this.#source.size) this.#next = { offset: after, block: this.#read(after) };
    return block;
  }

  #read(offset: number): Promise<Uint8Array> {
    const block = this.#source.read(offset, Math.min(BLOCK, this.#source.size - offset));
    block.catch(ignore); // it is heard of when it is asked for
    return block;
  }
}

/** A source as random access. */
export function randomAccess(source: UploadSource): RandomAccess {
  if (typeof source === "string") return randomAccess(utf8(source));
  if (source instanceof Uint8Array) {
    return {
      size: source.byteLength,
      read: (offset, length) => Promise.resolve(source.subarray(offset, offset + length)),
    };
  }
  if (source instanceof Blob) {
    return {
      size: source.size,
      read: async (offset, length) => new Uint8Array(await source.slice(offset, offset + length).arrayBuffer()),
    };
  }
  return source;
}
