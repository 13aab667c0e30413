/**
 * Where the daemon is, and who we are to it: an explicit URL and token come first, then `NEXUS_URL` and `NEXUS_TOKEN`,
 * then the Unix socket `$NEXUS_HOME/run/nexusd.sock`, where the operating system vouches for the user.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { endpoint } from "../client.js";
import type { Address } from "../connection.js";
import { SdkError } from "../errors.js";
import type { Token } from "../options.js";

const UNIX_URL = "ws://localhost/rpc";

/** Find the daemon. Throws `connection_failed` for a URL that cannot be one, and `daemon_not_found`. */
export function discover(
  url: string | URL | undefined,
  token: Token | undefined,
  environ: Readonly<Record<string, string | undefined>>,
): Address {
  const given = url ?? (environ["NEXUS_URL"] === "" ? undefined : environ["NEXUS_URL"]);
  if (given === undefined) {
    const socketPath = join(home(environ), "run", "nexusd.sock");
    if (existsSync(socketPath)) return { url: UNIX_URL, socketPath, token };
    throw new SdkError(
      "daemon_not_found",
      `no daemon found: NEXUS_URL is not set and there is no socket at ${socketPath}`,
    );
  }
  const text = String(given);
  if (text.startsWith("unix:")) {
    const socketPath = text.slice(5).replace(/^\/\/(?=\/)/, "");
    if (isAbsolute(socketPath)) return { url: UNIX_URL, socketPath, token };
    throw new SdkError("connection_failed", `${text} names no absolute socket path`, {
      hint: "write unix:/run/user/1000/nexusd.sock",
    });
  }
  const named = environ["NEXUS_TOKEN"];
  return { url: endpoint(text), socketPath: undefined, token: token ?? (named === "" ? undefined : named) };
}

function home(environ: Readonly<Record<string, string | undefined>>): string {
  const given = environ["NEXUS_HOME"] ?? "";
  if (given === "") return join(homedir(), ".nexus");
  return given === "~" || given.startsWith("~/") ? join(homedir(), given.slice(1)) : given;
}
