import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";

interface Answer {
  id: number;
  ok: boolean;
  result: Record<string, unknown>;
  error: Record<string, unknown>;
}

let daemon: Daemon;
let driver: ChildProcess;
let token: string;
let next = 1;
const waiting = new Map<number, (answer: Answer) => void>();

function send(one: object): Promise<Answer> {
  const id = next++;
  driver.stdin?.write(`${JSON.stringify({ id, ...one })}\n`);
  return new Promise((resolve) => waiting.set(id, resolve));
}

async function result(one: object): Promise<Record<string, unknown>> {
  const answer = await send(one);
  expect(answer.error).toBeUndefined();
  return answer.result;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

beforeAll(async () => {
  daemon = await startDaemon();
  ({ token } = await daemon.token());
  await daemon.call("workspace.create", { name: "driven", repository: { url: makeRepository(daemon) } });
  const path = fileURLToPath(new URL("../dist/driver.js", import.meta.url));
  driver = spawn(process.execPath, [path], { stdio: ["pipe", "pipe", "inherit"] });
  if (driver.stdout === null) throw new Error("the driver has no output");
  createInterface({ input: driver.stdout }).on("line", (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.(answer);
  });
});

afterAll(async () => {
  const ended = new Promise((resolve) => driver.once("exit", resolve));
  driver.stdin?.end();
  expect(await ended).toBe(0);
  await daemon.stop();
});

test("the driver answers every kind of case", async () => {
  expect((await send({ do: "call", method: "session.ping" })).error).toMatchObject({ name: "connection_failed" });
  expect(await result({ do: "connect", url: daemon.url, token })).toEqual({ level: 1, subject: "tester" });

  const workspace = "driven";
  const [ping, found, missing, late] = await Promise.all([
    result({ do: "call", method: "session.ping", params: {} }),
    result({ do: "call", method: "workspace.get", params: { workspace } }),
    send({ do: "call", method: "workspace.get", params: { workspace: "none" } }),
    send({ do: "call", method: "exec.run", params: { workspace, argv: ["sleep", "9"] }, timeout_ms: 50 }),
  ]);
  expect(ping).toHaveProperty("time");
  expect(found["name"]).toBe("driven");
  expect([missing.ok, missing.error]).toMatchObject([false, { name: "workspace_not_found", may_have_run: false }]);
  expect(missing.error["code"]).toBeTypeOf("number");
  expect(late.error).toMatchObject({ name: "call_timeout", code: null, may_have_run: true });

  const ran = await result({
    do: "exec",
    workspace,
    argv: ["sh", "-c", "cat; echo err >&2; exit 3"],
    stdin: base64("in"),
  });
  expect(ran).toMatchObject({
    stdout: base64("in"),
    stderr: base64("err\n"),
    exit_code: 3,
    signal: null,
    reason: "exited",
  });
  const part = await result({ do: "attach", process: ran["process"], limit: 1 });
  expect(part).toMatchObject({ exit_code: null, reason: null });
  const rest = await result({ do: "attach", process: ran["process"], offset: 1 });
  expect(rest).toMatchObject({ exit_code: 3 });

  const local = mkdtempSync(join(daemon.folder, "local-"));
  writeFileSync(join(local, "up"), "content");
  const up = await result({ do: "upload", workspace, source: join(local, "up"), path: "up" });
  const down = await result({ do: "download", workspace, path: "up", target: join(local, "down") });
  expect(up).toEqual(down);
  expect(readFileSync(join(local, "down"), "utf8")).toBe("content");

  expect(await result({ do: "search", workspace, pattern: "hello" })).toMatchObject({
    matches: [{ path: "src/app.py", line: 1 }],
  });
  expect(await result({ do: "watch", workspace, path: ".", touch: ["one"], count: 1 })).toMatchObject({
    events: [{ kind: "change", path: "one" }],
  });
  expect(await result({ do: "watch_workspaces", workspace, labels: { a: "b" } })).toMatchObject({
    event: { kind: "changed", workspace: { labels: { a: "b" } } },
  });

  const script =
    "import socket\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1], flush=True)\n" +
    "c, _ = s.accept()\nwhile (b := c.recv(99)): c.sendall(b.upper())";
  const started = await result({
    do: "call",
    method: "exec.start",
    params: { workspace, argv: ["python3", "-uc", script] },
  });
  const told = await result({ do: "attach", process: started["id"], limit: 5 });
  const port = Number(Buffer.from(told["stdout"] as string, "base64").toString());
  const dialled = await result({ do: "dial", workspace, port, send: base64("abc") });
  expect(dialled).toEqual({ received: base64("ABC") });

  expect((await send({ do: "nothing" })).ok).toBe(false);
  expect(await result({ do: "close" })).toEqual({});
});
