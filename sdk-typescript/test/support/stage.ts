/** A client, and the broken server that it is connected to, for one test at a time. */

import { type ConnectOptions, type Nexus, type Workspace, connect } from "../../src/node/root.js";
import { ERRORS } from "../../src/protocol/errors.js";
import type { Process as ProcessRecord, Workspace as WorkspaceRecord } from "../../src/protocol/types.js";
import { type BrokenOptions, BrokenServer, type Peer } from "./broken.js";

/** A process that runs. */
export const PROCESS: ProcessRecord = {
  id: "pr_1",
  workspace: "ws_1",
  argv: ["true"],
  cwd: "/",
  state: "running",
  stdin: false,
  output_start: 0,
  output_end: 0,
  attached: 0,
  labels: {},
  generation: 1,
  started_at: "2026-01-01T00:00:00Z",
};
/** What opens `exec.attach` of that process, from its first byte. */
export const OPEN = { process: PROCESS, role: "controller", offset: 0, stdin_offset: 0, stdin_window: 0 };
/** How it ended. */
export const EXIT = { code: 0, reason: "exited", at: "2026-01-01T00:00:00Z" };
/** A file of ten bytes. */
export const FILE = {
  path: "a",
  name: "a",
  type: "file",
  size: 10,
  mode: "644",
  mtime: "2026-01-01T00:00:00Z",
  etag: "e1",
  uid: 0,
  gid: 0,
};
/** A workspace that runs. */
export const WORKSPACE: WorkspaceRecord = {
  id: "ws_1",
  name: "w",
  owner: "s",
  state: "running",
  message: "",
  backend: "host",
  repository: { url: "u", path: "p", ref: "r", commit: "c" },
  branch: "b",
  root: "/",
  worktree: "/",
  ports: [],
  env: {},
  labels: {},
  current: false,
  generation: 1,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  last_active_at: "2026-01-01T00:00:00Z",
};

/** A time that a daemon could say, so many seconds into a minute; at most 9. */
export const moment = (second: number): string => `2026-01-01T00:00:0${String(second)}Z`;

/** Connects clients to broken servers; `clear` belongs into `afterEach`. */
export class Stage {
  server: BrokenServer | undefined;
  nexus: Nexus | undefined;

  /** A client of a server that does as `options` say. */
  async start(options: BrokenOptions, client: Partial<ConnectOptions> = {}): Promise<Nexus> {
    this.server = await BrokenServer.start(options);
    this.nexus = await connect({ url: this.server.url, token: "t", reconnectTimeoutMs: 2000, ...client });
    return this.nexus;
  }

  /** A workspace of such a client. */
  async workspace(options: BrokenOptions, client?: Partial<ConnectOptions>): Promise<Workspace> {
    const { handle } = options;
    const connected = await this.start(
      {
        ...options,
        handle: (peer, call) => {
          if (call.method === "workspace.get") peer.answer(call.id, WORKSPACE);
          else handle?.(peer, call);
        },
      },
      client,
    );
    return connected.workspaces.get("w");
  }

  /** Close both. */
  async clear(): Promise<void> {
    await this.nexus?.close();
    await this.server?.stop();
    this.nexus = this.server = undefined;
  }
}

/** Answer `exec.attach` of a process that wrote so many bytes. */
export function exit(peer: Peer, id: unknown, end: number): void {
  peer.answer(id, { process: PROCESS, exit: EXIT, output_end: end, output_complete: true });
}

/** The number of an error of the schema. */
export function numberOf(name: string): number {
  for (const row of ERRORS.values()) if (row.name === name) return row.number;
  throw new Error(name);
}
