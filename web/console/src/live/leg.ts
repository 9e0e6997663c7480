/**
 * Why: a console's leg of one session: the socket to the relay, kept up across restarts and lost networks.
 * Rules: a ticket serves once, so every attempt but the first asks for a fresh one; only the web program's refusal to
 * give one is final. END `refused` ends the socket, not the session. What is durable stands in `journal`; a rejoin asks
 * only for what is missing there.
 */
import { channelOf, Control, Durable, Kind, kindOf, Party } from "../wire/channels";
import { build, parse, type Frame } from "../wire/frames";
import {
  decodeEnd,
  decodeEntry,
  decodeGrants,
  decodePostRefused,
  decodeRefuse,
  decodeRoster,
  decodeWelcome,
  encodeJson,
  type End,
  type LegInfo,
  type Post,
} from "../wire/messages";
import type { FrameHandler, LegPort } from "../wire/port";
import { Journal } from "./journal";
import { backoff, browserSurroundings, Final, Handlers, type Socket, type Surroundings } from "./socket";

export type LegState = "connecting" | "open" | "waiting" | "ended" | "failed";

/** Give a fresh ticket; throw `Final` when there will never be one. */
export type TicketSource = () => Promise<string>;

const PATH = "/live/leg";
/** A leg that is refused (it sent what no such leg may send) comes back, but not for ever. */
const REFUSALS = 5;
const REFUSALS_WITHIN_MS = 60_000;
const CONTROL = channelOf(Kind.CONTROL);

const sent = ({ id, kind, text, data }: Post): Post => ({ id, kind, text, data });

export class LegSocket implements LegPort {
  leg = 0;
  grants = 0;
  state: LegState = "connecting";
  /** Why it ended or failed, for people; empty when the server gave no words. */
  reason = "";
  end: End | null = null;
  roster: readonly LegInfo[] = [];
  readonly journal: Journal;

  readonly #tickets: TicketSource;
  readonly #around: Surroundings;
  readonly #frames = new Map<number, Handlers<Parameters<FrameHandler>>>();
  readonly #opened = new Handlers<[]>();
  readonly #closed = new Handlers<[]>();
  readonly #away = new Handlers<[]>();
  readonly #granted = new Handlers<[number]>();
  readonly #changed = new Handlers<[]>();
  #ticket: string | null;
  #socket: Socket | null = null;
  #attempt = 0;
  #retryAfter = 0;
  #refusals: number[] = [];
  #stopTimer: (() => void) | null = null;

  constructor(ticket: string | null, tickets: TicketSource, around: Surroundings = browserSurroundings) {
    this.#ticket = ticket;
    this.#tickets = tickets;
    this.#around = around;
    this.journal = new Journal(
      (post) => {
        const kind = post.kind === "rep-chat" ? Kind.REPS : Kind.CHAT;
        this.send(Durable.POST, channelOf(kind), encodeJson(sent(post)));
      },
      around.later,
    );
    void this.#connect();
  }

  get open(): boolean {
    return this.state === "open";
  }

  /** The endpoint is in the session. */
  get joined(): boolean {
    return this.roster.some((leg) => leg.party === Party.ENDPOINT);
  }

  /** The customer chats in the portal's page. */
  get chatting(): boolean {
    return this.roster.some((leg) => leg.party === Party.PORTAL);
  }

  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  get over(): boolean {
    return this.state === "ended" || this.state === "failed";
  }

  send(type: number, channel: number, payload?: Uint8Array): void {
    if (this.state === "open") this.#socket?.send(build(type, channel, this.leg, payload));
  }

  on(kind: number, handler: FrameHandler): () => void {
    let handlers = this.#frames.get(kind);
    if (!handlers) this.#frames.set(kind, (handlers = new Handlers()));
    return handlers.add(handler);
  }

  onopen = (handler: () => void): (() => void) => this.#opened.add(handler);
  onclose = (handler: () => void): (() => void) => this.#closed.add(handler);
  onaway = (handler: () => void): (() => void) => this.#away.add(handler);
  ongrants = (handler: (grants: number) => void): (() => void) => this.#granted.add(handler);
  /** Call `handler` when anything that a person sees of this leg changed; what is in its journal tells for itself. */
  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  /** Leave for good; nothing reconnects after this. */
  close(): void {
    if (!this.over) this.#finish("ended", "");
  }

  /** Try now instead of when the pause is over. */
  retry(): void {
    if (this.state !== "waiting") return;
    this.#stopTimer?.();
    void this.#connect();
  }

  async #connect(): Promise<void> {
    this.#stopTimer = null;
    this.#become("connecting");
    let ticket = this.#ticket;
    this.#ticket = null;
    if (ticket === null) {
      try {
        ticket = await this.#tickets();
      } catch (error) {
        if (this.over) return;
        if (error instanceof Final) this.#finish("failed", error.message);
        else this.#wait();
        return;
      }
    }
    if (this.over) return;
    const socket = this.#around.connect(PATH);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => {
      if (this.#socket === socket) this.#message(socket, event.data as ArrayBuffer, ticket);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #message(socket: Socket, data: ArrayBuffer, ticket: string): void {
    try {
      const frame = parse(data);
      if (frame.channel === CONTROL) this.#control(socket, frame, ticket);
      else if (this.open) this.#channel(frame);
    } catch (error) {
      console.warn("a frame of this leg was not understood", error);
      socket.close();
    }
  }

  #control(socket: Socket, frame: Frame, ticket: string): void {
    switch (frame.type) {
      case Control.HELLO:
        socket.send(build(Control.JOIN, CONTROL, 0, encodeJson({ ticket, last_seq: this.journal.lastSeq })));
        return;
      case Control.WELCOME: {
        const welcome = decodeWelcome(frame.payload);
        this.leg = welcome.leg;
        this.grants = welcome.grants;
        this.roster = welcome.roster;
        this.#attempt = 0;
        this.#become("open");
        this.journal.joined();
        this.#opened.call();
        this.#granted.call(this.grants);
        return;
      }
      case Control.REFUSE: {
        const refusal = decodeRefuse(frame.payload);
        this.#retryAfter = (refusal.retry_after_s ?? 0) * 1000;
        this.reason = refusal.text;
        socket.close();
        return;
      }
      case Control.ROSTER:
        this.#list(decodeRoster(frame.payload));
        this.#changed.call();
        return;
      case Control.GRANTS:
        this.grants = decodeGrants(frame.payload);
        this.#granted.call(this.grants);
        this.#changed.call();
        return;
      case Control.END:
        this.#ended(socket, decodeEnd(frame.payload));
    }
  }

  #list(roster: readonly LegInfo[]): void {
    const was = this.joined;
    this.roster = roster;
    if (was && !this.joined) this.#away.call();
  }

  #ended(socket: Socket, end: End): void {
    if (end.reason !== "refused") {
      this.end = end;
      this.#finish("ended", end.text);
      return;
    }
    const now = this.#around.now();
    this.#refusals = [...this.#refusals.filter((at) => now - at < REFUSALS_WITHIN_MS), now];
    if (this.#refusals.length > REFUSALS) {
      this.#finish("failed", end.text);
      return;
    }
    console.warn("this leg was refused", end.text);
    this.reason = end.text;
    socket.close();
  }

  #channel(frame: Frame): void {
    const kind = kindOf(frame.channel);
    if (kind === Kind.CHAT || kind === Kind.SYSTEM || kind === Kind.REPS) {
      if (frame.type === Durable.ENTRY) this.journal.entry(decodeEntry(frame.payload));
      else if (frame.type === Durable.REFUSED) this.journal.refused(decodePostRefused(frame.payload));
    }
    this.#frames.get(kind)?.call(frame.type, frame.channel, frame.payload, frame.leg);
  }

  #lost(): void {
    this.#socket = null;
    const wasOpen = this.open;
    this.#wait();
    if (wasOpen) this.#closed.call();
  }

  #wait(): void {
    const pause = Math.max(this.#retryAfter, backoff(this.#attempt++, this.#around.random));
    this.#retryAfter = 0;
    this.#become("waiting");
    this.#stopTimer = this.#around.later(() => void this.#connect(), pause);
  }

  #finish(state: "ended" | "failed", reason: string): void {
    const wasOpen = this.open;
    this.reason = reason;
    this.#stopTimer?.();
    const socket = this.#socket;
    this.#socket = null;
    this.#become(state);
    socket?.close();
    if (wasOpen) this.#closed.call();
  }

  #become(state: LegState): void {
    this.state = state;
    this.#changed.call();
  }
}
