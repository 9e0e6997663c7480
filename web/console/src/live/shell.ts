/**
 * Why: shells of one session as byte streams with positions, so that a lost socket costs no output.
 * Rules: which shells exist is told by OPENED and CLOSED alone: the endpoint says OPENED to whoever joins, and CLOSED to
 * whoever attaches to one that is gone. Each keeps the offset of the next byte that it wants. Every OPENED, every rejoin
 * and every gap is answered by ATTACH from there; what comes twice is told by its offset. A number is used again only by
 * a new endpoint program: its shell is a new one, told by another `opened_ms`.
 * Credit is given back when the terminal has drawn the bytes, not when they came.
 */
import { channelOf, CREDIT, instanceOf, Kind, Shell, SHELL_WINDOW } from "../wire/channels";
import { encodeCredit, readShellOutput } from "../wire/layouts";
import { decodeShellClosed, decodeShellOpened, decodeShellSize, encodeJson } from "../wire/messages";
import type { LegPort } from "../wire/port";
import { Handlers } from "./socket";
import type { Tool } from "./tool";

/** What a shell is drawn on. `write` calls `done` when the bytes are drawn. */
export interface Terminal {
  write(bytes: Uint8Array, done: () => void): void;
  resize(cols: number, rows: number): void;
  reset(): void;
}

const INPUT_CHUNK = 16 * 1024;
const CREDIT_STEP = SHELL_WINDOW / 8;
const PATIENCE = 3;

export class ShellStream {
  closed = false;
  status: number | null = null;
  text = "";
  by = "";
  /** When it was opened, by the endpoint's clock; 0 before it is known. */
  openedMs = 0;
  readonly number: number;
  readonly #port: LegPort;
  #terminal: Terminal | null = null;
  #waiting: Uint8Array[] = [];
  #next = 0;
  #consumed = 0;
  #era = 0;
  #asked = 0;
  #size = { cols: 80, rows: 24 };

  constructor(port: LegPort, number: number) {
    this.#port = port;
    this.number = number;
  }

  get size(): { readonly cols: number; readonly rows: number } {
    return this.#size;
  }

  /** Draw on this terminal from now on; what came before it was there is drawn first. */
  drawOn(terminal: Terminal): void {
    this.#terminal = terminal;
    terminal.resize(this.#size.cols, this.#size.rows);
    for (const bytes of this.#waiting.splice(0)) this.#draw(bytes);
  }

  /** Receive output from where we are. */
  attach(): void {
    this.#startWindow();
    this.#send(Shell.ATTACH, encodeJson({ offset: this.#next }));
  }

  input(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += INPUT_CHUNK) this.#send(Shell.INPUT, bytes.subarray(at, at + INPUT_CHUNK));
  }

  /** Ask for another size of the terminal. */
  resize(cols: number, rows: number): void {
    if (cols === this.#size.cols && rows === this.#size.rows) return;
    this.#size = { cols, rows };
    this.#send(Shell.RESIZE, encodeJson({ cols, rows }));
  }

  close(): void {
    this.#send(Shell.CLOSE);
  }

  /** Another shell has this number now: its output starts at 0. */
  restart(): void {
    this.closed = false;
    this.status = null;
    this.text = "";
    this.#next = 0;
    this.#waiting = [];
    this.#terminal?.reset();
  }

  resized(cols: number, rows: number): void {
    this.#size = { cols, rows };
    this.#terminal?.resize(cols, rows);
  }

  data(payload: Uint8Array, forUsOnly: boolean): void {
    const output = readShellOutput(payload);
    if (!output) return;
    const { offset, bytes: all } = output;
    const skip = this.#next - offset;
    if (skip < 0 && !forUsOnly && this.#asked < PATIENCE) {
      // Bytes are missing between ours and these: the endpoint still has them, or says from where on it has some.
      this.#asked++;
      this.attach();
      return;
    }
    this.#asked = 0;
    const bytes = all.subarray(Math.max(0, skip));
    this.#next = Math.max(this.#next, offset + all.byteLength);
    if (bytes.byteLength === 0) this.#drawn(all.byteLength);
    else if (this.#terminal) this.#draw(bytes, all.byteLength);
    else this.#waiting.push(bytes.slice());
  }

  #draw(bytes: Uint8Array, credit = bytes.byteLength): void {
    const era = this.#era;
    this.#terminal?.write(bytes, () => {
      if (era === this.#era) this.#drawn(credit);
    });
  }

  #drawn(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < CREDIT_STEP) return;
    const payload = encodeCredit(this.#consumed);
    this.#consumed = 0;
    this.#send(CREDIT, payload);
  }

  /** A new window begins: what is still being drawn belongs to the old one and gives nothing back. */
  #startWindow(): void {
    this.#era++;
    this.#consumed = 0;
  }

  #send(type: number, payload?: Uint8Array): void {
    this.#port.send(type, channelOf(Kind.SHELL, this.number), payload);
  }
}

export class Shells implements Tool {
  readonly #port: LegPort;
  readonly #all = new Map<number, ShellStream>();
  readonly #changed = new Handlers<[]>();
  readonly #stop: (() => void)[];
  /** A shell of ours was asked for and has not been opened yet. */
  opening = false;
  /** Why the last shell that we asked for did not open, for people. */
  refused = "";

  constructor(port: LegPort) {
    this.#port = port;
    this.#stop = [
      port.on(Kind.SHELL, (type, channel, payload, leg) => this.#frame(type, instanceOf(channel), payload, leg)),
      port.onopen(() => this.#attachAll()),
      port.onclose(() => {
        this.opening = false;
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

  close(): void {
    for (const stop of this.#stop) stop();
  }

  #attachAll(): void {
    for (const stream of this.#all.values()) if (!stream.closed) stream.attach();
  }

  #frame(type: number, number: number, payload: Uint8Array, leg: number): void {
    if (type === Shell.DATA) {
      this.#all.get(number)?.data(payload, leg !== 0);
      return;
    }
    if (type === Shell.OPENED) {
      const opened = decodeShellOpened(payload);
      const known = this.#all.get(number);
      const stream = known ?? new ShellStream(this.#port, number);
      this.#all.set(number, stream);
      // An older endpoint says no time: then a number that is closed, or that we asked for, is another shell.
      const another = opened.opened_ms ? stream.openedMs !== opened.opened_ms : stream.closed || this.opening;
      if (known && another) known.restart();
      this.opening = false;
      stream.closed = false;
      stream.by = opened.by;
      stream.openedMs = opened.opened_ms;
      stream.resized(opened.cols, opened.rows);
      stream.attach();
    } else if (type === Shell.CLOSED) {
      const closed = decodeShellClosed(payload);
      if (number === 0) {
        this.opening = false;
        this.refused = closed.text;
      } else {
        this.#closed(number, closed.status, closed.text);
      }
    } else if (type === Shell.RESIZED) {
      const size = decodeShellSize(payload);
      this.#all.get(number)?.resized(size.cols, size.rows);
    }
    this.#changed.call();
  }

  #closed(number: number, status: number | null, text: string): void {
    const stream = this.#all.get(number);
    if (!stream || stream.closed) return;
    stream.closed = true;
    stream.status = status;
    stream.text = text;
  }
}
