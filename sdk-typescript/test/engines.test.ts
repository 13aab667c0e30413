import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";
import { Proxy } from "./support/proxy.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NEUTRAL = "dist/index.js";
const BY_WS = "dist/node/root.js";
const DENO = ["run", "--allow-all", "--no-lock", "--node-modules-dir=manual"];

/** Each engine: where its program is, what its version begins with, its flags, and the file that the root leads to. */
const ENGINES = [
  ["Node.js 20", "NEXUS_TEST_NODE20", "node", "v20.", [], BY_WS],
  ["Node.js 22", "NEXUS_TEST_NODE22", "node", "v22.", [], BY_WS],
  ["Node.js 22 by its own WebSocket", "NEXUS_TEST_NODE22", "node", "v22.", ["--conditions=browser"], NEUTRAL],
  ["Bun", "NEXUS_TEST_BUN", "bun", "", ["run"], NEUTRAL],
  ["Deno", "NEXUS_TEST_DENO", "deno", "deno ", DENO, NEUTRAL],
] as const;

const run = promisify(execFile);
let daemon: Daemon;

beforeAll(async () => {
  daemon = await startDaemon();
  mkdirSync(join(daemon.folder, "node_modules/@nexus-workspaces"), { recursive: true });
  symlinkSync(ROOT, join(daemon.folder, "node_modules/@nexus-workspaces/sdk"));
  copyFileSync(join(ROOT, "test/support/engine.mjs"), join(daemon.folder, "engine.mjs"));
});

afterAll(async () => {
  await daemon.stop();
});

/** The program of an engine, from the environment or the machine; undefined where it is not there in that version. */
function program(variable: string, name: string, version: string): string | undefined {
  const candidates = [process.env[variable], name === "node" ? process.execPath : undefined, name];
  return candidates.find((candidate) => {
    if (candidate === undefined || candidate === "") return false;
    const { status, stdout } = spawnSync(candidate, ["--version"], { encoding: "utf8" });
    return status === 0 && stdout.startsWith(version);
  });
}

/** Skips where an engine is missing; in CI everything must be there. */
function found(skip: () => never, ...engine: [variable: string, name: string, version: string]): string {
  const command = program(...engine);
  if (command !== undefined) return command;
  if ((process.env["CI"] ?? "") !== "") throw new Error(`there is no ${engine[1]}; set ${engine[0]} to its path`);
  return skip();
}

describe.each(ENGINES)("%s", (_, variable, name, version, flags, entry) => {
  test("does everything by the neutral entry, while its connection is cut", async ({ skip }) => {
    const command = found(skip, variable, name, version);
    const proxy = await Proxy.start(daemon.port);
    try {
      proxy.plan = () => (proxy.cuts < 2 ? 1_500_000 : undefined);
      const { token } = await daemon.token();
      const workspace = `in-${variable.slice(-6).toLowerCase().replace("_", "")}-${String(flags.length)}`;
      const argv = [...flags, "engine.mjs", proxy.url, token, makeRepository(daemon), workspace];
      const { stdout, stderr } = await run(command, argv, { cwd: daemon.folder });
      const told = JSON.parse(stdout) as { entry: string; checks: Record<string, boolean> };
      expect(Object.keys(told.checks).length).toBeGreaterThan(20);
      expect(Object.entries(told.checks).filter(([, passed]) => !passed)).toEqual([]);
      expect(told.entry.endsWith(entry), told.entry).toBe(true);
      expect(stderr).toBe("");
    } finally {
      await proxy.stop();
    }
  });
});

test("an engine without WebSocket says what to import instead", async ({ skip }) => {
  const command = found(skip, "NEXUS_TEST_NODE20", "node", "v20.");
  writeFileSync(
    join(daemon.folder, "bare.mjs"),
    `import { connect } from "@nexus-workspaces/sdk";
     const error = await connect({ url: "http://127.0.0.1:1", token: "t" }).catch((error) => error);
     console.log(typeof WebSocket, error.code, error.message, error.hint);`,
  );
  const { stdout } = await run(command, ["--conditions=browser", "bare.mjs"], { cwd: daemon.folder });
  expect(stdout).toMatch(/^undefined connection_failed .*this engine has no WebSocket.*sdk\/node"/);
});
