/** A TCP proxy that cuts connections: after so many bytes, or on request. */

import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

/** Carries connections to a port until it is told to cut them. */
export class Proxy {
  /** How many connections were cut. */
  cuts = 0;
  /** How many connections were accepted. */
  accepted = 0;
  /** Bytes after which each connection is cut, as long as the function returns a number. */
  plan: () => number | undefined = () => undefined;
  /** Refuse new connections. */
  refusing = false;
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<[Socket, Socket]>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (near) => {
      this.#carry(near);
    });
  }

  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** Cut every connection at once, without a handshake. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      this.cuts++;
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  async stop(): Promise<void> {
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #carry(near: Socket): void {
    this.accepted++;
    if (this.refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: this.#target, host: "127.0.0.1", noDelay: true });
    const pair: [Socket, Socket] = [near, far];
    this.#pairs.add(pair);
    let left = this.plan();
    const end = (reset: boolean): void => {
      if (!this.#pairs.delete(pair)) return;
      if (reset) {
        this.cuts++;
        near.resetAndDestroy();
        far.resetAndDestroy();
      } else {
        near.destroy();
        far.destroy();
      }
    };
    const pass = (from: Socket, to: Socket): void => {
      from.on("data", (data) => {
        if (left !== undefined && (left -= data.byteLength) < 0) {
          // a part of a frame gets through, as it does when a cable is pulled
          to.write(data.subarray(0, data.byteLength >> 1));
          end(true);
        } else if (!to.write(data)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      });
      from.on("error", () => {
        end(false);
      });
      from.on("close", () => {
        end(false);
      });
    };
    pass(near, far);
    pass(far, near);
  }
}
