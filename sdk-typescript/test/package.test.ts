import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LEVEL } from "../src/protocol/methods.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
let folder: string;

/** A program's folder, with the package in it as it is published. */
beforeAll(() => {
  if (!existsSync(join(ROOT, "dist/index.js"))) execFileSync("npm", ["run", "-s", "build"], { cwd: ROOT });
  folder = mkdtempSync(join(tmpdir(), "nexus-consumer-"));
  const home = join(folder, "node_modules/@nexus-workspaces/sdk");
  mkdirSync(home, { recursive: true });
  mkdirSync(join(folder, "node_modules/@types"));
  execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], { cwd: ROOT });
  const packed = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  execFileSync("tar", ["-xzf", join(folder, packed[0] ?? ""), "-C", home, "--strip-components", "1"]);
  symlinkSync(join(ROOT, "node_modules/ws"), join(folder, "node_modules/ws"));
  symlinkSync(join(ROOT, "node_modules/@types/node"), join(folder, "node_modules/@types/node"));
  symlinkSync(join(ROOT, "node_modules/undici-types"), join(folder, "node_modules/undici-types"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return execFileSync(process.execPath, [name], { cwd: folder, encoding: "utf8" }).trim();
}

describe("the package", () => {
  test("is imported by ES modules, for each entry", () => {
    const text = (from: string): string =>
      `import * as sdk from ${JSON.stringify(from)}; console.log(typeof sdk.connect, typeof sdk.forward);`;
    expect(run("a.mjs", text("@nexus-workspaces/sdk"))).toBe("function undefined");
    expect(run("b.mjs", text("@nexus-workspaces/sdk/node"))).toBe("function function");
    expect(
      run(
        "c.mjs",
        'import { LEVEL, METHODS } from "@nexus-workspaces/sdk/protocol"; console.log(LEVEL, METHODS.size > 50);',
      ),
    ).toBe(`${String(LEVEL)} true`);
  });

  test("is required by CommonJS, for each entry", () => {
    const text = (from: string): string =>
      `const sdk = require(${JSON.stringify(from)}); console.log(typeof sdk.connect, typeof sdk.forward);`;
    expect(run("a.cjs", text("@nexus-workspaces/sdk"))).toBe("function undefined");
    expect(run("b.cjs", text("@nexus-workspaces/sdk/cjs"))).toBe("function undefined");
    expect(run("c.cjs", text("@nexus-workspaces/sdk/node"))).toBe("function function");
  });

  test("has one set of classes, whichever entry they come from", () => {
    const text =
      'import { SdkError as a } from "@nexus-workspaces/sdk"; import { SdkError as b } from "@nexus-workspaces/sdk/node";' +
      "console.log(a === b);";
    expect(run("same.mjs", text)).toBe("true");
  });

  test.each([
    ["mts", { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }],
    ["cts", { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }],
    ["ts", { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
  ])("has types that compile as %s in the strictest way, with types of Node.js alone", (ending, kind) => {
    const path = join(folder, `consumer.${ending}`);
    writeFileSync(
      path,
      `import { connect, type Process, isRemoteError } from "@nexus-workspaces/sdk";
       import { forward, connect as find } from "@nexus-workspaces/sdk/node";
       import type { FileInfo } from "@nexus-workspaces/sdk/protocol";
       export async function main(): Promise<number | null> {
         const nexus = await connect({ url: "http://127.0.0.1:1", token: async () => "t" });
         const workspace = await nexus.workspaces.get("w");
         const info: FileInfo = await workspace.files.stat("a");
         const process: Process = await workspace.exec(["true"]);
         for await (const data of process.stdout) console.log(data.byteLength + info.size);
         for await (const line of process.stderr.lines()) console.log(line.length);
         const answer: { time: string } = await nexus.call("session.ping", {});
         try { await find(); } catch (error) {
           if (isRemoteError(error, "offset_expired")) console.log(error.details?.earliest.toFixed());
         }
         const listener = await forward(workspace.ports, 80);
         console.log(listener.port, answer.time, new Response(process.stdout.toWeb()));
         // @ts-expect-error: argv is a list
         await workspace.exec("true");
         // @ts-expect-error: there is no such param
         await nexus.call("fs.stat", { workspace: "w", path: "a", nothing: 1 });
         return (await process.result).exitCode;
       }`,
    );
    const program = ts.createProgram([path], {
      ...kind,
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts", "lib.esnext.disposable.d.ts"],
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
    });
    const problems = ts
      .getPreEmitDiagnostics(program)
      // declarations of other packages are theirs
      .filter(({ file }) => file === undefined || !/node_modules\/(@types|undici-types)\//.test(file.fileName))
      .map(({ file, messageText }) => `${file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
    expect(problems).toEqual([]);
  });

  test.each([
    ["mts", { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 }],
    ["cts", { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 }],
    ["ts", { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
  ])("has types that compile as %s for a browser, with nothing but its libraries", (ending, kind) => {
    const path = join(folder, `page.${ending}`);
    writeFileSync(
      path,
      `import { connect } from "@nexus-workspaces/sdk";
       export async function main(): Promise<string> {
         await using nexus = await connect({ url: location.href, token: "t" });
         await using process = await (await nexus.workspaces.get("w")).exec(["true"]);
         for await (const line of process.stderr.lines()) console.log(line);
         return process.stdout.text();
       }`,
    );
    const lib = ["lib.es2022.d.ts", "lib.dom.d.ts"];
    const options = { ...kind, target: ts.ScriptTarget.ES2022, lib, types: [], strict: true, noEmit: true };
    const problems = ts.getPreEmitDiagnostics(ts.createProgram([path], options));
    expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  });

  test("is bundled into one CommonJS file, as extensions of editors are", async () => {
    await build({
      absWorkingDir: folder,
      stdin: {
        contents: `import { connect, SdkError } from "@nexus-workspaces/sdk";
          import { forward } from "@nexus-workspaces/sdk/node";
          exports.activate = () => connect({ url: "http://127.0.0.1:1" }).catch((error) =>
            console.log(error instanceof SdkError, error.code, typeof forward));`,
        resolveDir: folder,
      },
      bundle: true,
      format: "cjs",
      platform: "node",
      target: "node20",
      external: ["bufferutil", "utf-8-validate"],
      outfile: join(folder, "extension.cjs"),
    });
    expect(run("host.cjs", 'require("./extension.cjs").activate();')).toBe("true connection_failed function");
  });

  test("records no address of a registry, and depends on ws alone", () => {
    const lock = readFileSync(join(ROOT, "package-lock.json"), "utf8");
    expect(lock).not.toContain('"resolved"');
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: object };
    expect(Object.keys(dependencies)).toEqual(["ws"]);
  });

  test("is published with code, types, README and licence, and nothing else", () => {
    const told = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [{ files }] = JSON.parse(told) as [{ files: { path: string }[] }];
    const others = files.map(({ path }) => path).filter((path) => !/^dist\/.*\.(js|d\.ts)$/.test(path));
    expect(others.sort()).toEqual(["LICENSE", "README.md", "dist/cjs/package.json", "package.json"]);
    expect(readFileSync(join(ROOT, "LICENSE"), "utf8")).toBe(readFileSync(join(ROOT, "../LICENSE"), "utf8"));
    expect(files.map(({ path }) => path)).not.toContain("dist/driver.js");
  });
});

describe("the neutral entry", () => {
  test("is bundled for browsers without anything of Node.js, and stays small", async () => {
    const { outputFiles, metafile } = await build({
      absWorkingDir: folder,
      stdin: { contents: 'export { connect } from "@nexus-workspaces/sdk";', resolveDir: folder },
      bundle: true,
      format: "esm",
      platform: "browser",
      target: "es2022",
      minify: true,
      metafile: true,
      write: false,
      preserveSymlinks: true,
    });
    const inputs = Object.keys(metafile.inputs).filter((path) => path !== "<stdin>");
    expect(inputs.filter((path) => !/@nexus-workspaces\/sdk\/dist\/(?!node\/|cjs\/)/.test(path))).toEqual([]);
    const text = outputFiles[0]?.text ?? "";
    expect(text).not.toMatch(/\bnode:|\brequire\(|\bBuffer\b|\bprocess\.(env|stdout|version)/);
    expect(text.length).toBeLessThan(90_000);
  });

  test("imports nothing of Node.js, in no file", async () => {
    const { metafile } = await build({
      absWorkingDir: ROOT,
      entryPoints: ["src/index.ts"],
      bundle: true,
      platform: "neutral",
      metafile: true,
      write: false,
    });
    const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports);
    expect(imported.filter(({ external }) => external === true)).toEqual([]);
    expect(Object.keys(metafile.inputs).filter((path) => path.startsWith("src/node"))).toEqual([]);
  });

  test("a bundle test can fail", async () => {
    const broken = build({
      stdin: { contents: 'import "node:fs";', resolveDir: ROOT },
      bundle: true,
      platform: "browser",
      write: false,
      logLevel: "silent",
    });
    await expect(broken).rejects.toThrow(/node:fs/);
  });
});
