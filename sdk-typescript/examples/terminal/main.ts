/**
 * A terminal in a web page: a shell in a workspace, followed by a PTY stream.
 *
 * The shell outlives the page: a connection that breaks is made anew by the SDK without the terminal noticing, and a page
 * that is loaded again finds its shell by the id it kept for the tab.
 */

import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { type Nexus, NexusError, type Process, type Workspace, connect, isRemoteError } from "@nexus-workspaces/sdk";

const HISTORY = 262_144;
const KEY = "nexus-shell";

const form = document.querySelector<HTMLFormElement>("#form");
const status = document.querySelector<HTMLElement>("#status");
const screen = document.querySelector<HTMLElement>("#screen");
if (form === null || status === null || screen === null) throw new Error("the page has no form, status or screen");

const terminal = new Terminal({ cursorBlink: true, scrollback: 10_000 });
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.open(screen);
fit.fit();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const data = new FormData(form);
  const text = (name: string): string => {
    const value = data.get(name);
    return typeof value === "string" ? value : "";
  };
  // the token stays in this page's memory: it goes by subprotocol, never into a URL or a store
  void show(text("url"), text("token"), text("workspace"));
});

async function show(url: string, token: string, name: string): Promise<void> {
  say("connecting");
  let nexus: Nexus | undefined;
  try {
    nexus = await connect({ url, token });
    const workspace = await nexus.workspaces.get(name);
    const shell = await open(workspace);
    form?.setAttribute("hidden", "");
    terminal.reset();
    await follow(nexus, shell);
  } catch (error) {
    say(error instanceof NexusError ? `${error.code}: ${error.message}. ${error.hint}` : String(error));
  } finally {
    form?.removeAttribute("hidden");
    await nexus?.close();
  }
}

/** The shell of this tab, or a new one. */
async function open(workspace: Workspace): Promise<Process> {
  const kept = sessionStorage.getItem(KEY);
  if (kept !== null) {
    try {
      return await workspace.attach(kept, { tail: HISTORY, takeover: true });
    } catch (error) {
      if (!isRemoteError(error, "process_not_found")) throw error;
    }
  }
  const size = { cols: terminal.cols, rows: terminal.rows };
  const shell = await workspace.shell({ size, killOnClose: false });
  sessionStorage.setItem(KEY, shell.id);
  return shell;
}

async function follow(nexus: Nexus, shell: Process): Promise<void> {
  let problem = "";
  const failed = (error: unknown): void => {
    problem = `; ${error instanceof Error ? error.message : String(error)}`;
  };
  const typing = terminal.onData((text) => {
    shell.stdin.write(text).catch(failed);
  });
  const resizing = terminal.onResize((size) => {
    shell.resize(size).catch(failed);
  });
  const fitting = new ResizeObserver(() => {
    fit.fit();
  });
  if (screen !== null) fitting.observe(screen);
  const watching = setInterval(() => {
    say(nexus.connected ? `connected, ${String(nexus.reconnects)} reconnects${problem}` : "reconnecting");
  }, 200);
  try {
    await shell.resize({ cols: terminal.cols, rows: terminal.rows });
    terminal.focus();
    for await (const data of shell.stdout) {
      // credit is returned when the terminal has drawn it, so a flood never piles up here
      await new Promise<void>((drawn) => {
        terminal.write(data, drawn);
      });
    }
    const { exitCode, signal } = await shell.result;
    sessionStorage.removeItem(KEY);
    clearInterval(watching);
    say(`the shell ended: ${signal ?? String(exitCode)}`);
  } finally {
    clearInterval(watching);
    typing.dispose();
    resizing.dispose();
    fitting.disconnect();
  }
}

function say(text: string): void {
  if (status !== null) status.textContent = text;
}
