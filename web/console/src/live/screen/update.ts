/**
 * Why: the layout of UPDATE payloads (docs/protocol/screen.md), read once, with every length checked: what comes from an
 * endpoint is hostile until it fits.
 */

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  readonly encoding: number;
  readonly arg: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

export interface Update {
  readonly seq: number;
  readonly timeMs: number;
  readonly flags: number;
  readonly rects: readonly Rect[];
}

export const Flag = { KEY: 1, COMPLETE: 2 } as const;

const HEAD = 12;
const RECT_HEAD = 16;

/** The payload is not an update. */
export class UpdateError extends Error {
  override name = "UpdateError";
}

/** Read an update. Throws UpdateError. */
export function parseUpdate(payload: Uint8Array): Update {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (payload.byteLength < HEAD) throw new UpdateError("an update is too short");
  const count = view.getUint16(10, true);
  const rects: Rect[] = [];
  let at = HEAD;
  for (let n = 0; n < count; n++) {
    if (at + RECT_HEAD > payload.byteLength) throw new UpdateError("a rectangle is cut off");
    const length = view.getUint32(at + 12, true);
    if (length > payload.byteLength - at - RECT_HEAD) throw new UpdateError("the data of a rectangle is cut off");
    rects.push({
      x: view.getUint16(at, true),
      y: view.getUint16(at + 2, true),
      w: view.getUint16(at + 4, true),
      h: view.getUint16(at + 6, true),
      encoding: view.getUint8(at + 8),
      arg: view.getUint8(at + 9),
      data: payload.subarray(at + RECT_HEAD, at + RECT_HEAD + length) as Uint8Array<ArrayBuffer>,
    });
    at += RECT_HEAD + length;
  }
  if (at !== payload.byteLength) throw new UpdateError("bytes follow the last rectangle");
  return { seq: view.getUint32(0, true), timeMs: view.getUint32(4, true), flags: view.getUint8(8), rects };
}
