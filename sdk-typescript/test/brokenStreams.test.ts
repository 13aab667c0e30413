import { afterEach, describe, expect, test } from "vitest";
import { SdkError } from "../src/node/root.js";
import { CREDIT, DATA, EOF } from "../src/wire/frames.js";
import { type Peer } from "./support/broken.js";
import { FILE, OPEN, Stage, exit, moment, numberOf } from "./support/stage.js";

const stage = new Stage();

afterEach(() => stage.clear());

describe("streams", () => {
  test("that are never opened are given up with the signal", async () => {
    const target = await stage.workspace({});
    const abort = new AbortController();
    const attaching = target.attach("pr_1", { signal: abort.signal });
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(attaching).rejects.toBe(reason);
  });

  test("whose bytes leave a gap end with output_gap", async () => {
    const target = await stage.workspace({
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
    const target = await stage.workspace({
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
    const target = await stage.workspace({
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
    const target = await stage.workspace({
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
    const target = await stage.workspace({
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
    const target = await stage.workspace({
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
    await stage.nexus?.ping();
    expect(stage.nexus?.reconnects).toBe(0);
    expect(stage.server?.peers[0]?.notified.map(({ method }) => method)).toContain("$/cancel");
  });

  test("opened twice break the connection", async () => {
    const target = await stage.workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.open(id, 2, OPEN);
      },
    });
    const process = await target.attach("pr_1");
    await expect(process.result).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("with frames that are none break the connection", async () => {
    const target = await stage.workspace({
      handle: (peer, { id }) => {
        peer.open(id, 1, OPEN);
        peer.bytes(new Uint8Array([9, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
      },
    });
    const process = await target.attach("pr_1");
    await expect(process.result).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("that resume elsewhere than asked end with output_gap", async () => {
    const target = await stage.workspace({
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
    const target = await stage.workspace({
      handle: (peer, { id, params }) => {
        if (peer.number === 1) {
          peer.open(id, 1, OPEN);
          peer.frame(DATA, 1, 1, 0, "abc");
          setTimeout(() => {
            peer.drop();
          }, 20);
        } else {
          expect(params["offset"]).toBe(3);
          peer.refuse(id, numberOf("offset_expired"), "offset_expired", {
            process: "pr_1",
            offset: 3,
            earliest: 40,
            end: 90,
          });
        }
      },
    });
    const process = await target.attach("pr_1");
    expect(await process.stdout.read()).toHaveLength(3);
    await expect(process.stdout.read()).rejects.toMatchObject({ code: "output_gap", expected: 3, offset: 40 });
  });

  test("that break off after every few bytes still arrive whole", async () => {
    const text = "the quick brown fox jumps over the lazy dog";
    const target = await stage.workspace({
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
      const target = await stage.workspace({
        handle: (peer, { id }) => {
          peer.open(id, 1, { info: FILE, length: 10 });
          peer.frame(DATA, 1, 1, 0, "abc");
          peer.frame(EOF, 1, 1, 3);
          peer.answer(id, result);
        },
      });
      const download = await target.files.download("a");
      await expect(download.bytes()).rejects.toMatchObject({ code });
      await stage.clear();
    }
  });

  test("of an upload that acknowledge what was not sent break", async () => {
    const target = await stage.workspace({
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
    const frames = stage.server?.peers[1]?.frames ?? [];
    expect(frames[0]?.byteLength).toBe(14 + 1);
  });

  // requirement: stream.exceeded
  test("of events beyond the credit break", async () => {
    const target = await stage.workspace({
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
    const target = await stage.workspace({
      handle: (peer, { id, params }) => {
        if (params["cursor"] === undefined) {
          peer.open(id, peer.number, { cursor: "c0", resumed: false });
          peer.event(peer.number, { kind: "change", path: `p${String(peer.number)}`, change: "created" }, "c1");
          if (peer.number === 1)
            setTimeout(() => {
              peer.drop();
            }, 20);
        } else {
          peer.refuse(id, numberOf("cursor_expired"), "cursor_expired", { cursor: params["cursor"] as string });
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
    const target = await stage.workspace({
      handle: (peer, { id, method }) => {
        if (method === "exec.attach") peer.open(id, 1, OPEN);
      },
    });
    const process = await target.attach("pr_1");
    const reading = process.stdout.read();
    const call = stage.nexus?.ping();
    const failures = Promise.allSettled([reading, call, process.result]);
    await stage.nexus?.close();
    for (const outcome of await failures) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "connection_closed" } });
    }
    await expect(stage.nexus?.ping()).rejects.toBeInstanceOf(SdkError);
  });
});
