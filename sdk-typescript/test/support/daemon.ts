/** A real `nexusd` in a process of its own, on a home of its own. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
const PYTHON = process.env["NEXUS_TEST_PYTHON"] ?? join(REPOSITORY, ".venv/bin/python");
const READY_MS = 30_000;

/** A running daemon. Made by `startDaemon`. */
export class Daemon {
  readonly home: string;
  readonly folder: string;
  port = 0;
  #child: ChildProcess | undefined;
  readonly #settings: readonly string[];

  constructor(folder: string, settings: readonly string[]) {
    this.folder = folder;
    this.home = join(folder, "home");
    this.#settings = settings;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get socket(): string {
    return join(this.home, "run", "nexusd.sock");
  }

  get log(): string {
    return readFileSync(join(this.home, "daemon.log"), "utf8").slice(-4000);
  }

  async start(): Promise<void> {
    mkdirSync(this.home, { recursive: true, mode: 0o700 });
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("NEXUS_"));
    const env: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), NEXUS_HOME: this.home };
    env["NEXUS_NODE_CONFIG"] = join(this.home, "no-node.yaml");
    const log = openSync(join(this.home, "daemon.log"), "a");
    // What outlived the daemon here, nobody would end.
    const settings = ["processes.outlive_daemon=false", ...this.#settings];
    const flags = ["daemon.port=" + String(this.port), ...settings].flatMap((setting) => ["--set", setting]);
    const child = spawn(PYTHON, ["-m", "nexusd", ...flags], { env, stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    const deadline = Date.now() + READY_MS;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`nexusd ended with ${String(child.exitCode)}\n${this.log}`);
      if (existsSync(this.socket)) {
        const status = await this.#http("GET", "/health/ready").catch(() => ({ status: 0 }));
        if (status.status === 200) break;
      }
      if (Date.now() > deadline) throw new Error(`nexusd was not ready\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const info = (await this.call("system.info")) as { listen: string[] };
    this.port = Number(
      info.listen
        .find((url) => url.startsWith("http"))
        ?.split(":")
        .pop(),
    );
  }

  /** One call over the Unix socket. */
  async call(method: string, params: object = {}): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const { text } = await this.#http("POST", "/rpc", body);
    const answer = JSON.parse(text) as { result?: unknown; error?: unknown };
    if (answer.error !== undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}\n${this.log}`);
    return answer.result;
  }

  /** A token for everything. */
  async token(options: object = {}): Promise<{ token: string; id: string }> {
    const params = { subject: "tester", scopes: ["*"], workspaces: ["*"], ttl_ms: 3_600_000, ...options };
    const made = (await this.call("token.create", params)) as { token: string; info: { id: string } };
    return { token: made.token, id: made.info.id };
  }

  /** SIGKILL, as a crash. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM, and everything of it removed. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  #http(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = { host: "localhost", "content-type": "application/json" };
      const call = request({ socketPath: this.socket, method, path, headers, timeout: 60_000 }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => (text += part));
        answer.on("end", () => {
          resolve({ status: answer.statusCode ?? 0, text });
        });
        answer.on("error", reject);
      });
      call.on("error", reject);
      call.end(body);
    });
  }
}

/** Start a daemon; stop it in the end. */
export async function startDaemon(...settings: string[]): Promise<Daemon> {
  const daemon = new Daemon(mkdtempSync(join(tmpdir(), "nexus-ts-")), settings);
  try {
    await daemon.start();
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

/** A git repository with one commit. */
export function makeRepository(daemon: Daemon, files?: Record<string, string>): string {
  const path = mkdtempSync(join(daemon.folder, "repository-"));
  const git = (...argv: string[]): void => {
    execFileSync("git", argv, { cwd: path, env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" }, stdio: "pipe" });
  };
  git("init", "-q", "-b", "main");
  git("config", "user.name", "Test");
  git("config", "user.email", "test@example.invalid");
  const content = files ?? { "README.md": "# Example\n", "src/app.py": "print('hello')\n" };
  for (const [name, text] of Object.entries(content)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  git("add", "-A");
  git("commit", "-q", "-m", "first");
  return path;
}
