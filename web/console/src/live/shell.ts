/**
 * Why: shells of one session as byte streams with positions, so that a lost socket costs no output.
 * Rules: which shells exist is told by the journal (`shell-opened`, `shell-closed`) and by OPENED and CLOSED; each keeps
 * the offset of the next byte that it wants. Every OPENED, every rejoin and every gap is answered by ATTACH from there;
 * what comes twice is told by its offset. A number is used again only by a new endpoint program: its shell is a new one.
 * Credit is given back when the terminal has drawn the bytes, not when they came.
 */
import { channelOf, CREDIT, instanceOf, Kind, Shell, SHELL_WINDOW } from "../wire/channels";
import { encodeCredit, readShellOutput } from "../wire/layouts";
import { decodeShellClosed, decodeShellOpened, decodeShellSize, encodeJson, type Entry } from "../wire/messages";
import type { LegPort } from "../wire/port";
import { Handlers } from "./socket";

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
  /** Sequence of the journal's entry about its opening; 0 before it came. */
  openedSeq = 0;
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
    this.openedSeq = 0;
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

export class Shells {
  readonly #port: LegPort;
  readonly #all = new Map<number, ShellStream>();
  readonly #changed = new Handlers<[]>();
  readonly #stop: (() => void)[];
  #lastEntry = 0;
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

  /** Close a shell and take it out of the list. */
  close(number: number): void {
    const stream = this.#all.get(number);
    if (stream && !stream.closed) stream.close();
    this.#all.delete(number);
    this.#changed.call();
  }

  /** Learn from the journal which shells were opened before we came. */
  learn(entries: readonly Entry[]): void {
    const alive = new Map<number, number>();
    const gone = new Set<number>();
    for (const entry of entries) {
      if (entry.seq <= this.#lastEntry) continue;
      this.#lastEntry = entry.seq;
      const number = entry.data["shell"];
      if (entry.kind === "shell-refused") this.opening = false;
      if (typeof number !== "number") continue;
      if (entry.kind === "shell-opened") {
        alive.set(number, entry.seq);
        gone.delete(number);
      } else if (entry.kind === "shell-closed") {
        alive.delete(number);
        gone.add(number);
      }
    }
    for (const number of gone) this.#closed(number, null, "");
    for (const [number, seq] of alive) {
      const told = this.#all.get(number)?.openedSeq === 0;
      const stream = this.#stream(number);
      if (stream.openedSeq) stream.restart();
      stream.openedSeq = seq;
      if (!told) stream.attach();
    }
    if (alive.size || gone.size) this.#changed.call();
  }

  stop(): void {
    for (const stop of this.#stop) stop();
  }

  #stream(number: number): ShellStream {
    let stream = this.#all.get(number);
    if (!stream) this.#all.set(number, (stream = new ShellStream(this.#port, number)));
    return stream;
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
      const stream = this.#stream(number);
      if (this.opening && stream.openedSeq) stream.restart();
      this.opening = false;
      stream.by = opened.by;
      stream.closed = false;
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
