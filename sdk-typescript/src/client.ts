/** The way in: `connect`, and what a daemon offers. */

import "./dispose.js";
import { type Address, type Behaviour, Connection } from "./connection.js";
import { SdkError } from "./errors.js";
import { WorkspaceWatch } from "./events.js";
import {
  type CallOptions,
  type ConnectOptions,
  type LifecycleOptions,
  type ProgressOptions,
  given,
} from "./options.js";
import type { CallMethods, CallName } from "./protocol/methods.js";
import type {
  BackendInfo,
  CheckpointForkParams,
  ConfigEntry,
  ConfigLayer,
  ConfigValidated,
  MachineOptions,
  Operation,
  RepositorySource,
  SessionPong,
  SessionReady,
  SessionRefreshed,
  SystemHealth,
  SystemInfo,
  TokenCreated,
  TokenInfo,
  WorkspaceCreateParams,
  WorkspaceListParams,
  WorkspaceState,
} from "./protocol/types.js";
import { isTransient } from "./retry.js";
import { openDefaultSocket } from "./socket.js";
import { Workspace } from "./workspace.js";

const PAGE = 1000;

/**
 * Connect to a daemon.
 *
 * Rejects with `connection_failed` when nothing answers there, and `unauthenticated` when the token is refused.
 *
 * @example
 * import { connect } from "@nexus-workspaces/sdk";
 *
 * await using nexus = await connect({ url: "http://127.0.0.1:8080", token });
 * console.log((await nexus.workspaces.list()).length);
 */
export function connect(options: ConnectOptions): Promise<Nexus> {
  return open({ url: endpoint(options.url), socketPath: undefined, token: options.token }, options);
}

/** @internal */
export async function open(address: Address, options: Omit<ConnectOptions, "url">): Promise<Nexus> {
  const behaviour: Behaviour = {
    openTimeoutMs: options.openTimeoutMs ?? 10_000,
    reconnectTimeoutMs: options.reconnectTimeoutMs ?? 60_000,
    pingIntervalMs: options.pingIntervalMs === undefined ? 20_000 : options.pingIntervalMs,
    isTransient: options.isTransient ?? isTransient,
    autoKey: options.autoKey ?? true,
    openSocket: options.openSocket ?? openDefaultSocket,
  };
  const connection = new Connection(address, behaviour);
  await connection.open(options.signal);
  return new Nexus(connection);
}

/** The WebSocket URL of a daemon. Throws `connection_failed` when it cannot be one; what it holds is not repeated. */
export function endpoint(given: string | URL): string {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw new SdkError("connection_failed", "that is no URL of a daemon", {
      hint: "write http://host:port or wss://host/rpc",
    });
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new SdkError("connection_failed", "the URL of the daemon holds credentials, a query or a fragment", {
      hint: "pass the token as `token`",
    });
  }
  const scheme = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" }[url.protocol];
  if (scheme === undefined) {
    throw new SdkError("connection_failed", `${url.protocol} is not how to reach a daemon`, {
      hint: "write http://host:port or wss://host/rpc",
    });
  }
  return `${scheme}//${url.host}${url.pathname === "/" ? "/rpc" : url.pathname}`;
}

/**
 * A connected client. Made by `connect`.
 *
 * Calls and streams survive a broken connection as far as the schema allows: a call is repeated when it is idempotent or
 * carries a key, a stream goes on where it stood.
 */
export class Nexus implements AsyncDisposable {
  /** Workspaces. */
  readonly workspaces: Workspaces;
  /** Lifecycle changes, under way and done. */
  readonly operations: Operations;
  /** Tokens of this identity. */
  readonly tokens: Tokens;
  /** The daemon itself. */
  readonly system: System;
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.workspaces = new Workspaces(connection);
    this.operations = new Operations(connection);
    this.tokens = new Tokens(connection);
    this.system = new System(connection);
  }

  /** What the daemon announced when the connection was last made: level, limits, identity, expiry. */
  get session(): SessionReady {
    return this.#connection.ready;
  }

  /** How often the connection was made anew. */
  get reconnects(): number {
    return this.#connection.reconnects;
  }

  /** Whether there is a live connection at this moment; one that broke is made anew when it is needed. */
  get connected(): boolean {
    return this.#connection.connected;
  }

  /** Call any method of the protocol, by its name on the wire. */
  call<M extends CallName>(
    method: M,
    params: CallMethods[M]["params"],
    options?: ProgressOptions,
  ): Promise<CallMethods[M]["result"]> {
    return this.#connection.call(method, params, options);
  }

  /** Call a method that this version may not know. */
  callAny(method: string, params: Readonly<Record<string, unknown>> = {}, options?: ProgressOptions): Promise<unknown> {
    return this.#connection.callAny(method, params, options);
  }

  /** Ask the daemon for a sign of life; the answer has its clock. */
  ping(options?: CallOptions): Promise<SessionPong> {
    return this.#connection.call("session.ping", {}, options);
  }

  /** Renew the identity of this connection with a new token for the same subject, in place. */
  async refresh(token: string, options?: CallOptions): Promise<SessionRefreshed> {
    const renewed = await this.#connection.call("session.refresh", { token }, options);
    const { address } = this.#connection;
    if (typeof address.token !== "function") address.token = token;
    return renewed;
  }

  /** Close the connection; what is under way fails with `connection_closed`. Processes run on. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** What `await using` does: `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** How to make a workspace. */
export interface CreateOptions extends LifecycleOptions {
  /** A path on the daemon's machine, or a URL that git can fetch. */
  repository: string | RepositorySource;
  /** Branch, tag or commit to start from. Default: the repository's HEAD. */
  ref?: string | undefined;
  /** What runs it. Default: the configured one. */
  backend?: string | undefined;
  /** What its machine is made of, and how large, where the backend makes machines. Default: the backend's. */
  machine?: MachineOptions | undefined;
  /** A name for people. */
  displayName?: string | undefined;
  /** Environment of every process in it. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Labels to find it by. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Names of ports to allocate, besides the standard ones. */
  ports?: readonly string[] | undefined;
  /** Start it too. Default true. */
  start?: boolean | undefined;
}

/** What a fork begins as: a checkpoint, or a workspace as it is now. */
export type ForkSource =
  | {
      /** The checkpoint's id. */
      checkpoint: string;
      /** None: a checkpoint is forked. */
      workspace?: undefined;
    }
  | {
      /** The workspace's id or name. */
      workspace: string;
      /** None: a workspace is forked. */
      checkpoint?: undefined;
    };

/** How to make a workspace that begins as another one, besides which. */
export interface ForkOptions extends LifecycleOptions {
  /** A name for people. */
  displayName?: string | undefined;
  /** Added to the environment that the other one has. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Labels to find it by; those of the other one are not taken over. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Names of ports to allocate, besides those that the other one has. */
  ports?: readonly string[] | undefined;
  /** Start it too. Default true. */
  start?: boolean | undefined;
}

/** Which workspaces to list. */
export interface WorkspaceListOptions extends CallOptions {
  /** Only those of this repository, by path or URL. */
  repository?: string | undefined;
  /** Only those in this state. */
  state?: WorkspaceState | undefined;
  /** Only those that have all of these labels. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Include destroyed ones. Default false. */
  destroyed?: boolean | undefined;
  /** At most so many; by default all. */
  limit?: number | undefined;
}

/** Options of `Workspaces.watch`. */
export interface WorkspaceWatchOptions {
  /** Ends the watch; its reader gets the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Only this one, by id or name; by default all that the identity can see. */
  workspace?: string | undefined;
  /** Continue after this, from `cursor` of an earlier watch. */
  cursor?: string | undefined;
  /** How many events may wait here unread. Default 256. */
  window?: number | undefined;
}

/** The workspaces of a daemon; `nexus.workspaces`. */
export class Workspaces {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Make a workspace from a git repository, and start it. Its name has lower-case letters, digits and inner hyphens.
   *
   * Rejects with `workspace_exists`, `repository_unusable` and `ref_not_found`.
   */
  async create(name: string, options: CreateOptions): Promise<Workspace> {
    const { repository, ref, backend, machine, displayName, env, labels, ports, start, wait, key, ...call } = options;
    const params = given({
      name,
      repository: typeof repository === "string" ? given({ url: repository, ref }) : repository,
      backend,
      options: machine,
      display_name: displayName,
      env,
      labels,
      ports,
      start,
      wait,
      key,
    }) as WorkspaceCreateParams;
    const { workspace } = await this.#connection.call("workspace.create", params, call);
    return new Workspace(this.#connection, workspace);
  }

  /**
   * Make a workspace that begins as another one is, or as a checkpoint of it. It has a branch, ports and copies of
   * everything of its own; backend, machine and environment are the other's.
   *
   * Rejects with `workspace_exists`, `workspace_not_found`, `checkpoint_not_found`, and `checkpoint_damaged` when something
   * of the checkpoint was removed from outside.
   */
  async fork(name: string, options: ForkSource & ForkOptions): Promise<Workspace> {
    const { checkpoint, workspace: source, displayName, env, labels, ports, start, wait, key, ...call } = options;
    const params = given({
      name,
      checkpoint,
      workspace: source,
      display_name: displayName,
      env,
      labels,
      ports,
      start,
      wait,
      key,
    }) as CheckpointForkParams;
    const { workspace } = await this.#connection.call("checkpoint.fork", params, call);
    return new Workspace(this.#connection, workspace);
  }

  /** A workspace by its id or name. Rejects with `workspace_not_found` when there is none for this identity. */
  async get(workspace: string, options?: CallOptions): Promise<Workspace> {
    return new Workspace(this.#connection, await this.#connection.call("workspace.get", { workspace }, options));
  }

  /** Workspaces, newest first. */
  async list(options: WorkspaceListOptions = {}): Promise<Workspace[]> {
    const { repository, state, labels, destroyed, limit = Infinity, ...call } = options;
    const found: Workspace[] = [];
    let cursor: string | undefined;
    do {
      const size = Math.max(1, Math.min(PAGE, limit - found.length));
      const params = given({ repository, state, labels, destroyed, limit: size, cursor }) as WorkspaceListParams;
      const page = await this.#connection.call("workspace.list", params, call);
      for (const record of page.workspaces) found.push(new Workspace(this.#connection, record));
      cursor = page.next_cursor;
    } while (cursor !== undefined && found.length < limit);
    return found;
  }

  /** Follow changes; iterate what it resolves to, which is in place by then. */
  watch(options: WorkspaceWatchOptions = {}): Promise<WorkspaceWatch> {
    const { signal, ...params } = options;
    return WorkspaceWatch.open(this.#connection, given(params), signal);
  }
}

/** Lifecycle changes; `nexus.operations`. */
export class Operations {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Operations, newest first: of one workspace or of all, with `running` only those under way. */
  async list(
    options: CallOptions & { workspace?: string; running?: boolean; limit?: number } = {},
  ): Promise<Operation[]> {
    const { workspace, running, limit, ...call } = options;
    return (await this.#connection.call("operation.list", given({ workspace, running, limit }), call)).operations;
  }

  /** One operation by its id. */
  get(operation: string, options?: CallOptions): Promise<Operation> {
    return this.#connection.call("operation.get", { operation }, options);
  }

  /** Wait until an operation ends, for at most `waitMs` (default 300,000, up to 3,600,000), and return how it stands. */
  wait(operation: string, options: ProgressOptions & { waitMs?: number } = {}): Promise<Operation> {
    const { waitMs = 300_000, ...call } = options;
    return this.#connection.call("operation.wait", { operation, timeout_ms: waitMs }, call);
  }

  /** Cancel an operation; what it did is undone. Rejects with `operation_done`. */
  cancel(operation: string, options?: CallOptions): Promise<Operation> {
    return this.#connection.call("operation.cancel", { operation }, options);
  }
}

/** How to make a token. */
export interface TokenOptions extends CallOptions {
  /** What it may do; never more than the caller may. Default `["*"]`. */
  scopes?: readonly string[] | undefined;
  /** Workspace ids, `*` for all, or `own` for those that the subject creates. Default `["own"]`. */
  workspaces?: readonly string[] | undefined;
  /** Milliseconds for which it is valid. Default 30 days. */
  ttlMs?: number | undefined;
  /** What it is for. */
  name?: string | undefined;
}

/** Tokens; `nexus.tokens`. */
export class Tokens {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Make a token for a subject. It is shown once. */
  create(subject: string, options: TokenOptions = {}): Promise<TokenCreated> {
    const { scopes = ["*"], workspaces = ["own"], ttlMs = 2_592_000_000, name, ...call } = options;
    const members = { subject, scopes: [...scopes], workspaces: [...workspaces], ttl_ms: ttlMs, name };
    return this.#connection.call("token.create", given(members), call);
  }

  /** Tokens without their secrets, newest first. */
  async list(options?: CallOptions): Promise<TokenInfo[]> {
    return (await this.#connection.call("token.list", {}, options)).tokens;
  }

  /** Revoke a token: connections made with it are closed within seconds. */
  revoke(id: string, options?: CallOptions): Promise<TokenInfo> {
    return this.#connection.call("token.revoke", { id }, options);
  }
}

/** The daemon; `nexus.system`. */
export class System {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What the daemon is and does. */
  info(options?: CallOptions): Promise<SystemInfo> {
    return this.#connection.call("system.info", {}, options);
  }

  /** Whether the daemon is well, check by check. */
  health(options?: CallOptions): Promise<SystemHealth> {
    return this.#connection.call("system.health", {}, options);
  }

  /** The backends of this node, with what they can do. */
  async backends(options?: CallOptions): Promise<BackendInfo[]> {
    return (await this.#connection.call("backend.list", {}, options)).backends;
  }

  /** The configuration in force, those values whose keys begin with `prefix`, each with where it came from. */
  async config(prefix = "", options: CallOptions & { repository?: string } = {}): Promise<ConfigEntry[]> {
    const { repository, ...call } = options;
    return (await this.#connection.call("config.get", given({ prefix, repository }), call)).entries;
  }

  /** Check a configuration in YAML, without using it. */
  validateConfig(text: string, options: CallOptions & { layer?: ConfigLayer } = {}): Promise<ConfigValidated> {
    const { layer, ...call } = options;
    return this.#connection.call("config.validate", given({ text, layer }), call);
  }

  /** Stop the daemon: no new work, then its end when calls in flight are done or `waitMs` (default 30,000) passed. */
  async drain(options: CallOptions & { waitMs?: number } = {}): Promise<void> {
    const { waitMs = 30_000, ...call } = options;
    await this.#connection.call("system.drain", { timeout_ms: waitMs }, call);
  }

  /** The schema as an OpenRPC document. */
  async discover(options?: CallOptions): Promise<unknown> {
    return (await this.#connection.call("rpc.discover", {}, options)).document;
  }
}
