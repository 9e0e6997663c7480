/**
 * Why: the time line of a recording as plain data: where a full picture begins, and what has to be fetched to show a moment.
 * Rules: no page, no network; all times are milliseconds from the start of the recording.
 */
/** A run of chunks of one segment that is fetched together: from a full picture to the next one. */
export interface Block {
  segment: number;
  /** Places of its first and last chunk. */
  first: number;
  last: number;
  /** When its full picture begins; -1 for what stands before the first one of a segment, and cannot be shown. */
  key: number;
  /** When it begins. */
  start: number;
  /** Start of its segment: times inside chunks count from there. */
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
  /** One of `GROUPS` of the view. */
  group: string;
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
    /** Place of its last chunk. */
    last: number;
    /** Its full pictures: place of the chunk and time in the segment, each as the difference to the one before. */
    places: number[];
    times: number[];
  }[];
  /** Where a screen began or changed its size: ms, width, height (0, 0: stopped). */
  screens: [at: number, width: number, height: number][];
  gaps: { from_ms: number; to_ms: number; what: string }[];
  view: string;
}

const HEAD = 11;

/** The blocks of all segments in order of time. */
export function blocksOf(index: IndexFile): Block[] {
  const found: Block[] = [];
  for (const { segment, start_ms: base, last, places, times } of [...index.segments].sort((a, b) => a.start_ms - b.start_ms)) {
    const first = places[0] ?? last + 1;
    if (first > 0 && last >= 0) found.push({ segment, first: 0, last: first - 1, key: -1, start: base, base });
    let [place, time] = [0, 0];
    places.forEach((more, n) => {
      place += more;
      time += times[n] ?? 0;
      const until = n + 1 < places.length ? place + (places[n + 1] as number) - 1 : last;
      found.push({ segment, first: place, last: until, key: base + time, start: base + time, base });
    });
  }
  return found;
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

/** Number of the newest block that begins by `time`; 0 when none does. */
export function blockAt(blocks: readonly Block[], time: number): number {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((blocks[middle] as Block).start <= time) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

/** Number of the newest block whose full picture begins by `time`; else of the first that has one; else 0. */
export function keyBefore(blocks: readonly Block[], time: number): number {
  for (let n = blockAt(blocks, time); n >= 0; n -= 1) {
    const key = blocks[n]?.key ?? -1;
    if (key >= 0 && key <= time) return n;
  }
  return Math.max(
    blocks.findIndex((block) => block.key >= 0),
    0,
  );
}

/** When the first full picture begins; 0 when there is none. */
export const firstPicture = (blocks: readonly Block[]): number => blocks.find((block) => block.key >= 0)?.key ?? 0;

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
