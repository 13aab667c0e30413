// Bundles the page and serves it: node examples/terminal/serve.js [port]
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const FILES = new Set(["/index.html", "/dist/main.js", "/dist/main.css"]);
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };

/** Bundles the page and serves it on the loopback; resolves to the server, which listens. */
export async function serve(port = 0) {
  await build({
    absWorkingDir: FOLDER,
    entryPoints: ["main.ts"],
    outdir: "dist",
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    logLevel: "warning",
  });
  const server = createServer((request, response) => {
    const path = request.url === "/" ? "/index.html" : request.url;
    if (!FILES.has(path) || !existsSync(join(FOLDER, path))) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "content-type": TYPES[extname(path)],
      "content-security-policy": "default-src 'self'; connect-src *; style-src 'self' 'unsafe-inline'; img-src data:",
      "x-content-type-options": "nosniff",
    });
    createReadStream(join(FOLDER, path)).pipe(response);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await serve(Number(process.argv[2] ?? 8000));
  const { port } = server.address();
  console.log(`http://127.0.0.1:${port}/`);
  console.log(`the daemon must trust it: --set daemon.allowed_origins=http://127.0.0.1:${port}`);
}
