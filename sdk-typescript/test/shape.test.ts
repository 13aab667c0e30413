import { afterEach, describe, expect, test } from "vitest";
import { type Nexus, connect } from "../src/node/root.js";
import { SHAPES } from "../src/protocol/shapes.js";
import { DATA, EOF } from "../src/wire/frames.js";
import { fits } from "../src/wire/shape.js";
import { BrokenServer, type Handle } from "./support/broken.js";
import { vectors } from "./support/vectors.js";

const VECTORS = vectors().filter(({ type }) => type in SHAPES);

describe("the shapes of what a daemon sends", () => {
  test("take every valid vector", () => {
    const valid = VECTORS.filter((vector) => vector.valid);
    expect(valid.length).toBeGreaterThan(200);
    const refused = valid.filter(({ type, text }) => !fits(type, JSON.parse(text)));
    expect(refused.map(({ source, name }) => `${source}: ${name}`)).toEqual([]);
  });

  test("refuse every vector that lacks a member, or has one of another type", () => {
    const wrong = VECTORS.filter(({ valid, name }) => !valid && /: (missing|null|\w+ instead of an? \w+)$/.test(name));
    expect(wrong.length).toBeGreaterThan(200);
    const taken = wrong.filter(({ type, text }) => fits(type, JSON.parse(text)));
    expect(taken.map(({ source, name }) => `${source}: ${name}`)).toEqual([]);
  });
});

const PROCESS = {
  id: "pr_1",
  workspace: "ws_1",
  argv: ["true"],
  cwd: "/",
  state: "exited",
  stdin: false,
  output_start: 0,
  output_end: 0,
  attached: 0,
  labels: {},
  generation: 1,
  started_at: "2026-01-01T00:00:00Z",
};
const OPEN = { process: PROCESS, role: "controller", offset: 0, stdin_offset: 0, stdin_window: 0 };

describe("a daemon whose words do not fit the schema", () => {
  let server: BrokenServer;
  let nexus: Nexus;

  afterEach(async () => {
    await nexus.close();
    await server.stop();
  });

  async function start(handle: Handle): Promise<void> {
    server = await BrokenServer.start({ handle });
    nexus = await connect({ url: server.url, token: "t" });
  }

  test("fails the call that it answers, which may have run, and no other", async () => {
    await start((peer, { id, method }) => {
      peer.answer(id, method === "session.ping" ? { time: 5 } : { entries: [] });
    });
    await expect(nexus.ping()).rejects.toMatchObject({ code: "protocol_violation", mayHaveRun: true });
    expect(await nexus.system.config()).toEqual([]);
    expect(nexus.reconnects).toBe(0);
  });

  test("breaks the connection with text that is not UTF-8", async () => {
    await start((peer, { id, method }) => {
      if (method === "session.ping") peer.socket.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false });
      else peer.answer(id, { entries: [] });
    });
    await expect(nexus.ping()).rejects.toMatchObject({ code: "protocol_violation", mayHaveRun: true });
    expect(await nexus.system.config()).toEqual([]);
  });

  test("breaks the connection with a result beside an error", async () => {
    await start((peer, { id }) => {
      peer.send({ id, result: { time: PROCESS.started_at }, error: { code: 1, message: "" } });
    });
    await expect(nexus.ping()).rejects.toMatchObject({ code: "protocol_violation" });
  });

  test("breaks its streams, and tells how a process ended in the answer, not in the record beside it", async () => {
    const workspace = {
      ...{ id: "ws_1", name: "w", owner: "s", state: "running", message: "", backend: "host", branch: "b" },
      ...{ repository: { url: "u", path: "p", ref: "r", commit: "c" }, root: "/", worktree: "/", ports: [], env: {} },
      ...{ labels: {}, current: false, generation: 1, created_at: PROCESS.started_at },
      ...{ updated_at: PROCESS.started_at, last_active_at: PROCESS.started_at },
    };
    await start((peer, { id, method, params }) => {
      if (method === "workspace.get") peer.answer(id, workspace);
      else if (params["process"] === "bad") peer.open(id, 1, {});
      else if (params["process"] === "early")
        peer.answer(id, { process: PROCESS, exit: EXIT, output_end: 0, output_complete: true });
      else {
        peer.open(id, 1, OPEN);
        if (params["process"] === "gap") peer.frame(EOF, 1, 1, 7);
        peer.frame(DATA, 1, 1, 0, "abc");
        peer.answer(id, { process: PROCESS, exit: EXIT, output_end: 3, output_complete: true });
      }
    });
    const target = await nexus.workspaces.get("w");
    await expect(target.attach("bad")).rejects.toMatchObject({ code: "protocol_violation" });
    await expect(target.attach("early")).rejects.toMatchObject({ code: "protocol_violation" });
    await expect((await target.attach("gap")).result).rejects.toMatchObject({
      code: "output_gap",
      expected: 0,
      offset: 7,
    });
    expect(await (await target.attach("good")).result).toMatchObject({ exitCode: 3, reason: "vanished" });
  });
});

const EXIT = { code: 3, reason: "vanished", at: PROCESS.started_at };
