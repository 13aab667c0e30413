import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ForkOptions, type ForkSource, type Nexus, type Workspace, connect } from "../src/node/index.js";
import type { Checkpoint, Operation } from "../src/protocol/types.js";
import { type BrokenOptions, READY } from "./support/broken.js";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";
import { Proxy } from "./support/proxy.js";
import { Stage, WORKSPACE, moment } from "./support/stage.js";

describe("checkpoints on a daemon", () => {
  let daemon: Daemon;
  let proxy: Proxy;
  let nexus: Nexus;
  let repository: string;

  beforeAll(async () => {
    daemon = await startDaemon();
    proxy = await Proxy.start(daemon.port);
    const { token } = await daemon.token();
    nexus = await connect({ url: proxy.url, token });
    repository = makeRepository(daemon);
  });

  afterAll(async () => {
    await nexus.close();
    await proxy.stop();
    await daemon.stop();
  });

  const make = (name: string): Promise<Workspace> => nexus.workspaces.create(name, { repository });

  test("are made, listed, restored and removed", async () => {
    const workspace = await make("source");
    const { checkpoints, files } = workspace;
    expect(await checkpoints.list()).toEqual([]);
    await files.write("untracked", "kept\n");
    const steps: number[] = [];
    const good = await checkpoints.create({
      name: "good",
      comment: "before",
      onProgress: ({ done }) => steps.push(done),
    });
    expect(good).toMatchObject({
      workspace: workspace.id,
      workspace_name: "source",
      state: "ready",
      name: "good",
      comment: "before",
      automatic: false,
    });
    expect(steps.length).toBeGreaterThan(0);
    expect((await checkpoints.create()).name).toBe("checkpoint 1");
    await expect(checkpoints.create({ name: "good" })).rejects.toMatchObject({
      code: "checkpoint_exists",
      details: { checkpoint: "good" },
    });
    expect((await checkpoints.list()).map(({ name }) => name)).toEqual(["checkpoint 1", "good"]);
    expect((await checkpoints.list({ limit: 1 })).map(({ name }) => name)).toEqual(["checkpoint 1"]);

    await files.write("untracked", "changed\n");
    await files.write("later", "");
    const told: number[] = [];
    const done = await workspace.restore("good", { graceMs: 0, onProgress: (progress) => told.push(progress.done) });
    expect(told.length).toBeGreaterThan(0);
    expect([done.checkpoint.id, done.operation.state, done.before.automatic]).toEqual([good.id, "done", true]);
    expect([workspace.record, workspace.state]).toEqual([done.workspace, "running"]);
    expect([await files.readText("untracked"), await files.exists("later")]).toEqual(["kept\n", false]);
    await workspace.restore(done.before.id);
    expect([await files.readText("untracked"), await files.exists("later")]).toEqual(["changed\n", true]);

    expect((await checkpoints.remove(good.id)).state).toBe("removed");
    expect((await checkpoints.list()).map(({ id }) => id)).not.toContain(good.id);
    await expect(checkpoints.remove(good.id)).rejects.toMatchObject({ code: "checkpoint_not_found" });
    await expect(workspace.restore("good")).rejects.toMatchObject({ code: "checkpoint_not_found" });
    const left = await checkpoints.list();
    expect((await workspace.destroy({ force: true })).checkpoints).toBe(left.length);
  });

  test("are forked, and so are workspaces as they are now", async () => {
    const workspace = await make("forked");
    await workspace.update({ env: { FROM: "source", BOTH: "source" }, labels: { of: "source" } });
    await workspace.files.write("untracked", "then\n");
    const saved = await workspace.checkpoints.create();
    await workspace.files.write("untracked", "now\n");
    const then = await nexus.workspaces.fork("then", {
      checkpoint: saved.id,
      env: { BOTH: "fork" },
      labels: { of: "fork" },
      displayName: "Then",
      ports: ["extra"],
    });
    expect([then.name, then.state, then.branch]).toEqual(["then", "running", "nexus/then"]);
    expect(then.record).toMatchObject({
      env: { FROM: "source", BOTH: "fork" },
      labels: { of: "fork" },
      display_name: "Then",
    });
    expect(then.record.ports.map(({ name }) => name)).toContain("extra");
    expect(await then.files.readText("untracked")).toBe("then\n");
    const steps: number[] = [];
    const now = await nexus.workspaces.fork("now", {
      workspace: workspace.name,
      start: false,
      onProgress: ({ done }) => steps.push(done),
    });
    expect([now.state, steps.length > 0]).toEqual(["stopped", true]);
    await now.start();
    expect(await now.files.readText("untracked")).toBe("now\n");

    await expect(then.restore(saved.id)).rejects.toMatchObject({
      code: "checkpoint_elsewhere",
      details: { checkpoint: saved.id, workspace: workspace.id },
    });
    await expect(nexus.workspaces.fork("now", { checkpoint: saved.id })).rejects.toMatchObject({
      code: "workspace_exists",
    });
    await expect(nexus.workspaces.fork("none", { checkpoint: "none" })).rejects.toMatchObject({
      code: "checkpoint_not_found",
      details: { checkpoint: "none" },
    });
    await expect(nexus.workspaces.fork("none", { workspace: "none" })).rejects.toMatchObject({
      code: "workspace_not_found",
    });
    // plain JavaScript can give none or both
    const both = { checkpoint: saved.id, workspace: workspace.id } as unknown as ForkSource;
    for (const wrong of [both, {} as ForkSource])
      await expect(nexus.workspaces.fork("none", wrong)).rejects.toMatchObject({ code: "invalid_params" });
    for (const each of [workspace, then, now]) await each.destroy({ force: true });
  });

  test("go on at the daemon when the caller gives up, or does not wait", async () => {
    const workspace = await make("given-up");
    const abort = new AbortController();
    const given = workspace.checkpoints.create({
      name: "given up",
      signal: abort.signal,
      onProgress: () => {
        abort.abort("enough");
      },
    });
    await expect(given).rejects.toBe("enough");
    await settled(workspace);
    const unwaited = await workspace.checkpoints.create({ name: "unwaited", wait: false });
    expect(["making", "ready"]).toContain(unwaited.state);
    await settled(workspace);
    expect((await workspace.checkpoints.list()).map(({ name, state }) => [name, state])).toEqual([
      ["unwaited", "ready"],
      ["given up", "ready"],
    ]);
    await workspace.destroy({ force: true });
  });

  test("are made once, although the connection breaks", async () => {
    const workspace = await make("broken");
    const { reconnects } = nexus;
    const cut = (): void => {
      proxy.cut();
    };
    const saved = await workspace.checkpoints.create({ name: "once", onProgress: cut });
    expect((await workspace.checkpoints.list()).map(({ id }) => id)).toEqual([saved.id]);
    const fork = await nexus.workspaces.fork("fork-of-broken", { checkpoint: saved.id, onProgress: cut });
    const { before } = await workspace.restore(saved.id, { onProgress: cut });
    expect((await workspace.checkpoints.list()).map(({ id }) => id)).toEqual([before.id, saved.id]);
    expect((await workspace.checkpoints.remove(saved.id, { onProgress: cut })).state).toBe("removed");
    expect(nexus.reconnects).toBeGreaterThan(reconnects);
    for (const each of [workspace, fork]) await each.destroy({ force: true });
  });

  test("of the same key are the same one", async () => {
    const workspace = await make("keyed");
    const saved = await workspace.checkpoints.create({ name: "keyed", key: "checkpoint-key" });
    const again = await workspace.checkpoints.create({ name: "keyed", key: "checkpoint-key" });
    expect(again.id).toBe(saved.id);
    await expect(workspace.checkpoints.create({ name: "other", key: "checkpoint-key" })).rejects.toMatchObject({
      code: "key_reused",
    });
    await workspace.destroy({ force: true });
  });

  async function settled(workspace: Workspace): Promise<void> {
    for (const { id } of await nexus.operations.list({ workspace: workspace.id, running: true }))
      await nexus.operations.wait(id);
  }
});

describe("checkpoints on a server that drops", () => {
  const stage = new Stage();

  afterEach(() => stage.clear());

  const OPERATION: Operation = {
    id: "op_1",
    kind: "checkpoint",
    workspace: "ws_1",
    state: "done",
    steps: [],
    message: "",
    created_at: moment(1),
  };
  const checkpoint = (id: string): Checkpoint => ({
    id,
    workspace: "ws_1",
    workspace_name: "w",
    state: "ready",
    name: id,
    comment: "",
    automatic: false,
    backend: "host",
    files: 0,
    skipped: 0,
    size: 0,
    created_at: moment(1),
  });
  /** A level at which there are checkpoints. */
  const greet: BrokenOptions["greet"] = (peer) => {
    peer.send({ method: "session.ready", params: { ...READY, level: 2 } });
  };

  test.each<[string, (nexus: Nexus, workspace: Workspace) => Promise<unknown>, object]>([
    [
      "checkpoint.create",
      (_, workspace) => workspace.checkpoints.create({ name: "n", comment: "c", wait: false }),
      { workspace: "ws_1", name: "n", comment: "c", wait: false },
    ],
    ["checkpoint.create", (_, workspace) => workspace.checkpoints.create(), { workspace: "ws_1" }],
    [
      "checkpoint.restore",
      (_, workspace) => workspace.restore("n", { graceMs: 5, wait: false }),
      { workspace: "ws_1", checkpoint: "n", timeout_ms: 5, wait: false },
    ],
    [
      "checkpoint.remove",
      (_, workspace) => workspace.checkpoints.remove("c", { onProgress: () => undefined }),
      { checkpoint: "c", progress: true },
    ],
    [
      "checkpoint.fork",
      (nexus) => nexus.workspaces.fork("f", { checkpoint: "c", start: false, wait: false, env: { A: "1" } }),
      { name: "f", checkpoint: "c", start: false, wait: false, env: { A: "1" } },
    ],
  ])("%s is repeated with the same key", async (method, change, expected) => {
    const came: Record<string, unknown>[] = [];
    const workspace = await stage.workspace({
      greet,
      handle: (peer, { id, method: called, params }) => {
        expect(called).toBe(method);
        came.push(params);
        if (peer.number === 1) peer.drop();
        else {
          const one = checkpoint("c");
          peer.answer(id, { workspace: WORKSPACE, operation: OPERATION, checkpoint: one, before: one });
        }
      },
    });
    if (stage.nexus === undefined) throw new Error("the stage is empty");
    await change(stage.nexus, workspace);
    expect(came).toHaveLength(2);
    expect(came[0]).toEqual({ ...expected, key: expect.stringMatching(/^[\w-]{24}$/) as string });
    expect(came[1]).toEqual(came[0]);
  });

  test("are listed page by page, as far as they are wanted", async () => {
    const asked: unknown[] = [];
    const workspace = await stage.workspace({
      greet,
      handle: (peer, { id, params }) => {
        asked.push(params);
        const { cursor } = params;
        const checkpoints = [checkpoint(`${String(cursor)} 1`), checkpoint(`${String(cursor)} 2`)];
        peer.answer(id, { checkpoints, ...(cursor === "b" ? {} : { next_cursor: cursor === "a" ? "b" : "a" }) });
      },
    });
    const names = async (limit?: number): Promise<string[]> =>
      (await workspace.checkpoints.list(limit === undefined ? {} : { limit })).map(({ name }) => name);
    expect(await names()).toEqual(["undefined 1", "undefined 2", "a 1", "a 2", "b 1", "b 2"]);
    expect(asked).toEqual([
      { workspace: "ws_1", limit: 1000 },
      { workspace: "ws_1", limit: 1000, cursor: "a" },
      { workspace: "ws_1", limit: 1000, cursor: "b" },
    ]);
    asked.length = 0;
    expect(await names(4)).toEqual(["undefined 1", "undefined 2", "a 1", "a 2"]);
    expect(asked).toEqual([
      { workspace: "ws_1", limit: 4 },
      { workspace: "ws_1", limit: 2, cursor: "a" },
    ]);
  });

  test("are refused here where the daemon is too old", async () => {
    const workspace = await stage.workspace({});
    await expect(workspace.checkpoints.create()).rejects.toMatchObject({ code: "method_not_found" });
    expect(stage.server?.calls).toEqual(["workspace.get"]);
  });
});

test("what a fork begins as is one of the two", () => {
  const fork = (source: ForkSource & ForkOptions): object => source;
  // @ts-expect-error neither is given
  expect(fork({})).toEqual({});
  // @ts-expect-error both are given
  expect(fork({ checkpoint: "c", workspace: "w" })).toBeDefined();
  expect(fork({ checkpoint: "c", start: false })).toBeDefined();
  expect(fork({ workspace: "w" })).toBeDefined();
});
