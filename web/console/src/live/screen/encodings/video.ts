/**
 * Why: encoding 5. The rectangle that stays hot, as VP8: the browser's own decoder (WebCodecs) unpacks it beside us.
 * Rules: frames are decoded in the order in which they came, whatever is drawn meanwhile. After a failure nothing is
 * shown until the next key frame, which the view asks for.
 */
import { UpdateError, type Rect } from "../update";
import type { Draw, Surface } from "./encoding";

const CODEC = "vp8";
const CELL = 16;
export const VideoFlag = { KEY: 1, MASKED: 2 } as const;

let known: Promise<string[]> | null = null;

/** The codecs that this browser can draw, as START names them. None in a browser without WebCodecs. */
export function videoCodecs(): Promise<string[]> {
  known ??= ask();
  return known;
}

async function ask(): Promise<string[]> {
  try {
    if (typeof VideoDecoder === "undefined") return [];
    return (await VideoDecoder.isConfigSupported({ codec: CODEC })).supported === true ? [CODEC] : [];
  } catch {
    return [];
  }
}

type Waiting = { resolve: (frame: VideoFrame) => void; reject: (error: Error) => void };

export class VideoStream {
  #decoder: VideoDecoder | null = null;
  #waiting: Waiting[] = [];
  #time = 0;

  next(rect: Rect): Promise<Draw> {
    const { w, h, arg, data } = rect;
    const [columns, rows] = [Math.ceil(w / CELL), Math.ceil(h / CELL)];
    const masked = (arg & VideoFlag.MASKED) !== 0;
    const size = masked ? Math.ceil((columns * rows) / 8) : 0;
    if (data.byteLength <= size) throw new UpdateError("a video frame is cut off");
    const mask = masked ? data.subarray(0, size) : null;
    if (arg & VideoFlag.KEY) this.#begin();
    return this.#decode(data.subarray(size), (arg & VideoFlag.KEY) !== 0).then((frame) => (surface) => {
      try {
        paint(surface, rect, frame, mask, columns);
      } finally {
        frame.close();
      }
    });
  }

  #begin(): void {
    if (typeof VideoDecoder === "undefined") throw new UpdateError("this browser has no video decoder");
    if (this.#decoder?.state !== "configured") {
      const waiting: Waiting[] = (this.#waiting = []);
      this.#decoder = new VideoDecoder({
        output: (frame) => (waiting.shift() ?? { resolve: () => frame.close() }).resolve(frame),
        error: (error) => {
          for (const { reject } of waiting.splice(0)) reject(new UpdateError(`the video could not be decoded: ${error.message}`));
        },
      });
      this.#decoder.configure({ codec: CODEC, optimizeForLatency: true });
    }
  }

  #decode(data: Uint8Array<ArrayBuffer>, key: boolean): Promise<VideoFrame> {
    const decoder = this.#decoder;
    if (decoder?.state !== "configured") throw new UpdateError("a video goes on that did not begin here");
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#time += 1000;
      decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: this.#time, data }));
    });
  }
}

/** Draw a frame over its rectangle: all of it, or the cells that the mask shows. */
function paint({ context }: Surface, { x, y, w, h }: Rect, frame: VideoFrame, mask: Uint8Array | null, columns: number): void {
  if (!mask) {
    context.drawImage(frame, x, y, w, h);
    return;
  }
  const runs = shownRuns(mask, columns, Math.ceil(h / CELL));
  if (!runs.length) return;
  context.save();
  context.beginPath();
  for (const [left, top, wide, tall] of runs) {
    const [from, down] = [left * CELL, top * CELL];
    context.rect(x + from, y + down, Math.min(wide * CELL, w - from), Math.min(tall * CELL, h - down));
  }
  context.clip();
  context.drawImage(frame, x, y, w, h);
  context.restore();
}

/** The set cells of a mask as few rectangles: column, row, width, height. */
export function shownRuns(mask: Uint8Array, columns: number, rows: number): [number, number, number, number][] {
  const done: [number, number, number, number][] = [];
  const open = new Map<number, [number, number, number, number]>();
  for (let row = 0; row < rows; row++) {
    const ends = new Set(open.keys());
    for (let column = 0; column < columns; ) {
      if (!isSet(mask, row * columns + column)) {
        column++;
        continue;
      }
      const left = column;
      while (column < columns && isSet(mask, row * columns + column)) column++;
      const key = left * columns + column - 1;
      const above = open.get(key);
      if (above) above[3]++;
      else open.set(key, [left, row, column - left, 1]);
      ends.delete(key);
    }
    for (const key of ends) {
      done.push(open.get(key)!);
      open.delete(key);
    }
  }
  return [...done, ...open.values()];
}

const isSet = (mask: Uint8Array, bit: number): boolean => ((mask[bit >> 3]! >> (7 - (bit & 7))) & 1) === 1;
