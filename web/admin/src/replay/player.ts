/**
 * Why: plays the screen of a recording: a clock, the chunks around it, and a decoder that draws.
 * Rules: one thing at a time touches the decoder (a queue of one); a newer seek overtakes an older one; a chunk that cannot
 * be had is left out, and drawing goes on at the next full picture. A full picture may come in several updates: a seek
 * that ends between them goes on to the last one, so that nobody is shown a half-drawn screen.
 */
import { type Chunk, type Frame, type IndexFile, chunksOf, framesOf, keyBefore, placeAt, sizeAt } from "./timeline";

export interface Decoder {
  apply(payload: Uint8Array): Promise<unknown> | unknown;
}

export interface Parts {
  index: IndexFile;
  /** A decoder for a screen of this size, with nothing drawn yet; null: nothing is shared. */
  decoder(size: { width: number; height: number } | null): Decoder;
  /** Fetch the bytes of a chunk. */
  fetch(chunk: Chunk): Promise<Uint8Array>;
  /** Something to show has changed: position, playing, waiting. */
  changed(): void;
  /** A part cannot be shown. */
  failed(chunk: Chunk): void;
}

const SCREEN = 2;
const STARTED = 17;
const STOPPED = 18;
const UPDATE = 19;
const KEY_FLAG = 1;
const COMPLETE_FLAG = 2;
/** A seek goes on for so long to see a picture complete (a screen that never rests may not be for some time). */
const WHOLE_WITHIN_MS = 5000;
const IDLE_MS = 2000;
const IDLE_KEPT_MS = 500;
const AHEAD = 3;
const KEPT = 24;

export class ScreenPlayer {
  readonly duration: number;
  position = 0;
  playing = false;
  waiting = false;
  speed = 1;
  skipIdle = false;

  readonly #parts: Parts;
  readonly #chunks: Chunk[];
  readonly #cache = new Map<Chunk, Promise<Frame[]>>();
  #decoder: Decoder;
  /** Frames that are loaded and not drawn, and the place of the next chunk to load. */
  #frames: Frame[] = [];
  #next = 0;
  /** After a gap nothing is drawn until a full picture begins. */
  #needsKey = true;
  /** All of the screen has been drawn since the full picture began. */
  #whole = false;
  #turn = 0;
  #work: Promise<void> = Promise.resolve();
  #stepping = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#chunks = chunksOf(parts.index);
    this.duration = parts.index.duration_ms;
    this.#decoder = parts.decoder(sizeAt(parts.index.screens, 0));
  }

  play(): void {
    if (this.playing) return;
    if (this.position >= this.duration) void this.seek(0);
    this.playing = true;
    this.#parts.changed();
  }

  pause(): void {
    this.playing = false;
    this.#parts.changed();
  }

  /** Jump: draw from the full picture before `time` up to it. Resolves when that is done or overtaken. */
  seek(time: number): Promise<void> {
    const turn = (this.#turn += 1);
    this.position = Math.min(Math.max(time, 0), this.duration);
    this.waiting = true;
    this.#parts.changed();
    this.#work = this.#work.then(async () => {
      if (turn !== this.#turn) return;
      await this.#begin(this.position);
      await this.#drawUntil(this.position, turn);
      await this.#drawWhole(turn);
      if (turn === this.#turn) this.waiting = false;
      this.#parts.changed();
    });
    return this.#work;
  }

  /** Let `elapsed` milliseconds of real time pass. Resolves when what is due has been drawn. */
  async pass(elapsed: number): Promise<void> {
    if (!this.playing || this.waiting || this.#stepping) return;
    this.#stepping = true;
    const turn = this.#turn;
    try {
      let target = Math.min(this.position + elapsed * this.speed, this.duration);
      if (this.skipIdle) target = this.#withoutIdle(target);
      this.#work = this.#work.then(() => this.#drawUntil(target, turn));
      await this.#work;
      if (turn !== this.#turn) return;
      this.position = target;
      if (target >= this.duration) this.playing = false;
      this.#parts.changed();
    } finally {
      this.#stepping = false;
    }
  }

  #withoutIdle(target: number): number {
    const next = this.#frames[0]?.time ?? this.#chunks[this.#next]?.start ?? this.duration;
    return next - target > IDLE_MS ? Math.min(next - IDLE_KEPT_MS, this.duration) : target;
  }

  async #begin(time: number): Promise<void> {
    const place = keyBefore(this.#chunks, time);
    const chunk = this.#chunks[place];
    this.#next = place;
    this.#frames = [];
    this.#needsKey = true;
    this.#whole = false;
    this.#decoder = this.#parts.decoder(sizeAt(this.#parts.index.screens, chunk ? Math.max(chunk.key, chunk.start) : time));
  }

  async #drawUntil(time: number, turn: number): Promise<void> {
    while (turn === this.#turn) {
      const frame = this.#frames[0];
      if (frame) {
        if (frame.time > time) return;
        this.#frames.shift();
        await this.#draw(frame);
        continue;
      }
      const chunk = this.#chunks[this.#next];
      if (!chunk || chunk.start > time) return;
      const frames = await this.#load(this.#next);
      if (turn !== this.#turn) return;
      this.#next += 1;
      if (frames) this.#frames = frames;
      else this.#needsKey = true;
    }
  }

  /** Go on until the picture that has begun is complete. */
  async #drawWhole(turn: number): Promise<void> {
    const until = Math.min(this.position + WHOLE_WITHIN_MS, this.duration);
    while (turn === this.#turn && !this.#needsKey && !this.#whole) {
      const next = this.#frames[0]?.time ?? this.#chunks[this.#next]?.start ?? Infinity;
      if (next > until) return;
      this.position = Math.max(this.position, next);
      await this.#drawUntil(next, turn);
    }
  }

  async #draw(frame: Frame): Promise<void> {
    if (frame.channel >> 8 !== SCREEN) return;
    if (frame.type === STARTED || frame.type === STOPPED) {
      this.#decoder = this.#parts.decoder(sizeAt(this.#parts.index.screens, frame.time));
      this.#needsKey = true;
    } else if (frame.type === UPDATE) {
      const flags = frame.payload[8] ?? 0;
      if (this.#needsKey && !(flags & KEY_FLAG)) return;
      this.#needsKey = false;
      if (flags & KEY_FLAG) this.#whole = false;
      try {
        await this.#decoder.apply(frame.payload);
        if (flags & COMPLETE_FLAG) this.#whole = true;
      } catch {
        this.#needsKey = true;
      }
    }
  }

  async #load(place: number): Promise<Frame[] | null> {
    for (let ahead = 1; ahead <= AHEAD; ahead += 1) {
      const chunk = this.#chunks[place + ahead];
      if (chunk) this.#fetch(chunk).catch(() => undefined);
    }
    const chunk = this.#chunks[place] as Chunk;
    try {
      return [...(await this.#fetch(chunk))];
    } catch {
      this.#parts.failed(chunk);
      return null;
    }
  }

  #fetch(chunk: Chunk): Promise<Frame[]> {
    const known = this.#cache.get(chunk);
    if (known) return known;
    const loading = this.#parts.fetch(chunk).then((data) => framesOf(data, chunk.base));
    this.#cache.set(chunk, loading);
    loading.catch(() => this.#cache.delete(chunk));
    for (const old of this.#cache.keys()) {
      if (this.#cache.size <= KEPT) break;
      this.#cache.delete(old);
    }
    return loading;
  }

  /** Place of the chunk at the position now (tests, and the page's own statistics). */
  get place(): number {
    return placeAt(this.#chunks, this.position);
  }
}
