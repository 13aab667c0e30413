/**
 * The WebSocket below everything, as little of it as is needed, so that every engine can bring its own.
 *
 * @module
 */

import { toBase64Url, utf8 } from "./bytes.js";
import { isObject } from "./errors.js";

/** The subprotocol. */
export const SUBPROTOCOL = "nexus.v1";

/** Where to connect to. */
export interface SocketRequest {
  /** `ws://` or `wss://`, without credentials. */
  readonly url: string;
  /** Path of a Unix socket to use instead of TCP. */
  readonly socketPath?: string;
  /** The token to present. */
  readonly token?: string;
  /** Aborted when opening takes too long, or nobody wants it any more. */
  readonly signal: AbortSignal;
}

/** What is told of an open socket. */
export interface SocketHandlers {
  /** A whole message came. Bytes belong to the receiver. */
  message(data: string | Uint8Array): void;
  /**
   * It ended; 1006 where there was no close handshake. Told once. `broken` says that this end refused what is no
   * WebSocket; engines that do not tell leave it out.
   */
  closed(code: number, reason: string, broken?: boolean): void;
}

/** An open socket. */
export interface Socket {
  /** Send a message without waiting. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** Shake hands on the end. */
  close(code: number, reason: string): void;
  /** End at once. */
  terminate(): void;
}

/** Opens a socket; rejects with `SocketRefused`, or whatever the engine says. */
export type OpenSocket = (request: SocketRequest, handlers: SocketHandlers) => Promise<Socket>;

/** The server answered the handshake with an HTTP status, or nobody knows how. */
export class SocketRefused extends Error {
  /** The status; undefined where the engine does not tell. */
  readonly status: number | undefined;
  /** What to try next, as the server said. */
  readonly hint: string;

  constructor(message: string, status?: number, hint = "") {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

/** What a refusal says, from its status and its body `{"error": {"message", "hint"}}`. */
export function refusal(status: number, body: string): SocketRefused {
  let message = `the server refused the connection with HTTP ${status}`;
  let hint = "";
  try {
    const told: unknown = JSON.parse(body);
    if (isObject(told) && isObject(told["error"]) && typeof told["error"]["message"] === "string") {
      message = `the server refused the connection: ${told["error"]["message"]}`;
      if (typeof told["error"]["hint"] === "string") hint = told["error"]["hint"];
    }
  } catch {
    // the status says enough
  }
  return new SocketRefused(message, status, hint);
}

let fallback: OpenSocket | undefined;

/** Set what opens sockets where nothing else is asked for; used by the entry point for Node.js. */
export function setDefaultSocket(open: OpenSocket): void {
  fallback = open;
}

/** What opens sockets where nothing else is asked for. */
export const openDefaultSocket: OpenSocket = (request, handlers) => (fallback ?? openWebSocket)(request, handlers);

/** Opens the engine's own `WebSocket`. The token goes by subprotocol, because browsers cannot set headers. */
export const openWebSocket: OpenSocket = (request, handlers) => {
  if (typeof WebSocket === "undefined") {
    return Promise.reject(
      new SocketRefused("this engine has no WebSocket", 501, 'import from "@nexus-workspaces/sdk/node"'),
    );
  }
  if (request.socketPath !== undefined) {
    return Promise.reject(
      new SocketRefused("this engine cannot use Unix sockets", 501, 'import from "@nexus-workspaces/sdk/node"'),
    );
  }
  const protocols = [SUBPROTOCOL];
  if (request.token !== undefined) protocols.push(`nexus.bearer.${toBase64Url(utf8(request.token))}`);
  return new Promise<Socket>((resolve, reject) => {
    const socket = new WebSocket(request.url, protocols);
    socket.binaryType = "arraybuffer";
    let opened = false;
    let ended = false;
    const end = (code: number, reason: string): void => {
      if (ended) return;
      ended = true;
      request.signal.removeEventListener("abort", abort);
      if (opened) handlers.closed(code, reason);
    };
    const abort = (): void => {
      end(1006, "");
      socket.close();
      reject(request.signal.reason as Error);
    };
    request.signal.addEventListener("abort", abort);
    socket.onopen = () => {
      opened = true;
      request.signal.removeEventListener("abort", abort);
      if (socket.protocol !== SUBPROTOCOL) {
        ended = true;
        socket.close();
        reject(new SocketRefused(`${request.url} speaks WebSocket, but not ${SUBPROTOCOL}`, 505));
        return;
      }
      resolve({
        send: (data) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(data);
        },
        close: (code, reason) => {
          socket.close(code, reason);
        },
        terminate: () => {
          end(1006, "");
          socket.close();
        },
      });
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (ended) return;
      const data = event.data;
      if (typeof data === "string") handlers.message(data);
      else if (data instanceof ArrayBuffer) handlers.message(new Uint8Array(data));
    };
    socket.onclose = (event) => {
      const wasOpen = opened;
      end(event.code, event.reason);
      if (!wasOpen && !request.signal.aborted) {
        // engines do not tell why a handshake failed; the same question over HTTP is answered in words
        diagnose(request).then(reject, reject);
      }
    };
  });
};

const DIAGNOSIS_MS = 3000;

async function diagnose(request: SocketRequest): Promise<SocketRefused> {
  const unknown = new SocketRefused(`cannot connect to ${request.url}`);
  if (typeof fetch === "undefined" || request.token === undefined) return unknown;
  try {
    const response = await fetch(request.url.replace(/^ws/, "http"), {
      method: "POST",
      headers: { authorization: `Bearer ${request.token}`, "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "session.ping", params: {} }),
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(DIAGNOSIS_MS)]),
    });
    return response.ok ? unknown : refusal(response.status, await response.text());
  } catch {
    return unknown;
  }
}
