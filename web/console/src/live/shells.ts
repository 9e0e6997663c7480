/**
 * Why: the shells of one session: which there are, and which of them each frame is about.
 * Rules: they are told by OPENED and CLOSED alone: the endpoint says OPENED to whoever joins, and CLOSED to whoever
 * attaches to one that is gone. A number is used again only by a new endpoint program: its shell is a new one, told by
 * another `opened_ms`.
 */
import { channelOf, instanceOf, Kind, Shell } from "../wire/channels";
import {
  decodeShellClosed,
  decodeShellDropped,
  decodeShellGap,
  decodeShellOpened,
  decodeShellSize,
  encodeJson,
} from "../wire/messages";
import type { LegPort } from "../wire/port";
import { ShellStream } from "./shell";
import { Handlers } from "./socket";
import type { Tool } from "./tool";

export class Shells implements Tool {
  readonly #port: LegPort;
  readonly #all = new Map<number, ShellStream>();
  readonly #changed = new Handlers<[]>();
  readonly #stop: (() => void)[];
  #watched = true;
  /** A shell of ours was asked for and has not been opened yet. */
  opening = false;
  /** Why the last shell that we asked for did not open, for people. */
  refused = "";

  constructor(port: LegPort) {
    this.#port = port;
    this.#stop = [
      port.on(Kind.SHELL, (type, channel, payload, leg) => this.#frame(type, instanceOf(channel), payload, leg)),
      port.onopen(() => this.#attachAll()),
      port.onaway(() => this.#away()),
      port.onclose(() => {
        this.opening = false;
        this.#away();
        this.#changed.call();
      }),
    ];
  }

  get list(): readonly ShellStream[] {
    return [...this.#all.values()].sort((a, b) => a.number - b.number);
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  open(cols = 80, rows = 24): void {
    this.opening = true;
    this.refused = "";
    this.#port.send(Shell.OPEN, channelOf(Kind.SHELL), encodeJson({ cols, rows }));
    this.#changed.call();
  }

  /** End a shell and take it out of the list. */
  end(number: number): void {
    const stream = this.#all.get(number);
    if (stream && !stream.closed) stream.close();
    this.#all.delete(number);
    this.#changed.call();
  }

  /** A person has read the notices about a shell, and why none opened. */
  dismiss(number: number): void {
    this.refused = "";
    const stream = this.#all.get(number);
    if (stream) stream.dropped = 0;
    this.#changed.call();
  }

  /** Whether a person can see the page. */
  watch(watched: boolean): void {
    this.#watched = watched;
    for (const stream of this.#all.values()) stream.watch(watched);
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  #stream(number: number): ShellStream {
    let stream = this.#all.get(number);
    if (!stream) {
      stream = new ShellStream(this.#port, number, () => this.#changed.call());
      stream.watch(this.#watched);
      this.#all.set(number, stream);
    }
    return stream;
  }

  #away(): void {
    for (const stream of this.#all.values()) stream.away();
  }

  #attachAll(): void {
    for (const stream of this.#all.values()) if (!stream.closed) stream.attach();
  }

  #frame(type: number, number: number, payload: Uint8Array, leg: number): void {
    if (type === Shell.DATA) {
      this.#all.get(number)?.data(payload, leg !== 0);
      return;
    }
    if (type === Shell.OPENED) this.#opened(number, payload);
    else if (type === Shell.CLOSED) this.#closed(number, payload);
    else if (type === Shell.RESIZED) {
      const size = decodeShellSize(payload);
      this.#all.get(number)?.resized(size.cols, size.rows);
    } else if (type === Shell.GAP) this.#all.get(number)?.gap(decodeShellGap(payload));
    else if (type === Shell.DROPPED) this.#all.get(number)?.drop(decodeShellDropped(payload).bytes);
    this.#changed.call();
  }

  #opened(number: number, payload: Uint8Array): void {
    const opened = decodeShellOpened(payload);
    const known = this.#all.has(number);
    const stream = this.#stream(number);
    // An older endpoint says no time: then a number that is closed, or that we asked for, is another shell.
    const another = opened.opened_ms ? stream.openedMs !== opened.opened_ms : stream.closed || this.opening;
    if (known && another) stream.restart();
    if (this.opening && (!known || another)) stream.ours();
    this.opening = false;
    stream.closed = false;
    stream.by = opened.by;
    stream.openedMs = opened.opened_ms;
    stream.resized(opened.cols, opened.rows);
    stream.attach();
    stream.reached();
  }

  #closed(number: number, payload: Uint8Array): void {
    const closed = decodeShellClosed(payload);
    if (number === 0) {
      this.opening = false;
      this.refused = closed.text;
      return;
    }
    this.#all.get(number)?.end(closed);
  }
}
