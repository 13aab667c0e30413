import "../dispose.js";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Ports } from "../ports.js";

/** Options of `forward`. */
export interface ForwardOptions {
  /** The port here; 0, the default, takes a free one. */
  localPort?: number | undefined;
  /** The address to listen on here. Anybody who reaches it reaches the workspace. Default `127.0.0.1`. */
  host?: string | undefined;
  /** Connections beyond these are closed at once. Default 256. */
  maxConnections?: number | undefined;
}

/**
 * Listen here, and carry each connection to a port of the workspace.
 *
 * @example
 * import { forward } from "@nexus-workspaces/sdk/node";
 *
 * await using listener = await forward(workspace.ports, 8000);
 * console.log(`http://${listener.host}:${listener.port}/`);
 */
export async function forward(ports: Ports, port: number, options: ForwardOptions = {}): Promise<Listener> {
  const { localPort = 0, host = "127.0.0.1", maxConnections = 256 } = options;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(localPort, host, resolve);
  });
  return new Listener(server, ports, port);
}

/** A local port whose connections lead to a port of the workspace. Made by `forward`. */
export class Listener implements AsyncDisposable {
  /** The address that accepts connections here. */
  readonly host: string;
  /** The port that accepts connections here. */
  readonly port: number;
  /** Why the last connection that failed was closed; undefined while none did. */
  lastError: unknown;
  readonly #server: Server;
  readonly #open = new Map<Socket, AbortController>();

  /** @internal */
  constructor(server: Server, ports: Ports, port: number) {
    const address = server.address() as AddressInfo;
    this.host = address.address;
    this.port = address.port;
    this.#server = server;
    server.on("connection", (socket) => {
      const stop = new AbortController();
      this.#open.set(socket, stop);
      this.#carry(socket, ports, port, stop.signal)
        .catch((error: unknown) => {
          this.lastError = error;
          socket.resetAndDestroy();
        })
        .finally(() => this.#open.delete(socket));
    });
  }

  /** How many connections are open now. */
  get connections(): number {
    return this.#open.size;
  }

  /** Stop accepting and close every connection. Closing twice does nothing. */
  async close(): Promise<void> {
    for (const [socket, stop] of this.#open) {
      stop.abort();
      socket.destroy();
    }
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  /** What `await using` does: `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #carry(socket: Socket, ports: Ports, port: number, signal: AbortSignal): Promise<void> {
    const tunnel = await ports.dial(port, { signal });
    try {
      await Promise.all([
        pipeline(socket, Writable.fromWeb(tunnel.writable)),
        pipeline(Readable.fromWeb(tunnel.readable as never), socket),
      ]);
    } finally {
      await tunnel.close();
    }
  }
}
