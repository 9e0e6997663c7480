/**
 * Why: what a person wants to know of a picture that stutters: how often it comes, what it costs, and how late it is.
 * Rules: over the last seconds; the delay is from the latest key, click or move that was sent to the picture after it.
 */
import type { Rates } from "../../wire/port";

const OVER_MS = 3000;
const DELAYS = 9;
const COMPLETE = 2;

export class Meter {
  readonly #now: () => number;
  #updates: { at: number; bytes: number; whole: boolean }[] = [];
  #delays: { at: number; delay: number }[] = [];
  #sent: number | null = null;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Something was sent that the picture may answer. */
  sent(): void {
    this.#sent ??= this.#now();
  }

  /** An update came (its payload). */
  came(payload: Uint8Array): void {
    const at = this.#now();
    const empty = payload.byteLength <= 12;
    this.#updates.push({ at, bytes: payload.byteLength, whole: !empty && ((payload[8] ?? 0) & COMPLETE) !== 0 });
    if (this.#updates.length > 1000) this.#updates = this.#recent();
    if (this.#sent === null || empty) return;
    this.#delays.push({ at, delay: at - this.#sent });
    this.#delays = this.#delays.slice(-DELAYS);
    this.#sent = null;
  }

  read(): Rates {
    this.#updates = this.#recent();
    const delays = this.#delays.filter((one) => this.#now() - one.at < OVER_MS).map((one) => one.delay);
    delays.sort((one, other) => one - other);
    const seconds = OVER_MS / 1000;
    return {
      frames: Math.round(this.#updates.filter((one) => one.whole).length / seconds),
      bytes: Math.round(this.#updates.reduce((sum, one) => sum + one.bytes, 0) / seconds),
      delay: delays.length ? Math.round(delays[delays.length >> 1]!) : null,
    };
  }

  #recent = (): { at: number; bytes: number; whole: boolean }[] =>
    this.#updates.filter((one) => this.#now() - one.at < OVER_MS);
}
