// What every engine must do, by the neutral entry alone. Arguments: URL, token, repository, name.
import { connect, isRemoteError } from "@nexus-workspaces/sdk";

const [url, token, repository, name] = globalThis.Deno?.args ?? globalThis.process.argv.slice(2);
const checks = {};
const nexus = await connect({ url, token });
const workspace = await nexus.workspaces.create(name, { repository });
checks.list = (await nexus.workspaces.list()).some((listed) => listed.id === workspace.id);
checks.run = (await workspace.run(["cat"], { input: "héllo" })).stdout === "héllo";

// the connection is cut on the way
const process = await workspace.exec(["sh", "-c", "head -c 5000000 /dev/zero; cat >&2"], { stdin: true });
const told = process.stderr.text();
await process.stdin.write("to the end");
await process.stdin.end();
checks.stdout = (await process.stdout.bytes()).byteLength === 5_000_000;
checks.stderr = (await told) === "to the end";
checks.result = (await process.result).exitCode === 0;
await process[Symbol.asyncDispose]();
checks.reconnects = nexus.reconnects > 0;

const talker = await workspace.exec(["sh", "-c", "while echo tick; do sleep 0.1; done"], { killOnClose: false });
for await (const line of talker.stdout.lines()) {
  checks.lines = line === "tick";
  break;
}
checks.detached = talker.finished && (await workspace.processes.get(talker.id)).state === "running";
const again = await workspace.attach(talker.id);
const reader = again.stdout.toWeb().getReader();
checks.web = new TextDecoder().decode((await reader.read()).value).startsWith("tick");
await reader.cancel();
await workspace.processes.signal(talker.id, "KILL");
checks.signal = (await again.result).signal === "KILL";

const bytes = crypto.getRandomValues(new Uint8Array(60_000));
await workspace.files.upload(new Blob([bytes]), "bytes");
const back = new Uint8Array(await new Response((await workspace.files.download("bytes")).toWeb()).arrayBuffer());
checks.files = back.every((byte, index) => byte === bytes[index]) && back.length === bytes.length;
checks.git = (await workspace.git.status()).files.some((file) => file.path === "bytes");

const watch = await workspace.watch();
await workspace.files.write("seen", "");
checks.watch = (await watch.read()).path === "seen";
await watch.close();

const echo =
  "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1]); c = s.accept()[0]\n" +
  "while b := c.recv(65536): c.sendall(b.upper())";
const server = await workspace.exec(["python3", "-uc", echo]);
const port = Number((await server.stdout.lines().next()).value);
const tunnel = await workspace.ports.dial(port);
const writer = tunnel.writable.getWriter();
await writer.write(new TextEncoder().encode("hello"));
await writer.close();
checks.tunnel = (await new Response(tunnel.readable).text()) === "HELLO";
await tunnel.closed;
await server.close();

const abort = new AbortController();
const sleeper = await workspace.exec(["sleep", "600"], { signal: abort.signal });
const waiting = sleeper.result;
const reason = new Error("enough");
abort.abort(reason);
checks.abort = (await waiting.catch((error) => error)) === reason;
checks.killed = (await workspace.processes.wait(sleeper.id)).exit.signal === "KILL";
checks.aborted = (await workspace.run(["true"], { signal: abort.signal }).catch((error) => error)) === reason;
checks.timeout =
  (await workspace.run(["sleep", "600"], { timeoutMs: 1 }).catch((error) => error.code)) === "call_timeout";
checks.error = await nexus.workspaces.get("none").catch((error) => isRemoteError(error, "workspace_not_found"));
checks.refused = await connect({ url, token: "bad" }).catch((error) => error.code === "unauthenticated");
checks.nobody = await connect({ url: "http://127.0.0.1:1", token }).catch(
  (error) => error.code === "connection_failed",
);

await workspace.destroy({ force: true });
checks.connected = nexus.connected;
const late = nexus.operations.list().catch((error) => error.code);
await nexus[Symbol.asyncDispose]();
checks.closed = (await late) === "connection_closed" && !nexus.connected;
console.log(JSON.stringify({ entry: import.meta.resolve("@nexus-workspaces/sdk"), checks }));
