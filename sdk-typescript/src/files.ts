/**
 * Files of a workspace. Paths are relative to the workspace's root, or absolute as its processes see it. Content that
 * does not fit one message goes by stream without being asked.
 *
 * @module
 */

import { Scope } from "./async.js";
import { concat, fromBase64, randomName, toBase64, utf8 } from "./bytes.js";
import type { Connection } from "./connection.js";
import { NexusError, SdkError } from "./errors.js";
import { FileWatch, Search } from "./events.js";
import { type CallOptions, type ChangeOptions, type ProgressOptions, given } from "./options.js";
import type {
  Encoding,
  FileContent,
  FileInfo,
  FsEdit,
  FsEdited,
  FsReadParams,
  FsSearchParams,
  FsWriteParams,
} from "./protocol/types.js";
import { Download, type UploadSource, randomAccess, uploadFrom } from "./transfer.js";

/** Up to so many bytes content is sent in one message, where it fits base64 into 1 MiB with room to spare. */
const INLINE = 393_216;
const PAGE = 1000;

/** Options of `Files.list`. */
export interface ListOptions extends CallOptions {
  /** 1 for the directory's own entries, up to 64. Default 1. */
  depth?: number | undefined;
  /** Include names that begin with a dot. Default true. */
  hidden?: boolean | undefined;
  /** Leave out what .gitignore excludes, and .git. Default false. */
  gitignore?: boolean | undefined;
  /** At most so many; by default all. */
  limit?: number | undefined;
}

/** Options of `Files.read`. */
export interface ReadOptions extends CallOptions {
  /** First byte. */
  offset?: number | undefined;
  /** At most so many bytes. */
  length?: number | undefined;
  /** First line, from 1, instead of a byte range. */
  line?: number | undefined;
  /** At most so many lines. */
  lines?: number | undefined;
  /** How `content` is encoded. Default `utf-8`. */
  encoding?: Encoding | undefined;
}

/** What decides how a file is put in place. */
export interface PlaceOptions {
  /** Permission bits in octal; by default those of the file replaced, else 644. */
  mode?: string | undefined;
  /** Only if the file's etag is this; empty: only if there is no file. */
  ifMatch?: string | undefined;
  /** Make missing directories. Default false. */
  parents?: boolean | undefined;
}

/** Options of `Files.edit`. */
export interface EditOptions extends ChangeOptions {
  /** Only if the file's etag is this. */
  ifMatch?: string | undefined;
  /** Check only. Default false. */
  dryRun?: boolean | undefined;
}

/** Options of `Files.copy` and `Files.rename`. */
export interface MoveOptions extends ChangeOptions {
  /** Replace what is at the target. Default false. */
  overwrite?: boolean | undefined;
  /** Make missing directories. Default false. */
  parents?: boolean | undefined;
}

/** Options of `Files.search`. */
export interface SearchOptions {
  /** Ends the search; its reader gets the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Whether the pattern is a regular expression. Default false. */
  regex?: boolean | undefined;
  /** Whether case is ignored. Default false. */
  ignoreCase?: boolean | undefined;
  /** Only whole words. Default false. */
  word?: boolean | undefined;
  /** Where to begin. Default: the root. */
  path?: string | undefined;
  /** Only paths that match one of these globs. */
  include?: readonly string[] | undefined;
  /** Not paths that match one of these. */
  exclude?: readonly string[] | undefined;
  /** Leave out what .gitignore excludes, and .git. Default true. */
  gitignore?: boolean | undefined;
  /** Lines around a match. Default 0. */
  context?: number | undefined;
  /** At most so many matches, up to 100,000. Default 1000. */
  limit?: number | undefined;
}

/** Options of `Files.watch`. */
export interface WatchOptions {
  /** Ends the watch; its reader gets the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Whether directories below are watched too, those made later included. Default true. */
  recursive?: boolean | undefined;
  /** Leave out what .gitignore excludes, and .git. Default true. */
  gitignore?: boolean | undefined;
  /** Continue after this, from `cursor` of an earlier watch. */
  cursor?: string | undefined;
  /** How many events may wait here unread. Default 256. */
  window?: number | undefined;
}

/** Options of `Files.download`. */
export interface DownloadOptions {
  /** Stops the download; its reader gets the signal's reason. */
  signal?: AbortSignal | undefined;
  /** First byte. Default 0. */
  offset?: number | undefined;
  /** At most so many bytes; by default all. */
  length?: number | undefined;
  /** Only if the file's etag is this. */
  ifMatch?: string | undefined;
  /** How much may wait here unread, in bytes. Default 4 MiB. */
  window?: number | undefined;
}

/** Options of `Files.upload`. */
export interface UploadOptions extends PlaceOptions {
  /** Stops the upload; the file is not changed. */
  signal?: AbortSignal | undefined;
  /** SHA-256 of the source in hexadecimal digits, which the daemon checks. */
  sha256?: string | undefined;
  /** 8 to 64 letters, digits, `_` or `-`; the same id continues an upload of the same source. Default: a random one. */
  upload?: string | undefined;
  /** Called with the bytes that have arrived. */
  onProgress?: ProgressOptions["onProgress"];
}

/** Files of one workspace; `workspace.files`. */
export class Files {
  readonly #connection: Connection;
  readonly #workspace: string;

  /** @internal */
  constructor(connection: Connection, workspace: string) {
    this.#connection = connection;
    this.#workspace = workspace;
  }

  /** What is known of an entry; with `follow`, the default, of what a link points to. */
  stat(path: string, options: CallOptions & { follow?: boolean } = {}): Promise<FileInfo> {
    const { follow = true, ...call } = options;
    return this.#connection.call("fs.stat", { workspace: this.#workspace, path, follow }, call);
  }

  /** Whether there is something at a path; a link that leads nowhere counts. */
  async exists(path: string, options?: CallOptions): Promise<boolean> {
    try {
      await this.stat(path, { ...options, follow: false });
      return true;
    } catch (error) {
      if (error instanceof NexusError && (error.code === "path_not_found" || error.code === "not_a_directory"))
        return false;
      throw error;
    }
  }

  /** The entries of a directory, ordered by path. */
  async list(path = ".", options: ListOptions = {}): Promise<FileInfo[]> {
    const { depth, hidden, gitignore, limit = Infinity, ...call } = options;
    const entries: FileInfo[] = [];
    let cursor: string | undefined;
    do {
      const size = Math.max(1, Math.min(PAGE, limit - entries.length));
      const members = { workspace: this.#workspace, path, depth, hidden, gitignore, limit: size, cursor };
      const page = await this.#connection.call("fs.list", given(members), call);
      entries.push(...page.entries);
      cursor = page.next_cursor;
    } while (cursor !== undefined && entries.length < limit);
    return entries;
  }

  /**
   * A window of a file, with its etag, in one answer.
   *
   * Rejects with `not_text` when the bytes are not UTF-8, and `file_too_large` when the window is larger than one answer.
   */
  read(path: string, options: ReadOptions = {}): Promise<FileContent> {
    const { signal, timeoutMs, ...window } = options;
    const params: FsReadParams = given({ workspace: this.#workspace, path, ...window });
    return this.#connection.call("fs.read", params, { signal, timeoutMs });
  }

  /** A whole file as text; a large one comes by stream and is held in memory. Rejects with `not_text`. */
  async readText(path: string, options: CallOptions = {}): Promise<string> {
    const found = await within(options, `reading ${path}`, async (call) => {
      return (await this.#small(path, "utf-8", call))?.content ?? (await this.#streamed(path, call));
    });
    if (typeof found === "string") return found;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(found);
    } catch {
      throw new SdkError("not_text", `${path} is not UTF-8`, { hint: "use readBytes" });
    }
  }

  /** A whole file; a large one comes by stream and is held in memory. */
  async readBytes(path: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return within(options, `reading ${path}`, async (call) => {
      const content = await this.#small(path, "base64", call);
      return content === undefined ? this.#streamed(path, call) : fromBase64(content.content);
    });
  }

  /** Replace a file atomically, or make one. Text is written as UTF-8. Rejects with `etag_mismatch`. */
  async write(path: string, data: string | Uint8Array, options: PlaceOptions & ChangeOptions = {}): Promise<FileInfo> {
    const { mode, ifMatch, parents, key, ...call } = options;
    const raw = typeof data === "string" ? utf8(data) : data;
    if (raw.byteLength <= INLINE) {
      const params = given({
        workspace: this.#workspace,
        path,
        content: typeof data === "string" ? data : toBase64(data),
        encoding: typeof data === "string" ? "utf-8" : "base64",
        mode,
        if_match: ifMatch,
        parents,
        key,
      }) as FsWriteParams;
      try {
        return await this.#connection.call("fs.write", params, call);
      } catch (error) {
        // text full of control characters grows when it is written as JSON
        if (!(error instanceof NexusError) || error.code !== "message_too_large") throw error;
      }
    }
    return within(call, `writing ${path}`, ({ signal }) => this.upload(raw, path, { mode, ifMatch, parents, signal }));
  }

  /**
   * Change a text file, all or nothing: by replacements of exactly matching text in order, where a pair means old and
   * new, found exactly once; or by a unified diff of this one file. Rejects with `edit_failed`.
   */
  edit(
    path: string,
    edits: readonly (FsEdit | readonly [old: string, replacement: string])[] | { diff: string },
    options: EditOptions = {},
  ): Promise<FsEdited> {
    const { ifMatch, dryRun, key, ...call } = options;
    const change =
      "diff" in edits
        ? { diff: edits.diff }
        : { edits: edits.map((edit): FsEdit => ("old" in edit ? edit : { old: edit[0], new: edit[1] })) };
    const params = { workspace: this.#workspace, path, ...change, if_match: ifMatch, dry_run: dryRun, key };
    return this.#connection.call("fs.edit", given(params), call);
  }

  /** Make a directory; with `parents` also missing ones above it, and one that exists is success. */
  mkdir(path: string, options: ChangeOptions & { parents?: boolean; mode?: string } = {}): Promise<FileInfo> {
    const { parents, mode, key, ...call } = options;
    return this.#connection.call("fs.mkdir", given({ workspace: this.#workspace, path, parents, mode, key }), call);
  }

  /** Remove an entry and return how many were removed; a link is removed, not followed. */
  async remove(
    path: string,
    options: ChangeOptions & { recursive?: boolean; missingOk?: boolean } = {},
  ): Promise<number> {
    const { recursive, missingOk, key, ...call } = options;
    const params = given({ workspace: this.#workspace, path, recursive, missing_ok: missingOk, key });
    return (await this.#connection.call("fs.remove", params, call)).removed;
  }

  /** Rename or move an entry. */
  rename(source: string, target: string, options: MoveOptions = {}): Promise<FileInfo> {
    const { overwrite, parents, key, ...call } = options;
    const params = given({ workspace: this.#workspace, source, target, overwrite, parents, key });
    return this.#connection.call("fs.rename", params, call);
  }

  /** Copy a file, or with `recursive` a directory; links are copied as links. */
  copy(
    source: string,
    target: string,
    options: MoveOptions & ProgressOptions & { recursive?: boolean } = {},
  ): Promise<FileInfo> {
    const { overwrite, parents, recursive, key, ...call } = options;
    const params = given({ workspace: this.#workspace, source, target, overwrite, parents, recursive, key });
    return this.#connection.call("fs.copy", params, call);
  }

  /** Set permission bits, in octal as text, or as a number like 0o755. */
  chmod(path: string, mode: string | number, options: ChangeOptions = {}): Promise<FileInfo> {
    const { key, ...call } = options;
    const bits = typeof mode === "number" ? mode.toString(8).padStart(3, "0") : mode;
    return this.#connection.call("fs.chmod", given({ workspace: this.#workspace, path, mode: bits, key }), call);
  }

  /** Make a link at `path` that points to `target`, which must stay inside the workspace. */
  symlink(path: string, target: string, options: ChangeOptions & { overwrite?: boolean } = {}): Promise<FileInfo> {
    const { overwrite, key, ...call } = options;
    return this.#connection.call(
      "fs.symlink",
      given({ workspace: this.#workspace, path, target, overwrite, key }),
      call,
    );
  }

  /** The paths that match `*`, `?`, `[...]` and `**` below `path`, at most `limit` (default 1000, up to 10,000). */
  async glob(
    pattern: string,
    options: CallOptions & { path?: string; gitignore?: boolean; limit?: number } = {},
  ): Promise<string[]> {
    const { path, gitignore, limit, ...call } = options;
    const params = given({ workspace: this.#workspace, pattern, path, gitignore, limit });
    return (await this.#connection.call("fs.glob", params, call)).paths;
  }

  /** Search the content of files; iterate what it resolves to. Rejects with `pattern_invalid`. */
  search(pattern: string, options: SearchOptions = {}): Promise<Search> {
    const { signal, regex, ignoreCase, word, path, include, exclude, gitignore, context, limit } = options;
    const params = given({
      workspace: this.#workspace,
      pattern,
      regex,
      ignore_case: ignoreCase,
      word,
      path,
      include,
      exclude,
      gitignore,
      context,
      limit,
    });
    return Search.open(this.#connection, params as FsSearchParams, signal);
  }

  /**
   * Follow changes below a path; iterate what it resolves to, which is in place by then. It goes on after a break;
   * where changes were missed, an `overflow` says so. Rejects with `cursor_expired`.
   */
  watch(path = ".", options: WatchOptions = {}): Promise<FileWatch> {
    const { signal, recursive, gitignore, cursor, window } = options;
    const params = given({ workspace: this.#workspace, path, recursive, gitignore, cursor, window });
    return FileWatch.open(this.#connection, params, signal);
  }

  /** Read a file by stream. Rejects, or fails while reading, with `file_changed` when it changes on the way. */
  download(path: string, options: DownloadOptions = {}): Promise<Download> {
    const { signal, offset, length, ifMatch, window } = options;
    const params = given({ workspace: this.#workspace, path, offset, length, if_match: ifMatch, window });
    return Download.open(this.#connection, params, signal);
  }

  /** Send a source to the workspace; it appears at its path as a whole, when all of it has come. */
  upload(source: UploadSource, path: string, options: UploadOptions = {}): Promise<FileInfo> {
    const { signal, sha256, upload = randomName(), mode, ifMatch, parents, onProgress } = options;
    const params = given({ workspace: this.#workspace, path, upload, sha256, mode, if_match: ifMatch, parents });
    return uploadFrom(this.#connection, params, randomAccess(source), signal, onProgress);
  }

  async #small(path: string, encoding: Encoding, options: CallOptions): Promise<FileContent | undefined> {
    try {
      const content = await this.read(path, { ...options, encoding });
      return content.truncated ? undefined : content;
    } catch (error) {
      if (error instanceof NexusError && (error.code === "file_too_large" || error.code === "message_too_large")) {
        return undefined;
      }
      throw error;
    }
  }

  async #streamed(path: string, options: CallOptions): Promise<Uint8Array<ArrayBuffer>> {
    const download = await this.download(path, { signal: options.signal });
    const parts: Uint8Array[] = [];
    for await (const part of download) parts.push(part);
    return concat(parts);
  }
}

/** Do several calls, or a stream, within the one deadline of a caller; without one each has its own. */
async function within<T>(options: CallOptions, what: string, work: (call: CallOptions) => Promise<T>): Promise<T> {
  const { signal, timeoutMs } = options;
  if (timeoutMs === undefined) return work(options);
  const stop = new AbortController();
  const pass = (): void => {
    stop.abort(signal?.reason);
  };
  if (signal?.aborted === true) pass();
  signal?.addEventListener("abort", pass);
  const scope = new Scope();
  scope.deadline(timeoutMs, () => {
    stop.abort(new SdkError("call_timeout", `${what} took more than ${timeoutMs} ms`));
  });
  try {
    return await work({ signal: stop.signal, timeoutMs: Infinity });
  } finally {
    scope.dispose();
    signal?.removeEventListener("abort", pass);
  }
}
