/**
 * Why: the time line of a recording as plain data: which chunk holds which moment, where a picture can begin, what is idle.
 * Rules: no page, no network; all times are milliseconds from the start of the recording.
 */
export interface Chunk {
  segment: number;
  place: number;
  start: number;
  end: number;
  size: number;
  /** When a full picture begins in here, or -1. */
  key: number;
  /** Start of its segment: times inside the chunk count from there. */
  base: number;
}

export interface Frame {
  time: number;
  channel: number;
  type: number;
  payload: Uint8Array;
}

export interface SaidOrDone {
  t_ms: number;
  kind: string;
  by: string;
  text: string;
}

export interface IndexFile {
  session: string;
  started_ms: number;
  duration_ms: number;
  segments: {
    segment: number;
    start_ms: number;
    end_ms: number;
    verified_ms: number;
    closed: boolean;
    chunks: [place: number, start: number, end: number, size: number, key: number][];
  }[];
  /** Where a screen began or changed its size: ms, width, height (0, 0: stopped). */
  screens: [at: number, width: number, height: number][];
  gaps: { from_ms: number; to_ms: number; what: string }[];
  events: SaidOrDone[];
  view: string;
}

const HEAD = 11;

/** The chunks of all segments in order of time. */
export function chunksOf(index: IndexFile): Chunk[] {
  return index.segments
    .flatMap(({ segment, start_ms, chunks }) =>
      chunks.map(([place, start, end, size, key]) => ({ segment, place, start, end, size, key, base: start_ms })),
    )
    .sort((a, b) => a.start - b.start || a.segment - b.segment || a.place - b.place);
}

/** Split a chunk into its frames. Throws when they do not fill it exactly. */
export function framesOf(data: Uint8Array, base: number): Frame[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const found: Frame[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + HEAD > data.length) throw new RangeError("a part of the recording ends within a frame");
    const length = view.getUint32(at + 7, true);
    if (at + HEAD + length > data.length) throw new RangeError("a part of the recording ends within a frame");
    found.push({
      time: base + view.getUint32(at, true),
      channel: view.getUint16(at + 4, true),
      type: view.getUint8(at + 6),
      payload: data.subarray(at + HEAD, at + HEAD + length),
    });
    at += HEAD + length;
  }
  return found;
}

/** Place of the newest chunk that starts by `time`; 0 when none does. */
export function placeAt(chunks: readonly Chunk[], time: number): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((chunks[middle] as Chunk).start <= time) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

/** Place of the newest chunk in which a full picture begins by `time`; else of the first one that has some; else 0. */
export function keyBefore(chunks: readonly Chunk[], time: number): number {
  for (let place = placeAt(chunks, time); place >= 0; place -= 1) {
    const key = chunks[place]?.key ?? -1;
    if (key >= 0 && key <= time) return place;
  }
  return Math.max(
    chunks.findIndex((chunk) => chunk.key >= 0),
    0,
  );
}

/** When the first full picture begins; 0 when there is none. */
export const firstPicture = (chunks: readonly Chunk[]): number => chunks.find((chunk) => chunk.key >= 0)?.key ?? 0;

/** Size of the screen at `time`, or null before the first and while nothing is shared. */
export function sizeAt(screens: IndexFile["screens"], time: number): { width: number; height: number } | null {
  let size: { width: number; height: number } | null = null;
  for (const [at, width, height] of screens) {
    if (at > time) break;
    size = width && height ? { width, height } : null;
  }
  return size;
}

/** Place of the newest event by `time`, or -1. */
export function eventAt(events: readonly SaidOrDone[], time: number): number {
  let found = -1;
  for (let n = 0; n < events.length && (events[n] as SaidOrDone).t_ms <= time; n += 1) found = n;
  return found;
}

/** A time as h:mm:ss or m:ss. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
