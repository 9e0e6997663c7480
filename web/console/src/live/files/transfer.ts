/**
 * Why: one line of the list of transfers: what it is, how far it is, how fast it goes, and how it ended.
 * Rules: a transfer goes on by itself after every lost connection until it is done, fails, or is cancelled. It tells of
 * its progress a few times a second, whatever comes in between.
 */
import { Lost, Refused, type Exchange } from "./exchange";

export type TransferKind = "upload" | "download" | "delete";
export type TransferState = "waiting" | "running" | "done" | "failed" | "cancelled";

/** Cancelled by the person. */
export class Cancelled extends Error {
  override name = "Cancelled";
}

const TELL_MS = 200;
const RATE_MS = 3000;

let numbers = 0;

export abstract class Transfer {
  readonly id = ++numbers;
  abstract readonly kind: TransferKind;
  /** For people. */
  name: string;
  /** Resolves when it is over, however it ended. */
  readonly ended: Promise<void>;
  state: TransferState = "waiting";
  /** Bytes of all; null while nobody knows. */
  size: number | null = null;
  /** Bytes that went over, or things that were deleted. */
  moved = 0;
  /** Files of all, and those that are over. */
  files = 1;
  filesDone = 0;
  /** Why it failed: a code, and words of the endpoint, if it said some. */
  code = "";
  text = "";
  protected cancelled = false;
  protected readonly exchange: Exchange;
  readonly #changed: () => void;
  #marks: { readonly at: number; readonly moved: number }[] = [];
  #toldAt = 0;
  #end: () => void = () => undefined;

  constructor(exchange: Exchange, name: string, changed: () => void) {
    this.ended = new Promise((done) => (this.#end = done));
    this.exchange = exchange;
    this.name = name;
    this.#changed = changed;
  }

  get over(): boolean {
    return this.state === "done" || this.state === "failed" || this.state === "cancelled";
  }

  /** Bytes a second over the last moments. */
  get rate(): number {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    return first && last && last.at > first.at ? ((last.moved - first.moved) * 1000) / (last.at - first.at) : 0;
  }

  /** Seconds until it is done; null while nobody knows. */
  get left(): number | null {
    const rate = this.rate;
    return this.size === null || rate <= 0 ? null : (this.size - this.moved) / rate;
  }

  cancel(): void {
    if (this.over) return;
    this.cancelled = true;
    if (this.state === "waiting") this.become("cancelled");
    else this.abort();
  }

  /** Do it to the end; never throws. */
  async run(): Promise<void> {
    if (this.over) return;
    this.become("running");
    try {
      await this.untilDone(() => this.work());
      this.become("done");
    } catch (error) {
      this.failed(error);
      await this.left_over().catch(() => undefined);
    }
  }

  /** Do the whole of it, from what is there. */
  protected abstract work(): Promise<void>;
  /** Stop what is open. */
  protected abstract abort(): void;
  /** It will not go on: take away what is left of it here. */
  protected left_over(): Promise<void> {
    return Promise.resolve();
  }

  /** Try again after every lost connection. */
  protected async untilDone(work: () => Promise<void>): Promise<void> {
    for (;;) {
      await this.exchange.ready();
      this.checkCancelled();
      try {
        await work();
        return;
      } catch (error) {
        this.checkCancelled();
        if (!(error instanceof Lost)) throw error;
        this.#marks = [];
      }
    }
  }

  protected checkCancelled(): void {
    if (this.cancelled) throw new Cancelled();
  }

  protected failed(error: unknown): void {
    if (error instanceof Cancelled || (error instanceof Refused && error.code === "cancelled")) {
      this.become("cancelled");
      return;
    }
    this.code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "error";
    this.text = error instanceof Refused ? error.message : "";
    if (!(error instanceof Refused)) console.warn("a transfer failed", error);
    this.become("failed");
  }

  /** So much is over now. */
  protected at(moved: number): void {
    this.moved = moved;
    const now = performance.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#marks.push({ at: now, moved });
    while (this.#marks.length > 2 && now - (this.#marks[0]?.at ?? now) > RATE_MS) this.#marks.shift();
    this.#changed();
  }

  protected become(state: TransferState): void {
    this.state = state;
    if (this.over) this.#end();
    this.#changed();
  }
}
