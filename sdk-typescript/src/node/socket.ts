/** WebSockets of Node.js: with headers, with Unix sockets, and with the reason why a handshake was refused. */

import { connect as connectUnix } from "node:net";
import { WebSocket } from "ws";
import { type OpenSocket, SUBPROTOCOL, SocketRefused, refusal } from "../socket.js";
import { MAX_INCOMING } from "../wire/messages.js";

const MAX_BODY = 65_536;

/** Opens a socket by the package `ws`. */
export const openNodeSocket: OpenSocket = ({ url, socketPath, token, signal }, handlers) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [SUBPROTOCOL], {
      perMessageDeflate: false,
      maxPayload: MAX_INCOMING,
      followRedirects: false,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      ...(socketPath === undefined ? {} : { createConnection: () => connectUnix(socketPath) }),
    });
    let opened = false;
    let failure: Error | undefined;
    const abort = (): void => {
      reject(signal.reason as Error);
      socket.terminate();
    };
    signal.addEventListener("abort", abort);
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("unexpected-response", (request, response) => {
      const parts: Buffer[] = [];
      let size = 0;
      const told = (): void => {
        request.destroy();
        reject(refusal(response.statusCode ?? 0, Buffer.concat(parts).toString()));
      };
      response.on("data", (part: Buffer) => {
        parts.push(part);
        size += part.byteLength;
        if (size > MAX_BODY) told();
      });
      response.on("end", told);
      response.on("close", told);
      response.on("error", told);
    });
    socket.on("open", () => {
      opened = true;
      signal.removeEventListener("abort", abort);
      if (socket.protocol !== SUBPROTOCOL) {
        socket.terminate();
        reject(new SocketRefused(`${url} speaks WebSocket, but not ${SUBPROTOCOL}`, 505));
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
          socket.terminate();
        },
      });
    });
    socket.on("message", (data, isBinary) => {
      const whole = Array.isArray(data) ? Buffer.concat(data) : data;
      if (!isBinary) handlers.message((whole as Buffer).toString("utf8"));
      else if (whole instanceof ArrayBuffer) handlers.message(new Uint8Array(whole));
      else handlers.message(new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength));
    });
    socket.on("close", (code, reason) => {
      signal.removeEventListener("abort", abort);
      // the codes of `ws` for what it does not accept
      const broken = failure !== undefined && "code" in failure && String(failure.code).startsWith("WS_ERR_");
      if (opened) handlers.closed(code, broken && failure !== undefined ? failure.message : reason.toString(), broken);
      else reject(failure ?? new SocketRefused(`cannot connect to ${url}`));
    });
  });
