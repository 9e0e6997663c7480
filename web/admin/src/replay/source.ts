/**
 * Why: brings the bytes of a recording in ranges and hands out their parts in order, as soon as each has arrived.
 * Rules: no more is fetched than a jump needs and one range ahead; what nobody waits for any more is given up; what was
 * fetched is kept up to a limit, so that going back costs nothing.
 */
import { type Block, type Frame, framesOf } from "./timeline";

/** One chunk of the recording; `frames` null: it is damaged, or could not be had. */
export interface Part {
  place: number;
  frames: Frame[] | null;
  /** Nothing could be had; what follows begins here, and is asked for by the next call. */
  until?: number;
}

/** Ask for the chunks `first` to `last` of a segment: parts, each headed by its place and length (see docs/protocol). */
export type FetchRange = (segment: number, first: number, last: number, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;

const HEAD = 8;
const DAMAGED = 0xffff_ffff;
/** More than the largest chunk there can be. */
const MOST = 4 << 20;
const KEPT_BYTES = 48 << 20;

/** Split a stream into parts as they come: (place, bytes), null for one that is damaged. */
async function* partsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<[place: number, data: Uint8Array | null]> {
  const reader = stream.getReader();
  let rest: Uint8Array = new Uint8Array(0);
  for (;;) {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const length = rest.length >= HEAD ? view.getUint32(4, true) : 0;
    const size = length === DAMAGED ? 0 : length;
    if (size > MOST) throw new RangeError("a part of the recording is too long");
    if (rest.length >= HEAD + size) {
      yield [view.getUint32(0, true), length === DAMAGED ? null : rest.subarray(HEAD, HEAD + size)];
      rest = rest.subarray(HEAD + size);
      continue;
    }
    const { done, value } = await reader.read();
    if (done) break;
    const whole: Uint8Array = new Uint8Array(rest.length + value.length);
    whole.set(rest);
    whole.set(value, rest.length);
    rest = whole;
  }
  if (rest.length) throw new RangeError("a part of the recording is cut off");
}

/** One range on its way, or here. */
class Range {
  readonly parts: Part[] = [];
  ended = false;
  failed = false;
  bytes = 0;
  readonly #stop = new AbortController();
  #waiting: (() => void)[] = [];

  constructor(
    readonly block: Block,
    readonly first: number,
    fetch: FetchRange,
  ) {
    void this.#load(fetch);
  }

  /** Resolves when more has arrived, or nothing will. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  stop(): void {
    if (!this.ended) this.#stop.abort();
  }

  async #load(fetch: FetchRange): Promise<void> {
    const { segment, last, base } = this.block;
    try {
      const stream = await fetch(segment, this.first, last, this.#stop.signal);
      for await (const [place, data] of partsOf(stream)) {
        this.parts.push({ place, frames: data && framed(data, base) });
        this.bytes += data?.length ?? 0;
        this.#tell();
      }
    } catch {
      this.failed = true;
    }
    this.ended = true;
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function framed(data: Uint8Array, base: number): Frame[] | null {
  try {
    return framesOf(data, base);
  } catch {
    return null;
  }
}

/** Reads a recording on from any block. */
export class Source {
  readonly #blocks: readonly Block[];
  readonly #fetch: FetchRange;
  readonly #kept = new Map<string, Range>();
  #block = 0;
  #first = 0;
  #at = 0;

  constructor(blocks: readonly Block[], fetch: FetchRange) {
    this.#blocks = blocks;
    this.#fetch = fetch;
  }

  /** Go on at this block. Whoever waits in `next` gets null. */
  start(block: number): void {
    this.#block = block;
    this.#first = this.#blocks[block]?.first ?? 0;
    this.#at = 0;
    const wanted = this.#blocks[block] && this.#key(this.#block, this.#first);
    for (const [key, range] of this.#kept) {
      if (range.ended || key === wanted) continue;
      this.#kept.delete(key);
      range.stop();
    }
  }

  /** The next part in order of time; null at the end of the recording, or when something else was started meanwhile. */
  async next(): Promise<Part | null> {
    for (;;) {
      const block = this.#blocks[this.#block];
      if (!block) return null;
      const range = this.#range(this.#block, this.#first);
      const part = range.parts[this.#at];
      if (part) {
        this.#at += 1;
        if (range.ended) this.#ahead(range);
        return part;
      }
      if (range.ended) {
        this.#step(range);
        if (range.failed) {
          this.#kept.delete(keyOf(range.block, range.first));
          return { place: range.first, frames: null, until: this.#blocks[this.#block]?.start ?? Infinity };
        }
        continue;
      }
      const [from, first] = [this.#block, this.#first];
      await range.changed();
      if (from !== this.#block || first !== this.#first) return null;
    }
  }

  /** What follows a range: the rest of its block (a range is bounded in bytes), else the next block. */
  #after(range: Range): [block: number, first: number] {
    const last = range.parts.at(-1)?.place ?? range.block.last;
    if (!range.failed && last < range.block.last) return [this.#block, last + 1];
    return [this.#block + 1, this.#blocks[this.#block + 1]?.first ?? 0];
  }

  #step(range: Range): void {
    [this.#block, this.#first] = this.#after(range);
    this.#at = 0;
  }

  #ahead(range: Range): void {
    const [block, first] = this.#after(range);
    if (this.#blocks[block]) this.#range(block, first);
  }

  #key(block: number, first: number): string {
    return keyOf(this.#blocks[block] as Block, first);
  }

  #range(block: number, first: number): Range {
    const key = this.#key(block, first);
    let range = this.#kept.get(key);
    if (range) this.#kept.delete(key);
    else range = new Range(this.#blocks[block] as Block, first, this.#fetch);
    // The ones used last stand last.
    this.#kept.set(key, range);
    let bytes = 0;
    for (const one of this.#kept.values()) bytes += one.bytes;
    for (const [old, one] of this.#kept) {
      if (bytes <= KEPT_BYTES || this.#kept.size <= 2) break;
      if (!one.ended) continue;
      this.#kept.delete(old);
      bytes -= one.bytes;
    }
    return range;
  }
}

const keyOf = (block: Block, first: number): string => `${block.segment}/${first}`;
