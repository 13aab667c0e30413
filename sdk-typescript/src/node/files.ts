/** Local files to and from a workspace. */

import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { DownloadOptions, Files, UploadOptions } from "../files.js";
import type { Progress } from "../link.js";
import type { FileInfo } from "../protocol/types.js";

const BLOCK = 1_048_576;

/** Options of `uploadFile`. */
export interface UploadFileOptions extends UploadOptions {
  /** Announce a SHA-256, which the daemon checks; the file is read twice then. Default false. */
  checksum?: boolean | undefined;
}

/** Send a local file to the workspace; it appears at its path as a whole, when all of it has come. */
export async function uploadFile(
  files: Files,
  source: string,
  path: string,
  options: UploadFileOptions = {},
): Promise<FileInfo> {
  const { checksum = false, ...upload } = options;
  const handle = await open(source, "r");
  try {
    const { size } = await handle.stat();
    const read = (offset: number, length: number): Promise<Uint8Array> => readAt(handle, offset, length);
    const sha256 = checksum ? await digest(read, size) : upload.sha256;
    return await files.upload({ size, read }, path, { ...upload, sha256 });
  } finally {
    await handle.close();
  }
}

/** Options of `downloadFile`. */
export interface DownloadFileOptions extends DownloadOptions {
  /** Called with the bytes that were written. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * Write a file of the workspace to a local path, which is replaced atomically, when everything has come. Rejects with
 * `file_changed` when it changed on the way; nothing was replaced then.
 */
export async function downloadFile(
  files: Files,
  path: string,
  target: string,
  options: DownloadFileOptions = {},
): Promise<FileInfo> {
  const { onProgress, ...rest } = options;
  const part = join(dirname(target), `.${basename(target)}.${randomUUID()}.nexus-part`);
  const mode = await stat(target).then(
    (found) => found.mode & 0o7777,
    () => undefined,
  );
  const handle = await open(part, "wx", mode ?? 0o666);
  try {
    const download = await files.download(path, rest);
    try {
      let done = 0;
      for await (const data of download) {
        await writeAll(handle, data);
        done += data.byteLength;
        onProgress?.({ done, total: download.length, message: "" });
      }
    } finally {
      await download.close();
    }
    await handle.sync();
    if (mode !== undefined) await handle.chmod(mode);
    await handle.close();
    await rename(part, target);
    return download.info;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(part, { force: true });
    throw error;
  }
}

async function writeAll(handle: FileHandle, data: Uint8Array): Promise<void> {
  for (let offset = 0; offset < data.byteLength;) {
    offset += (await handle.write(data, offset, data.byteLength - offset)).bytesWritten;
  }
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const block = new Uint8Array(length);
  let size = 0;
  while (size < length) {
    const { bytesRead } = await handle.read(block, size, length - size, offset + size);
    if (bytesRead === 0) break;
    size += bytesRead;
  }
  return block.subarray(0, size);
}

async function digest(read: (offset: number, length: number) => Promise<Uint8Array>, size: number): Promise<string> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < size;) {
    const block = await read(offset, BLOCK);
    if (block.byteLength === 0) break;
    hash.update(block);
    offset += block.byteLength;
  }
  return hash.digest("hex");
}
