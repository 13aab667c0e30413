/** Ports of a workspace: what listens, and connections to it. */

import "./dispose.js";
import { Deferred } from "./async.js";
import { Attachment } from "./attachment.js";
import type { Connection } from "./connection.js";
import { type NexusError, SdkError } from "./errors.js";
import type { LinkDown } from "./link.js";
import type { CallOptions } from "./options.js";
import { Output } from "./output.js";
import type { ListeningPort, PortForwardOpen, PortForwardParams, PortForwarded } from "./protocol/types.js";
import { ByteSender } from "./sender.js";

const WINDOW = 1_048_576;

/** Options of `Ports.dial`. */
export interface DialOptions {
  /** Closes the tunnel; reading and writing then fail with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How much may wait here unread, in bytes. Default 1 MiB. */
  window?: number | undefined;
}

/** Ports of one workspace; `workspace.ports`. */
export class Ports {
  readonly #connection: Connection;
  readonly #workspace: string;

  /** @internal */
  constructor(connection: Connection, workspace: string) {
    this.#connection = connection;
    this.#workspace = workspace;
  }

  /** The ports that are allocated to the workspace, and those that its processes listen on. */
  async list(options?: CallOptions): Promise<ListeningPort[]> {
    return (await this.#connection.call("port.list", { workspace: this.#workspace }, options)).ports;
  }

  /**
   * Connect to a port of the workspace, on the machine's own loopback.
   *
   * Rejects with `port_refused` when nothing accepts connections there, and `port_forbidden`.
   */
  dial(port: number, options: DialOptions = {}): Promise<Tunnel> {
    return Tunnel.open(this.#connection, this.#workspace, port, options);
  }
}

/**
 * One TCP connection to a port of a workspace, as a pair of web streams. Each half closes alone: `writable.close()` ends
 * ours, `readable` ends when the other side ends its own.
 *
 * TCP cannot be resumed: when the link breaks, both fail with `tunnel_lost`.
 */
export class Tunnel extends Attachment<"port.forward"> implements AsyncDisposable {
  /** The port in the workspace. */
  readonly port: number;
  /** What the other side sends. Cancelling it closes the tunnel. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What is sent to the other side. Aborting it closes the tunnel. */
  readonly writable: WritableStream<Uint8Array>;
  readonly #workspace: string;
  readonly #output: Output;
  readonly #sender: ByteSender;
  readonly #over = new Deferred<void>();
  #closed = false;

  private constructor(connection: Connection, workspace: string, port: number, options: DialOptions) {
    super(connection, "port.forward", options.signal, false);
    this.port = port;
    this.#workspace = workspace;
    const output = new Output({ window: options.window ?? WINDOW, channels: [1], grant: this.grant });
    const lane = output.claim("all");
    this.#output = output;
    this.#sender = new ByteSender(this.frame);
    this.readable = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const chunk = await output.take(lane);
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk.data);
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream<Uint8Array>({
      write: (data) => this.#sender.write(data.slice()),
      close: () => {
        this.#sender.close();
      },
      abort: () => this.close(),
    });
  }

  /** @internal */
  static async open(connection: Connection, workspace: string, port: number, options: DialOptions): Promise<Tunnel> {
    const tunnel = new Tunnel(connection, workspace, port, options);
    await tunnel.start();
    return tunnel;
  }

  /** Resolves when both halves have ended, or you closed it; rejects with `tunnel_lost` when the connection broke. */
  get closed(): Promise<void> {
    return this.#over.promise;
  }

  /** Close both halves. Closing twice does nothing. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.stop(this.#lost("is closed"));
  }

  /** What `await using` does: `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected override params(): PortForwardParams {
    return { workspace: this.#workspace, port: this.port, window: this.#output.nextWindow() };
  }

  protected override onOpen(info: PortForwardOpen): void {
    this.#output.attach(0, true);
    this.#sender.attach(0, info.window);
  }

  protected override broken(lost: LinkDown): NexusError {
    return this.#lost(`broke: ${lost.message}`);
  }

  /** @internal */
  override data(channel: number, offset: number, payload: Uint8Array): void {
    this.#output.data(channel, offset, payload);
  }

  /** @internal */
  override eof(channel: number, offset: number): void {
    this.#output.eof(channel, offset);
  }

  /** @internal */
  override credit(_channel: number, limit: number): void {
    this.#sender.credit(limit);
  }

  protected override onEnd(_result: PortForwarded | undefined, failed: boolean, error: unknown): void {
    this.#output.finish(failed ? { error } : undefined);
    this.#sender.fail(failed ? error : this.#lost("is closed"));
    if (failed && !this.#closed) this.#over.reject(error);
    else this.#over.resolve();
  }

  #lost(what: string): SdkError {
    return new SdkError("tunnel_lost", `the tunnel to port ${this.port} ${what}`, { hint: "dial again" });
  }
}
