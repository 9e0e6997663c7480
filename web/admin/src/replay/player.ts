/**
 * Why: plays the screen of a recording: a clock, the frames around it, and a decoder that draws.
 * Rules: one thing at a time touches the decoder (a queue of one); a newer seek overtakes an older one; a part that cannot
 * be had is left out, and drawing goes on at the next full picture. A full picture may come in several updates: a seek
 * that ends between them goes on to the last one, so that nobody is shown a half-drawn screen.
 */
import { type FetchRange, Source } from "./source";
import { type Block, type Frame, type IndexFile, blocksOf, keyBefore, sizeAt } from "./timeline";

export interface Decoder {
  apply(payload: Uint8Array): Promise<unknown> | unknown;
}

export interface Parts {
  index: IndexFile;
  /** A decoder for a screen of this size, with nothing drawn yet; null: nothing is shared. */
  decoder(size: { width: number; height: number } | null): Decoder;
  fetch: FetchRange;
  /** Shape and place of the pointer that is drawn over the screen; null: no longer known. */
  cursor(payload: Uint8Array | null): void;
  pointer(payload: Uint8Array | null): void;
  /** Something to show has changed: position, playing, waiting. */
  changed(): void;
  /** A part cannot be shown. */
  failed(): void;
}

const SCREEN = 2;
const STARTED = 17;
const STOPPED = 18;
const UPDATE = 19;
const CURSOR = 20;
const POINTER = 21;
const KEY_FLAG = 1;
const COMPLETE_FLAG = 2;
/** A seek goes on for so long to see a picture complete (a screen that never rests may not be for some time). */
const WHOLE_WITHIN_MS = 5000;
const IDLE_MS = 2000;
const IDLE_KEPT_MS = 500;

export class ScreenPlayer {
  readonly duration: number;
  position = 0;
  playing = false;
  waiting = false;
  speed = 1;
  skipIdle = false;

  readonly #parts: Parts;
  readonly #blocks: Block[];
  readonly #source: Source;
  #decoder: Decoder;
  /** Frames that are loaded and not drawn. */
  #frames: Frame[] = [];
  /** After a gap nothing is drawn until a full picture begins. */
  #needsKey = true;
  /** All of the screen has been drawn since the full picture began. */
  #whole = false;
  #turn = 0;
  #work: Promise<void> = Promise.resolve();
  #stepping = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#blocks = blocksOf(parts.index);
    this.#source = new Source(this.#blocks, parts.fetch);
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
    // At once: an older seek that waits for its bytes gives up.
    this.#source.start(keyBefore(this.#blocks, this.position));
    this.#parts.changed();
    this.#work = this.#work.then(async () => {
      if (turn !== this.#turn) return;
      this.#begin(this.position);
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
      this.#work = this.#work.then(async () => {
        if (this.skipIdle) target = await this.#withoutIdle(target, turn);
        await this.#drawUntil(target, turn);
      });
      await this.#work;
      if (turn !== this.#turn) return;
      this.position = target;
      if (target >= this.duration) this.playing = false;
      this.#parts.changed();
    } finally {
      this.#stepping = false;
    }
  }

  async #withoutIdle(target: number, turn: number): Promise<number> {
    const next = Math.min(await this.#upcoming(turn), this.duration);
    return next - target > IDLE_MS ? next - IDLE_KEPT_MS : target;
  }

  #begin(time: number): void {
    const number = keyBefore(this.#blocks, time);
    const block = this.#blocks[number];
    this.#source.start(number);
    this.#frames = [];
    this.#needsKey = true;
    this.#whole = false;
    this.#forgetPointer();
    this.#decoder = this.#parts.decoder(sizeAt(this.#parts.index.screens, block ? Math.max(block.key, block.start) : time));
  }

  async #drawUntil(time: number, turn: number): Promise<void> {
    while ((await this.#upcoming(turn)) <= time && turn === this.#turn) await this.#draw(this.#frames.shift() as Frame);
  }

  /** When the next frame is due; Infinity when there is none, or a newer seek has begun. */
  async #upcoming(turn: number): Promise<number> {
    while (turn === this.#turn && !this.#frames.length) {
      const part = await this.#source.next();
      if (!part || turn !== this.#turn) return Infinity;
      if (part.frames) {
        this.#frames = [...part.frames];
      } else {
        this.#needsKey = true;
        this.#parts.failed();
        // What follows is asked for when its time has come, not all at once: the network may be away for a while.
        if (part.until !== undefined) this.#frames = [{ time: part.until, channel: 0, type: 0, payload: new Uint8Array(0) }];
      }
    }
    return turn === this.#turn ? (this.#frames[0]?.time ?? Infinity) : Infinity;
  }

  #forgetPointer(): void {
    this.#parts.cursor(null);
    this.#parts.pointer(null);
  }

  /** Go on until the picture that has begun is complete. */
  async #drawWhole(turn: number): Promise<void> {
    const until = Math.min(this.position + WHOLE_WITHIN_MS, this.duration);
    while (turn === this.#turn && !this.#needsKey && !this.#whole) {
      const next = await this.#upcoming(turn);
      if (next > until || turn !== this.#turn) return;
      this.position = Math.max(this.position, next);
      await this.#drawUntil(next, turn);
    }
  }

  async #draw(frame: Frame): Promise<void> {
    if (frame.channel >> 8 !== SCREEN) return;
    if (frame.type === STARTED || frame.type === STOPPED) {
      this.#decoder = this.#parts.decoder(sizeAt(this.#parts.index.screens, frame.time));
      this.#needsKey = true;
      this.#forgetPointer();
    } else if (frame.type === CURSOR) {
      this.#parts.cursor(frame.payload);
    } else if (frame.type === POINTER) {
      this.#parts.pointer(frame.payload);
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
}
