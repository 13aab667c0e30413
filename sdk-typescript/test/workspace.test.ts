import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Nexus, type Workspace, connect, downloadFile, forward, uploadFile } from "../src/node/index.js";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";

let daemon: Daemon;
let nexus: Nexus;
let workspace: Workspace;
let local: string;

beforeAll(async () => {
  daemon = await startDaemon();
  const { token } = await daemon.token();
  nexus = await connect({ url: daemon.url, token });
  workspace = await nexus.workspaces.create("files", { repository: makeRepository(daemon), labels: { a: "b" } });
  local = mkdtempSync(join(daemon.folder, "local-"));
});

afterAll(async () => {
  await nexus.close();
  await daemon.stop();
});

describe("the client", () => {
  test("finds the daemon by its environment", async () => {
    await using byHome = await connect({ environ: { NEXUS_HOME: daemon.home } });
    expect(byHome.session.identity.via).toBe("peer");
    const { token } = await daemon.token({ subject: "named" });
    await using byUrl = await connect({ environ: { NEXUS_URL: daemon.url, NEXUS_TOKEN: token } });
    expect(byUrl.session.identity.subject).toBe("named");
    await expect(connect({ environ: { NEXUS_HOME: local } })).rejects.toMatchObject({ code: "daemon_not_found" });
  });

  test.each(["nonsense", "ftp://host/", "http://user:secret@host/", "http://host/?token=secret", "unix:relative"])(
    "refuses the URL %s without repeating its secrets",
    async (url) => {
      const failure = connect({ url, token: "t" });
      await expect(failure).rejects.toMatchObject({ code: "connection_failed" });
      await expect(failure).rejects.not.toThrow(/secret/);
    },
  );

  test("answers calls of every kind", async () => {
    expect((await nexus.system.info()).listen.length).toBeGreaterThan(0);
    expect((await nexus.system.health()).checks.length).toBeGreaterThan(0);
    expect((await nexus.system.backends()).map(({ name }) => name)).toContain("host");
    expect((await nexus.system.config("daemon.port"))[0]).toMatchObject({ key: "daemon.port" });
    expect((await nexus.system.validateConfig("nonsense: 1")).problems.length).toBeGreaterThan(0);
    expect(await nexus.system.discover()).toMatchObject({ openrpc: expect.any(String) as string });
    expect(await nexus.call("session.ping", {})).toHaveProperty("time");
    await expect(nexus.callAny("no.such")).rejects.toMatchObject({ code: "method_not_found", number: -32601 });
    await expect(async () => nexus.callAny("fs.watch")).rejects.toMatchObject({ code: "invalid_params" });
    await expect(nexus.callAny("workspace.get", { workspace: 1 })).rejects.toMatchObject({
      code: "invalid_params",
      details: { path: "$.workspace" },
    });
  });

  test("makes, lists, renews and revokes tokens", async () => {
    const made = await nexus.tokens.create("tester", { ttlMs: 60_000, name: "short" });
    expect((await nexus.tokens.list()).map(({ id }) => id)).toContain(made.info.id);
    const { token } = await daemon.token();
    await using other = await connect({ url: daemon.url, token: made.token });
    expect((await other.refresh(token)).identity.subject).toBe("tester");
    await nexus.tokens.revoke(made.info.id);
    await other.ping();
  });
});

describe("workspaces", () => {
  test("are found by id, name, label and state", async () => {
    expect((await nexus.workspaces.get("files")).id).toBe(workspace.id);
    expect((await nexus.workspaces.list({ labels: { a: "b" }, state: "running" })).map(({ name }) => name)).toEqual([
      "files",
    ]);
    expect(await nexus.workspaces.list({ labels: { a: "c" } })).toEqual([]);
    await expect(nexus.workspaces.get("none")).rejects.toMatchObject({
      code: "workspace_not_found",
      details: { workspace: "none" },
    });
  });

  test("go through their life, and are watched doing so", async () => {
    const watch = await nexus.workspaces.watch();
    const steps: number[] = [];
    const target = await nexus.workspaces.create("life", {
      repository: workspace.record.repository.url,
      onProgress: ({ done }) => steps.push(done),
    });
    expect([target.name, target.state, target.branch]).toEqual(["life", "running", "nexus/life"]);
    expect(steps.length).toBeGreaterThan(0);
    for (const [verb, state] of [
      ["stop", "stopped"],
      ["start", "running"],
      ["restart", "running"],
    ] as const) {
      expect((await target[verb]()).state).toBe("done");
      expect(target.state).toBe(state);
    }
    await target.update({ displayName: "Life", labels: { x: "y" } });
    expect((await target.refresh()).record).toMatchObject({ display_name: "Life", labels: { x: "y" } });
    await target.switch({ leave: "keep" });
    expect(target.record.current).toBe(true);
    expect((await target.stats()).processes).toBeGreaterThanOrEqual(0);
    const [operation] = await nexus.operations.list({ workspace: target.id });
    expect(await nexus.operations.get(operation?.id ?? "")).toMatchObject({ state: "done" });
    expect((await nexus.operations.wait(operation?.id ?? "", { waitMs: 1000 })).state).toBe("done");
    await expect(nexus.operations.cancel(operation?.id ?? "")).rejects.toMatchObject({ code: "operation_done" });
    await target.destroy({ force: true });
    expect(target.state).toBe("destroyed");
    const seen: string[] = [];
    for await (const event of watch) {
      if (event.kind !== "changed" || event.workspace.id !== target.id) continue;
      seen.push(event.workspace.state);
      if (event.workspace.state === "destroyed") break;
    }
    expect(seen).toEqual(expect.arrayContaining(["running", "stopped", "destroyed"]));
  });

  test("say what their backend cannot do", async () => {
    const [host] = (await nexus.system.backends()).filter(({ name }) => name === "host");
    if (host?.capabilities.pause === true) {
      await workspace.pause();
      expect(workspace.state).toBe("paused");
      await workspace.resume();
      expect(workspace.state).toBe("running");
    } else {
      await expect(workspace.pause()).rejects.toMatchObject({ code: "capability_missing" });
    }
  });
});

describe("files", () => {
  test("are written, read, changed and removed", async () => {
    const { files } = workspace;
    const written = await files.write("dir/a.txt", "héllo\nworld\n", { parents: true, mode: "600" });
    expect(written).toMatchObject({ path: "dir/a.txt", mode: "600", size: 13 });
    await expect(files.write("dir/a.txt", "", { ifMatch: "other" })).rejects.toMatchObject({ code: "etag_mismatch" });
    await files.write("dir/a.txt", "héllo\nworld\n", { ifMatch: written.etag });
    expect(await files.readText("dir/a.txt")).toBe("héllo\nworld\n");
    expect((await files.read("dir/a.txt", { line: 2, lines: 1 })).content).toBe("world\n");
    expect(await files.exists("dir/a.txt")).toBe(true);
    expect(await files.exists("dir/a.txt/b")).toBe(false);
    await files.edit("dir/a.txt", [["world", "there"]]);
    await files.edit("dir/a.txt", { diff: "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n-héllo\n+hello\n there\n" });
    expect(await files.readText("dir/a.txt")).toBe("hello\nthere\n");
    await expect(files.edit("dir/a.txt", [["none", ""]])).rejects.toMatchObject({ code: "edit_failed" });
    expect((await files.mkdir("deep/er", { parents: true })).type).toBe("directory");
    expect((await files.rename("dir/a.txt", "deep/b.txt")).path).toBe("deep/b.txt");
    await files.copy("deep", "copy", { recursive: true });
    expect((await files.chmod("copy/b.txt", 0o755)).mode).toBe("755");
    expect((await files.symlink("copy/link", "b.txt")).target).toBe("b.txt");
    expect((await files.list("copy")).map(({ name }) => name)).toEqual(["b.txt", "er", "link"]);
    expect(await files.glob("**/*.txt")).toEqual(["copy/b.txt", "deep/b.txt"]);
    expect(await files.remove("copy", { recursive: true })).toBe(4);
    expect(await files.remove("copy", { missingOk: true })).toBe(0);
    await expect(files.stat("copy")).rejects.toMatchObject({ code: "path_not_found" });
  });

  test("of any bytes and any size come back as they went", async () => {
    const { files } = workspace;
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 7 + (index >> 8)) & 255);
    await files.write("bytes", bytes);
    expect(Buffer.compare(await files.readBytes("bytes"), bytes)).toBe(0);
    await expect(files.readText("bytes")).rejects.toMatchObject({ code: "not_text" });
    await files.write("small", bytes.subarray(0, 1000));
    expect(Buffer.compare(await files.readBytes("small"), bytes.subarray(0, 1000))).toBe(0);
    const control = "\u0001".repeat(300_000);
    await files.write("control", control);
    expect(await files.readText("control")).toBe(control);
    await files.write("empty", "");
    expect(await files.readBytes("empty")).toHaveLength(0);
    expect(await files.readText("bom-" + "x").catch(() => "none")).toBe("none");
  });

  test("come by stream, in part, and stop when nobody reads", async () => {
    const { files } = workspace;
    await using part = await files.download("bytes", { offset: 1_000_000, length: 500_000 });
    expect([part.start, part.length, part.info.size]).toEqual([1_000_000, 500_000, 3_000_000]);
    expect((await part.bytes()).byteLength).toBe(500_000);
    const whole = await files.download("bytes", { window: 65_536 });
    for await (const data of whole) {
      expect(data.byteLength).toBeGreaterThan(0);
      break;
    }
    await expect(whole.read()).rejects.toMatchObject({ code: "reader_closed" });
    const abort = new AbortController();
    const stopped = await files.download("bytes", { window: 4096, signal: abort.signal });
    abort.abort("enough");
    await expect(stopped.bytes()).rejects.toBe("enough");
  });

  test("of this machine go up and come down", async () => {
    const source = join(local, "source.bin");
    writeFileSync(source, crypto.getRandomValues(new Uint8Array(60_000)), { mode: 0o640 });
    const seen: number[] = [];
    const info = await uploadFile(workspace.files, source, "up.bin", {
      checksum: true,
      onProgress: ({ done }) => seen.push(done),
    });
    expect([info.size, seen.at(-1)]).toEqual([60_000, 60_000]);
    await downloadFile(workspace.files, "up.bin", join(local, "back.bin"));
    expect(readFileSync(join(local, "back.bin")).equals(readFileSync(source))).toBe(true);
    await expect(downloadFile(workspace.files, "none", join(local, "no.bin"))).rejects.toMatchObject({
      code: "path_not_found",
    });
    expect(readdirSync(local).sort()).toEqual(["back.bin", "source.bin"]);
    await expect(uploadFile(workspace.files, source, "up.bin", { sha256: "0".repeat(64) })).rejects.toMatchObject({
      code: "upload_mismatch",
    });
    expect((await workspace.files.upload(new Blob(["blob"]), "blob")).size).toBe(4);
  });

  test("are searched", async () => {
    await workspace.files.write("needles", "a needle\nNeedle 2\nnone\n");
    const search = await workspace.files.search("needle", { ignoreCase: true, include: ["needles"] });
    const lines: number[] = [];
    for await (const { line } of search) lines.push(line);
    expect(lines).toEqual([1, 2]);
    expect(search.result).toMatchObject({ matches: 2, truncated: false });
    await expect(workspace.files.search("(", { regex: true }).then((wrong) => wrong.read())).rejects.toMatchObject({
      code: "pattern_invalid",
    });
  });

  test("are watched, and the watch continues from a cursor", async () => {
    const first = await workspace.watch("watched-" + "none").catch((error: unknown) => error);
    expect(first).toMatchObject({ code: "path_not_found" });
    await workspace.files.mkdir("watched");
    const watch = await workspace.watch("watched");
    await workspace.files.write("watched/one", "");
    expect(await watch.read()).toMatchObject({ kind: "change", path: "watched/one", change: "created" });
    const { cursor } = watch;
    await watch.close();
    await workspace.files.write("watched/two", "");
    const again = await workspace.watch("watched", { cursor }).catch((error: unknown) => error);
    // whether it was kept is the daemon's affair; silence about it is not
    if (again instanceof Error) expect(again).toMatchObject({ code: "cursor_expired" });
    else {
      const { value } = (await (again as AsyncIterable<object>)[Symbol.asyncIterator]().next()) as { value: object };
      expect(value).toEqual(
        expect.toSatisfy(
          (event: { kind: string; path?: string }) => event.kind === "overflow" || event.path === "watched/two",
        ),
      );
      await (again as typeof watch).close();
    }
  });
});

describe("ports", () => {
  const SERVER =
    "import socket, threading\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1])\n" +
    "def serve(c):\n while (b := c.recv(65536)): c.sendall(b.upper())\n c.close()\n" +
    "while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()";

  test("are dialled, each half by itself, and forwarded", async () => {
    await using server = await workspace.exec(["python3", "-uc", SERVER]);
    const lines = server.stdout.lines();
    const port = Number((await lines.next()).value);
    expect((await workspace.ports.list()).find((listed) => listed.port === port)?.listening).toBe(true);
    await using tunnel = await workspace.ports.dial(port);
    const writer = tunnel.writable.getWriter();
    const text = "x".repeat(3_000_000);
    const sent = writer.write(new TextEncoder().encode(text)).then(() => writer.close());
    expect(await new Response(tunnel.readable).text()).toBe(text.toUpperCase());
    await Promise.all([sent, tunnel.closed]);

    await using listener = await forward(workspace.ports, port);
    const answers = await Promise.all(Array.from({ length: 5 }, (_, index) => ask(listener, `hello ${String(index)}`)));
    expect(answers).toEqual(["HELLO 0", "HELLO 1", "HELLO 2", "HELLO 3", "HELLO 4"]);
    expect(listener.lastError).toBeUndefined();
  });

  test("where nobody listens refuse", async () => {
    await expect(workspace.ports.dial(1)).rejects.toMatchObject({ name: "RemoteError" });
    await using listener = await forward(workspace.ports, 1);
    await ask(listener, "x").catch(() => undefined);
    await expect.poll(() => listener.lastError).toMatchObject({ name: "RemoteError" });
  });

  function ask({ host, port }: { host: string; port: number }, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ host, port, allowHalfOpen: true }, () => socket.end(text));
      let answer = "";
      socket.setEncoding("utf8");
      socket.on("data", (part: string) => (answer += part));
      socket.on("end", () => {
        resolve(answer);
      });
      socket.on("error", reject);
    });
  }
});

describe("git", () => {
  test("tells, commits and branches", async () => {
    const target = await nexus.workspaces.create("git", { repository: workspace.record.repository.url });
    const { git } = target;
    await target.files.write("new.txt", "new\n");
    expect((await git.status()).files.map(({ path }) => path)).toEqual(["new.txt"]);
    expect((await git.diff()).files.map(({ path }) => path)).toEqual(["new.txt"]);
    const commit = await git.commit("Add a file", { author: "Somebody <somebody@example.invalid>" });
    expect((await git.log({ limit: 1 })).commits[0]?.commit).toBe(commit.commit);
    await expect(git.commit("nothing")).rejects.toMatchObject({ code: "nothing_to_commit" });
    await git.createBranch("side", { switch: true });
    const branches = await git.switchBranch("nexus/git");
    expect(branches.find(({ current }) => current)?.name).toBe("nexus/git");
    expect((await git.deleteBranch("side")).map(({ name }) => name)).not.toContain("side");
    await expect(git.sync({ remote: "none" })).rejects.toMatchObject({ name: "RemoteError" });
    await target.destroy({ force: true });
  });
});
