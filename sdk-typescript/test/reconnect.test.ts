import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Nexus, SdkError, type Workspace, connect } from "../src/node/index.js";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";
import { Proxy } from "./support/proxy.js";

const TOTAL = 200_000_000;
const CUTS = 50;

let daemon: Daemon;
let proxy: Proxy;
let nexus: Nexus;
let workspace: Workspace;

beforeAll(async () => {
  daemon = await startDaemon();
  proxy = await Proxy.start(daemon.port);
  const { token } = await daemon.token();
  nexus = await connect({ url: proxy.url, token });
  workspace = await nexus.workspaces.create("torture", { repository: makeRepository(daemon) });
});

afterAll(async () => {
  await nexus.close();
  await proxy.stop();
  await daemon.stop();
});

/** Cut what is open, and everything opened from now on, each after its share of `total`, until at least `cuts` were made. */
function cutEvery(total: number, cuts: number): () => number {
  const before = proxy.cuts;
  const wanted = cuts + 5; // some fall where nothing is under way
  const share = Math.floor(total / (wanted + 1));
  proxy.plan = () => (proxy.cuts - before < wanted ? share : undefined);
  proxy.cut();
  return () => proxy.cuts - before;
}

/** A generator of bytes that do not repeat, and their checksum. */
const PRODUCE = `
import hashlib, sys
total, done, seed, digest = int(sys.argv[1]), 0, b"nexus", hashlib.sha256()
while done < total:
    seed = hashlib.sha256(seed).digest()
    block = (seed * 2048)[: total - done]
    digest.update(block)
    sys.stdout.buffer.write(block)
    done += len(block)
sys.stdout.flush()
sys.stderr.write(digest.hexdigest())
`;

describe("a connection that is cut again and again", () => {
  test("200 MB of output arrive whole, once and in order", { timeout: 300_000 }, async () => {
    const process = await workspace.exec(["python3", "-c", PRODUCE, String(TOTAL)]);
    const made = cutEvery(TOTAL, CUTS);
    const digest = createHash("sha256");
    let size = 0;
    const told = process.stderr.text();
    for await (const data of process.stdout) {
      digest.update(data);
      size += data.byteLength;
    }
    const { exitCode, outputEnd, outputComplete } = await process.result;
    expect([size, exitCode, outputComplete]).toEqual([TOTAL, 0, true]);
    expect(outputEnd).toBe(TOTAL + 64);
    expect(digest.digest("hex")).toBe(await told);
    expect(made()).toBeGreaterThanOrEqual(CUTS);
    expect(process.reconnects).toBeGreaterThanOrEqual(CUTS);
    await process.close();
  });

  test("an upload of 200 MB arrives whole", { timeout: 300_000 }, async () => {
    const source = new Uint8Array(TOTAL);
    for (let offset = 0; offset < TOTAL; offset += 65_536) {
      crypto.getRandomValues(source.subarray(offset, Math.min(offset + 65_536, TOTAL)));
    }
    const sha256 = createHash("sha256").update(source).digest("hex");
    const made = cutEvery(TOTAL, CUTS);
    let reported = 0;
    const info = await workspace.files.upload(source, "upload.bin", {
      sha256,
      onProgress: ({ done }) => (reported = done),
    });
    expect([info.size, reported]).toEqual([TOTAL, TOTAL]);
    expect(made()).toBeGreaterThanOrEqual(CUTS);
    proxy.plan = () => undefined;
    const sum = await workspace.run(["sha256sum", "upload.bin"]);
    expect(sum.stdout.split(" ")[0]).toBe(sha256);
  });

  test("a download of 200 MB arrives whole", { timeout: 300_000 }, async () => {
    const made = cutEvery(TOTAL, CUTS);
    const download = await workspace.files.download("upload.bin");
    const digest = createHash("sha256");
    for await (const data of download) digest.update(data);
    expect(made()).toBeGreaterThanOrEqual(CUTS);
    proxy.plan = () => undefined;
    const sum = await workspace.run(["sha256sum", "upload.bin"]);
    expect(digest.digest("hex")).toBe(sum.stdout.split(" ")[0]);
    expect(download.reconnects).toBeGreaterThanOrEqual(CUTS);
  });

  test("stdin is neither lost nor doubled", { timeout: 120_000 }, async () => {
    const process = await workspace.exec(["sha256sum"], { stdin: true });
    const made = cutEvery(20_000_000, 10);
    const digest = createHash("sha256");
    const answer = process.stdout.text();
    for (let index = 0; index < 200; index++) {
      const block = crypto.getRandomValues(new Uint8Array(65_536)).subarray(0, 60_000 + index);
      digest.update(block);
      await process.stdin.write(block);
    }
    await process.stdin.end();
    expect((await answer).split(" ")[0]).toBe(digest.digest("hex"));
    expect((await process.result).exitCode).toBe(0);
    expect(made()).toBeGreaterThan(3);
    proxy.plan = () => undefined;
  });

  test("keyed and idempotent calls are repeated, and have their effect once", { timeout: 120_000 }, async () => {
    await workspace.files.write("counter", "");
    const cutting = setInterval(() => {
      proxy.cut();
    }, 25);
    try {
      for (let index = 0; index < 40; index++) {
        await workspace.run(["sh", "-c", "echo x >> counter"]);
        await nexus.ping();
      }
    } finally {
      clearInterval(cutting);
    }
    expect(await workspace.files.readText("counter")).toBe("x\n".repeat(40));
    expect(nexus.reconnects).toBeGreaterThan(0);
  });

  test("a watch goes on, or says that it missed something", async () => {
    const watch = await workspace.watch(".", { gitignore: false });
    await workspace.files.write("seen-1", "");
    expect(await next(watch, "seen-1")).toBe(true);
    proxy.cut();
    await workspace.files.write("seen-2", "");
    expect(await next(watch, "seen-2")).toBe(true);
    expect(watch.reconnects).toBeGreaterThan(0);
    await watch.close();
  });

  test("a call that may not be repeated says that it may have run", async () => {
    const { token } = await daemon.token();
    const other = await connect({ url: proxy.url, token, autoKey: false });
    const target = await other.workspaces.get("torture");
    const running = target.run(["sh", "-c", "echo begun > begun; sleep 60"]);
    const lost = running.catch((error: unknown) => error);
    while (!(await workspace.files.exists("begun"))) await nexus.ping();
    proxy.cut();
    const error = await lost;
    expect(error).toBeInstanceOf(SdkError);
    expect(error).toMatchObject({ code: "connection_lost", mayHaveRun: true });
    await other.close();
  });

  // requirement: resume.tunnel
  test("a tunnel does not pretend to continue", async () => {
    const server = await workspace.exec([
      "python3",
      "-uc",
      "import socket\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1])\n" +
        "c, _ = s.accept(); c.recv(1)",
    ]);
    const lines = server.stdout.lines();
    const tunnel = await workspace.ports.dial(Number((await lines.next()).value));
    const reading = tunnel.readable.getReader().read();
    const ended = reading.catch((error: unknown) => error);
    proxy.cut();
    expect(await ended).toMatchObject({ code: "tunnel_lost" });
    await expect(tunnel.closed).rejects.toMatchObject({ code: "tunnel_lost" });
    await server.close();
  });
});

describe("a daemon that restarts", () => {
  test("calls go on with the new one, within the time that was given", async () => {
    const own = await startDaemon();
    const { token } = await own.token();
    const client = await connect({ url: own.url, token });
    const first = client.session.server.instance;
    await own.kill();
    const waiting = client.ping();
    await own.start();
    await waiting;
    expect(client.session.server.instance).not.toBe(first);
    await client.close();
    await own.stop();
  });

  test("a daemon that does not come back is given up, with how long it was tried", async () => {
    const own = await startDaemon();
    const { token } = await own.token();
    const client = await connect({ url: own.url, token, reconnectTimeoutMs: 300 });
    await own.kill();
    await expect(client.ping()).rejects.toMatchObject({ code: "connection_lost", mayHaveRun: false, retryable: true });
    await client.close();
    await expect(client.ping()).rejects.toMatchObject({ code: "connection_closed" });
    await own.stop();
  });

  test("a token that was revoked is not tried for long", async () => {
    const { token, id } = await daemon.token();
    const client = await connect({ url: daemon.url, token });
    const watch = await client.workspaces.watch();
    await daemon.call("token.revoke", { id });
    // what was missed is said first, then why nothing more comes
    expect(await watch.read()).toMatchObject({ kind: "overflow" });
    await expect(watch.read()).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(connect({ url: daemon.url, token })).rejects.toMatchObject({ code: "unauthenticated", status: 401 });
    await client.close();
  });

  test("a function gives a fresh token for each connection", async () => {
    let asked = 0;
    const client = await connect({
      url: proxy.url,
      token: async () => {
        asked++;
        return (await daemon.token()).token;
      },
    });
    proxy.cut();
    await client.ping();
    expect(asked).toBe(2);
    await client.close();
  });
});

async function next(watch: AsyncIterable<{ kind: string; path?: string }>, path: string): Promise<boolean> {
  const iterator = watch[Symbol.asyncIterator]();
  for (;;) {
    const { value } = (await iterator.next()) as { value: { kind: string; path?: string } };
    if (value.kind === "overflow" || value.path === path) return true;
  }
}
