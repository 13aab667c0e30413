/**
 * Client for Nexus workspaces: commands, files, ports and git of a remote machine over one WebSocket.
 *
 * This entry runs in every engine. What needs Node.js is in `@nexus-workspaces/sdk/node`.
 *
 * @module
 */

import "./dispose.js";

export { ByteStream } from "./byteStream.js";
export { type CheckpointOptions, Checkpoints } from "./checkpoints.js";
export {
  type CreateOptions,
  type ForkOptions,
  type ForkSource,
  Nexus,
  Operations,
  System,
  type TokenOptions,
  Tokens,
  type WorkspaceListOptions,
  type WorkspaceWatchOptions,
  Workspaces,
  connect,
} from "./client.js";
export {
  type ErrorFacts,
  NexusError,
  ProcessError,
  RemoteError,
  type RemoteErrorOf,
  SdkError,
  type SdkErrorCode,
  isRemoteError,
} from "./errors.js";
export { FileWatch, Search, WorkspaceWatch } from "./events.js";
export {
  type DownloadOptions,
  type EditOptions,
  Files,
  type ListOptions,
  type MoveOptions,
  type PlaceOptions,
  type ReadOptions,
  type SearchOptions,
  type UploadOptions,
  type WatchOptions,
} from "./files.js";
export { type CommitOptions, type DiffOptions, Git, type LogOptions, type SyncOptions } from "./git.js";
export type { Progress } from "./link.js";
export type {
  CallOptions,
  ChangeOptions,
  ConnectOptions,
  LifecycleOptions,
  ProgressOptions,
  Token,
} from "./options.js";
export type { OutputChunk } from "./output.js";
export { type DialOptions, Ports, Tunnel } from "./ports.js";
export { type AttachOptions, type FollowOptions, Process, type ProcessResult, Stdin } from "./process.js";
export { Processes, type StartOptions } from "./processes.js";
export type { ErrorName } from "./protocol/errors.js";
export { type LinkFailure, isTransient } from "./retry.js";
export type { OpenSocket, Socket, SocketHandlers, SocketRequest } from "./socket.js";
export { SocketRefused, openWebSocket } from "./socket.js";
export { Download, type RandomAccess, type UploadSource } from "./transfer.js";
export { type ExecOptions, type RunOptions, type RunResult, Workspace } from "./workspace.js";
