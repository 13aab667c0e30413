/**
 * Text frames: one JSON-RPC 2.0 object each. Ids may be `0` and `""`; test them for absence, never for truth.
 *
 * @module
 */

import { isObject } from "../errors.js";

/** The text is not a message of this protocol. */
export class MessageError extends Error {}

/** What a daemon sends as text. */
export type Message =
  | { readonly kind: "response"; readonly id: number | string; readonly result: unknown }
  | { readonly kind: "error"; readonly id: number | string | null; readonly error: ErrorObject }
  | { readonly kind: "notification"; readonly method: string; readonly params: Record<string, unknown> }
  | { readonly kind: "request" };

/** The `error` member of an answer. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data: unknown;
}

/** Most bytes of UTF-8 that are taken for one message. */
export const MAX_INCOMING = 4 * 1024 * 1024;

/** Read one text frame. Throws `MessageError`. */
export function decodeMessage(text: string): Message {
  if (text.length > MAX_INCOMING) throw new MessageError(`a message of ${text.length} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MessageError("a text frame is not JSON");
  }
  if (!isObject(value) || value["jsonrpc"] !== "2.0") throw new MessageError("a text frame is not JSON-RPC 2.0");
  const id = value["id"];
  if (value["method"] !== undefined) {
    if (id !== undefined) return { kind: "request" };
    const params = value["params"] ?? {};
    if (typeof value["method"] !== "string" || !isObject(params)) throw new MessageError("not a notification");
    return { kind: "notification", method: value["method"], params };
  }
  if (value["error"] !== undefined) {
    if ("result" in value) throw new MessageError("an answer with both result and error");
    const error = value["error"];
    if (!isObject(error) || typeof error["code"] !== "number" || typeof error["message"] !== "string") {
      throw new MessageError("`error` is not an error object");
    }
    if (!isId(id) && id !== null) throw new MessageError("an answer without an id");
    return { kind: "error", id, error: { code: error["code"], message: error["message"], data: error["data"] } };
  }
  if (!("result" in value)) throw new MessageError("an answer without result and error");
  if (!isId(id)) throw new MessageError("an answer without an id");
  return { kind: "response", id, result: value["result"] };
}

function isId(value: unknown): value is number | string {
  return typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value));
}

/** A request. */
export function encodeRequest(id: number, method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params: params ?? {} });
}

/** A notification. */
export function encodeNotification(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

/** Whether a text takes more than `limit` bytes of UTF-8; it is only encoded when its length leaves a doubt. */
export function exceeds(text: string, limit: number): boolean {
  if (text.length > limit) return true;
  return text.length * 3 > limit && new TextEncoder().encode(text).byteLength > limit;
}
