import { afterEach, describe, expect, test, vi } from "vitest";
import { type OpenSocket, type SocketHandlers, SocketRefused, connect, openWebSocket } from "../src/index.js";
import { READY } from "./support/broken.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

const text = (message: object): string => JSON.stringify({ jsonrpc: "2.0", ...message });
const GREETING = text({ method: "session.ready", params: READY });

/** Connections that a test holds both ends of. */
class Ends {
  /** What each connection tells the client by. */
  readonly handlers: SocketHandlers[] = [];
  /** What each connection was sent. */
  readonly sent: string[][] = [];
  /** Which connections were ended. */
  readonly ended = new Set<number>();
  /** What happens on a close of the client; by default the end is told at once. */
  closing = (index: number): void => {
    this.handlers[index]?.closed(1000, "");
  };
  /** What happens when a connection is there; by default the greeting of a daemon comes. */
  greet = (handlers: SocketHandlers): void => {
    handlers.message(GREETING);
  };

  readonly open: OpenSocket = (_, handlers) => {
    const index = this.handlers.push(handlers) - 1;
    this.sent.push([]);
    queueMicrotask(() => {
      this.greet(handlers);
    });
    return Promise.resolve({
      send: (data) => this.sent[index]?.push(String(data)),
      close: () => {
        this.ended.add(index);
        this.closing(index);
      },
      terminate: () => this.ended.add(index),
    });
  };
}

describe("closing", () => {
  test("fails what is under way, though its answer comes before the end", async () => {
    const ends = new Ends();
    const nexus = await connect({ url: "http://d", openSocket: ends.open });
    const call = nexus.ping();
    const outcome = expect(call).rejects.toMatchObject({ code: "connection_closed", mayHaveRun: true });
    await expect.poll(() => ends.sent[0]?.length).toBe(1);
    ends.closing = () => {
      ends.handlers[0]?.message(text({ id: 1, result: { time: "2026-01-01T00:00:00Z" } }));
      ends.handlers[0]?.closed(1000, "");
    };
    await nexus.close();
    await outcome;
  });

  test("waits for a peer that does not shake hands, but not for ever", async () => {
    const ends = new Ends();
    const nexus = await connect({ url: "http://d", openSocket: ends.open });
    ends.closing = () => undefined;
    vi.useFakeTimers();
    try {
      const closing = nexus.close();
      await vi.advanceTimersByTimeAsync(2000);
      await closing;
    } finally {
      vi.useRealTimers();
    }
    expect(ends.ended).toEqual(new Set([0]));
  });

  test("leaves no connection behind, at whatever moment of a reconnect it comes", async () => {
    for (let moment = 0; moment < 20; moment++) {
      const ends = new Ends();
      const nexus = await connect({ url: "http://d", openSocket: ends.open });
      const closed = new Promise<void>((resolve) => {
        ends.greet = (handlers) => {
          handlers.message(GREETING);
          let left = moment;
          const step = (): void => {
            if (left-- > 0) queueMicrotask(step);
            else nexus.close().then(resolve, resolve);
          };
          step();
        };
      });
      ends.handlers[0]?.closed(1006, "");
      const call = nexus.ping();
      await expect(call).rejects.toMatchObject({ code: "connection_closed" });
      await closed;
      expect([moment, ends.handlers.length, ends.ended.has(1), nexus.connected]).toEqual([moment, 2, true, false]);
    }
  });
});

describe("the engine's own WebSocket", () => {
  class Fake extends EventTarget {
    static readonly OPEN = 1;
    static made: Fake[] = [];
    readonly url: string;
    readonly protocols: string[];
    readyState = 0;
    protocol = "";
    binaryType = "";
    closes = 0;
    onopen: (() => void) | undefined;
    onerror: (() => void) | undefined;
    onclose: ((event: { code: number; reason: string }) => void) | undefined;
    onmessage: ((event: { data: unknown }) => void) | undefined;

    constructor(url: string, protocols: string[]) {
      super();
      this.url = url;
      this.protocols = protocols;
      Fake.made.push(this);
    }

    close(): void {
      this.closes++;
    }
  }

  function dial(fetched: () => Promise<Response>): { opening: ReturnType<OpenSocket>; fake: Fake; told: unknown[] } {
    vi.stubGlobal("WebSocket", Fake);
    vi.stubGlobal("fetch", fetched);
    const told: unknown[] = [];
    const opening = openWebSocket(
      { url: "ws://d/rpc", token: "a.b", signal: new AbortController().signal },
      { message: (data) => told.push(data), closed: (code) => told.push(code) },
    );
    return { opening, fake: Fake.made.at(-1) as Fake, told };
  }

  const silence = (): Promise<Response> => Promise.reject(new TypeError("failed to fetch"));

  test("is given the token by subprotocol, not by URL", async () => {
    const { opening, fake, told } = dial(silence);
    expect([fake.url, fake.protocols]).toEqual(["ws://d/rpc", ["nexus.v1", "nexus.bearer.YS5i"]]);
    fake.protocol = "nexus.v1";
    fake.onopen?.();
    await opening;
    fake.onmessage?.({ data: "hello" });
    fake.onmessage?.({ data: new Uint8Array([1, 2]).buffer });
    fake.onclose?.({ code: 1001, reason: "" });
    fake.onclose?.({ code: 1001, reason: "" });
    expect(told).toEqual(["hello", new Uint8Array([1, 2]), 1001]);
  });

  test.each(["error", "close", "both"])(
    "that fails with %s says why, as the same question by HTTP is answered",
    async (way) => {
      const body = JSON.stringify({ error: { message: "token expired", hint: "make a new one" } });
      const { opening, fake, told } = dial(() => Promise.resolve(new Response(body, { status: 401 })));
      if (way !== "close") fake.onerror?.();
      if (way !== "error") fake.onclose?.({ code: 1006, reason: "" });
      await expect(opening).rejects.toMatchObject({ status: 401, hint: "make a new one" });
      expect(told).toEqual([]);
    },
  );

  test("that fails where HTTP is silent too has no status", async () => {
    const { opening, fake } = dial(silence);
    fake.onerror?.();
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SocketRefused);
    expect(error).toMatchObject({ status: undefined, message: "cannot connect to ws://d/rpc" });
  });

  test("that speaks another subprotocol is closed and refused", async () => {
    const { opening, fake } = dial(silence);
    fake.onopen?.();
    await expect(opening).rejects.toMatchObject({ status: 505 });
    expect(fake.closes).toBe(1);
  });
});
