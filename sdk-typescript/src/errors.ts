/**
 * Every error of this package.
 *
 *     Error
 *      └── NexusError          base: code, hint, retryable, mayHaveRun
 *           ├── RemoteError    the daemon refused; `code` is a name of the schema
 *           ├── SdkError       this end gave up; `code` is an `SdkErrorCode`
 *           └── ProcessError   a command failed, where `check` asked to be told
 *
 * Broken, closed by you and refused by the daemon are different codes, because they call for different reactions. An
 * aborted call rejects with the `reason` of its signal, whatever that is, and not with one of these.
 *
 * @module
 */

import { ERRORS, type ErrorDetails, type ErrorName } from "./protocol/errors.js";

/**
 * What went wrong on this side.
 *
 * - `connection_failed`: no connection could be made; nothing was sent.
 * - `daemon_not_found`: there is nothing to connect to.
 * - `connection_lost`: the connection broke and did not come back in time, or came back too late for this call.
 * - `connection_closed`: you closed the client.
 * - `call_timeout`: the deadline of the call has passed.
 * - `protocol_violation`: the peer's message breaks the schema.
 * - `output_gap`: bytes of a stream are gone.
 * - `reader_closed`: you gave up reading, and read again.
 *
 * The others are errors of the schema that are noticed before, or instead of, asking the daemon.
 */
export type SdkErrorCode =
  | "connection_failed"
  | "daemon_not_found"
  | "connection_lost"
  | "connection_closed"
  | "call_timeout"
  | "protocol_violation"
  | "output_gap"
  | "reader_closed"
  | "unauthenticated"
  | "too_many_requests"
  | "message_too_large"
  | "method_not_found"
  | "invalid_params"
  | "stdin_closed"
  | "tunnel_lost"
  | "file_changed"
  | "not_text";

const HINTS: Partial<Record<SdkErrorCode, string>> = {
  daemon_not_found: "start one with `boulder daemon start`, or set NEXUS_URL and NEXUS_TOKEN",
  connection_closed: "the client was closed; call connect() again",
  protocol_violation: "compare the versions of client and daemon",
  output_gap: "attach again at `offset` of this error, knowing that bytes are missing",
  method_not_found: "update the daemon",
};

const RETRYABLE: ReadonlySet<SdkErrorCode> = new Set(["connection_failed", "daemon_not_found", "connection_lost"]);

/** What every error of this package tells. */
export interface ErrorFacts {
  /** What to try next, for a person; may be empty. */
  hint?: string;
  /** Whether the same call may succeed later without anything else being changed. */
  retryable?: boolean;
  /** Whether the call may have had its effect although it failed: the answer was lost, not the call. */
  mayHaveRun?: boolean;
  /** What led to it. */
  cause?: unknown;
}

/** Base of every error of this package. */
export abstract class NexusError extends Error {
  /** Stable machine-readable name. */
  abstract readonly code: string;
  /** Number of the error where it is one of the schema, whoever noticed it; else undefined. */
  abstract readonly number: number | undefined;
  /** What to try next, for a person; may be empty. */
  readonly hint: string;
  /** Whether the same call may succeed later without anything else being changed. */
  readonly retryable: boolean;
  /** Whether the call may have had its effect although it failed: the answer was lost, not the call. */
  readonly mayHaveRun: boolean;

  /** @internal */
  constructor(message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.hint = facts.hint ?? "";
    this.retryable = facts.retryable ?? false;
    this.mayHaveRun = facts.mayHaveRun ?? false;
  }
}

/** This end gave up. */
export class SdkError extends NexusError {
  /** What went wrong. */
  readonly code: SdkErrorCode;
  /** Number of the error where the daemon could have answered with it; else undefined. */
  readonly number: number | undefined;
  /** With `connection_failed`: the HTTP status with which the server refused. */
  readonly status: number | undefined;
  /** With `output_gap`: offset at which bytes are available again. */
  readonly offset: number | undefined;
  /** With `output_gap`: offset of the first byte that is missing. */
  readonly expected: number | undefined;

  constructor(
    code: SdkErrorCode,
    message: string,
    facts: ErrorFacts & { status?: number; offset?: number; expected?: number } = {},
  ) {
    super(message, { hint: HINTS[code] ?? "", retryable: RETRYABLE.has(code), ...facts });
    this.code = code;
    this.number = numberOf(code);
    this.status = facts.status;
    this.offset = facts.offset;
    this.expected = facts.expected;
  }
}

/** The daemon refused. */
export class RemoteError extends NexusError {
  /** Name of the error; one that this version does not know may come from a newer daemon. */
  readonly code: ErrorName | (string & {});
  /** Number of the error on the wire. */
  readonly number: number;
  /** The part of its data that the schema describes; undefined when there is none. `isRemoteError` gives it a type. */
  readonly details: object | undefined;

  constructor(number: number, message: string, data?: unknown) {
    const row = ERRORS.get(number);
    const told = isObject(data) ? data : {};
    const name = row?.name ?? (typeof told["name"] === "string" ? told["name"] : "unknown_error");
    super(message, {
      hint: typeof told["hint"] === "string" ? told["hint"] : (row?.hint ?? ""),
      retryable: typeof told["retryable"] === "boolean" ? told["retryable"] : (row?.retryable ?? false),
      mayHaveRun: name === "deadline_exceeded" || name === "outcome_unknown",
    });
    this.code = name;
    this.number = number;
    this.details = isObject(told["details"]) ? told["details"] : undefined;
  }
}

/** A command did not end with exit code 0. */
export class ProcessError extends NexusError {
  /** `process_timeout` when it was killed because its time ran out, else `process_failed`. */
  readonly code: "process_failed" | "process_timeout";
  /** Undefined: no error of the schema. */
  readonly number = undefined;
  /** Its argv. */
  readonly command: readonly string[];
  /** Its id; its whole output can be attached to while the daemon keeps it. */
  readonly process: string;
  /** The exit code; null where a signal ended it. */
  readonly exitCode: number | null;
  /** The signal's name without SIG, or null. */
  readonly signal: string | null;
  /** The last part of what it wrote to stdout. */
  readonly stdout: string;
  /** The last part of what it wrote to stderr. */
  readonly stderr: string;

  /** @internal */
  constructor(facts: {
    command: readonly string[];
    process: string;
    exitCode: number | null;
    signal: string | null;
    reason: string;
    stdout: string;
    stderr: string;
  }) {
    const timeout = facts.reason === "timeout";
    const ended =
      facts.signal === null ? `exited with code ${String(facts.exitCode)}` : `was ended by signal ${facts.signal}`;
    const excerpt = (facts.stderr || facts.stdout).trim().slice(-EXCERPT);
    const message = `command ${JSON.stringify(facts.command[0] ?? "")} ${timeout ? "ran out of time" : ended}`;
    super(excerpt === "" ? message : `${message}: ${excerpt}`, {});
    this.code = timeout ? "process_timeout" : "process_failed";
    this.command = [...facts.command];
    this.process = facts.process;
    this.exitCode = facts.exitCode;
    this.signal = facts.signal;
    this.stdout = facts.stdout;
    this.stderr = facts.stderr;
  }
}

const EXCERPT = 400;

function numberOf(name: string): number | undefined {
  for (const row of ERRORS.values()) if (row.name === name) return row.number;
  return undefined;
}

/**
 * Whether an error is the daemon's refusal of that name; its `details` then have their type.
 *
 * @example
 * if (isRemoteError(error, "offset_expired")) console.log(error.details?.earliest);
 */
export function isRemoteError<C extends ErrorName>(
  error: unknown,
  code: C,
): error is RemoteError & { readonly code: C; readonly details: ErrorDetails[C] | undefined } {
  return error instanceof RemoteError && error.code === code;
}

/** @internal */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
