import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Nexus, ProcessError, type Workspace, connect, isRemoteError } from "../src/node/index.js";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";

let daemon: Daemon;
let nexus: Nexus;
let workspace: Workspace;

beforeAll(async () => {
  daemon = await startDaemon();
  nexus = await connect({ url: `unix:${daemon.socket}` });
  workspace = await nexus.workspaces.create("processes", { repository: makeRepository(daemon) });
});

afterAll(async () => {
  await nexus.close();
  await daemon.stop();
});

const SH = (script: string): string[] => ["sh", "-c", script];

describe("run", () => {
  test("returns output, exit code and what is known of the end", async () => {
    const result = await workspace.run(SH("echo out; echo err >&2; cat; exit 3"), { input: "in", env: { A: "b" } });
    expect(result).toMatchObject({ exitCode: 3, signal: null, reason: "exited", stdout: "out\nin", stderr: "err\n" });
  });

  test("rejects where it is checked, with the command and the end of its output", async () => {
    const failure = workspace.run(SH("echo broken >&2; exit 7"), { check: true });
    await expect(failure).rejects.toBeInstanceOf(ProcessError);
    await expect(failure).rejects.toMatchObject({ code: "process_failed", exitCode: 7, stderr: "broken\n" });
  });

  test("kills what takes too long", async () => {
    const failure = workspace.run(["sleep", "60"], { killAfterMs: 50, check: true });
    await expect(failure).rejects.toMatchObject({ code: "process_timeout", exitCode: null });
  });

  test("kills what nobody waits for any more", async () => {
    // a call with a key runs on, so that asking again finds its outcome
    await using other = await connect({ url: `unix:${daemon.socket}`, autoKey: false });
    const target = await other.workspaces.get(workspace.id);
    const abort = new AbortController();
    const running = target.run(SH("echo $$ > pid; exec sleep 60"), { signal: abort.signal });
    while ((await workspace.files.readText("pid").catch(() => "")) === "") await nexus.ping();
    abort.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    const pid = (await workspace.files.readText("pid")).trim();
    await expect.poll(async () => (await workspace.run(["kill", "-0", pid])).exitCode).not.toBe(0);
  });

  test("takes a list, and no command line", async () => {
    await expect(async () => workspace.run("ls -l" as unknown as string[])).rejects.toBeInstanceOf(TypeError);
    const failure: unknown = await workspace.run(["no-such-command"]).catch((error: unknown) => error);
    expect(isRemoteError(failure, "command_not_found") && failure.details?.command).toBe("no-such-command");
  });
});

describe("reading", () => {
  test("both channels apart", async () => {
    await using process = await workspace.exec(SH("echo out; echo err >&2"));
    const [out, err] = await Promise.all([process.stdout.text(), process.stderr.text()]);
    expect([out, err]).toEqual(["out\n", "err\n"]);
    expect(await process.result).toMatchObject({ exitCode: 0, outputEnd: 8, outputComplete: true });
  });

  test("both channels in order", async () => {
    await using process = await workspace.exec(SH("printf a; sleep 0.05; printf b >&2; sleep 0.05; printf c"));
    const seen: string[] = [];
    for await (const { channel, offset, data } of process.output) {
      seen.push(`${channel} ${String(offset)} ${new TextDecoder().decode(data)}`);
    }
    expect(seen).toEqual(["stdout 0 a", "stderr 1 b", "stdout 2 c"]);
  });

  test("lines, whatever their ends, and text that is cut inside a character", async () => {
    await using process = await workspace.exec(SH("printf 'one\\r\\ntwo\\n\\n\\303'; sleep 0.05; printf '\\251 four'"));
    const lines: string[] = [];
    for await (const line of process.stdout.lines()) lines.push(line);
    expect(lines).toEqual(["one", "two", "", "é four"]);
  });

  test("a web stream", async () => {
    await using process = await workspace.exec(SH("seq 1000"));
    const text = await new Response(process.stdout.toWeb()).text();
    expect(text.split("\n")).toHaveLength(1001);
  });

  test("nothing at all does not stop the process", async () => {
    await using process = await workspace.exec(SH("head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2"));
    expect(await process.wait()).toMatchObject({ exitCode: 0, outputEnd: 10_000_000 });
  });

  test("one channel does not stop for the other", async () => {
    await using process = await workspace.exec(SH("head -c 5000000 /dev/zero >&2; echo done"));
    expect(await process.stdout.text()).toBe("done\n");
    await expect(process.stderr.read()).rejects.toMatchObject({ code: "output_gap" });
  });

  test("slowly makes the process wait, and loses nothing", async () => {
    await using process = await workspace.exec(SH("read go; head -c 3000000 /dev/zero; echo end >&2"), {
      stdin: true,
      window: 65_536,
      logLimit: 1_048_576,
    });
    await process.stdin.write("go\n");
    const first = await process.stdout.read();
    // the log is full, and what was read is far from the rest
    await expect.poll(async () => (await workspace.processes.get(process.id)).output_end).toBeGreaterThan(1_000_000);
    const { output_end: end, state } = await workspace.processes.get(process.id);
    expect(state).toBe("running");
    expect(end).toBeLessThan(2_000_000);
    const rest = await process.stdout.bytes();
    expect((first?.byteLength ?? 0) + rest.byteLength).toBe(3_000_000);
  });

  test("the same channel twice at once is a mistake", async () => {
    await using process = await workspace.exec(["cat"], { stdin: true });
    const first = process.stdout.read();
    await expect(process.stdout.read()).rejects.toBeInstanceOf(TypeError);
    await expect(process.output[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(TypeError);
    await process.stdin.write("x");
    expect(await first).toHaveLength(1);
  });
});

describe("leaving a loop", () => {
  test("detaches, and the process runs on", async () => {
    const process = await workspace.exec(SH("while echo y; do :; done"), { killOnClose: false });
    for await (const data of process.stdout) {
      expect(data.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(process.finished).toBe(true);
    const record = await workspace.processes.get(process.id);
    expect(record).toMatchObject({ state: "running" });
    // nobody holds it up any more
    await expect
      .poll(async () => (await workspace.processes.get(process.id)).output_end)
      .toBeGreaterThan(record.output_end);
    await expect(process.stdout.read()).rejects.toMatchObject({ code: "reader_closed" });
    await process.kill();
    expect(await process.result).toMatchObject({ signal: "KILL", reason: "signalled", outputComplete: undefined });
    await process.close();
  });

  test("keeps the attachment while stdin is open", async () => {
    await using process = await workspace.exec(SH("echo ready; while read line; do echo $line; done"), { stdin: true });
    for await (const line of process.stdout.lines()) {
      expect(line).toBe("ready");
      break;
    }
    expect(process.finished).toBe(false);
    await process.stdin.write("x\n".repeat(100_000));
    await process.stdin.end();
    expect(await process.result).toMatchObject({ exitCode: 0 });
  });

  test("by cancelling a web stream is the same", async () => {
    const process = await workspace.exec(SH("while echo y; do :; done"));
    const reader = process.stdout.toWeb().getReader();
    await reader.read();
    await reader.cancel();
    expect(process.finished).toBe(true);
    await process.close();
    expect((await workspace.processes.wait(process.id)).exit?.signal).toBe("KILL");
  });
});

describe("closing", () => {
  test("kills what was started here, with its descendants", async () => {
    let id = "";
    {
      await using process = await workspace.exec(SH("sleep 60 & echo started; wait"));
      ({ id } = process);
      await process.stdout.read();
    }
    expect((await workspace.processes.get(id)).exit).toMatchObject({ signal: "KILL" });
  });

  test("detaches from what was attached to", async () => {
    const { id } = await workspace.processes.start(["sleep", "60"]);
    const process = await workspace.attach(id);
    await process.close();
    await process.close();
    expect((await workspace.processes.get(id)).state).toBe("running");
    await workspace.processes.signal(id);
    expect((await workspace.processes.wait(id)).exit).toMatchObject({ signal: "TERM" });
  });

  test("after detach leaves everything alone", async () => {
    const process = await workspace.exec(["sleep", "60"]);
    await process.detach();
    await process.close();
    expect((await workspace.processes.get(process.id)).state).toBe("running");
    await process.kill();
    await process.kill();
  });

  test("ends stdin of what was read to its end", async () => {
    const { id } = await workspace.processes.start(SH("echo bye; cat"), { stdin: true });
    const attached = await workspace.attach(id);
    const process = await workspace.exec(SH("echo bye"), { stdin: true });
    expect(await process.stdout.text()).toBe("bye\n");
    await process.close();
    expect(await process.result).toMatchObject({ exitCode: 0, outputComplete: true });
    // stdin of what somebody else started is not ours to end
    await attached.close();
    expect((await workspace.processes.get(id)).state).toBe("running");
    await workspace.processes.signal(id, "KILL");
  });
});

describe("an aborted signal", () => {
  test("kills what was started with it, and is what readers get", async () => {
    const abort = new AbortController();
    const process = await workspace.exec(["sleep", "60"], { signal: abort.signal });
    const reading = process.stdout.read();
    abort.abort("enough");
    await expect(reading).rejects.toBe("enough");
    await expect(process.result).rejects.toBe("enough");
    expect((await workspace.processes.wait(process.id)).exit).toMatchObject({ signal: "KILL" });
  });

  test("detaches from what was attached to with it", async () => {
    const { id } = await workspace.processes.start(["sleep", "60"]);
    const abort = new AbortController();
    const process = await workspace.attach(id, { signal: abort.signal });
    abort.abort();
    await expect(process.result).rejects.toMatchObject({ name: "AbortError" });
    expect((await workspace.processes.get(id)).state).toBe("running");
    await workspace.processes.signal(id, "KILL");
  });

  test("before the start starts nothing", async () => {
    const before = await workspace.processes.list();
    const signal = AbortSignal.abort("never");
    await expect(workspace.exec(["sleep", "60"], { signal })).rejects.toBe("never");
    expect((await workspace.processes.list()).length).toBe(before.length);
  });

  test("gives up waiting without touching the process", async () => {
    await using process = await workspace.exec(["sleep", "60"]);
    await expect(process.wait({ timeoutMs: 20 })).rejects.toMatchObject({ code: "call_timeout" });
    await expect(process.wait({ signal: AbortSignal.abort("no") })).rejects.toBe("no");
    expect((await workspace.processes.get(process.id)).state).toBe("running");
  });
});

describe("attaching", () => {
  test("reads what was written before, from an offset, or the end of it", async () => {
    const { id } = await workspace.processes.start(SH("printf 0123456789"));
    await workspace.processes.wait(id);
    const texts: string[] = [];
    for (const options of [{}, { offset: 4 }, { tail: 3 }]) {
      const process = await workspace.attach(id, options);
      texts.push(await process.stdout.text());
      await process.close();
    }
    expect(texts).toEqual(["0123456789", "456789", "789"]);
    await workspace.processes.remove(id);
    await expect(workspace.attach(id)).rejects.toMatchObject({ code: "process_not_found" });
  });

  test("to a terminal: one controls, others watch, a takeover says so", async () => {
    const shell = await workspace.shell({ argv: ["sh"], size: { cols: 90, rows: 20 } });
    expect(shell.role).toBe("controller");
    const observer = await workspace.attach(shell.id, { role: "observer" });
    await expect(observer.stdin.write("x")).rejects.toMatchObject({ code: "stdin_closed" });
    // what xterm.js tells of a resize has more members
    await shell.resize({ cols: 100, rows: 30, colsChanged: true } as { cols: number; rows: number });
    await shell.stdin.write("stty size; echo mar''ker\n");
    let seen = "";
    for await (const data of observer.stdout) {
      seen += new TextDecoder().decode(data);
      if (seen.includes("marker")) break;
    }
    expect(seen).toContain("30 100");
    const other = await workspace.attach(shell.id, { takeover: true });
    await expect(shell.result).rejects.toMatchObject({ code: "taken_over" });
    await other.stdin.write("exit 4\n");
    expect(await other.result).toMatchObject({ exitCode: 4 });
    await Promise.all([shell.close(), observer.close(), other.close()]);
  });

  test("stdin that is not open refuses", async () => {
    await using process = await workspace.exec(["cat"]);
    await expect(process.stdin.write("x")).rejects.toMatchObject({ code: "stdin_closed" });
    expect(await process.result).toMatchObject({ exitCode: 0 });
  });

  test("writes go out in the order of their calls, also when nobody waits", async () => {
    await using process = await workspace.exec(["cat"], { stdin: true });
    const numbers = Array.from({ length: 2000 }, (_, index) => `${String(index)}\n`);
    for (const number of numbers) void process.stdin.write(number);
    void process.stdin.end();
    expect(await process.stdout.text()).toBe(numbers.join(""));
  });

  test("a command that failed says so where it is checked", async () => {
    await using process = await workspace.exec(SH("echo no >&2; exit 5"), { check: true });
    await expect(process.result).rejects.toMatchObject({ code: "process_failed", exitCode: 5, stderr: "no\n" });
  });
});
