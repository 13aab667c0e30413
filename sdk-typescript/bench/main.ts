/**
 * Does what it is told on standard input, through this SDK or with nothing but a WebSocket, so that both can be measured
 * side by side. The protocol is in benchmarks/clients/__init__.py.
 */

import { createInterface } from "node:readline";
import { BareClient } from "./bare.js";
import type { Client } from "./client.js";
import { SdkClient } from "./sdk.js";

interface Command {
  do: string;
  url: string;
  token: string;
  count: number;
  depth: number;
  workspace: string;
  path: string;
  size: number;
}

async function seconds(action: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

async function carryOut(client: Client, told: Command): Promise<{ seconds?: number }> {
  switch (told.do) {
    case "connect":
      await client.connect(told.url, told.token);
      return {};
    case "calls":
      return { seconds: await seconds(() => client.calls(told.count, told.depth)) };
    case "runs": {
      const taken: number[] = [];
      for (let turn = 0; turn < told.count; turn++) taken.push(await seconds(() => client.run(told.workspace)));
      taken.sort((one, other) => one - other);
      return { seconds: taken[Math.floor(taken.length / 2)] ?? 0 };
    }
    case "download":
      return {
        seconds: await seconds(async () => {
          const came = await client.download(told.workspace, told.path);
          if (came !== told.size) throw new Error(`${came} bytes came instead of ${told.size}`);
        }),
      };
    case "hold":
      await client.hold(told.count);
      globalThis.gc?.();
      return {};
    default:
      throw new Error(`no command ${told.do}`);
  }
}

const client: Client = process.argv[2] === "sdk" ? new SdkClient() : new BareClient();
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  try {
    console.log(JSON.stringify(await carryOut(client, JSON.parse(line) as Command)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
    process.exit(1);
  }
}
process.exit(0);
