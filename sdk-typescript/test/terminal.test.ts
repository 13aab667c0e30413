import { existsSync, mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve } from "../examples/terminal/serve.js";
import { type Daemon, makeRepository, startDaemon } from "./support/daemon.js";
import { Proxy } from "./support/proxy.js";

const BROWSER = process.env["NEXUS_TEST_CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let server: Server;
let stranger: Server;
let daemon: Daemon;
let proxy: Proxy;
let profile: string;
let browser: BrowserContext | undefined;
let token: string;

const origin = (of: Server): string => `http://127.0.0.1:${String((of.address() as AddressInfo).port)}`;

beforeAll(async () => {
  if (!existsSync(BROWSER)) throw new Error(`there is no ${BROWSER}; install Chromium, or set NEXUS_TEST_CHROMIUM`);
  server = await serve();
  stranger = await serve();
  daemon = await startDaemon(`daemon.allowed_origins=${origin(server)}`);
  proxy = await Proxy.start(daemon.port);
  ({ token } = await daemon.token());
  const source = { url: makeRepository(daemon) };
  await daemon.call("workspace.create", { name: "page", repository: source, env: { PS1: "$ ", SHELL: "/bin/sh" } });
  profile = mkdtempSync(join(tmpdir(), "nexus-chromium-"));
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: BROWSER,
    args: FLAGS,
    viewport: { width: 900, height: 500 },
  });
});

afterAll(async () => {
  await browser?.close();
  rmSync(profile, { recursive: true, force: true });
  await proxy.stop();
  await daemon.stop();
  server.close();
  stranger.close();
});

function open(): Promise<Page> {
  if (browser === undefined) throw new Error("the browser did not start");
  return browser.newPage();
}

async function enter(page: Page, secret = token): Promise<void> {
  await page.fill("[name=url]", proxy.url);
  await page.fill("[name=token]", secret);
  await page.fill("[name=workspace]", "page");
  await page.click("button");
}

const screen = (page: Page): Promise<string> => page.locator(".xterm-rows").innerText();
const status = (page: Page): Promise<string> => page.locator("#status").innerText();

async function type(page: Page, command: string): Promise<void> {
  await page.locator(".xterm-helper-textarea").focus();
  await page.keyboard.type(command);
  await page.keyboard.press("Enter");
}

describe("a terminal in a real browser", () => {
  test("runs a shell, resizes it, survives cuts and reloads, and keeps the token out of every URL", async () => {
    const page = await open();
    const urls: string[] = [];
    page.on("request", (request) => urls.push(request.url()));
    page.on("websocket", (socket) => urls.push(socket.url()));
    const mistakes: string[] = [];
    page.on("pageerror", (error) => mistakes.push(error.message));
    await page.goto(`${origin(server)}/`);
    await enter(page);
    await expect.poll(() => status(page), { timeout: 20_000 }).toMatch(/^connected/);

    await type(page, "echo answer $((6 * 7))");
    await expect.poll(() => screen(page), { timeout: 20_000 }).toMatch(/answer 42/);

    await type(page, "stty size");
    await expect.poll(() => screen(page), { timeout: 20_000 }).toMatch(/\n\d+ \d+\s/);
    const before = /\n(\d+ \d+)\s/.exec(await screen(page))?.[1];
    await page.setViewportSize({ width: 600, height: 700 });
    // asked again and again, since the page tells the shell when the window has settled
    await expect
      .poll(
        async () => {
          await type(page, "clear; stty size");
          await page.waitForTimeout(100);
          return /(?:^|\n)(\d+ \d+)\s/.exec(await screen(page))?.[1];
        },
        { timeout: 20_000, interval: 300 },
      )
      .not.toBeOneOf([before, undefined]);

    await type(page, "clear; for i in 1 2 3 4 5 6 7 8; do echo tick $i; sleep 0.1; done; echo all done");
    await expect.poll(() => screen(page), { timeout: 20_000 }).toMatch(/tick 2/);
    proxy.cut();
    await expect.poll(() => screen(page), { timeout: 20_000 }).toMatch(/tick 5/);
    proxy.cut();
    await expect.poll(() => screen(page), { timeout: 20_000 }).toMatch(/\nall done/);
    const ticks = (await screen(page)).match(/(?<=^|\n)tick \d/g);
    expect(ticks).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((number) => `tick ${String(number)}`));
    expect(await status(page)).toMatch(/connected, [1-9]\d* reconnects/);

    await type(page, "memory=kept");
    await page.reload();
    await enter(page);
    await expect.poll(() => screen(page), { timeout: 20_000 }).toMatch(/all done/);
    await type(page, "echo was $memory");
    await expect.poll(() => screen(page), { timeout: 20_000 }).toMatch(/was kept/);

    await type(page, "exit 3");
    await expect.poll(() => status(page), { timeout: 20_000 }).toBe("the shell ended: 3");
    await enter(page); // the form is back, and opens another shell
    await expect.poll(() => status(page), { timeout: 20_000 }).toMatch(/^connected/);
    await type(page, "clear; echo now $memory.");
    await expect.poll(() => screen(page), { timeout: 20_000 }).toMatch(/now \./);
    expect(urls.some((url) => url.startsWith("ws://"))).toBe(true);
    expect(urls.filter((url) => url.includes(token) || url.includes(token.slice(-20)))).toEqual([]);
    expect(mistakes).toEqual([]);
    await page.close();
  });

  test("says so when the token is refused", async () => {
    const page = await open();
    await page.goto(`${origin(server)}/`);
    await enter(page, "no-token-at-all");
    await expect.poll(() => status(page), { timeout: 20_000 }).toMatch(/^(unauthenticated|connection_failed): /);
    await page.close();
  });

  test("of a page that the daemon does not trust gets nothing", async () => {
    const page = await open();
    await page.goto(`${origin(stranger)}/`);
    await enter(page);
    await expect.poll(() => status(page), { timeout: 20_000 }).toMatch(/^connection_failed: /);
    await page.close();
  });
});
