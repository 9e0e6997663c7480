/**
 * Why: keeps the store true: the event socket with its tickets, and the snapshot whenever events do not suffice.
 * Rules: one resynchronisation at a time; events that come meanwhile are held back and applied after it. A socket that
 * is lost comes back with a fresh snapshot and its ticket: a relay that was restarted does not know what was missed, so
 * its silence proves nothing. What a person may see has changed when `me` comes, or an item of a topic not followed yet.
 */
import { channelOf, Control, Kind } from "../wire/channels";
import { build, parse, type Frame } from "../wire/frames";
import { decodeEvent, decodeRefuse, encodeJson, type EventMessage } from "../wire/messages";
import { backoff, browserSurroundings, Final, Handlers, type Socket, type Surroundings } from "./socket";
import type { Snapshot, Store } from "./store";

export type EventsState = "connecting" | "open" | "waiting" | "failed";

export interface EventsApi {
  snapshot(): Promise<Snapshot>;
}

const PATH = "/live/events";
const CONTROL = channelOf(Kind.CONTROL);

export class EventSocket {
  state: EventsState = "connecting";
  reason = "";
  readonly #store: Store;
  readonly #api: EventsApi;
  readonly #around: Surroundings;
  readonly #changed = new Handlers<[]>();
  #ticket: string | null;
  #socket: Socket | null = null;
  #held: EventMessage[] | null = null;
  #attempt = 0;
  #retryAfter = 0;
  #stopTimer: (() => void) | null = null;
  #stopped = false;

  /** `ticket` is the one that came with the snapshot that the store was loaded from. */
  constructor(store: Store, api: EventsApi, ticket: string | null, around: Surroundings = browserSurroundings) {
    this.#store = store;
    this.#api = api;
    this.#ticket = ticket;
    this.#around = around;
    void this.#connect();
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  close(): void {
    this.#stopped = true;
    this.#stopTimer?.();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
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
        const snapshot = await this.#api.snapshot();
        if (this.#stopped) return;
        this.#store.load(snapshot);
        ticket = snapshot.events_ticket;
      } catch (error) {
        this.#failed(error);
        return;
      }
    }
    if (this.#stopped) return;
    const socket = this.#around.connect(PATH);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => {
      if (this.#socket === socket) this.#message(socket, event.data as ArrayBuffer, ticket);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#wait();
    };
  }

  #message(socket: Socket, data: ArrayBuffer, ticket: string): void {
    try {
      const frame = parse(data);
      if (frame.channel === CONTROL) this.#control(socket, frame, ticket);
    } catch (error) {
      console.warn("an event was not understood", error);
      socket.close();
    }
  }

  #control(socket: Socket, frame: Frame, ticket: string): void {
    switch (frame.type) {
      case Control.HELLO:
        socket.send(build(Control.LISTEN, CONTROL, 0, encodeJson({ ticket, have: this.#store.have })));
        return;
      case Control.WELCOME:
        this.#attempt = 0;
        this.#become("open");
        return;
      case Control.EVENT:
        this.#event(decodeEvent(frame.payload));
        return;
      case Control.GAP:
        void this.#resynchronise();
        return;
      case Control.REFUSE: {
        const refusal = decodeRefuse(frame.payload);
        this.#retryAfter = (refusal.retry_after_s ?? 0) * 1000;
        this.reason = refusal.text;
        socket.close();
      }
    }
  }

  #event(event: EventMessage): void {
    if (this.#held) {
      this.#held.push(event);
      return;
    }
    const outcome = this.#store.apply(event);
    if (outcome === "hole") void this.#resynchronise();
    else if (outcome === "applied" && this.#widens(event)) void this.#resynchronise(true);
  }

  #widens(event: EventMessage): boolean {
    const topic = event.value?.["topic"];
    if (event.collection === "me") return event.id === this.#store.me.id;
    return typeof topic === "string" && !this.#store.follows(topic);
  }

  /** Fetch the snapshot; `widen` also takes a new socket, because the old one's ticket names other topics. */
  async #resynchronise(widen = false): Promise<void> {
    if (this.#held) return;
    this.#held = [];
    try {
      const snapshot = await this.#api.snapshot();
      this.#store.load(snapshot);
      const held = this.#held;
      this.#held = null;
      if (widen) this.#reconnect(snapshot.events_ticket);
      for (const event of held) this.#event(event);
    } catch (error) {
      this.#held = null;
      if (error instanceof Final) this.#failed(error);
      else this.#socket?.close();
    }
  }

  #reconnect(ticket: string): void {
    this.#ticket = ticket;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    void this.#connect();
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    if (error instanceof Final) {
      this.reason = error.message;
      this.close();
      this.#become("failed");
    } else {
      this.#wait();
    }
  }

  #wait(): void {
    if (this.#stopped) return;
    const pause = Math.max(this.#retryAfter, backoff(this.#attempt++, this.#around.random));
    this.#retryAfter = 0;
    this.#become("waiting");
    this.#stopTimer = this.#around.later(() => void this.#connect(), pause);
  }

  #become(state: EventsState): void {
    this.state = state;
    this.#changed.call();
  }
}
