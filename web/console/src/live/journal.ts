/**
 * Why: the durable part of a leg: what was said and done in the session, and messages of ours that are not kept yet.
 * Rules: a POST is kept until its ENTRY came and is sent again with the same id, after a rejoin and after a refusal.
 * Entries are kept once, in order, by their sequence, in one list that grows in place: whoever shows them is told of
 * each new one and of its place, and reads nothing twice.
 */
import type { Data, Entry, Post } from "../wire/messages";
import { Handlers } from "./socket";

/** A message of ours on its way; `problem` says why the server could not keep it yet. */
export interface Unsent extends Post {
  readonly problem: string;
}

/** What is said to everybody in the session, and what only among representatives. */
export const SAID = ["chat", "rep-chat"] as const;
export type Said = (typeof SAID)[number];

export const isSaid = (kind: string): kind is Said => (SAID as readonly string[]).includes(kind);

const POST_AGAIN_MS = 5000;

export class Journal {
  readonly #send: (post: Post) => void;
  readonly #later: (run: () => void, milliseconds: number) => void;
  readonly #entries: Entry[] = [];
  readonly #seen = new Set<number>();
  readonly #posts = new Map<string, Unsent>();
  readonly #came = new Handlers<[Entry, number]>();
  readonly #changed = new Handlers<[]>();

  /** `send` puts a POST on the socket, or drops it while there is none. */
  constructor(send: (post: Post) => void, later: (run: () => void, milliseconds: number) => void) {
    this.#send = send;
    this.#later = later;
  }

  /** All entries, by their sequence. The list itself grows. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Messages of ours that are not on the server's disk yet. */
  get unsent(): readonly Unsent[] {
    return [...this.#posts.values()];
  }

  /** The last of the entries that we have without a gap. Entries that our grants hide leave no gap for us to see. */
  get lastSeq(): number {
    return this.#entries.at(-1)?.seq ?? 0;
  }

  /** Call `handler` for every new entry, with its place in the list: nearly always the end. */
  onentries = (handler: (entry: Entry, at: number) => void): (() => void) => this.#came.add(handler);
  /** Call `handler` when an entry came or what is unsent changed. */
  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  /** Put a chat message on its way; it is shown as sent once its entry came. Returns its id. */
  post(text: string, data: Data = {}, kind: Said = "chat"): string {
    const post: Unsent = { id: crypto.randomUUID(), kind, text, data, problem: "" };
    this.#posts.set(post.id, post);
    this.#send(post);
    this.#changed.call();
    return post.id;
  }

  /** The leg is joined (again): send what may have been lost. */
  joined(): void {
    for (const post of this.#posts.values()) this.#send(post);
  }

  entry(entry: Entry): void {
    const mine = this.#posts.delete(entry.id);
    if (!this.#seen.has(entry.seq)) {
      this.#seen.add(entry.seq);
      const at = entry.seq > this.lastSeq ? this.#entries.length : this.#entries.findIndex((other) => other.seq > entry.seq);
      this.#entries.splice(at, 0, entry);
      this.#came.call(entry, at);
    } else if (!mine) return;
    this.#changed.call();
  }

  /** The server could not keep a message: it is tried again, the same one, until it can. */
  refused({ id, text }: { id: string; text: string }): void {
    const post = this.#posts.get(id);
    if (!post) return;
    this.#posts.set(id, { ...post, problem: text });
    this.#changed.call();
    this.#later(() => {
      const again = this.#posts.get(id);
      if (again) this.#send(again);
    }, POST_AGAIN_MS);
  }
}
