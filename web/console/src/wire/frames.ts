/**
 * Why: the unit that travels on a leg, one per WebSocket binary message; the same rules as protocol/frames.py.
 *
 *   offset  size  field (little endian)
 *   0       1     version   always 1
 *   1       1     type
 *   2       2     channel   kind << 8 | instance
 *   4       2     leg       from an endpoint 0 = every leg that may see it; from us our own leg
 *   6       2     reserved  0
 *   8       4     length    of the payload, exactly what follows
 */
export const VERSION = 1;
export const HEADER_SIZE = 12;
/** Longest payload of any frame, in bytes. */
export const MAX_PAYLOAD = 1 << 20;
export const EVERY_LEG = 0;
export const RECORDER_LEG = 0xffff;

/** The bytes are not a frame. The message names the field; the socket that sent them is closed. */
export class FrameError extends Error {
  override name = "FrameError";
}

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly leg: number;
  /** A view into the message that came; nothing is copied. */
  readonly payload: Uint8Array;
}

/** Split a WebSocket message into a frame. Throws FrameError. */
export function parse(message: ArrayBuffer | Uint8Array): Frame {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  const size = bytes.byteLength;
  if (size < HEADER_SIZE) throw new FrameError(`a frame needs ${HEADER_SIZE} bytes of header, ${size} came`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  const version = view.getUint8(0);
  const length = view.getUint32(8, true);
  if (version !== VERSION) throw new FrameError(`frame version ${version} is not understood, ${VERSION} is`);
  if (view.getUint16(6, true)) throw new FrameError("the reserved field of a frame must be 0");
  if (length > MAX_PAYLOAD) throw new FrameError(`a payload of ${length} bytes is over the limit of ${MAX_PAYLOAD}`);
  if (length !== size - HEADER_SIZE) {
    throw new FrameError(`the frame announces ${length} bytes and carries ${size - HEADER_SIZE}`);
  }
  return {
    type: view.getUint8(1),
    channel: view.getUint16(2, true),
    leg: view.getUint16(4, true),
    payload: bytes.subarray(HEADER_SIZE),
  };
}

/** Return the bytes of one frame. Throws FrameError when the payload is over MAX_PAYLOAD. */
export function build(
  type: number,
  channel: number,
  leg: number = EVERY_LEG,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  if (payload.byteLength > MAX_PAYLOAD) {
    throw new FrameError(`a payload of ${payload.byteLength} bytes is over the limit of ${MAX_PAYLOAD}`);
  }
  const bytes = new Uint8Array(HEADER_SIZE + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, type);
  view.setUint16(2, channel, true);
  view.setUint16(4, leg, true);
  view.setUint32(8, payload.byteLength, true);
  bytes.set(payload, HEADER_SIZE);
  return bytes;
}
