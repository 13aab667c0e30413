import type { Server } from "node:http";

/** Bundles the page and serves it on the loopback; resolves to the server, which listens. */
export function serve(port?: number): Promise<Server>;
