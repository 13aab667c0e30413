import { afterEach, describe, expect, test, vi } from "vitest";
import { type Peer } from "./support/broken.js";
import { FILE, Stage, moment, numberOf } from "./support/stage.js";

const stage = new Stage();

afterEach(() => stage.clear());

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
    await expect(stage.start({ greet })).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("says nothing", async () => {
    const silent = stage.start({ greet: () => undefined }, { openTimeoutMs: 50 });
    await expect(silent).rejects.toMatchObject({ code: "connection_failed" });
  });

  test("speaks another protocol", async () => {
    await expect(stage.start({ protocol: "chat" })).rejects.toMatchObject({ code: "connection_failed" });
  });

  test("is given up when the caller gives up", async () => {
    const reason = new Error("enough");
    const silent = stage.start({ greet: () => undefined }, { signal: AbortSignal.abort(reason) });
    await expect(silent).rejects.toBe(reason);
  });

  test("closes at once, and says why", async () => {
    const greet = (peer: Peer): void => {
      peer.send({ method: "session.closing", params: { code: 4429, reason: "too many connections" } });
      peer.socket.close(4429, "");
    };
    await expect(stage.start({ greet })).rejects.toThrow(/too many connections/);
  });
});

describe("answers", () => {
  test("that never come end with the deadline of the caller", async () => {
    const client = await stage.start({});
    await expect(client.ping({ timeoutMs: 30 })).rejects.toMatchObject({ code: "call_timeout", mayHaveRun: true });
    await expect
      .poll(() => stage.server?.peers[0]?.notified)
      .toEqual([{ jsonrpc: "2.0", method: "$/cancel", params: { id: 1 } }]);
  });

  test("that never come end with the signal of the caller, and its reason", async () => {
    const client = await stage.start({});
    const abort = new AbortController();
    const call = client.ping({ signal: abort.signal });
    abort.abort("mine");
    await expect(call).rejects.toBe("mine");
    await expect.poll(() => stage.server?.peers[0]?.notified.length).toBe(1);
  });

  test("that come twice are taken once", async () => {
    const client = await stage.start({
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
    const client = await stage.start({
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
    const client = await stage.start({
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
    const client = await stage.start({
      handle: (peer, { id }) => {
        peer.raw(`{"jsonrpc":"2.0","id":${String(id)},"resu`);
      },
    });
    await expect(client.ping()).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("are awaited on a new connection when the old one drops", async () => {
    const client = await stage.start({
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
    const client = await stage.start({
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
    const client = await stage.start({
      handle: (peer, { id }) => {
        const details = { process: "p", offset: 1, earliest: 7, end: 9 };
        peer.refuse(id, numberOf("offset_expired"), "offset_expired", details);
      },
    });
    const error: unknown = await client.ping().catch((failure: unknown) => failure);
    expect(error).toMatchObject({ name: "RemoteError", code: "offset_expired", mayHaveRun: false });
  });

  test("with a number of a newer daemon keep their name", async () => {
    const client = await stage.start({
      handle: (peer, { id }) => {
        peer.refuse(id, 99_999, "moon_phase_wrong");
      },
    });
    await expect(client.ping()).rejects.toMatchObject({ code: "moon_phase_wrong", number: 99_999 });
  });

  test("without an id mean that a message of ours was not read", async () => {
    const client = await stage.start({
      handle: (peer) => {
        peer.refuse(null, -32_700, "parse_error");
      },
    });
    await expect(client.ping()).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("are waited for in turn when the daemon takes no more at a time", async () => {
    let open = 0;
    let most = 0;
    const client = await stage.start({
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
    const client = await stage.start({ limits: { max_message: 1000 } });
    await expect(client.refresh("x".repeat(2000))).rejects.toMatchObject({ code: "message_too_large" });
    await expect(client.refresh("é".repeat(500))).rejects.toMatchObject({ code: "message_too_large" });
    expect(stage.server?.calls).toEqual([]);
  });

  test("a mistake in onProgress is the mistake of its call alone", async () => {
    const client = await stage.start({
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
    const client = await stage.start({
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
    const client = await stage.start({ handle: () => undefined }, { pingIntervalMs: 20, reconnectTimeoutMs: 0 });
    await expect(client.operations.get("op", { timeoutMs: Infinity })).rejects.toMatchObject({
      code: "connection_lost",
    });
    expect(stage.server?.calls).toContain("session.ping");
  });
});

describe("deadlines", () => {
  test("of a start that is not answered end exec", async () => {
    const target = await stage.workspace({});
    await expect(target.exec(["true"], { timeoutMs: 20 })).rejects.toMatchObject({
      code: "call_timeout",
      mayHaveRun: true,
    });
  });

  test("of large files hold for their streams too, and so does the signal", async () => {
    const target = await stage.workspace({
      handle: (peer, { id, method }) => {
        if (method === "fs.read") peer.refuse(id, numberOf("file_too_large"), "file_too_large");
        else if (method === "fs.download") peer.open(id, 1, { info: FILE, length: 10 });
        else if (method === "fs.upload") peer.open(id, 1, { offset: 0, window: 10 });
      },
    });
    const overdue = async (call: Promise<unknown>, method: string, times: number): Promise<void> => {
      const outcome = expect(call).rejects.toMatchObject({ code: "call_timeout" });
      await expect.poll(() => stage.server?.calls.filter((called) => called === method).length).toBe(times);
      await vi.advanceTimersByTimeAsync(200);
      await outcome;
    };
    // the deadline passes once the stream was asked for, however slow the machine is
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      await overdue(target.files.readText("a", { timeoutMs: 200 }), "fs.download", 1);
      await overdue(target.files.readBytes("a", { timeoutMs: 200 }), "fs.download", 2);
      await overdue(target.files.write("a", new Uint8Array(500_000), { timeoutMs: 200 }), "fs.upload", 1);
    } finally {
      vi.useRealTimers();
    }
    const abort = new AbortController();
    const reading = target.files.readText("a", { timeoutMs: 60_000, signal: abort.signal });
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await expect(target.files.readText("a", { timeoutMs: 60_000, signal: abort.signal })).rejects.toBe(reason);
  });
});
