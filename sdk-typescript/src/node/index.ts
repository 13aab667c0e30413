/**
 * What needs Node.js: finding the daemon by itself, Unix sockets, local files, local ports. Everything else of the
 * package is here too.
 *
 * @module
 */

import "./install.js";
import { type Nexus, open } from "../client.js";
import type { ConnectOptions } from "../options.js";
import { discover } from "./discover.js";

export * from "../index.js";
export { type DownloadFileOptions, type UploadFileOptions, downloadFile, uploadFile } from "./files.js";
export { type ForwardOptions, Listener, forward } from "./forward.js";
export { openNodeSocket } from "./socket.js";

/** Options of `connect` in Node.js. */
export interface NodeConnectOptions extends Omit<ConnectOptions, "url"> {
  /** As in the neutral entry, or `unix:<path>`. Default: `NEXUS_URL`, else the Unix socket below `NEXUS_HOME`. */
  url?: string | URL | undefined;
  /** The environment to look at. Default: the process's own. */
  environ?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Connect to a daemon: the one that is named, or the one that is found.
 *
 * Rejects with `daemon_not_found` too, when no URL is given and there is no socket.
 */
export async function connect(options: NodeConnectOptions = {}): Promise<Nexus> {
  const { url, environ = process.env, ...rest } = options;
  return open(discover(url, options.token, environ), rest);
}
