import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ENGINES = {
  node: { command: process.execPath, flags: [] as string[] },
  bun: { command: process.env["NEXUS_TEST_BUN"] ?? "bun", flags: ["run"] },
  deno: {
    command: process.env["NEXUS_TEST_DENO"] ?? "deno",
    flags: ["run", "--allow-all", "--no-lock", "--node-modules-dir=manual"],
  },
};

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

function isThere(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.each(Object.entries(ENGINES))("%s", (name, { command, flags }) => {
  test.skipIf(!isThere(command))("does everything by the neutral entry", async () => {
    const { token } = await daemon.token();
    const argv = [...flags, "engine.mjs", daemon.url, token, makeRepository(daemon), `in-${name}`];
    const { stdout } = await promisify(execFile)(command, argv, { cwd: daemon.folder });
    const checks = JSON.parse(stdout) as Record<string, boolean>;
    expect(Object.keys(checks).length).toBeGreaterThan(8);
    expect(Object.entries(checks).filter(([, passed]) => !passed)).toEqual([]);
  });
});
