import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BLOCKS = [...readFileSync(join(ROOT, "README.md"), "utf8").matchAll(/^```(ts|js)(.*)\n([^]*?)^```$/gm)].map(
  ([, language, info, text], index) => ({
    name: `${String(index + 1)} ${language ?? ""}${info ?? ""}`,
    text: text ?? "",
    language,
  }),
);
/** The examples in the comments of the sources. */
const EXAMPLES = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .flatMap((path) => {
    const text = readFileSync(join(ROOT, "src", path), "utf8");
    return [...text.matchAll(/^ *\* @example\n((?: *\*(?!\/).*\n)+?)(?= *\*\/| *\* @)/gm)].map(([, lines], index) => ({
      name: `${path} ${String(index + 1)}`,
      text: (lines ?? "").replaceAll(/^ *\* ?/gm, ""),
    }));
  });
const run = promisify(execFile);

let daemon: Daemon;
let folder: string;
let env: NodeJS.ProcessEnv;
let repository: string;

beforeAll(async () => {
  daemon = await startDaemon();
  repository = makeRepository(daemon);
  folder = join(daemon.folder, "program");
  mkdirSync(join(folder, "node_modules/@nexus-workspaces"), { recursive: true });
  symlinkSync(ROOT, join(folder, "node_modules/@nexus-workspaces/sdk"));
  const { token } = await daemon.token();
  env = { ...process.env, NEXUS_URL: daemon.url, NEXUS_TOKEN: token };
});

afterAll(async () => {
  await daemon.stop();
});

/** A fragment as a whole program, with `nexus`, `workspace`, `url` and `token` at hand. */
function whole(fragment: string, name: string): string {
  const imports = fragment.match(/^import .*$/gm) ?? [];
  return `${imports.join("\n")}
    import { connect as find } from "@nexus-workspaces/sdk/node";
    const url = process.env["NEXUS_URL"] ?? "";
    const token = process.env["NEXUS_TOKEN"] ?? "";
    const nexus = await find();
    const workspace = await nexus.workspaces.create(${JSON.stringify(name)}, { repository: process.env["REPOSITORY"] ?? "" });
    void [url, token, nexus, workspace];
    await (async (): Promise<void> => {
      ${fragment.replaceAll(/^import .*$/gm, "")}
    })();
    await nexus.close();`;
}

async function compileAndRun(name: string, text: string): Promise<void> {
  const file = `fragment-${name.replaceAll(/\W/g, "").toLowerCase()}`;
  const source = whole(text, file);
  const path = join(folder, `${file}.mts`);
  writeFileSync(path, source);
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.asynciterable.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    skipLibCheck: true,
  };
  const program = ts.createProgram([path], options);
  const problems = ts.getPreEmitDiagnostics(program);
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  program.emit();
  const { stdout, stderr } = await run(process.execPath, [`${file}.mjs`], {
    cwd: folder,
    env: { ...env, REPOSITORY: repository },
  });
  expect([stdout.length > 0 || !text.includes("console.log"), stderr]).toEqual([true, ""]);
}

describe("the README", () => {
  test("has examples", () => {
    expect(BLOCKS.length).toBeGreaterThan(8);
  });

  test.each(BLOCKS.filter(({ language }) => language === "js"))("program $name runs", async ({ text }) => {
    writeFileSync(join(folder, "start.mjs"), text);
    const { stdout } = await run(process.execPath, ["start.mjs", repository], { cwd: folder, env });
    expect(stdout).toMatch(/first\nline 1\nline 2\nline 3\nexit code 0\n$/);
  });

  test.each(BLOCKS.filter(({ language }) => language === "ts"))(
    "fragment $name compiles and runs",
    async ({ name, text }) => {
      await compileAndRun(name, text);
    },
  );
});

describe("the comments of the sources", () => {
  test("have examples", () => {
    expect(EXAMPLES.length).toBeGreaterThan(2);
  });

  test.each(EXAMPLES)("example in $name compiles and runs", async ({ name, text }) => {
    await compileAndRun(name, text.replace("http://127.0.0.1:8080", daemon.url));
  });
});
