/**
 * Why: payloads that are bytes and not JSON, written and read in one place, the mirror of protocol/input.py, shell.py,
 * files.py, clipboard.py and screen.py (an UPDATE is read in live/screen/update.ts). `tests/wire/*.json` holds both languages to the same bytes.
 */

type Bytes = Uint8Array<ArrayBuffer>;

function written(size: number, write: (view: DataView) => void): Bytes {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
}

/** What a BLOCK wants: mouse and keyboard there given back, disabled, or left disabled. */
export const BLOCK = { GIVE_BACK: 0, DISABLE: 1, STILL: 2 } as const;

export const encodeBlock = (wanted: number): Bytes => written(1, (view) => view.setUint8(0, wanted));

export const encodeKey = (keysym: number, down: boolean): Bytes =>
  written(5, (view) => {
    view.setUint8(0, down ? 1 : 0);
    view.setUint32(1, keysym, true);
  });

/** Pixels of the remote screen; buttons that are held, as bits. */
export const encodePointer = (x: number, y: number, buttons: number): Bytes =>
  written(5, (view) => {
    view.setUint16(0, x, true);
    view.setUint16(2, y, true);
    view.setUint8(4, buttons);
  });

/** A text to be typed at once; a secret one is in no recording. */
export function encodeText(number: number, secret: boolean, text: Uint8Array): Bytes {
  const payload = written(3 + text.byteLength, (view) => {
    view.setUint16(0, number, true);
    view.setUint8(2, secret ? 1 : 0);
  });
  payload.set(text, 3);
  return payload;
}

/** Clicks to the right and down. */
export const encodeWheel = (dx: number, dy: number): Bytes =>
  written(2, (view) => {
    view.setInt8(0, dx);
    view.setInt8(1, dy);
  });

/** The number of an update, and the time that it took here in tenths of a millisecond. */
export const encodeAck = (seq: number, tenths: number): Bytes =>
  written(6, (view) => {
    view.setUint32(0, seq, true);
    view.setUint16(4, Math.min(65535, tenths), true);
  });

export const encodeCredit = (bytes: number): Bytes => written(4, (view) => view.setUint32(0, bytes, true));

export interface ShellOutput {
  /** Bytes of the shell's output before these. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Read a DATA payload; null when it is too short to be one. */
export function readShellOutput(payload: Uint8Array): ShellOutput | null {
  if (payload.byteLength < 8) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, 8);
  return { offset: Number(view.getBigUint64(0, true)), bytes: payload.subarray(8) };
}

/** Bytes of a transfer with their head. */
export function encodePart(transfer: number, bytes: Uint8Array): Bytes {
  const part = written(4 + bytes.byteLength, (view) => view.setUint32(0, transfer, true));
  part.set(bytes, 4);
  return part;
}

export interface Part {
  readonly transfer: number;
  readonly bytes: Uint8Array;
}

/** Read a PART payload; null when it is too short to be one. */
export function readPart(payload: Uint8Array): Part | null {
  if (payload.byteLength < 4) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, 4);
  return { transfer: view.getUint32(0, true), bytes: payload.subarray(4) };
}

export interface CursorShape {
  readonly hotX: number;
  readonly hotY: number;
  readonly width: number;
  readonly height: number;
  /** RGBA, straight alpha. */
  readonly pixels: Uint8Array;
}

/** Read a CURSOR payload; null when it is none. */
export function readCursor(payload: Uint8Array): CursorShape | null {
  if (payload.byteLength < 8) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, 8);
  const [hotX, hotY, width, height] = [0, 2, 4, 6].map((at) => view.getUint16(at, true)) as [number, number, number, number];
  const pixels = payload.subarray(8);
  return pixels.byteLength === width * height * 4 ? { hotX, hotY, width, height, pixels } : null;
}

/** Read a POINTER payload; null when it is none, or the pointer is outside of the picture. */
export function readPointer(payload: Uint8Array): { x: number; y: number } | null {
  if (payload.byteLength !== 4) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, 4);
  const [x, y] = [view.getUint16(0, true), view.getUint16(2, true)];
  return x === 0xffff && y === 0xffff ? null : { x, y };
}

export interface FileChunk {
  readonly id: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A DATA payload of files: number of the request, offset of the first byte, bytes. */
export function encodeChunk(id: number, offset: number, bytes: Uint8Array): Bytes {
  const payload = written(12 + bytes.byteLength, (view) => {
    view.setUint32(0, id, true);
    view.setBigUint64(4, BigInt(offset), true);
  });
  payload.set(bytes, 12);
  return payload;
}

/** Read a DATA payload of files; null when it is too short to be one. */
export function readChunk(payload: Uint8Array): FileChunk | null {
  if (payload.byteLength <= 12) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, 12);
  return { id: view.getUint32(0, true), offset: Number(view.getBigUint64(4, true)), bytes: payload.subarray(12) };
}

/** An ACK payload of files: everything before the offset was taken. */
export const encodeTaken = (id: number, offset: number): Bytes =>
  written(12, (view) => {
    view.setUint32(0, id, true);
    view.setBigUint64(4, BigInt(offset), true);
  });

/** Read an ACK payload of files; null when it is none. */
export function readTaken(payload: Uint8Array): { readonly id: number; readonly offset: number } | null {
  if (payload.byteLength !== 12) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, 12);
  return { id: view.getUint32(0, true), offset: Number(view.getBigUint64(4, true)) };
}
