import type { Connection } from "./connection.js";
import { type CallOptions, type LifecycleOptions, given } from "./options.js";
import type { Checkpoint } from "./protocol/types.js";

const PAGE = 1000;

/** Options of `Checkpoints.create`. */
export interface CheckpointOptions extends LifecycleOptions {
  /** A name for people, unique in the workspace. Default: `checkpoint` and a number. */
  name?: string | undefined;
  /** What it is for. */
  comment?: string | undefined;
}

/**
 * Checkpoints of one workspace, what it was at one moment each; `workspace.checkpoints`. To go back to one, see
 * `Workspace.restore`; to begin another workspace from one, `Workspaces.fork`.
 *
 * Aborting the signal of a change gives up waiting for it alone: the daemon goes on, as `nexus.operations` tells.
 */
export class Checkpoints {
  readonly #connection: Connection;
  readonly #workspace: string;

  /** @internal */
  constructor(connection: Connection, workspace: string) {
    this.#connection = connection;
    this.#workspace = workspace;
  }

  /**
   * Save what the workspace is: all its files, git's state, and its machine's own filesystem; no processes. What runs is
   * frozen meanwhile where the backend can, and goes on. Without `wait` it is returned in state `making`.
   *
   * Rejects with `capability_missing` when its backend cannot, `checkpoint_exists`, `checkpoint_impossible` when the
   * workspace holds something that cannot be saved, `limit_checkpoints` and `storage_full`.
   */
  async create(options: CheckpointOptions = {}): Promise<Checkpoint> {
    const { name, comment, wait, key, ...call } = options;
    const params = given({ workspace: this.#workspace, name, comment, wait, key });
    return (await this.#connection.call("checkpoint.create", params, call)).checkpoint;
  }

  /** Its checkpoints, newest first; at most `limit`, by default all. */
  async list(options: CallOptions & { limit?: number } = {}): Promise<Checkpoint[]> {
    const { limit = Infinity, ...call } = options;
    const found: Checkpoint[] = [];
    let cursor: string | undefined;
    do {
      const size = Math.max(1, Math.min(PAGE, limit - found.length));
      const params = given({ workspace: this.#workspace, limit: size, cursor });
      const page = await this.#connection.call("checkpoint.list", params, call);
      found.push(...page.checkpoints);
      cursor = page.next_cursor;
    } while (cursor !== undefined && found.length < limit);
    return found;
  }

  /**
   * Remove a checkpoint, given by its id, and everything that it holds. What was restored or forked from it stays. Rejects
   * with `checkpoint_not_found`.
   */
  async remove(checkpoint: string, options: LifecycleOptions = {}): Promise<Checkpoint> {
    const { wait, key, ...call } = options;
    const params = given({ checkpoint, wait, key });
    return (await this.#connection.call("checkpoint.remove", params, call)).checkpoint;
  }
}
