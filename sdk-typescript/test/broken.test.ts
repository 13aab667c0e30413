import { afterEach, describe, expect, test } from "vitest";
import { type ConnectOptions, type Nexus, SdkError, type Workspace, connect } from "../src/node/root.js";
import { ERRORS } from "../src/protocol/errors.js";
import { CREDIT, DATA, EOF } from "../src/wire/frames.js";
import type { Process as ProcessRecord, Workspace as WorkspaceRecord } from "../src/protocol/types.js";
import { type BrokenOptions, BrokenServer, type Peer } from "./support/broken.js";

const PROCESS: ProcessRecord = {
  id: "pr_1",
  workspace: "ws_1",
  argv: ["true"],
  cwd: "/",
  state: "running",
  stdin: false,
  output_start: 0,
  output_end: 0,
  attached: 0,
  labels: {},
  generation: 1,
  started_at: "2026-01-01T00:00:00Z",
};
const WORKSPACE: WorkspaceRecord = {
  id: "ws_1",
  name: "w",
  owner: "s",
  state: "running",
  message: "",
  backend: "host",
  repository: { url: "u", path: "p", ref: "r", commit: "c" },
  branch: "b",
  root: "/",
  worktree: "/",
  ports: [],
  env: {},
  labels: {},
  current: false,
  generation: 1,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  last_active_at: "2026-01-01T00:00:00Z",
};
const moment = (second: number): string => `2026-01-01T00:00:0${String(second)}Z`;
const OPEN = { process: PROCESS, role: "controller", offset: 0, stdin_offset: 0, stdin_window: 0 };
const EXIT = { code: 0, reason: "exited", at: "2026-01-01T00:00:00Z" };
const FILE = {
  path: "a",
  name: "a",
  type: "file",
  size: 10,
  mode: "644",
  mtime: "2026-01-01T00:00:00Z",
  etag: "e1",
  uid: 0,
  gid: 0,
};

let server: BrokenServer | undefined;
let nexus: Nexus | undefined;

afterEach(async () => {
  await nexus?.close();
  await server?.stop();
  nexus = server = undefined;
});

async function start(options: BrokenOptions, client: Partial<ConnectOptions> = {}): Promise<Nexus> {
  server = await BrokenServer.start(options);
  nexus = await connect({ url: server.url, token: "t", reconnectTimeoutMs: 2000, ...client });
  return nexus;
}

async function workspace(options: BrokenOptions, client?: Partial<ConnectOptions>): Promise<Workspace> {
  const { handle } = options;
  const connected = await start(
    {
      ...options,
      handle: (peer, call) => {
        if (call.method === "workspace.get") peer.answer(call.id, WORKSPACE);
        else handle?.(peer, call);
      },
    },
    client,
  );
  return connected.workspaces.get("w");
}

function exit(peer: Peer, id: unknown, end: number): void {
  peer.answer(id, { process: PROCESS, exit: EXIT, output_end: end, output_complete: true });
}

describe("a server that is no daemon", () => {
  test.each([
    [
      "speaks first of something else",
      (peer: Peer) => {
        peer.send({ method: "hello", params: {} });
      },
    ],
    [
      "sends no JSON",
      (peer: Peer) => {
        peer.raw("{");
      },
    ],
    [
      "sends half a greeting",
      (peer: Peer) => {
        peer.send({ method: "session.ready", params: { level: 1 } });
      },
    ],
    [
      "sends an array",
      (peer: Peer) => {
        peer.raw("[]");
      },
    ],
    [
      "sends bytes that are no frame",
      (peer: Peer) => {
        peer.bytes(new Uint8Array(3));
      },
    ],
  ])("%s", async (_, greet) => {
    await expect(start({ greet })).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("says nothing", async () => {
    const silent = start({ greet: () => undefined }, { openTimeoutMs: 50 });
    await expect(silent).rejects.toMatchObject({ code: "connection_failed" });
  });

  test("speaks another protocol", async () => {
    await expect(start({ protocol: "chat" })).rejects.toMatchObject({ code: "connection_failed" });
  });

  test("is given up when the caller gives up", async () => {
    const reason = new Error("enough");
    const silent = start({ greet: () => undefined }, { signal: AbortSignal.abort(reason) });
    await expect(silent).rejects.toBe(reason);
  });

  test("closes at once, and says why", async () => {
    const greet = (peer: Peer): void => {
      peer.send({ method: "session.closing", params: { code: 4429, reason: "too many connections" } });
      peer.socket.close(4429, "");
    };
    await expect(start({ greet })).rejects.toThrow(/too many connections/);
  });
});

describe("answers", () => {
  test("that never come end with the deadline of the caller", async () => {
    const client = await start({});
    await expect(client.ping({ timeoutMs: 30 })).rejects.toMatchObject({ code: "call_timeout", mayHaveRun: true });
    await expect
      .poll(() => server?.peers[0]?.notified)
      .toEqual([{ jsonrpc: "2.0", method: "$/cancel", params: { id: 1 } }]);
  });

  test("that never come end with the signal of the caller, and its reason", async () => {
    const client = await start({});
    const abort = new AbortController();
    const call = client.ping({ signal: abort.signal });
    abort.abort("mine");
    await expect(call).rejects.toBe("mine");
    await expect.poll(() => server?.peers[0]?.notified.length).toBe(1);
  });

  test("that come twice are taken once", async () => {
    const client = await start({
      handle: (peer, { id }) => {
        peer.answer(id, { time: moment(1) });
        peer.answer(id, { time: moment(2) });
        peer.refuse(id, 1002, "cancelled");
      },
    });
    expect(await client.ping()).toEqual({ time: moment(1) });
    expect(await client.ping()).toEqual({ time: moment(1) });
  });

  test("to ids that nobody asked for are ignored, 0 and empty ones too", async () => {
    const client = await start({
      handle: (peer, { id }) => {
        for (const other of [0, "", -1, "1", 999]) peer.answer(other, { time: moment(2) });
        peer.answer(id, { time: moment(1) });
      },
    });
    expect(await client.ping()).toEqual({ time: moment(1) });
  });

  // requirement: call.overtake
  test("may overtake each other", async () => {
    const waiting: (() => void)[] = [];
    const client = await start({
      handle: (peer, { id }) => {
        waiting.push(() => {
          peer.answer(id, { time: moment(Number(id)) });
        });
        if (waiting.length === 3) for (const send of waiting.reverse()) send();
      },
    });
    const all = await Promise.all([client.ping(), client.ping(), client.ping()]);
    expect(all.map(({ time }) => time)).toEqual([moment(1), moment(2), moment(3)]);
  });

  test("that are cut off break the connection, not the client", async () => {
    const client = await start({
      handle: (peer, { id }) => {
        peer.raw(`{"jsonrpc":"2.0","id":${String(id)},"resu`);
      },
    });
    await expect(client.ping()).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("are awaited on a new connection when the old one drops", async () => {
    const client = await start({
      handle: (peer, { id }) => {
        if (peer.number < 3) peer.drop();
        else peer.answer(id, { time: moment(9) });
      },
    });
    expect(await client.ping()).toEqual({ time: moment(9) });
    expect(client.reconnects).toBe(2);
  });

  // requirement: key.retry
  test("to calls with an effect are not, unless they carry a key", async () => {
    const client = await start({
      handle: (peer, { id, method, params }) => {
        if (peer.number === 1) peer.drop();
        else peer.answer(id, { ...FILE, method, key: params["key"] });
      },
    });
    const signal = client.call("exec.signal", { process: "p", signal: "TERM" });
    await expect(signal).rejects.toMatchObject({ code: "connection_lost", mayHaveRun: true });
    expect(await client.call("fs.write", { workspace: "w", path: "a", content: "" })).toMatchObject({
      key: expect.stringMatching(/^[\w-]{24}$/) as string,
    });
  });

  test("that are refused have the name, the hint and the details of the schema", async () => {
    const client = await start({
      handle: (peer, { id }) => {
        const details = { process: "p", offset: 1, earliest: 7, end: 9 };
        peer.refuse(id, offsetExpired, "offset_expired", details);
      },
    });
    const error: unknown = await client.ping().catch((failure: unknown) => failure);
    expect(error).toMatchObject({ name: "RemoteError", code: "offset_expired", mayHaveRun: false });
  });

  test("with a number of a newer daemon keep their name", async () => {
    const client = await start({
      handle: (peer, { id }) => {
        peer.refuse(id, 99_999, "moon_phase_wrong");
      },
    });
    await expect(client.ping()).rejects.toMatchObject({ code: "moon_phase_wrong", number: 99_999 });
  });

  test("without an id mean that a message of ours was not read", async () => {
    const client = await start({
      handle: (peer) => {
        peer.refuse(null, -32_700, "parse_error");
      },
    });
    await expect(client.ping()).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("are waited for in turn when the daemon takes no more at a time", async () => {
    let open = 0;
    let most = 0;
    const client = await start({
      limits: { max_requests: 2 },
      handle: (peer, { id }) => {
        most = Math.max(most, ++open);
        setTimeout(() => {
          open--;
          peer.answer(id, { time: moment(0) });
        }, 5);
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => client.ping()));
    expect(most).toBe(2);
  });

  test("to messages that are too large are not waited for", async () => {
    const client = await start({ limits: { max_message: 1000 } });
    await expect(client.refresh("x".repeat(2000))).rejects.toMatchObject({ code: "message_too_large" });
    await expect(client.refresh("é".repeat(500))).rejects.toMatchObject({ code: "message_too_large" });
    expect(server?.calls).toEqual([]);
  });

  test("a mistake in onProgress is the mistake of its call alone", async () => {
    const client = await start({
      handle: (peer, { id, method }) => {
        if (method === "session.ping") peer.answer(id, { time: moment(0) });
        else peer.send({ method: "$/progress", params: { id, done: 1, message: "" } });
      },
    });
    const mistake = new Error("mine");
    const call = client.operations.wait("op", {
      onProgress: () => {
        throw mistake;
      },
    });
    await expect(call).rejects.toBe(mistake);
    await client.ping();
  });

  test("progress can begin the deadline anew, up to a limit", async () => {
    let sent = 0;
    const client = await start({
      handle: (peer, { id }) => {
        const timer = setInterval(() => {
          peer.send({ method: "$/progress", params: { id, done: ++sent, message: "" } });
        }, 5);
        peer.socket.on("close", () => {
          clearInterval(timer);
        });
      },
    });
    const seen: number[] = [];
    const call = client.operations.wait("op", {
      timeoutMs: 2000,
      resetTimeoutOnProgress: true,
      maxTotalMs: 200,
      onProgress: ({ done }) => seen.push(done),
    });
    await expect(call).rejects.toMatchObject({ code: "call_timeout" });
    expect(seen.length).toBeGreaterThan(0);
  });
});

describe("silence", () => {
  test("is broken by a ping, and ends the connection when that is not answered", async () => {
    const client = await start({ handle: () => undefined }, { pingIntervalMs: 20, reconnectTimeoutMs: 0 });
    await expect(client.operations.get("op", { timeoutMs: Infinity })).rejects.toMatchObject({
      code: "connection_lost",
    });
    expect(server?.calls).toContain("session.ping");
  });
});

describe("streams", () => {
  test("that are never opened are given up with the signal", async () => {
    const target = await workspace({});
    const abort = new AbortController();
    const attaching = target.attach("pr_1", { signal: abort.signal });
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(attaching).rejects.toBe(reason);
  });

  test("whose bytes leave a gap end with output_gap", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.frame(DATA, 1, 1, 0, "abc");
        peer.frame(DATA, 1, 1, 5, "fgh");
      },
    });
    const process = await target.attach("pr_1");
    expect(await process.stdout.read()).toEqual(new TextEncoder().encode("abc"));
    await expect(process.stdout.read()).rejects.toMatchObject({ code: "output_gap", expected: 3, offset: 5 });
    await expect(process.result).rejects.toMatchObject({ code: "output_gap" });
  });

  test("whose frames come in another order end with output_gap", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.frame(DATA, 1, 1, 3, "def");
        peer.frame(DATA, 1, 1, 0, "abc");
        exit(peer, id, 6);
      },
    });
    const process = await target.attach("pr_1");
    await expect(process.stdout.text()).rejects.toMatchObject({ code: "output_gap" });
  });

  test("whose answer comes before the last bytes end with output_gap", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.frame(DATA, 1, 1, 0, "abc");
        exit(peer, id, 6);
        peer.frame(DATA, 1, 1, 3, "def");
      },
    });
    const process = await target.attach("pr_1");
    await expect(process.stdout.text()).rejects.toMatchObject({ code: "output_gap", expected: 3, offset: 6 });
    await expect(process.result).rejects.toMatchObject({ code: "output_gap" });
  });

  test("whose answer denies bytes that came end with protocol_violation", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.frame(DATA, 1, 1, 0, "abc");
        exit(peer, id, 1);
      },
    });
    const process = await target.attach("pr_1");
    await expect(process.result).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("that repeat bytes are read once", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.frame(DATA, 1, 1, 0, "abc");
        peer.frame(DATA, 1, 1, 0, "abcdef");
        peer.frame(EOF, 1, 1, 6);
        peer.frame(EOF, 1, 1, 6);
        peer.frame(EOF, 2, 1, 0);
        exit(peer, id, 6);
      },
    });
    const process = await target.attach("pr_1");
    expect(await process.stdout.text()).toBe("abcdef");
  });

  test.each([
    [
      "send more than was granted",
      (peer: Peer) => {
        peer.frame(DATA, 1, 1, 0, new Uint8Array(4097));
      },
    ],
    [
      "go on after an end",
      (peer: Peer) => {
        peer.frame(EOF, 1, 1, 0);
        peer.frame(DATA, 1, 1, 0, "a");
      },
    ],
    [
      "end twice at different places",
      (peer: Peer) => {
        peer.frame(DATA, 1, 1, 0, "a");
        peer.frame(EOF, 1, 1, 1);
        peer.frame(EOF, 1, 1, 0);
      },
    ],
    [
      "end before what came",
      (peer: Peer) => {
        peer.frame(DATA, 1, 1, 0, "abc");
        peer.frame(EOF, 1, 1, 1);
      },
    ],
    [
      "use a channel that flows the other way",
      (peer: Peer) => {
        peer.frame(DATA, 0, 1, 0, "a");
      },
    ],
    [
      "send events",
      (peer: Peer) => {
        peer.event(1, { kind: "change" });
      },
    ],
  ])("that %s break alone", async (_, misbehave) => {
    const target = await workspace({
      handle: (peer, { id, method }) => {
        if (method === "session.ping") {
          peer.answer(id, { time: moment(0) });
          return;
        }
        peer.open(id, 1, OPEN);
        misbehave(peer);
      },
    });
    const process = await target.attach("pr_1", { window: 4096 });
    await expect(process.result).rejects.toMatchObject({ code: "protocol_violation" });
    await nexus?.ping();
    expect(nexus?.reconnects).toBe(0);
    expect(server?.peers[0]?.notified.map(({ method }) => method)).toContain("$/cancel");
  });

  test("opened twice break the connection", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.open(id, 2, OPEN);
      },
    });
    const process = await target.attach("pr_1");
    await expect(process.result).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("with frames that are none break the connection", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.bytes(new Uint8Array([9, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
      },
    });
    const process = await target.attach("pr_1");
    await expect(process.result).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("that resume elsewhere than asked end with output_gap", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        if (peer.number === 1) {
          peer.open(id, 1, OPEN);
          peer.frame(DATA, 1, 1, 0, "abc");
          setTimeout(() => {
            peer.drop();
          }, 20);
        } else {
          peer.open(id, 1, { ...OPEN, offset: 50 });
        }
      },
    });
    const process = await target.attach("pr_1");
    expect(await process.stdout.read()).toHaveLength(3);
    await expect(process.stdout.read()).rejects.toMatchObject({ code: "output_gap", expected: 3, offset: 50 });
  });

  test("whose offset expired meanwhile end with output_gap", async () => {
    const target = await workspace({
      handle: (peer, { id, params }) => {
        if (peer.number === 1) {
          peer.open(id, 1, OPEN);
          peer.frame(DATA, 1, 1, 0, "abc");
          setTimeout(() => {
            peer.drop();
          }, 20);
        } else {
          expect(params["offset"]).toBe(3);
          peer.refuse(id, offsetExpired, "offset_expired", { process: "pr_1", offset: 3, earliest: 40, end: 90 });
        }
      },
    });
    const process = await target.attach("pr_1");
    expect(await process.stdout.read()).toHaveLength(3);
    await expect(process.stdout.read()).rejects.toMatchObject({ code: "output_gap", expected: 3, offset: 40 });
  });

  test("that break off after every few bytes still arrive whole", async () => {
    const text = "the quick brown fox jumps over the lazy dog";
    const target = await workspace({
      handle: (peer, { id, params }) => {
        const offset = params["offset"] as number;
        peer.open(id, peer.number, { ...OPEN, offset });
        peer.frame(DATA, 1, peer.number, offset, text.slice(offset, offset + 4));
        if (offset + 4 < text.length) peer.drop();
        else {
          peer.frame(EOF, 1, peer.number, text.length);
          peer.frame(EOF, 2, peer.number, 0);
          exit(peer, id, text.length);
        }
      },
    });
    const process = await target.attach("pr_1");
    expect(await process.stdout.text()).toBe(text);
    expect(process.reconnects).toBe(10);
  });

  test("of a download that ends early, or of another file, do not succeed", async () => {
    const ends: [object, string][] = [
      [{ info: FILE }, "output_gap"],
      [{ info: { ...FILE, etag: "e2" } }, "file_changed"],
    ];
    for (const [result, code] of ends) {
      const target = await workspace({
        handle: (peer, { id }) => {
          peer.open(id, 1, { info: FILE, length: 10 });
          peer.frame(DATA, 1, 1, 0, "abc");
          peer.frame(EOF, 1, 1, 3);
          peer.answer(id, result);
        },
      });
      const download = await target.files.download("a");
      await expect(download.bytes()).rejects.toMatchObject({ code });
      await nexus?.close();
      await server?.stop();
    }
  });

  test("of an upload that acknowledge what was not sent break", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        if (peer.number > 1) {
          peer.open(id, 1, { offset: 700, window: 10 });
          peer.socket.once("message", () => {
            peer.answer(id, { info: FILE });
          });
          return;
        }
        peer.open(id, 1, { offset: 0, window: 100 });
        peer.frame(CREDIT, 0, 1, 500);
        setTimeout(() => {
          peer.drop();
        }, 10);
      },
    });
    // the file is readable anywhere, so an upload simply goes on where the server wants it
    const info = await target.files.upload(new Uint8Array(701), "a");
    expect(info).toEqual(FILE);
    const frames = server?.peers[1]?.frames ?? [];
    expect(frames[0]?.byteLength).toBe(14 + 1);
  });

  // requirement: stream.exceeded
  test("of events beyond the credit break", async () => {
    const target = await workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, { cursor: "c0", resumed: true });
        for (let index = 0; index < 4; index++) peer.event(1, { kind: "change", path: "a", change: "created" }, "c");
      },
    });
    const watch = await target.watch(".", { window: 2 });
    await watch.read();
    await watch.read();
    await expect(watch.read()).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("of events whose cursor expired go on after an overflow", async () => {
    const target = await workspace({
      handle: (peer, { id, params }) => {
        if (params["cursor"] === undefined) {
          peer.open(id, peer.number, { cursor: "c0", resumed: false });
          peer.event(peer.number, { kind: "change", path: `p${String(peer.number)}`, change: "created" }, "c1");
          if (peer.number === 1)
            setTimeout(() => {
              peer.drop();
            }, 20);
        } else {
          peer.refuse(id, cursorExpired, "cursor_expired", { cursor: params["cursor"] as string });
        }
      },
    });
    const watch = await target.watch();
    expect(await watch.read()).toMatchObject({ path: "p1" });
    expect(await watch.read()).toMatchObject({ kind: "overflow" });
    expect(await watch.read()).toMatchObject({ path: "p2" });
    await watch.close();
    expect(await watch.read()).toBeUndefined();
  });

  test("fail, all of them, when the client is closed", async () => {
    const target = await workspace({
      handle: (peer, { id, method }) => {
        if (method === "exec.attach") peer.open(id, 1, OPEN);
      },
    });
    const process = await target.attach("pr_1");
    const reading = process.stdout.read();
    const call = nexus?.ping();
    const failures = Promise.allSettled([reading, call, process.result]);
    await nexus?.close();
    for (const outcome of await failures) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "connection_closed" } });
    }
    await expect(nexus?.ping()).rejects.toBeInstanceOf(SdkError);
  });
});

const offsetExpired = numberOf("offset_expired");
const cursorExpired = numberOf("cursor_expired");

function numberOf(name: string): number {
  for (const row of ERRORS.values()) if (row.name === name) return row.number;
  throw new Error(name);
}
