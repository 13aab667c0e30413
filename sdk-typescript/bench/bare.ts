/** The least that gets the same answers: the package `ws`, which is under the SDK, and a few lines of JSON. */

import { WebSocket } from "ws";
import { DATA, HEADER, CREDIT, DOWN, encodeFrame } from "../src/wire/frames.js";
import type { Client } from "./client.js";

const WINDOW = 4 * 1_048_576;

interface Told {
  id?: number;
  method?: string;
  params?: { stream: number };
  result?: { exit?: { code?: number } };
  error?: unknown;
}

type Handler = (data: Buffer, isBinary: boolean) => void;

export class BareClient implements Client {
  #where = { url: "", token: "" };
  #socket: WebSocket | undefined;
  readonly #held: WebSocket[] = [];

  async connect(url: string, token: string): Promise<void> {
    this.#where = { url, token };
    this.#socket = await this.#open();
  }

  /** Each answer sends the next call. */
  calls(count: number, depth: number): Promise<void> {
    const requests = Array.from({ length: count }, (_, id) => request(id, "session.ping", {}));
    return this.#until((done) => {
      const open = new Set(requests.keys());
      let sent = 0;
      const next = (): void => {
        const text = requests[sent++];
        if (text !== undefined) this.#send(text);
      };
      for (let turn = 0; turn < depth; turn++) next();
      return (data) => {
        const { id } = parse(data);
        if (id === undefined || !open.delete(id)) throw new Error(`nobody asked for answer ${String(id)}`);
        next();
        if (open.size === 0) done();
      };
    });
  }

  run(workspace: string): Promise<void> {
    return this.#until((done) => {
      this.#send(request(1, "exec.run", { workspace, argv: ["true"] }));
      return (data) => {
        const { result } = parse(data);
        if (result?.exit?.code !== 0) throw new Error(`exec.run: ${JSON.stringify(result)}`);
        done();
      };
    });
  }

  /** Count the bytes of a stream and give back credit when half of it is used up. */
  async download(workspace: string, path: string): Promise<number> {
    let came = 0;
    let granted = WINDOW;
    let stream = 0;
    await this.#until((done) => {
      this.#send(request(1, "fs.download", { workspace, path, window: WINDOW }));
      return (data, isBinary) => {
        if (!isBinary) {
          const told = parse(data);
          if (told.method === undefined) done();
          else stream = told.params?.stream ?? 0;
          return;
        }
        if (data.readUInt8(0) !== DATA) return;
        const offset = Number(data.readBigUInt64BE(6));
        if (offset !== came) throw new Error(`offset ${offset} instead of ${came}`);
        came += data.byteLength - HEADER;
        if (granted - came <= WINDOW / 2) {
          granted = came + WINDOW;
          this.#send(encodeFrame(CREDIT, DOWN, stream, granted));
        }
      };
    });
    return came;
  }

  async hold(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) this.#held.push(await this.#open());
  }

  #send(data: string | Uint8Array): void {
    this.#socket?.send(data);
  }

  /** Begin something, and hand what comes to the handler that it returns, until it is done or something goes wrong. */
  #until(begin: (done: () => void) => Handler): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error("not connected");
    return new Promise<void>((resolve, reject) => {
      const handle = begin(() => {
        stop();
        resolve();
      });
      const message: Handler = (data, isBinary) => {
        try {
          handle(data, isBinary);
        } catch (error) {
          stop();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const closed = (): void => {
        stop();
        reject(new Error("the daemon closed the connection"));
      };
      const stop = (): void => {
        socket.off("message", message);
        socket.off("close", closed);
      };
      socket.on("message", message);
      socket.on("close", closed);
    });
  }

  #open(): Promise<WebSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#where.url, ["nexus.v1"], {
        perMessageDeflate: false,
        headers: { authorization: `Bearer ${this.#where.token}` },
      });
      socket.once("message", () => {
        resolve(socket); // session.ready
      });
      socket.once("error", reject);
    });
  }
}

function request(id: number, method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

function parse(data: Buffer): Told {
  const told = JSON.parse(data.toString()) as Told;
  if (told.error !== undefined) throw new Error(JSON.stringify(told.error));
  return told;
}
