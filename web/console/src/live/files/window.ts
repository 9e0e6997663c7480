/**
 * Why: how much may be on the way to the endpoint, all uploads together: as much as the way holds, and little more, so
 * that keys and pictures need not wait behind a file. The mirror of `Window` in protocol/files.py; milliseconds here.
 */
import { FIRST_WINDOW, LARGE_CHUNK, MAX_WINDOW, MIN_WINDOW, SMALL_CHUNK } from "../../wire/files";

const EARLY_MS = 30;
const LATE_MS = 80;

export class Window {
  limit = FIRST_WINDOW;
  inFlight = 0;
  #sent = 0;
  #acked = 0;
  readonly #marks: { readonly sent: number; readonly at: number }[] = [];
  #shortest = Infinity;
  /** Bytes that were sent when the window was full last. */
  #full = 0;
  /** The round is over when so many bytes are acknowledged. */
  #round = 0;
  /** Shortest round trip in this round. */
  #quickest = Infinity;

  get room(): number {
    return this.limit - this.inFlight;
  }

  /** Bytes for one DATA frame: small ones where the way holds little. */
  get chunk(): number {
    return this.limit >= 2 * FIRST_WINDOW ? LARGE_CHUNK : SMALL_CHUNK;
  }

  sent(size: number, now: number): void {
    this.#sent += size;
    this.inFlight += size;
    this.#marks.push({ sent: this.#sent, at: now });
    if (this.room < this.chunk) this.#full = this.#sent;
  }

  acked(amount: number, now: number): void {
    const size = Math.min(amount, this.inFlight);
    this.inFlight -= size;
    this.#acked += size;
    const passed = this.#marks.findIndex((mark) => mark.sent > this.#acked);
    const last = this.#marks.splice(0, passed < 0 ? this.#marks.length : passed).at(-1);
    if (!last) return;
    const trip = now - last.at;
    this.#shortest = Math.min(this.#shortest, trip);
    this.#quickest = Math.min(this.#quickest, trip);
    if (trip - this.#shortest <= EARLY_MS && this.#acked <= this.#full) {
      this.limit = Math.min(MAX_WINDOW, this.limit + size);
    }
    if (this.#acked >= this.#round) this.#endRound();
  }

  /** So many bytes will never be acknowledged. */
  forget(size: number): void {
    this.inFlight -= Math.min(size, this.inFlight);
    this.#acked += size;
  }

  #endRound(): void {
    const quickest = this.#quickest;
    this.#quickest = Infinity;
    this.#round = this.#sent;
    if (quickest - this.#shortest <= LATE_MS) return;
    this.limit = Math.max(MIN_WINDOW, Math.floor((this.limit * (this.#shortest + EARLY_MS)) / quickest));
  }
}
