import { describe, expect, test } from "vitest";
import { ByteStream } from "../src/byteStream.js";
import { fromBase64, randomName, toBase64, toBase64Url, utf8 } from "../src/bytes.js";
import { SdkError } from "../src/errors.js";
import { Output } from "../src/output.js";
import { Backoff, isTransient } from "../src/retry.js";
import { ByteSender } from "../src/sender.js";
import { ReceiveCredit } from "../src/wire/credit.js";
import { CREDIT, DATA, EOF, FrameError, decodeFrame, encodeFrame } from "../src/wire/frames.js";
import { Inbound, StreamError } from "../src/wire/inbound.js";
import { MessageError, decodeMessage, exceeds } from "../src/wire/messages.js";

/** Numbers that are the same in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

describe("frames", () => {
  test("come back as they were written, up to 2^53 - 1", () => {
    for (const offset of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 3, Number.MAX_SAFE_INTEGER]) {
      expect(decodeFrame(encodeFrame(CREDIT, 1, 2 ** 32 - 1, offset))).toMatchObject({
        type: CREDIT,
        channel: 1,
        stream: 2 ** 32 - 1,
        offset,
      });
    }
    const payload = Uint8Array.from([1, 2, 3]);
    expect(decodeFrame(encodeFrame(DATA, 2, 7, 9, payload)).payload).toEqual(payload);
  });

  // requirement: frame.header
  test("have the layout of the protocol", () => {
    expect(Array.from(encodeFrame(EOF, 2, 0x01020304, 0x0506_0708_090a))).toEqual([
      1, 2, 1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 9, 10,
    ]);
  });

  test.each([
    ["short", new Uint8Array(13)],
    ["of another type", encodeFrame(3, 0, 1, 0)],
    ["on another channel", encodeFrame(DATA, 3, 1, 0)],
    ["with credit for stderr", encodeFrame(CREDIT, 2, 1, 0)],
    ["of stream 0", encodeFrame(DATA, 1, 0, 0)],
    ["with payload where none belongs", encodeFrame(EOF, 1, 1, 0, new Uint8Array(1))],
    ["too long", encodeFrame(DATA, 1, 1, 0, new Uint8Array(65_537))],
    ["beyond 2^53 - 1", encodeFrame(DATA, 1, 1, Number.MAX_SAFE_INTEGER, new Uint8Array(1))],
    ["far beyond 2^53 - 1", Uint8Array.from([0, 1, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255])],
  ])("that are %s are refused", (_, bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(FrameError);
  });
});

describe("messages", () => {
  // requirement: frame.ids
  test("with ids 0 and empty are answers like any other", () => {
    expect(decodeMessage('{"jsonrpc":"2.0","id":0,"result":null}')).toEqual({ kind: "response", id: 0, result: null });
    expect(decodeMessage('{"jsonrpc":"2.0","id":"","result":1}')).toEqual({ kind: "response", id: "", result: 1 });
  });

  test("may be requests of a newer daemon, and have members of one", () => {
    expect(decodeMessage('{"jsonrpc":"2.0","id":1,"method":"m","new":1}')).toEqual({ kind: "request" });
    expect(decodeMessage('{"jsonrpc":"2.0","method":"m"}')).toEqual({ kind: "notification", method: "m", params: {} });
  });

  test.each([
    "",
    "null",
    "[]",
    "{}",
    '{"jsonrpc":"1.0","id":1,"result":1}',
    '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0","result":1}',
    '{"jsonrpc":"2.0","id":1.5,"result":1}',
    '{"jsonrpc":"2.0","id":null,"result":1}',
    '{"jsonrpc":"2.0","id":9007199254740993,"result":1}',
    '{"jsonrpc":"2.0","id":1,"error":{}}',
    '{"jsonrpc":"2.0","id":1,"error":"no"}',
    '{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}',
    '{"jsonrpc":"2.0","method":1}',
    '{"jsonrpc":"2.0","method":"m","params":[]}',
  ])("like %s are refused", (text) => {
    expect(() => decodeMessage(text)).toThrow(MessageError);
  });

  test("are measured in bytes", () => {
    expect([exceeds("aaaa", 4), exceeds("aaaaa", 4), exceeds("éé", 4), exceeds("ééa", 4), exceeds("😀", 4)]).toEqual([
      false,
      true,
      false,
      true,
      false,
    ]);
  });
});

describe("credit", () => {
  test("is topped up at half of the window, by absolute limits that only rise", () => {
    const credit = new ReceiveCredit(100, 1000);
    expect([credit.consume(49), credit.consume(1), credit.consume(10)]).toEqual([undefined, 1150, undefined]);
    expect(credit.limit).toBe(1150);
  });
});

describe("inbound", () => {
  test("takes the new part of what comes again, and nothing out of place", () => {
    const inbound = new Inbound([1, 2], 0, 10);
    expect(inbound.data(1, 0, utf8("abc"))).toHaveLength(3);
    expect(inbound.data(2, 1, utf8("bcd"))).toEqual(utf8("d"));
    expect(() => inbound.data(1, 5, utf8("x"))).toThrow(StreamError);
    expect(() => inbound.data(3, 4, utf8("x"))).toThrow(StreamError);
    expect(() => inbound.data(1, 4, new Uint8Array(7))).toThrow(/credit/);
    expect(inbound.eof(2, 4)).toBe(true);
    expect(inbound.eof(2, 4)).toBe(false);
    expect(() => inbound.data(2, 4, utf8("x"))).toThrow(/end/);
    expect(() => inbound.eof(1, 2)).toThrow(/reached/);
    expect(() => inbound.eof(1, 9)).toThrow(/gap/);
  });
});

describe("output", () => {
  // requirement: stream.sender
  test("arrives whole however it is cut, repeated and read, and the sender never exceeds its credit", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const roll = dice(seed);
      const log = Uint8Array.from({ length: 40_000 }, () => roll(256));
      let limit = 0;
      const output = new Output({
        window: 4096 + roll(8000),
        channels: [1, 2],
        held: roll(2) === 0,
        grant: (to) => (limit = to),
      });
      const lane = output.claim("all");
      let position = 0;
      const attach = (first: boolean): void => {
        const window = output.nextWindow();
        position = output.offset;
        limit = position + window;
        output.attach(position, first);
      };
      attach(true);
      const read: Uint8Array[] = [];
      while (output.offset < log.length || lane.size > 0) {
        const move = roll(10);
        if (move === 0) attach(false);
        else if (move < 5 && lane.size > 0) read.push((await output.take(lane))?.data ?? new Uint8Array());
        else {
          const end = Math.min(position + roll(3000), limit, log.length);
          const begin = Math.max(0, position - roll(50));
          output.data(1 + roll(2), begin, log.subarray(begin, end));
          position = Math.max(position, end);
        }
      }
      expect(Buffer.compare(Buffer.concat(read), log)).toBe(0);
    }
  });

  test("that came before the end is read after it", async () => {
    const output = new Output({ window: 4096, channels: [1, 2], grant: () => undefined });
    output.attach(0, true);
    const [merged, ended] = [output.claim("all"), new Output({ window: 4096, channels: [1], grant: () => undefined })];
    ended.attach(0, true);
    const lane = ended.claim(1);
    for (const to of [output, ended]) {
      to.data(1, 0, utf8("first"));
      to.data(1, 5, utf8("last"));
      to.eof(1, 9);
    }
    output.eof(2, 0);
    for (const [from, of] of [[output, merged] as const, [ended, lane] as const]) {
      expect((await from.take(of))?.data).toEqual(utf8("first"));
      expect((await from.take(of))?.data).toEqual(utf8("last"));
      expect(await from.take(of)).toBeUndefined();
    }
  });

  test("of a reader that left returns its credit", () => {
    const granted: number[] = [];
    const output = new Output({ window: 4096, channels: [1], grant: (limit) => granted.push(limit) });
    output.attach(0, true);
    const lane = output.claim("all");
    output.data(1, 0, new Uint8Array(4096));
    expect(granted).toEqual([]);
    output.leave(lane);
    expect(granted).toEqual([8192]);
    output.data(1, 4096, new Uint8Array(4096));
    expect(granted).toEqual([8192, 12_288]);
  });
});

describe("the sender", () => {
  test("delivers everything once, whatever is lost on the way", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const roll = dice(seed);
      const text = Uint8Array.from({ length: 30_000 }, () => roll(256));
      const taken: number[] = [];
      let wire: [number, number, Uint8Array | undefined][] = [];
      let ended = -1;
      const sender = new ByteSender((type, _channel, offset, payload) => wire.push([type, offset, payload]));
      const window = 500 + roll(3000);
      const writing = (async (): Promise<void> => {
        for (let at = 0; at < text.length; at += 700) await sender.write(text.subarray(at, at + 700));
        sender.close();
      })();
      sender.attach(0, window);
      while (ended < 0) {
        await Promise.resolve();
        if (roll(20) === 0) {
          // the link breaks: what was on its way may have been taken, the acknowledgement not
          wire = [];
          sender.detach();
          sender.attach(taken.length, window);
        }
        const frame = wire.shift();
        if (frame === undefined) continue;
        const [type, offset, payload] = frame;
        expect(offset).toBe(taken.length);
        if (type === EOF) ended = offset;
        else taken.push(...(payload ?? []));
        expect(taken.length).toBeLessThanOrEqual(sender.acknowledged + 2 * window);
        if (roll(3) > 0) sender.credit(taken.length + window);
      }
      await writing;
      expect(ended).toBe(text.length);
      expect(Buffer.compare(Buffer.from(taken), text)).toBe(0);
    }
  });

  // requirement: stream.sender
  test("sends no more than a smaller window allows after a break", async () => {
    let sent = 0;
    const sender = new ByteSender((_type, _channel, _offset, payload) => (sent += payload?.byteLength ?? 0));
    sender.attach(0, 1000);
    await sender.write(new Uint8Array(1000));
    sender.detach();
    sent = 0;
    sender.attach(0, 100);
    expect(sent).toBe(100);
    sender.credit(150);
    expect(sent).toBe(150);
    sender.credit(5000);
    expect(sent).toBe(1000);
  });

  test("refuses a daemon that wants what is gone", () => {
    const sender = new ByteSender(() => undefined);
    sender.attach(10, 100);
    sender.detach();
    expect(() => {
      sender.attach(9, 100);
    }).toThrow(SdkError);
    expect(() => {
      sender.attach(11, 100);
    }).toThrow(SdkError);
  });

  test("fails who waits, and who writes later", async () => {
    const sender = new ByteSender(() => undefined);
    const waiting = sender.write(utf8("a"));
    const reason = new Error("over");
    sender.fail(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(sender.write(utf8("b"))).rejects.toBe(reason);
    sender.close();
    await expect(sender.write(utf8("c"))).rejects.toBeInstanceOf(TypeError);
  });
});

describe("lines", () => {
  test("are the same however the bytes are cut", async () => {
    const text = "one\r\ntwo\n\nthree é 😀\nlast";
    for (let seed = 1; seed <= 50; seed++) {
      const roll = dice(seed);
      let rest = utf8(text);
      const stream = new ByteStream({
        read: () => {
          if (rest.length === 0) return Promise.resolve(undefined);
          const part = rest.subarray(0, 1 + roll(5));
          rest = rest.subarray(part.length);
          return Promise.resolve(part);
        },
        leave: () => undefined,
      });
      const lines: string[] = [];
      for await (const line of stream.lines()) lines.push(line);
      expect(lines).toEqual(["one", "two", "", "three é 😀", "last"]);
    }
  });
});

describe("bytes", () => {
  test("survive base64", () => {
    const data = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 31) & 255);
    expect(Buffer.compare(fromBase64(toBase64(data)), data)).toBe(0);
    expect(toBase64(data)).toBe(Buffer.from(data).toString("base64"));
    expect(toBase64Url(data.subarray(0, 998))).toBe(Buffer.from(data.subarray(0, 998)).toString("base64url"));
  });

  test("random names differ and fit a key and an upload", () => {
    const names = new Set(Array.from({ length: 1000 }, randomName));
    expect(names.size).toBe(1000);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{24}$/);
  });
});

describe("retrying", () => {
  test("is for what may pass", () => {
    const verdicts = [
      { closeCode: 1006 },
      { closeCode: 1001 },
      { closeCode: 4401 },
      { status: 503 },
      { cause: "reset" },
    ];
    expect(verdicts.map(isTransient)).toEqual([true, true, true, true, true]);
    const fatal = [{ closeCode: 4400 }, { closeCode: 1002 }, { status: 401 }, { status: 403 }, { violation: true }];
    expect(fatal.map(isTransient)).toEqual([false, false, false, false, false]);
  });

  test("waits not at all at first, then longer and longer, up to a limit", () => {
    const backoff = new Backoff(50, 400, () => 1);
    expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([0, 50, 100, 200, 400, 400]);
    backoff.reset();
    expect(backoff.next()).toBe(0);
    expect(new Backoff(50, 400, () => 0).next()).toBe(0);
  });
});
