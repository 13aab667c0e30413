/** The driver of this SDK: reads cases on standard input, answers on standard output. See tests/driver/README.md. */

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import {
  NexusError,
  type Nexus,
  type Process,
  SdkError,
  connect,
  downloadFile,
  uploadFile,
} from "../src/node/index.js";

interface Case {
  id: number | string;
  do: string;
  timeout_ms?: number;
  url: string;
  token: string;
  reconnect_timeout_ms?: number;
  method: string;
  params?: Record<string, unknown>;
  workspace: string;
  argv: string[];
  stdin?: string;
  process: string;
  offset?: number;
  limit?: number;
  digest?: boolean;
  source: string;
  path: string;
  target: string;
  pattern: string;
  touch: string[];
  count: number;
  labels: Record<string, string>;
  port: number;
  send: string;
}

const DEADLINE_MS = 60_000;

class Driver {
  #nexus: Nexus | undefined;

  async run(): Promise<void> {
    const under = new Set<Promise<void>>();
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
      if (line.trim() === "") continue;
      const one = JSON.parse(line) as Case;
      if (one.do === "close") await Promise.all(under);
      const answered = this.#answer(one).finally(() => under.delete(answered));
      under.add(answered);
      if (one.do === "connect" || one.do === "close") await answered;
    }
    await Promise.all(under);
    await this.#nexus?.close();
  }

  async #answer(one: Case): Promise<void> {
    const limit = one.timeout_ms ?? DEADLINE_MS;
    const late = new AbortController();
    const reason = new SdkError("call_timeout", `${one.do} was not done within ${limit} ms`, { mayHaveRun: true });
    // a call and a connection know their own deadline
    const timer = setTimeout(
      () => {
        late.abort(reason);
      },
      limit + (one.do === "call" || one.do === "connect" ? 1000 : 0),
    );
    let answer: object;
    try {
      answer = { id: one.id, ok: true, result: await this.#do(one, limit, late.signal) };
    } catch (error) {
      answer = { id: one.id, ok: false, error: told(error) };
    } finally {
      clearTimeout(timer);
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }

  async #do(one: Case, limit: number, signal: AbortSignal): Promise<unknown> {
    if (one.do === "connect") {
      await this.#nexus?.close();
      this.#nexus = undefined;
      const { url, token, reconnect_timeout_ms: reconnectTimeoutMs } = one;
      this.#nexus = await connect({ url, token, reconnectTimeoutMs, openTimeoutMs: limit, signal });
      return { level: this.#nexus.session.level, subject: this.#nexus.session.identity.subject };
    }
    const nexus = this.#nexus;
    if (nexus === undefined) throw new SdkError("connection_failed", "connect first");
    switch (one.do) {
      case "call":
        return nexus.callAny(one.method, one.params ?? {}, { timeoutMs: limit, signal });
      case "exec": {
        const workspace = await nexus.workspaces.get(one.workspace, { signal });
        const followed = await workspace.exec(one.argv, { stdin: one.stdin !== undefined, signal });
        return collect(followed, one, one.stdin);
      }
      case "attach": {
        const record = await nexus.call("exec.get", { process: one.process }, { signal });
        const workspace = await nexus.workspaces.get(record.workspace, { signal });
        const followed = await workspace.attach(one.process, { offset: one.offset, signal });
        return collect(followed, one, undefined);
      }
      case "upload": {
        const { files } = await nexus.workspaces.get(one.workspace, { signal });
        const info = await uploadFile(files, one.source, one.path, { checksum: true, signal });
        return { size: info.size, sha256: await digest(one.source) };
      }
      case "download": {
        const { files } = await nexus.workspaces.get(one.workspace, { signal });
        const info = await downloadFile(files, one.path, one.target, { signal });
        return { size: info.size, sha256: await digest(one.target) };
      }
      case "search": {
        const { files } = await nexus.workspaces.get(one.workspace, { signal });
        const search = await files.search(one.pattern, { signal });
        const matches: object[] = [];
        for await (const { path, line, text } of search) matches.push({ path, line, text });
        return { matches, files: search.files };
      }
      case "watch": {
        const { files } = await nexus.workspaces.get(one.workspace, { signal });
        const watch = await files.watch(one.path, { signal });
        for (const path of one.touch) await files.write(path, "", { signal });
        const events: object[] = [];
        for await (const event of watch) {
          if (events.push(event) >= one.count) break;
        }
        return { events };
      }
      case "watch_workspaces": {
        const workspace = await nexus.workspaces.get(one.workspace, { signal });
        const watch = await nexus.workspaces.watch({ signal });
        await workspace.update({ labels: one.labels }, { signal });
        const event = await watch.read();
        await watch.close();
        return { event };
      }
      case "dial": {
        const { ports } = await nexus.workspaces.get(one.workspace, { signal });
        const tunnel = await ports.dial(one.port, { signal });
        const writer = tunnel.writable.getWriter();
        await writer.write(Buffer.from(one.send, "base64"));
        await writer.close();
        const received = await new Response(tunnel.readable).arrayBuffer();
        return { received: Buffer.from(received).toString("base64") };
      }
      case "close":
        await nexus.close();
        this.#nexus = undefined;
        return {};
      default:
        throw new TypeError(`no case is called ${one.do}`);
    }
  }
}

/** What came on one channel: all of it as base64, or its size and SHA-256. */
class Kept {
  readonly #parts: Uint8Array[] | undefined;
  readonly #hash = createHash("sha256");
  #size = 0;

  constructor(whole: boolean) {
    if (whole) this.#parts = [];
  }

  add(data: Uint8Array): void {
    if (this.#parts !== undefined) this.#parts.push(data);
    else this.#hash.update(data);
    this.#size += data.byteLength;
  }

  told(): unknown {
    if (this.#parts !== undefined) return Buffer.concat(this.#parts).toString("base64");
    return { size: this.#size, sha256: this.#hash.digest("hex") };
  }
}

async function collect(followed: Process, one: Case, stdin: string | undefined): Promise<object> {
  const { limit } = one;
  const kept = { stdout: new Kept(one.digest !== true), stderr: new Kept(one.digest !== true) };
  if (stdin !== undefined) {
    // a process may end without reading it; what it did then is in its exit code
    const written = followed.stdin.write(Buffer.from(stdin, "base64"));
    written.then(() => followed.stdin.end()).catch(() => undefined);
  }
  let size = 0;
  for await (const { channel, data } of followed.output) {
    const part = limit === undefined ? data : data.subarray(0, limit - size);
    kept[channel].add(part);
    size += part.byteLength;
    if (limit !== undefined && size >= limit) break;
  }
  const ended = limit === undefined ? await followed.result : undefined;
  await followed.detach();
  return {
    stdout: kept.stdout.told(),
    stderr: kept.stderr.told(),
    exit_code: ended?.exitCode ?? null,
    signal: ended?.signal ?? null,
    reason: ended?.reason ?? null,
    process: followed.id,
    reconnects: followed.reconnects,
  };
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(path);
  for await (const part of handle.createReadStream()) hash.update(part as Buffer);
  return hash.digest("hex");
}

function told(error: unknown): object {
  if (error instanceof NexusError) {
    return { name: error.code, code: error.number ?? null, message: error.message, may_have_run: error.mayHaveRun };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { name: "internal", code: null, message, may_have_run: true };
}

await new Driver().run();
