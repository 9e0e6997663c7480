/**
 * Why: a command that came by an address (`/api/client_script`) runs in the console that is already open in this browser,
 * else here.
 * Rules: nothing starts by itself, since anybody can place such an address: the console shows what was found and waits
 * for a click. Tabs agree in three steps (ask, offer, run), so that exactly one of several open consoles takes it. The
 * parameters are the server's to understand; here they are carried.
 */
import { Handlers } from "./live/socket";

const CHANNEL = "farhand.client-script";
const OFFER_MS = 400;

interface Letter {
  readonly step: "ask" | "offer" | "run";
  /** Of the command, made by the tab that has it. */
  readonly id: string;
  /** Of the tab that offers, or is chosen. */
  readonly tab?: string;
  readonly query?: string;
}

/** What tabs talk over: a BroadcastChannel. */
export interface Wire {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(letter: unknown): void;
}

/** The command of this page's address; empty when there is none. */
export function commandOf(search: string): string {
  return new URLSearchParams(search).has("action") ? search.replace(/^\?/, "") : "";
}

function isLetter(value: unknown): value is Letter {
  const letter = value as Partial<Letter> | null;
  return typeof letter === "object" && letter !== null && typeof letter.id === "string" && typeof letter.step === "string";
}

export class ClientScripts {
  /** The command that waits for a click here; empty: none. */
  command = "";
  /** This tab's command went to another one. */
  handedOver = false;
  readonly #wire: Wire;
  readonly #tab: string;
  readonly #changed = new Handlers<[]>();
  #own = { id: "", query: "" };
  #given = false;
  readonly #offered = new Set<string>();

  constructor(wire: Wire = new BroadcastChannel(CHANNEL), tab: string = crypto.randomUUID()) {
    this.#wire = wire;
    this.#tab = tab;
    wire.onmessage = (event) => {
      if (isLetter(event.data)) this.#take(event.data);
    };
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  /** Find a console that is open already; when none answers, the command waits here. */
  async bring(query: string, wait: () => Promise<void> = () => new Promise((done) => setTimeout(done, OFFER_MS))): Promise<void> {
    this.#own = { id: crypto.randomUUID(), query };
    this.#wire.postMessage({ step: "ask", id: this.#own.id } satisfies Letter);
    await wait();
    if (!this.#given) this.here();
  }

  /** The command waits in this tab. */
  here(): void {
    this.handedOver = false;
    this.command = this.#own.query;
    this.#changed.call();
  }

  /** It is done, or put aside. */
  done(): void {
    this.command = "";
    this.handedOver = false;
    this.#own = { id: "", query: "" };
    this.#given = false;
    this.#changed.call();
  }

  #take(letter: Letter): void {
    const mine = letter.id === this.#own.id;
    if (letter.step === "ask" && !mine && !this.#own.query) {
      this.#offered.add(letter.id);
      this.#wire.postMessage({ step: "offer", id: letter.id, tab: this.#tab } satisfies Letter);
    } else if (letter.step === "offer" && mine && !this.#given && !this.command) {
      this.#given = true;
      this.handedOver = true;
      this.#wire.postMessage({ step: "run", id: letter.id, tab: letter.tab, query: this.#own.query } satisfies Letter);
      this.#changed.call();
    } else if (letter.step === "run" && letter.tab === this.#tab && this.#offered.delete(letter.id)) {
      this.command = letter.query ?? "";
      this.#changed.call();
    }
  }
}
