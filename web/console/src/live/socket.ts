/**
 * Why: what a live connection needs of the browser (socket, clock, chance), in one replaceable place, and the one rule
 * by which all of them come back: first soon, then rarer, always jittered, so that a thousand consoles do not knock at once.
 */

export interface Socket {
  binaryType: BinaryType;
  readonly bufferedAmount: number;
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface Surroundings {
  connect(path: string): Socket;
  now(): number;
  random(): number;
  later(run: () => void, milliseconds: number): () => void;
}

/** The address of a live path on the host that this page came from. */
const liveAddress = (path: string): string =>
  `${location.protocol === "http:" ? "ws" : "wss"}://${location.host}${path}`;

export const browserSurroundings: Surroundings = {
  connect: (path) => new WebSocket(liveAddress(path)) as Socket,
  now: () => Date.now(),
  random: () => Math.random(),
  later: (run, milliseconds) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};

const FIRST_MS = 1000;
const LONGEST_MS = 15_000;

/** Milliseconds to wait before attempt number `attempt` (0 = the first after a loss). */
export function backoff(attempt: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(150 + random() * ceiling);
}

/** Handlers of one kind; a handler may remove itself while it runs. */
export class Handlers<Arguments extends unknown[]> {
  readonly #all = new Set<(...values: Arguments) => void>();

  add(handler: (...values: Arguments) => void): () => void {
    this.#all.add(handler);
    return () => this.#all.delete(handler);
  }

  call(...values: Arguments): void {
    for (const handler of [...this.#all]) handler(...values);
  }
}

/** The server's answer is final: trying again with the same rights cannot help. */
export class Final extends Error {
  override name = "Final";
}
