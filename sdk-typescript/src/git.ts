import type { Connection } from "./connection.js";
import { type CallOptions, type ChangeOptions, type ProgressOptions, given } from "./options.js";
import type {
  GitBranch,
  GitBranchParams,
  GitCommit,
  GitCommitParams,
  GitDiff,
  GitDiffParams,
  GitLog,
  GitLogParams,
  GitStatus,
  GitSynced,
  SyncMode,
} from "./protocol/types.js";

/** Options of `Git.diff`. */
export interface DiffOptions extends CallOptions {
  /** Compare with this commit; by default with the index, or with HEAD when `staged`. */
  base?: string | undefined;
  /** What would be committed. Default false. */
  staged?: boolean | undefined;
  /** Include new files. Default true. */
  untracked?: boolean | undefined;
  /** Only these. */
  paths?: readonly string[] | undefined;
  /** Lines around a change. Default 3. */
  context?: number | undefined;
}

/** Options of `Git.log`. */
export interface LogOptions extends CallOptions {
  /** Where to begin. Default `HEAD`. */
  ref?: string | undefined;
  /** Only commits that touch these. */
  paths?: readonly string[] | undefined;
  /** At most so many, up to 1000. Default 50. */
  limit?: number | undefined;
  /** Leave out the first. Default 0. */
  skip?: number | undefined;
}

/** Options of `Git.commit`. */
export interface CommitOptions extends ChangeOptions {
  /** Only these. */
  paths?: readonly string[] | undefined;
  /** Stage every change first, new files too; otherwise commit the index. Default true. */
  all?: boolean | undefined;
  /** `Name <address>`; by default what git is configured with. */
  author?: string | undefined;
  /** Replace the last commit. Default false. */
  amend?: boolean | undefined;
}

/** Options of `Git.sync`. */
export interface SyncOptions extends ChangeOptions, ProgressOptions {
  /** Name of the remote. Default `origin`. */
  remote?: string | undefined;
  /** How to take its commits; `none` only fetches. Default `rebase`. */
  pull?: SyncMode | undefined;
  /** Send ours, to the branch of the same name. Default false. */
  push?: boolean | undefined;
}

/** Git in the worktree of one workspace; `workspace.git`. */
export class Git {
  readonly #connection: Connection;
  readonly #workspace: string;

  /** @internal */
  constructor(connection: Connection, workspace: string) {
    this.#connection = connection;
    this.#workspace = workspace;
  }

  /** Where the worktree stands: branch, upstream, changed files. */
  status(options?: CallOptions): Promise<GitStatus> {
    return this.#connection.call("git.status", { workspace: this.#workspace }, options);
  }

  /** What changed. Rejects with `ref_not_found`. */
  diff(options: DiffOptions = {}): Promise<GitDiff> {
    const { base, staged, untracked, paths, context, ...call } = options;
    const params = given({ workspace: this.#workspace, base, staged, untracked, paths, context });
    return this.#connection.call("git.diff", params as GitDiffParams, call);
  }

  /** Commits, newest first. Rejects with `ref_not_found`. */
  log(options: LogOptions = {}): Promise<GitLog> {
    const { ref, paths, limit, skip, ...call } = options;
    const params = given({ workspace: this.#workspace, ref, paths, limit, skip });
    return this.#connection.call("git.log", params as GitLogParams, call);
  }

  /** Commit. Rejects with `nothing_to_commit`, and `identity_missing` when git does not know who commits. */
  commit(message: string, options: CommitOptions = {}): Promise<GitCommit> {
    const { paths, all, author, amend, key, ...call } = options;
    const params = given({ workspace: this.#workspace, message, paths, all, author, amend, key });
    return this.#connection.call("git.commit", params as GitCommitParams, call);
  }

  /** The branches of the repository, remote-tracking ones too. */
  branches(options?: CallOptions): Promise<GitBranch[]> {
    return this.#branch({}, options);
  }

  /** Make a branch, at HEAD or at `start`, with `switch` check it out too, and return all branches. */
  createBranch(name: string, options: ChangeOptions & { start?: string; switch?: boolean } = {}): Promise<GitBranch[]> {
    const { start, switch: enter, ...rest } = options;
    return this.#branch({ create: name, start, switch: enter === true ? name : undefined }, rest);
  }

  /** Check out a branch and return all branches; changes that it would overwrite are refused. */
  switchBranch(name: string, options?: ChangeOptions): Promise<GitBranch[]> {
    return this.#branch({ switch: name }, options);
  }

  /** Delete a merged branch and return the others. */
  deleteBranch(name: string, options?: ChangeOptions): Promise<GitBranch[]> {
    return this.#branch({ delete: name }, options);
  }

  /** Exchange commits with a remote. Rejects with `merge_conflict`, when nothing was changed, and `push_rejected`. */
  sync(options: SyncOptions = {}): Promise<GitSynced> {
    const { remote, pull, push, key, ...call } = options;
    return this.#connection.call("git.sync", given({ workspace: this.#workspace, remote, pull, push, key }), call);
  }

  async #branch(members: object, options: ChangeOptions = {}): Promise<GitBranch[]> {
    const { key, ...call } = options;
    const params = given({ workspace: this.#workspace, ...members, key }) as GitBranchParams;
    return (await this.#connection.call("git.branch", params, call)).branches;
  }
}
