/** A server that speaks the protocol as badly as a test wants. */

import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { encodeFrame } from "../../src/wire/frames.js";

const LIMITS = {
  max_message: 1_048_576,
  max_payload: 65_536,
  max_requests: 256,
  max_streams: 1024,
  max_output: 1_048_576,
  max_read: 1_048_576,
  ping_interval_ms: 20_000,
};

/** What a daemon announces first. */
export const READY = {
  level: 1,
  server: { name: "broken", version: "0", node: "n", instance: "i" },
  capabilities: [],
  limits: LIMITS,
  identity: { subject: "s", scopes: ["*"], workspaces: ["*"], via: "jwt" },
  expires_at: null,
};

/** One connection, from the server's side. */
export class Peer {
  /** Which connection this is, from 1. */
  readonly number: number;
  readonly socket: WebSocket;
  /** Frames that came. */
  readonly frames: Uint8Array[] = [];
  /** Notifications that came. */
  readonly notified: { method: string; params: Record<string, unknown> }[] = [];

  constructor(socket: WebSocket, number: number) {
    this.socket = socket;
    this.number = number;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
  }

  raw(text: string): void {
    this.socket.send(text);
  }

  bytes(data: Uint8Array): void {
    this.socket.send(data);
  }

  frame(type: number, channel: number, stream: number, offset: number, payload?: Uint8Array | string): void {
    const data = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    this.socket.send(encodeFrame(type, channel, stream, offset, data));
  }

  answer(id: unknown, result: unknown): void {
    this.send({ id, result });
  }

  refuse(id: unknown, code: number, name: string, details?: object): void {
    this.send({
      id,
      error: { code, message: `refused: ${name}`, data: { name, hint: "", retryable: false, details } },
    });
  }

  open(id: unknown, stream: number, info?: object): void {
    this.send({ method: "stream.open", params: { id, stream, info } });
  }

  event(stream: number, event: object, cursor?: string): void {
    this.send({ method: "stream.event", params: { stream, event, cursor } });
  }

  /** Pull the cable. */
  drop(): void {
    this.socket.terminate();
  }
}

/** What a broken server does with a request. */
export type Handle = (peer: Peer, call: { id: unknown; method: string; params: Record<string, unknown> }) => void;

/** Options of a broken server. */
export interface BrokenOptions {
  handle?: Handle;
  /** What it says first; undefined says what a daemon says. */
  greet?: (peer: Peer) => void;
  limits?: Partial<typeof LIMITS>;
  protocol?: string;
}

/** A running broken server. */
export class BrokenServer {
  readonly peers: Peer[] = [];
  /** Requests that came, in order. */
  readonly calls: string[] = [];
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer, options: BrokenOptions) {
    this.#server = server;
    server.on("connection", (socket) => {
      const peer = new Peer(socket, this.peers.length + 1);
      this.peers.push(peer);
      socket.on("error", () => undefined);
      socket.on("message", (data, isBinary) => {
        if (isBinary) {
          peer.frames.push(new Uint8Array(data as Buffer));
          return;
        }
        const message = JSON.parse((data as Buffer).toString()) as {
          id?: unknown;
          method: string;
          params: Record<string, unknown>;
        };
        if (message.id === undefined) peer.notified.push(message);
        else {
          this.calls.push(message.method);
          options.handle?.(peer, { id: message.id, method: message.method, params: message.params });
        }
      });
      if (options.greet !== undefined) options.greet(peer);
      else {
        const limits = { ...LIMITS, ...options.limits };
        peer.send({ method: "session.ready", params: { ...READY, limits } });
      }
    });
  }

  static async start(options: BrokenOptions): Promise<BrokenServer> {
    const { protocol = "nexus.v1" } = options;
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => protocol });
    const broken = new BrokenServer(server, options);
    await new Promise<void>((resolve) => server.once("listening", resolve));
    return broken;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.drop();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
