// Generated from schema/nexus; do not edit.

/**
 * The protocol as types and tables.
 *
 * @module
 */

export type * from "./types.js";
export { ERRORS, type ErrorDetails, type ErrorName, type ErrorRow } from "./errors.js";
export type { InternalErrorDetails, InvalidParamsDetails } from "./errors.js";
export { LEVEL, METHODS, type CallMethods, type CallName, type CallTypes, type MethodSpec } from "./methods.js";
export type { StreamMethods, StreamName, StreamTypes } from "./methods.js";
