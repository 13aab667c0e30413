// What every engine must do, by the neutral entry alone. Arguments: URL, token, repository.
import { connect, isRemoteError } from "@nexus-workspaces/sdk";

const [url, token, repository, name] = globalThis.Deno?.args ?? globalThis.process.argv.slice(2);
const nexus = await connect({ url, token, pingIntervalMs: 50 });
const workspace = await nexus.workspaces.create(name, { repository });

const checks = {
  run: (await workspace.run(["cat"], { input: "héllo" })).stdout === "héllo",
};
const process = await workspace.exec(["sh", "-c", "head -c 5000000 /dev/zero; cat >&2"], { stdin: true });
const told = process.stderr.text();
await process.stdin.write("to the end");
await process.stdin.end();
checks.stdout = (await process.stdout.bytes()).byteLength === 5_000_000;
checks.stderr = (await told) === "to the end";
checks.result = (await process.result).exitCode === 0;
await process[Symbol.asyncDispose]();

const bytes = crypto.getRandomValues(new Uint8Array(60_000));
await workspace.files.upload(new Blob([bytes]), "bytes");
const back = new Uint8Array(await new Response((await workspace.files.download("bytes")).toWeb()).arrayBuffer());
checks.files = back.every((byte, index) => byte === bytes[index]) && back.length === bytes.length;

const watch = await workspace.watch();
await workspace.files.write("seen", "");
checks.watch = (await watch.read()).path === "seen";
await watch.close();

const signal = AbortSignal.timeout(100);
checks.abort = (await workspace.attach(process.id, { signal }).then((again) => again.result)).exitCode === 0;
checks.error = await nexus.workspaces.get("none").catch((error) => isRemoteError(error, "workspace_not_found"));
checks.refused = await connect({ url, token: "bad" }).catch((error) => error.code === "unauthenticated");
await new Promise((resolve) => setTimeout(resolve, 300)); // pings go on meanwhile
checks.alive = nexus.connected && nexus.reconnects === 0;
await workspace.destroy({ force: true });
await nexus.close();
console.log(JSON.stringify(checks));
