/**
 * Why: what a tool (screen, shell, chat) may know of the leg that it works on. The socket, tickets and reconnects are
 * behind it; in tests a plain object stands in.
 */
import type { ScreenMonitor } from "./messages";

export type FrameHandler = (type: number, channel: number, payload: Uint8Array, leg: number) => void;

export interface LegPort {
  /** Our own leg's number; 0 before the first welcome. It may change with a reconnect. */
  readonly leg: number;
  /** Bits of `Grant` that hold now. */
  readonly grants: number;
  /** The leg is joined: frames that are sent now go out. */
  readonly open: boolean;
  /** Send one frame as our leg. Dropped while the leg is not joined: a tool starts again in its open handler. */
  send(type: number, channel: number, payload?: Uint8Array): void;
  /** Bytes that wait in the socket's send buffer. */
  readonly buffered: number;
  /** Call `handler` for every frame on channels of this kind. The payload is a view that nobody else keeps. */
  on(kind: number, handler: FrameHandler): () => void;
  /** Call `handler` after every (re)join. */
  onopen(handler: () => void): () => void;
  /** Call `handler` when the socket is gone; the leg reconnects by itself unless it ended. */
  onclose(handler: () => void): () => void;
  /** Call `handler` when the endpoint has left the session, for a while or for good: what is sent then reaches nobody. */
  onaway(handler: () => void): () => void;
  /** Call `handler` when the grants changed. */
  ongrants(handler: (grants: number) => void): () => void;
}

/** What a picture may cost: the words of START (docs/protocol/screen.md) that a person can choose. */
export const COLOURS = ["video", "bw", "few", "more", "full"] as const;
export type Colours = (typeof COLOURS)[number];

/** What a person sees of screen sharing in one leg. */
export interface ScreenState {
  /** `asking` while the customer is being asked or the first picture is on its way. */
  readonly sharing: "off" | "asking" | "on";
  /** Who has mouse and keyboard. */
  readonly control: "none" | "asking" | "mine" | "other";
  /** Who has disabled mouse and keyboard of the person there. */
  readonly block: "none" | "asking" | "mine" | "other";
  /** Why sharing or control stopped or was refused, for people; empty when there is nothing to say. */
  readonly text: string;
  /** Size of the shared screen in pixels; 0 before it is known. */
  readonly width: number;
  readonly height: number;
  readonly monitors: readonly ScreenMonitor[];
  /** The monitor that is shown; empty: all of them. */
  readonly monitor: string;
  readonly fit: "scaled" | "actual";
  /** Keysyms of modifiers that the virtual keyboard holds. */
  readonly held: readonly number[];
  /** This browser can draw video; null before it is known. */
  readonly video: boolean | null;
}

/** How the picture comes, over the last seconds. */
export interface Rates {
  /** Whole pictures a second. */
  readonly frames: number;
  /** Bytes a second. */
  readonly bytes: number;
  /** Milliseconds from a key or click to the picture after it; null when nothing was sent lately. */
  readonly delay: number | null;
}

/** Nothing is shared. */
export const SCREEN_OFF: ScreenState = {
  sharing: "off",
  control: "none",
  block: "none",
  text: "",
  width: 0,
  height: 0,
  monitors: [],
  monitor: "",
  fit: "scaled",
  held: [],
  video: null,
};

/** The screen tool as the console drives it; `live/screen` has the real one. */
export interface ScreenPort {
  readonly state: ScreenState;
  onstate: ((state: ScreenState) => void) | null;
  start(): void;
  stop(): void;
  /** Files may be pasted: the keys of a paste are looked at here before they go. */
  set pastes(pastes: boolean);
  /** Ask for other colours, now and from now on. */
  choose(colours: Colours): void;
  /** Look at this monitor, or at all (empty). */
  look(monitor: string): void;
  /** Show this monitor in a window of its own too. */
  openWindow(monitor: string): void;
  /** Draw it so that it fits its place, or as large as it is. */
  draw(fit: "scaled" | "actual"): void;
  /** How the picture comes just now. */
  rates(): Rates;
  requestControl(): void;
  releaseControl(): void;
  /** Disable mouse and keyboard of the person there, or give them back. */
  block(on: boolean): void;
  /** Press a modifier until the next key was struck, or let go of it. */
  hold(modifier: number): void;
  /** Strike these keys together. */
  strike(keysyms: readonly number[]): void;
  /** Have a text typed there that no recording shows. */
  typeSecret(text: string): void;
  /** The view goes away for good. */
  close(): void;
}
