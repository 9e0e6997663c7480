/**
 * Why: one shell as a byte stream with positions, so that a lost socket costs no output.
 * Rules: the stream keeps the offset of the next byte that it wants. Every OPENED, every rejoin and every hole is answered
 * by ATTACH from there; what comes twice is told by its offset; what the endpoint no longer keeps is shown as a gap.
 * What is typed while it cannot reach the shell waits here, up to a bound, and is never typed into another shell.
 * Credit is given back when the terminal has drawn the bytes, not when they came; a page that nobody sees does not draw
 * (browsers hardly run its timers): it keeps the newest output and lets the program go on.
 */
import { channelOf, CREDIT, Kind, Shell } from "../wire/channels";
import { encodeCredit, readShellOutput } from "../wire/layouts";
import { encodeJson, type ShellClosed, type ShellGap } from "../wire/messages";
import type { LegPort } from "../wire/port";

/** What a shell is drawn on. */
export interface Terminal {
  /** Draw, then call `done`. What is `replayed` was drawn somewhere before: its questions have been answered. */
  write(bytes: Uint8Array, done: () => void, replayed: boolean): void;
  /** So many bytes are missing here; `modes` brings a fresh terminal into the modes in force behind them, if known. */
  gap(missing: number, modes: string | null): void;
  resize(cols: number, rows: number): void;
  reset(): void;
}

const INPUT_CHUNK = 16 * 1024;
/** Credit goes back in steps of this many bytes: the endpoint counts on no more (MIN_WINDOW there is twice as much). */
const CREDIT_STEP = 16 * 1024;
const PATIENCE = 3;
/** Typed bytes that wait for a shell which cannot be reached. */
const INPUT_HELD = 64 * 1024;
/** Newest output that is kept while nobody looks. */
const KEPT_UNSEEN = 1 << 20;
const TITLE_LENGTH = 48;
/** Control characters, those that turn the direction of text around, and all kinds of space. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Z}]+/gu;

interface Piece {
  readonly bytes: Uint8Array;
  readonly credit: number;
  readonly replayed: boolean;
  /** So many bytes are missing before it. */
  readonly missing?: number;
  readonly modes?: string | null;
}

const NOTHING = new Uint8Array();

export class ShellStream {
  closed = false;
  status: number | null = null;
  text = "";
  by = "";
  /** What the program in it calls itself; hostile text of one line. */
  title = "";
  /** Bytes that were typed and that the program did not take, since a person was told. */
  dropped = 0;
  /** When it was opened, by the endpoint's clock; 0 before it is known. */
  openedMs = 0;
  readonly number: number;
  readonly #port: LegPort;
  readonly #changed: () => void;
  #terminal: Terminal | null = null;
  #waiting: Piece[] = [];
  #next = 0;
  #consumed = 0;
  #era = 0;
  #asked = 0;
  #size = { cols: 80, rows: 24 };
  #typed = false;
  #reached = false;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #overfull = false;
  #watched = true;
  #unseen: Piece[] = [];
  #unseenFrom = 0;
  #unseenBytes = 0;
  #unseenLost = 0;

  constructor(port: LegPort, number: number, changed: () => void = () => undefined) {
    this.#port = port;
    this.number = number;
    this.#changed = changed;
  }

  get size(): { readonly cols: number; readonly rows: number } {
    return this.#size;
  }

  /** Questions of programs (where is the cursor?) are answered by who works in the shell, not by everybody who looks. */
  get answers(): boolean {
    return this.#typed;
  }

  /** It was opened from here. */
  ours(): void {
    this.#typed = true;
  }

  rename(title: string): void {
    const shown = title.replace(UNSHOWN, " ").trim();
    const letters = [...shown];
    this.title = letters.length > TITLE_LENGTH ? `${letters.slice(0, TITLE_LENGTH - 1).join("")}…` : shown;
    this.#changed();
  }

  /** Draw on this terminal from now on; what came before it was there is drawn first. */
  drawOn(terminal: Terminal): void {
    this.#terminal = terminal;
    terminal.resize(this.#size.cols, this.#size.rows);
    for (const piece of this.#waiting.splice(0)) this.#draw(piece);
  }

  /** Whether a person can see the page. */
  watch(watched: boolean): void {
    if (watched === this.#watched) return;
    this.#watched = watched;
    if (!watched) {
      this.#unseenFrom = this.#next;
      return;
    }
    const [pieces, lost] = [this.#unseen, this.#unseenLost];
    this.#forgetUnseen();
    if (lost && !this.closed) {
      // The endpoint keeps as much, and knows the modes that were switched meanwhile.
      this.#next = this.#unseenFrom;
      this.attach();
      return;
    }
    if (lost) this.#missed(lost, null);
    for (const piece of pieces) this.#take({ ...piece, credit: 0 });
  }

  /** Receive output from where we are. */
  attach(): void {
    this.#startWindow();
    this.#send(Shell.ATTACH, encodeJson({ offset: this.#next }));
  }

  input(bytes: Uint8Array): void {
    this.#typed = true;
    if (!this.#reached && !this.closed) this.#hold(bytes);
    else this.#type(bytes);
  }

  /** The endpoint says that the shell is there. */
  reached(): void {
    this.#reached = true;
    const held = this.#held;
    this.#forgetHeld();
    for (const bytes of held) this.#type(bytes);
  }

  /** Nobody hears what is sent, until the endpoint says otherwise. */
  away(): void {
    this.#reached = false;
  }

  #hold(bytes: Uint8Array): void {
    // What follows something that was left out would run without it.
    this.#overfull ||= this.#heldBytes + bytes.byteLength > INPUT_HELD;
    if (this.#overfull) {
      this.dropped += bytes.byteLength;
      this.#changed();
      return;
    }
    this.#heldBytes += bytes.byteLength;
    this.#held.push(bytes.slice());
  }

  /** Whoever typed it meant a shell that is gone. */
  #dropHeld(): void {
    this.dropped += this.#heldBytes;
    this.#forgetHeld();
  }

  #forgetHeld(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#overfull = false;
  }

  #type(bytes: Uint8Array): void {
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
    this.title = "";
    this.#next = 0;
    this.#waiting = [];
    this.#dropHeld();
    this.#forgetUnseen();
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
    const credit = all.byteLength;
    const skip = this.#next - offset;
    if (skip < 0) {
      if (!forUsOnly && this.#asked < PATIENCE) {
        // Bytes are missing between ours and these: the endpoint still has them, or says from where on it has some.
        this.#asked++;
        this.attach();
        return;
      }
      this.#missed(-skip, null);
    }
    this.#asked = 0;
    const bytes = all.subarray(Math.max(0, skip));
    this.#next = Math.max(this.#next, offset + credit);
    if (bytes.byteLength === 0) this.#drawn(credit);
    else this.#take({ bytes, credit, replayed: forUsOnly });
  }

  gap(gap: ShellGap): void {
    if (gap.offset <= this.#next) return;
    this.#missed(gap.offset - this.#next, gap.modes);
    this.#next = gap.offset;
  }

  drop(bytes: number): void {
    this.dropped += bytes;
  }

  end(closed: Pick<ShellClosed, "status" | "text" | "end">): void {
    if (this.closed) return;
    this.closed = true;
    this.#dropHeld();
    this.status = closed.status ?? this.status;
    this.text = closed.text;
    if (closed.end !== null && closed.end > this.#next) this.#missed(closed.end - this.#next, null);
  }

  #take(piece: Piece): void {
    if (!this.#watched) this.#keepUnseen(piece);
    else if (this.#terminal) this.#draw(piece);
    else this.#waiting.push({ ...piece, bytes: piece.bytes.slice() });
  }

  #keepUnseen(piece: Piece): void {
    this.#unseen.push({ ...piece, bytes: piece.bytes.slice() });
    this.#unseenBytes += piece.bytes.byteLength;
    while (this.#unseenBytes > KEPT_UNSEEN) {
      const size = this.#unseen.shift()?.bytes.byteLength ?? 0;
      this.#unseenBytes -= size;
      this.#unseenLost += size;
    }
    this.#drawn(piece.credit);
  }

  #forgetUnseen(): void {
    this.#unseen = [];
    this.#unseenBytes = this.#unseenLost = 0;
  }

  #missed(bytes: number, modes: string | null): void {
    if (this.#watched) {
      this.#take({ bytes: NOTHING, credit: 0, replayed: true, missing: bytes, modes });
      return;
    }
    this.#unseen = [];
    this.#unseenLost += this.#unseenBytes + bytes;
    this.#unseenBytes = 0;
  }

  #draw({ bytes, credit, replayed, missing, modes = null }: Piece): void {
    if (missing) {
      this.#terminal?.gap(missing, modes);
      return;
    }
    const era = this.#era;
    const done = (): void => {
      if (era === this.#era && credit) this.#drawn(credit);
    };
    this.#terminal?.write(bytes, done, replayed);
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
