/**
 * Binary frames: how the bytes of streams travel.
 *
 * One WebSocket binary message is one frame, big-endian:
 *
 *     offset  size  field
 *     0       1     type      0 DATA, 1 EOF, 2 CREDIT
 *     1       1     channel   0 towards the machine, 1 away from it (stdout, download), 2 stderr
 *     2       4     stream    number given by `stream.open`, never 0
 *     6       8     offset    position of the first byte; where the channel ends; the absolute limit
 *     14      n     payload   DATA only, at most 65,536
 *
 * In a CREDIT frame channel 0 credits what flows to the machine, and 1 what flows from it. On a stream of events,
 * credit counts events.
 *
 * @module
 */

export const DATA = 0;
export const EOF = 1;
export const CREDIT = 2;

/** Channel of the direction towards the machine. */
export const UP = 0;
/** Channel that stands for the direction away from the machine; data there may also use channel 2. */
export const DOWN = 1;

/** Bytes before the payload. */
export const HEADER = 14;
/** Most payload bytes in one frame. */
export const MAX_PAYLOAD = 65_536;

const TWO_32 = 0x1_0000_0000;

/** The bytes are not a frame: the peer does not speak this protocol. */
export class FrameError extends Error {}

/** One decoded frame. The payload is a view of the message, not a copy. */
export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly stream: number;
  readonly offset: number;
  readonly payload: Uint8Array;
}

/** Read one frame. Throws `FrameError` when the bytes are none. */
export function decodeFrame(data: Uint8Array): Frame {
  const length = data.byteLength - HEADER;
  if (length < 0) throw new FrameError(`a frame has at least ${HEADER} bytes; got ${data.byteLength}`);
  const view = new DataView(data.buffer, data.byteOffset, HEADER);
  const type = view.getUint8(0);
  const channel = view.getUint8(1);
  const stream = view.getUint32(2);
  const offset = view.getUint32(6) * TWO_32 + view.getUint32(10);
  if (type > CREDIT) throw new FrameError(`frame type ${type} does not exist`);
  if (channel > (type === CREDIT ? DOWN : 2)) throw new FrameError(`channel ${channel} does not exist`);
  if (stream === 0) throw new FrameError("streams are numbered from 1");
  if (length > 0 && type !== DATA) throw new FrameError("only DATA carries a payload");
  if (length > MAX_PAYLOAD) throw new FrameError(`a frame carries at most ${MAX_PAYLOAD} bytes; got ${length}`);
  if (offset + length > Number.MAX_SAFE_INTEGER) throw new FrameError("offset lies outside 0 to 2^53 - 1");
  return { type, channel, stream, offset, payload: data.subarray(HEADER) };
}

/** The bytes of one frame; the caller keeps to the limits. */
export function encodeFrame(
  type: number,
  channel: number,
  stream: number,
  offset: number,
  payload?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(HEADER + (payload?.byteLength ?? 0));
  const view = new DataView(data.buffer);
  view.setUint8(0, type);
  view.setUint8(1, channel);
  view.setUint32(2, stream);
  view.setUint32(6, Math.floor(offset / TWO_32));
  view.setUint32(10, offset % TWO_32);
  if (payload !== undefined) data.set(payload, HEADER);
  return data;
}
