import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TYPEDOC = join(ROOT, "node_modules/typedoc/bin/typedoc");
const run = promisify(execFile);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nexus-reference-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What typedoc says of an entry, by the package's own rules; empty when it has no objection. */
async function objections(text: string): Promise<string> {
  const write = (name: string, content: object): void => {
    writeFileSync(join(folder, name), JSON.stringify(content));
  };
  writeFileSync(join(folder, "entry.ts"), text);
  write("package.json", { name: "boxes", version: "1.0.0" });
  write("tsconfig.json", { compilerOptions: { strict: true, target: "es2022", types: [] }, include: ["entry.ts"] });
  write("typedoc.json", {
    extends: [join(ROOT, "typedoc.json")],
    tsconfig: join(folder, "tsconfig.json"),
    entryPoints: [join(folder, "entry.ts")],
    readme: "none",
    emit: "none",
  });
  const argv = [TYPEDOC, "--options", join(folder, "typedoc.json")];
  try {
    await run(process.execPath, argv, { cwd: folder, env: { ...process.env, NO_COLOR: "1" } });
    return "";
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout + stderr;
  }
}

describe("the reference", () => {
  test("is built, and has a page for every name that the package exports", async () => {
    const json = join(folder, "reference.json");
    const out = join(folder, "pages");
    await run(process.execPath, [TYPEDOC, "--out", out, "--json", json], { cwd: ROOT });
    const { children } = JSON.parse(readFileSync(json, "utf8")) as {
      children: { name: string; children: { name: string }[] }[];
    };
    expect(children.map(({ name }) => name).sort()).toEqual(["index", "node", "protocol"]);
    const told = new Set(children.flatMap((module) => module.children.map(({ name }) => name)));
    const surface = readFileSync(join(ROOT, "test/surface/index.txt"), "utf8") + "\n";
    const names = [...(surface + readFileSync(join(ROOT, "test/surface/node.txt"), "utf8")).matchAll(/^\w+ (\w+)$/gm)];
    expect(names.length).toBeGreaterThan(50);
    expect(names.map(([, name]) => name).filter((name) => !told.has(name ?? ""))).toEqual([]);
    expect(readFileSync(join(out, "classes/index.Workspace.html"), "utf8")).toContain("no shell interprets it");
  });

  test("has no objection to what is documented", async () => {
    const text = "/** A box. */\nexport interface Box {\n  /** What is in it. */\n  content: string;\n}\n";
    expect(await objections(text)).toBe("");
  });

  test("refuses what is not documented, links that lead nowhere, and types that are used but not exported", async () => {
    const told = await objections(`
      export function aFunction(): void {}
      export const aConstant = 1;
      /** A box. */
      export interface Box { aMember: string }
      /** A class. */
      export class Case { aMethod(): void {} }
      /** See {@link Nothing}. */
      export const aLink = 1;
      interface Hidden { /** A. */ a: 1 }
      /** Make one. */
      export function make(): Hidden { return { a: 1 }; }
    `);
    const lacking = [...told.matchAll(/([\w.]+) \(\w+\), .* does not have any documentation/g)].map(([, name]) => name);
    expect(lacking.sort()).toEqual(["Box.aMember", "Case.aMethod", "aConstant", "aFunction"]);
    expect(told).toMatch(/"Nothing"/);
    expect(told).toMatch(/Hidden, .* is referenced by make but not included in the documentation/);
  });
});
