/**
 * Why: what stays on the remote computer: whether it is a Jump Client, and the order that is being carried out there.
 * Rules: the site orders, this page only hands the order's id on. What is installed the computer says itself; it is asked
 * when it comes, and says it again after an order. What became of an order is read from the session's log as well, which
 * misses nothing when the connection was away.
 */
import { t } from "../i18n";
import { channelOf, Deploy as Frame, Kind, Party, UNSUPPORTED } from "../wire/channels";
import { decodeDeployable, decodeDeployed, encodeDeploy, type Deployable } from "../wire/deploy";
import { decodeJson, type Entry } from "../wire/messages";
import type { LegPort } from "../wire/port";
import type { Journal } from "./journal";
import { Handlers } from "./socket";
import type { Tool } from "./tool";

const CHANNEL = channelOf(Kind.DEPLOY);

/** Something that was ordered here: it goes on until `text` or `done` says how it ended. */
export interface Order {
  readonly id: string;
  readonly what: "pin" | "unpin";
  readonly over: boolean;
  readonly done: boolean;
  /** Why not. */
  readonly text: string;
}

export class Deploy implements Tool {
  readonly #leg: LegPort & { readonly leg?: number };
  readonly #changed = new Handlers<[]>();
  readonly #off: readonly (() => void)[];
  #offered: Deployable | null = null;
  #problem = "";
  #order: Order | null = null;

  constructor(leg: LegPort, journal: Pick<Journal, "onentries">) {
    this.#leg = leg;
    this.#off = [
      leg.on(Kind.DEPLOY, (type, _channel, payload) => this.#frame(type, payload)),
      journal.onentries((entry) => this.#entry(entry)),
    ];
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  /** What can be installed there and what is, once the computer has answered. */
  get offered(): Deployable | null {
    return this.#offered;
  }

  /** Why it cannot even say that. */
  get problem(): string {
    return this.#problem;
  }

  get order(): Order | null {
    return this.#order;
  }

  look(): void {
    this.#leg.send(Frame.LIST, CHANNEL);
  }

  /** Hand an order of the site on. */
  carryOut(what: Order["what"], id: string): void {
    if (!this.#leg.open) throw new Error(t("The connection is away just now. Try again when it is back."));
    this.#show({ id, what, over: false, done: false, text: "" });
    this.#leg.send(Frame.DO, CHANNEL, encodeDeploy(id));
  }

  dismiss(): void {
    this.#show(null);
  }

  close(): void {
    for (const off of this.#off) off();
  }

  #frame(type: number, payload: Uint8Array): void {
    if (type === Frame.OFFERED) {
      this.#offered = decodeDeployable(payload);
      this.#problem = "";
      this.#changed.call();
    } else if (type === Frame.DONE) {
      const { order, done, text } = decodeDeployed(payload);
      if (order === this.#order?.id) this.#over(done, text);
    } else if (type === UNSUPPORTED) {
      const said = decodeJson(payload)["text"];
      this.#problem = typeof said === "string" ? said : "";
      if (this.#order) this.#over(false, this.#problem);
      this.#changed.call();
    }
  }

  #entry(entry: Entry): void {
    if (entry.party !== Party.ENDPOINT) return;
    // Another console may have had it done.
    if (entry.kind === "pinned" || entry.kind === "unpinned") this.look();
    const order = this.#order;
    if (!order || order.over || entry.data["leg"] !== this.#leg.leg) return;
    if (entry.kind === `${order.what}ned`) this.#over(true, "");
    else if (entry.kind === "deploy-refused" || entry.kind === "deploy-failed") this.#over(false, entry.text);
  }

  #over(done: boolean, text: string): void {
    if (this.#order && !this.#order.over) this.#show({ ...this.#order, over: true, done, text });
  }

  #show(order: Order | null): void {
    this.#order = order;
    this.#changed.call();
  }
}
