/**
 * Why: what the console knows of the site: one snapshot, then numbered events.
 * Rules: an event counts when its number follows its topic's last one; an older one was in the snapshot already; a hole
 * means that the snapshot has to be fetched again. Events of different topics may come in any order (a reconnect catches
 * up topic by topic), so an item is remembered per topic: it is there while some topic has it, as it was put last.
 */
import type { TeamMessage } from "./teamchat";
import { NO_WORDS, type Words } from "./abilities";
import type { EventMessage } from "../wire/messages";

export interface Queue {
  readonly id: string;
  readonly topic: string;
  readonly kind: "personal" | "team";
  readonly name: string;
}

export interface Member {
  readonly id: string;
  readonly name: string;
  /** Came by an invitation. */
  readonly guest: boolean;
}

/** An open invitation as the session's owner sees it. */
export interface OpenInvitation {
  readonly id: string;
  readonly kind: "share" | "transfer";
  readonly target: string;
  readonly target_name: string;
  readonly issue: string;
}

/** An open invitation as those see it who may accept it. */
export interface Invitation {
  readonly id: string;
  readonly topic: string;
  readonly queue: string;
  readonly kind: "share" | "transfer";
  readonly issue: string;
  readonly session_id: string;
  readonly session_kind: "jump" | "support";
  readonly name: string;
  readonly hostname: string;
  readonly os_name: string;
  readonly sender_id: string;
  readonly sender_name: string;
  readonly created_ms: number;
  readonly started_ms: number | null;
}

export interface Session {
  readonly id: string;
  readonly topic: string;
  readonly queue: string;
  readonly kind: "jump" | "support";
  readonly state: "waiting" | "active";
  readonly name: string;
  readonly hostname: string;
  readonly os_name: string;
  readonly platform: string;
  readonly owner_id: string | null;
  readonly owner_name: string | null;
  readonly members: readonly Member[];
  readonly invitations: readonly OpenInvitation[];
  readonly created_ms: number;
  readonly started_ms: number | null;
  /** Since when it waits in its queue; null while it does not. */
  readonly queued_ms: number | null;
  /** 1 high, 2 medium, 3 low. */
  readonly priority: number;
  readonly customer_connected: boolean;
  readonly customer_removed: boolean;
  /** The customer chats in the browser: no other tool exists until the full client runs. */
  readonly click_to_chat: boolean;
  /** The customer of a click-to-chat was asked to run the full client. */
  readonly client_asked: boolean;
  readonly details: Readonly<{ public_ip?: string; private_ip?: string; user?: string }>;
  /** What the customer told before the session: issue, details, company, email, language, name. */
  readonly request: Readonly<Record<string, string>>;
}

export interface Portal {
  readonly id: string;
  readonly name: string;
  readonly default: boolean;
}

/** A message that this person had sent. */
export interface Mail {
  readonly id: string;
  readonly topic: string;
  readonly to: string;
  readonly state: "waiting" | "sent" | "failed";
  /** What the mail server said last. */
  readonly answer: string;
}

export interface JumpItem {
  readonly id: string;
  readonly topic: string;
  readonly name: string;
  readonly method: string;
  readonly group_id: string;
  readonly group_name: string;
  readonly status: "active" | "offline" | "in_use";
  readonly status_since_ms: number | null;
  readonly last_accessed_ms: number | null;
  readonly hostname: string;
  readonly os_name: string;
  readonly platform: string;
  readonly comments: string;
  readonly tag: string;
  /** It asks for a password before every Jump. */
  readonly password: boolean;
  readonly public_ip: string;
  readonly private_ip: string;
  readonly version: string;
  readonly display: boolean;
  /** What its desktop lets be done; null: there is none, or an older client does not say. */
  readonly desktop: Readonly<Record<string, unknown>> | null;
}

export interface Snapshot {
  readonly me: {
    readonly id: string;
    readonly username: string;
    readonly display_name: string;
    readonly permissions: readonly string[];
    readonly topics?: readonly string[];
  };
  readonly site: {
    readonly name: string;
    readonly version: string;
    readonly product_mode: string;
    /** Lifetimes of session keys to choose from, in seconds. */
    readonly lifetimes_s?: readonly number[];
  };
  readonly words?: Words;
  readonly topics: Readonly<Record<string, number>>;
  readonly collections: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly events_ticket: string;
}

type Value = Readonly<Record<string, unknown>>;

/** An item by the topics that have it, the one that was put last at the end. */
type Item = Map<string, Value>;

export type Outcome = "applied" | "old" | "hole";

export class Store {
  me: Snapshot["me"] = { id: "", username: "", display_name: "", permissions: [] };
  site: Snapshot["site"] = { name: "", version: "", product_mode: "support" };
  words: Words = NO_WORDS;
  #topics = new Map<string, number>();
  #collections = new Map<string, Map<string, Item>>();
  readonly #watchers = new Set<() => void>();

  /** Start anew from a snapshot. */
  load(snapshot: Snapshot): void {
    this.me = snapshot.me;
    this.site = snapshot.site;
    this.words = snapshot.words ?? NO_WORDS;
    this.#topics = new Map(snapshot.me.topics?.map((topic) => [topic, 0]));
    for (const [topic, n] of Object.entries(snapshot.topics)) this.#topics.set(topic, n);
    this.#collections = new Map();
    for (const [name, values] of Object.entries(snapshot.collections)) {
      for (const value of values) this.#put(name, String(value["id"]), String(value["topic"]), value);
    }
    this.#changed();
  }

  apply(event: EventMessage): Outcome {
    const last = this.#topics.get(event.topic) ?? 0;
    if (event.n <= last) return "old";
    if (event.n !== last + 1) return "hole";
    this.#topics.set(event.topic, event.n);
    if (event.op === "put" && event.value) this.#put(event.collection, event.id, event.topic, event.value);
    else this.#remove(event.collection, event.id, event.topic);
    this.#changed();
    return "applied";
  }

  /** The last number of every topic, as an event socket wants it. */
  get have(): Record<string, number> {
    return Object.fromEntries(this.#topics);
  }

  /** Topics of items that we do not follow yet: our rights grew. */
  follows(topic: string): boolean {
    return this.#topics.has(topic);
  }

  get queues(): readonly Queue[] {
    return this.all("queues") as unknown as readonly Queue[];
  }

  /** The public portals, the default one first. */
  get portals(): readonly Portal[] {
    const found = this.all("portals") as unknown as readonly Portal[];
    return found.toSorted((a, b) => Number(b.default) - Number(a.default) || a.name.localeCompare(b.name));
  }

  get sessions(): readonly Session[] {
    return this.all("sessions") as unknown as readonly Session[];
  }

  get invitations(): readonly Invitation[] {
    return this.all("invitations") as unknown as readonly Invitation[];
  }

  get mails(): readonly Mail[] {
    return this.all("mails") as unknown as readonly Mail[];
  }

  get jumpItems(): readonly JumpItem[] {
    return this.all("jump_items") as unknown as readonly JumpItem[];
  }

  /** What was said in the teams of this person, the oldest first. */
  get teamChat(): readonly TeamMessage[] {
    const found = this.all("team_chat") as unknown as readonly TeamMessage[];
    return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Queues with a star. */
  get favourites(): ReadonlySet<string> {
    return new Set(this.all("favourites").map((one) => String(one["id"])));
  }

  all(collection: string): readonly Value[] {
    const items = this.#collections.get(collection) ?? new Map<string, Item>();
    return [...items.values()].flatMap((item) => [...item.values()].slice(-1));
  }

  may(permission: string): boolean {
    return this.me.permissions.includes(permission);
  }

  onchange(handler: () => void): () => void {
    this.#watchers.add(handler);
    return () => this.#watchers.delete(handler);
  }

  #put(collection: string, id: string, topic: string, value: Value): void {
    let items = this.#collections.get(collection);
    if (!items) this.#collections.set(collection, (items = new Map()));
    let item = items.get(id);
    if (!item) items.set(id, (item = new Map()));
    item.delete(topic);
    item.set(topic, value);
  }

  #remove(collection: string, id: string, topic: string): void {
    const items = this.#collections.get(collection);
    const item = items?.get(id);
    item?.delete(topic);
    if (item?.size === 0) items?.delete(id);
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
