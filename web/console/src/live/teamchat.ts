/**
 * Why: what members of a team say to each other outside sessions, and what of it this person has not seen.
 * Rules: messages come with the snapshot and by events; what was seen is remembered in this browser, by the newest
 * message of each team. One that is posted is shown at once and stays until the appliance has it; a repetition carries
 * the same id, so that it is no second message.
 */
import { Handlers } from "./socket";
import type { Store } from "./store";

export interface TeamMessage {
  readonly id: string;
  readonly queue: string;
  readonly sender_id: string;
  readonly sender_name: string;
  readonly post: string;
  readonly text: string;
  readonly time_ms: number;
}

/** A message that the appliance does not have yet. */
export interface UnsentMessage {
  readonly queue: string;
  readonly post: string;
  readonly text: string;
  readonly problem: string;
}

export interface TeamChatApi {
  teamMessage(team: string, text: string, post: string): Promise<unknown>;
}

/** Where this browser keeps the newest message that was seen, by queue. */
export interface Seen {
  read(): Readonly<Record<string, string>> | null;
  write(seen: Readonly<Record<string, string>>): void;
}

export const forgetful: Seen = { read: () => null, write: () => undefined };

/** What was seen, in the browser's storage; what is damaged there was never seen. */
export function seenIn(storage: Pick<Storage, "getItem" | "setItem">, name: string): Seen {
  return {
    read: () => {
      try {
        const found: unknown = JSON.parse(storage.getItem(name) ?? "null");
        return found && typeof found === "object" ? (found as Record<string, string>) : null;
      } catch {
        return null;
      }
    },
    write: (seen) => storage.setItem(name, JSON.stringify(seen)),
  };
}

export class TeamChat {
  readonly #store: Store;
  readonly #api: TeamChatApi;
  readonly #kept: Seen;
  readonly #changed = new Handlers<[]>();
  #seen: Record<string, string>;
  #unsent: readonly UnsentMessage[] = [];
  #looking = "";
  #before = "";

  constructor(store: Store, api: TeamChatApi, kept: Seen = forgetful) {
    this.#store = store;
    this.#api = api;
    this.#kept = kept;
    const before = kept.read();
    // In a browser that knows nothing yet, what is there already is no news.
    this.#seen = before ? { ...before } : Object.fromEntries(store.teamChat.map((one) => [one.queue, one.id]));
    if (!before) kept.write(this.#seen);
    store.onchange(() => this.#storeChanged());
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  messages(queue: string): readonly TeamMessage[] {
    return this.#store.teamChat.filter((one) => one.queue === queue);
  }

  unsent(queue: string): readonly UnsentMessage[] {
    return this.#unsent.filter((one) => one.queue === queue);
  }

  unread(queue: string): boolean {
    const seen = this.#seen[queue] ?? "";
    const me = this.#store.me.id;
    return this.#store.teamChat.some((one) => one.queue === queue && one.id > seen && one.sender_id !== me);
  }

  /** Queues with messages that this person has not seen. */
  get unreadQueues(): readonly string[] {
    return [...new Set(this.#store.teamChat.map((one) => one.queue))].filter((queue) => this.unread(queue));
  }

  /** A person looks at the chat of this queue now; empty: at none. */
  look(queue: string): void {
    this.#looking = queue;
    this.#see();
  }

  post(queue: string, text: string): Promise<void> {
    return this.#send({ queue, text, post: crypto.randomUUID(), problem: "" });
  }

  retry(message: UnsentMessage): Promise<void> {
    return this.#send({ ...message, problem: "" });
  }

  #storeChanged(): void {
    const all = this.#store.teamChat;
    const now = `${all.length} ${all.at(-1)?.id ?? ""}`;
    if (now === this.#before) return;
    this.#before = now;
    this.#arrived();
    this.#see();
    this.#changed.call();
  }

  async #send(message: UnsentMessage): Promise<void> {
    this.#put(message);
    try {
      await this.#api.teamMessage(message.queue.replace("team:", ""), message.text, message.post);
      // It is shown as sent when the event of it comes, which may be before or after the answer.
      this.#arrived();
    } catch (error) {
      this.#put({ ...message, problem: error instanceof Error ? error.message : String(error) });
    }
  }

  #put(message: UnsentMessage): void {
    const known = this.#unsent.some((one) => one.post === message.post);
    this.#unsent = known
      ? this.#unsent.map((one) => (one.post === message.post ? message : one))
      : [...this.#unsent, message];
    this.#changed.call();
  }

  #arrived(): void {
    const here = new Set(this.#store.teamChat.map((one) => one.post));
    const left = this.#unsent.filter((one) => !here.has(one.post));
    if (left.length === this.#unsent.length) return;
    this.#unsent = left;
    this.#changed.call();
  }

  #see(): void {
    const newest = this.messages(this.#looking).at(-1)?.id ?? "";
    if (newest <= (this.#seen[this.#looking] ?? "")) return;
    this.#seen = { ...this.#seen, [this.#looking]: newest };
    this.#kept.write(this.#seen);
    this.#changed.call();
  }
}
