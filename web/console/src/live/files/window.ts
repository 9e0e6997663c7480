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
  #marks: { readonly sent: number; readonly at: number }[] = [];
  #shortest = Infinity;
  #cutAt = 0;

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
  }

  acked(amount: number, now: number): void {
    const size = Math.min(amount, this.inFlight);
    const full = this.inFlight * 2 >= this.limit;
    this.inFlight -= size;
    this.#acked += size;
    const passed = this.#marks.findIndex((mark) => mark.sent > this.#acked);
    const last = this.#marks.splice(0, passed < 0 ? this.#marks.length : passed).at(-1);
    if (!last) return;
    const trip = now - last.at;
    this.#shortest = Math.min(this.#shortest, trip);
    const waited = trip - this.#shortest;
    if (waited <= EARLY_MS) {
      if (full) this.limit = Math.min(MAX_WINDOW, this.limit + size);
    } else if (waited > LATE_MS && this.#acked >= this.#cutAt) {
      const share = Math.max(0.5, (this.#shortest + EARLY_MS) / trip);
      this.limit = Math.max(MIN_WINDOW, Math.floor(this.limit * share));
      this.#cutAt = this.#sent;
    }
  }

  /** So many bytes will never be acknowledged. */
  forget(size: number): void {
    this.inFlight -= Math.min(size, this.inFlight);
    this.#acked += size;
  }
}
