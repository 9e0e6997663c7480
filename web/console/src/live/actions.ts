/**
 * Why: what the remote computer offers beside its tools: special actions, restart, shutdown; and what came of a wish.
 * Rules: the endpoint is asked anew each time a person looks: what can be done changes. What it says no to stays in the
 * list with its reason. Whether the computer is away for a restart is read from the journal, so every console and a
 * reloaded one says the same.
 */
import { decodeDone, decodeOffered, encodePower, encodeRun, type Context, type Done, type How, type Offered } from "../wire/actions";
import { Actions as Frame, channelOf, Kind, Party, UNSUPPORTED } from "../wire/channels";
import { decodeJson, type Entry } from "../wire/messages";
import type { LegPort } from "../wire/port";
import { Handlers } from "./socket";
import type { Tool } from "./tool";

const CHANNEL = channelOf(Kind.ACTIONS);

/** The computer was told to go away for a while, or for good. */
export interface Away {
  readonly how: How;
  readonly since: number;
}

export class Actions implements Tool {
  readonly #leg: LegPort;
  readonly #changed = new Handlers<[]>();
  readonly #off: (() => void)[];
  #offered: Offered | null = null;
  #problem = "";
  #told: Done | null = null;

  constructor(leg: LegPort) {
    this.#leg = leg;
    this.#off = [leg.on(Kind.ACTIONS, (type, _channel, payload) => this.#frame(type, payload))];
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  /** What can be done there, once it has answered. */
  get offered(): Offered | null {
    return this.#offered;
  }

  /** Why it cannot even say what it can do. */
  get problem(): string {
    return this.#problem;
  }

  /** What came of the last wish; null while nothing is to be said. */
  get told(): Done | null {
    return this.#told;
  }

  look(): void {
    this.#leg.send(Frame.LIST, CHANNEL);
  }

  run(action: string, context: Context): void {
    this.#tell(null);
    this.#leg.send(Frame.RUN, CHANNEL, encodeRun(action, context));
  }

  power(how: How): void {
    this.#tell(null);
    this.#leg.send(Frame.POWER, CHANNEL, encodePower(how));
  }

  dismiss(): void {
    this.#tell(null);
  }

  close(): void {
    for (const off of this.#off) off();
  }

  #frame(type: number, payload: Uint8Array): void {
    if (type === Frame.OFFERED) {
      this.#offered = decodeOffered(payload);
      this.#problem = "";
      this.#changed.call();
    } else if (type === Frame.DONE) {
      const done = decodeDone(payload);
      this.#tell(done.done ? null : done);
    } else if (type === UNSUPPORTED) {
      const text = decodeJson(payload)["text"];
      this.#problem = typeof text === "string" ? text : "";
      this.#changed.call();
    }
  }

  #tell(told: Done | null): void {
    if (told === this.#told) return;
    this.#told = told;
    this.#changed.call();
  }
}

/** What the journal says of where the remote computer is: away since a restart or shutdown that nothing has ended. */
export function awaySince(entries: readonly Entry[]): Away | null {
  for (let at = entries.length - 1; at >= 0; at--) {
    const entry = entries[at];
    if (!entry || entry.party !== Party.ENDPOINT) continue;
    if (entry.kind === "power-failed" || entry.kind === "power-returned") return null;
    if (entry.kind === "power-started") {
      return { how: entry.data["how"] === "shutdown" ? "shutdown" : "reboot", since: entry.time_ms };
    }
  }
  return null;
}
