// Builds dist/: ES modules with types, the same as CommonJS below dist/cjs, and the driver of the conformance runner.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const run = (...args) => execFileSync(process.execPath, [tsc, ...args], { cwd: root, stdio: "inherit" });

rmSync(`${root}/dist`, { recursive: true, force: true });
run("-p", "tsconfig.build.json");
run("-p", "tsconfig.cjs.json");
mkdirSync(`${root}/dist/cjs`, { recursive: true });
writeFileSync(`${root}/dist/cjs/package.json`, '{ "type": "commonjs" }\n');

// the driver is bundled, so that it runs from anywhere; ws stays a package
const { build } = await import("esbuild");
await build({
  absWorkingDir: root,
  entryPoints: ["driver/main.ts"],
  outfile: "dist/driver.js",
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["ws"],
  logLevel: "warning",
});
