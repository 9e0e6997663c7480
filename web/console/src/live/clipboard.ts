/**
 * Why: the remote clipboard in a session: sharing it, giving it what was copied here, taking what was copied there.
 * Rules: nothing goes before a person switched sharing on, and nothing either way that the grants do not allow. It goes by
 * itself where the browser lets a page read and write the clipboard, and only in the session that is on the page; else a
 * person presses a button. What came from one side is never sent back to it. Of files only the paths go this way; the files
 * are the files tool's matter (`live/copiedfiles` brings both together).
 */
import { t } from "../i18n";
import { bytes } from "../size";
import { channelOf, Clip, CLIP_CHUNK, CLIP_MOST, Grant, Kind, UNSUPPORTED } from "../wire/channels";
import { decodeClipboardFiles, encodeClipboardFiles, type Path } from "../wire/files";
import { encodePart, readPart } from "../wire/layouts";
import {
  decodeClipboardDone,
  decodeClipboardHead,
  decodeClipboardOffer,
  decodeStopped,
  encodeJson,
  type ClipboardHead,
} from "../wire/messages";
import type { LegPort } from "../wire/port";
import { browserClipboard, type Content, type LocalClipboard } from "./localclipboard";
import { Handlers } from "./socket";
import type { Tool } from "./tool";

const CHANNEL = channelOf(Kind.CLIPBOARD);
/** Parts wait while so much is in the socket: keys go the same way. */
const BUFFERED = 64 * 1024;
const PACE_MS = 20;
const NOTE_MS = 8000;

export interface ClipboardState {
  readonly sharing: "off" | "asking" | "on";
  /** Something was copied there that is not here yet. */
  readonly waiting: boolean;
  /** The last that happened, for people; empty after a while. */
  readonly note: string;
  /** What goes by itself. */
  readonly gives: boolean;
  readonly takes: boolean;
  /** Files that were copied there, by their paths. */
  readonly files: readonly Path[];
  /** What was copied beside them and cannot be transferred. */
  readonly others: number;
}

/** What the endpoint's clipboard can be given. */
type Given = Content | { readonly format: "files"; readonly bytes: Uint8Array<ArrayBuffer> };

interface Coming {
  readonly head: ClipboardHead;
  readonly bytes: Uint8Array<ArrayBuffer>;
  at: number;
}

const OFF: ClipboardState = { sharing: "off", waiting: false, note: "", gives: false, takes: false, files: [], others: 0 };

const same = (one: Content | null, other: Content): boolean =>
  one !== null &&
  one.format === other.format &&
  one.bytes.byteLength === other.bytes.byteLength &&
  one.bytes.every((byte, at) => byte === other.bytes[at]);

export class Clipboard implements Tool {
  readonly #leg: LegPort;
  readonly #local: LocalClipboard;
  readonly #changed = new Handlers<[]>();
  readonly #undo: (() => void)[];
  #state = OFF;
  #shown = false;
  #formats: readonly string[] = [];
  #transfer = 0;
  /** The transfers under way; 0 = none. */
  #giving = 0;
  #taking = 0;
  /** The format that is being taken. */
  #asked = "";
  #coming: Coming | null = null;
  /** What both sides have, as far as we know. */
  #common: Content | null = null;
  /** What came, and could not be put in without a person's click. */
  #kept: Content | null = null;
  /** Waits for the end of files that are given. */
  #answer: ((text: string) => void) | null = null;
  #noteTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(leg: LegPort, local: LocalClipboard = browserClipboard) {
    this.#leg = leg;
    this.#local = local;
    this.#undo = [
      leg.on(Kind.CLIPBOARD, (type, _channel, payload) => this.#frame(type, payload)),
      leg.onopen(() => this.#state.sharing !== "off" && this.#start()),
      leg.ongrants(() => {
        if (!this.offered && this.#state.sharing !== "off") this.stop();
        this.#changed.call();
      }),
      local.onfocus(() => void this.#focused()),
    ];
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  get state(): ClipboardState {
    return this.#state;
  }

  get mayGive(): boolean {
    return (this.#leg.grants & Grant.CLIPBOARD_WRITE) !== 0;
  }

  get mayTake(): boolean {
    return (this.#leg.grants & Grant.CLIPBOARD_READ) !== 0;
  }

  /** Files too: the clipboard holds their paths, and File Transfer moves them. */
  get mayGiveFiles(): boolean {
    return this.mayGive && (this.#leg.grants & Grant.FILES_WRITE) !== 0;
  }

  get mayTakeFiles(): boolean {
    return this.mayTake && (this.#leg.grants & Grant.FILES_READ) !== 0;
  }

  /** This person may share the clipboard, one way at least. */
  get offered(): boolean {
    return this.mayGive || this.mayTake;
  }

  /** Whether the session is on the page now. */
  set shown(shown: boolean) {
    const before = this.#shown;
    this.#shown = shown;
    if (shown && !before) void this.#focused();
  }

  toggle(): void {
    if (this.#state.sharing === "off") this.#start();
    else this.stop();
  }

  stop(): void {
    this.#leg.send(Clip.STOP, CHANNEL);
    this.#over("");
  }

  close(): void {
    if (this.#state.sharing !== "off") this.stop();
    for (const undo of this.#undo) undo();
    clearTimeout(this.#noteTimer);
  }

  /** Give the remote clipboard what is in ours. */
  async give(byItself = false): Promise<void> {
    if (this.#state.sharing !== "on" || !this.mayGive || (byItself && this.#giving)) return;
    let content: Content | null;
    try {
      content = await this.#local.read();
    } catch {
      if (!byItself) this.#note(t("This browser did not let the clipboard be read. Allow it for this page, and try again."));
      return;
    }
    if (!content?.bytes.byteLength) {
      if (byItself) return;
      const files = this.mayGiveFiles ? ` ${t("Files are pasted here with Ctrl+V, or dropped onto the screen.")}` : "";
      this.#note(t("Your clipboard holds no text and no picture.") + files);
    } else if (byItself && same(this.#common, content)) {
      return;
    } else if (content.bytes.byteLength > CLIP_MOST) {
      this.#common = content; // said once is enough
      this.#note(t("What you copied is too long for the remote clipboard: {size} of at most {most}.", {
        size: bytes(content.bytes.byteLength), most: bytes(CLIP_MOST),
      })); // prettier-ignore
    } else {
      this.#common = content;
      await this.#send(content);
    }
  }

  /** Put files that are there into the remote clipboard. Resolves with why not; empty when they are in it. */
  async giveFiles(paths: readonly Path[]): Promise<string> {
    if (this.#state.sharing !== "on" || !this.mayGiveFiles) return t("The clipboard is not shared any more.");
    const bytes = encodeClipboardFiles(paths);
    if (bytes.byteLength > CLIP_MOST) return t("These are too many files for one clipboard.");
    this.#answered(t("Something else was put into the remote clipboard meanwhile."));
    return new Promise((done) => {
      this.#answer = done;
      void this.#send({ format: "files", bytes });
    });
  }

  /** The files that were copied there were seen to. */
  forgetFiles(): void {
    this.#set({ files: [], others: 0 });
  }

  /** Take over what was copied there. */
  async take(): Promise<void> {
    if (this.#state.sharing !== "on" || !this.mayTake) return;
    const kept = this.#kept;
    if (kept) {
      await this.#put(kept);
    } else if (this.#formats.length && !this.#taking) {
      this.#takeAs(this.#formats.find((one) => one === "files") ?? this.#formats.find((one) => one === "text") ?? "png");
    }
  }

  #takeAs(format: string): void {
    this.#taking = this.#next();
    this.#asked = format;
    this.#leg.send(Clip.TAKE, CHANNEL, encodeJson({ transfer: this.#taking, format }));
  }

  async #focused(): Promise<void> {
    if (!this.#shown || this.#state.sharing !== "on") return;
    await this.#ask();
    if (this.#state.gives) await this.give(true);
    // Names of files need no permission of the browser's.
    const takes = this.#state.takes || this.#formats.includes("files");
    if (takes && this.#state.waiting) await this.take();
  }

  async #ask(): Promise<void> {
    const [gives, takes] = await Promise.all([this.#local.may("read"), this.#local.may("write")]);
    if (gives !== this.#state.gives || takes !== this.#state.takes) this.#set({ gives, takes });
  }

  #start(): void {
    this.#giving = this.#taking = 0;
    this.#coming = null;
    this.#answered(t("The connection was lost. Try again."));
    this.#set({ sharing: "asking" });
    this.#leg.send(Clip.START, CHANNEL);
  }

  #over(note: string): void {
    this.#formats = [];
    this.#giving = this.#taking = 0;
    this.#coming = this.#kept = this.#common = null;
    this.#answered(t("The clipboard is not shared any more."));
    this.#set({ sharing: "off", waiting: false, files: [], others: 0 });
    this.#note(note);
  }

  #frame(type: number, payload: Uint8Array): void {
    if (type === Clip.STOPPED || type === UNSUPPORTED) {
      if (this.#state.sharing !== "off") this.#over(decodeStopped(payload));
    } else if (this.#state.sharing === "off") {
      return;
    } else if (type === Clip.STARTED) {
      this.#set({ sharing: "on" });
      void this.#focused();
    } else if (type === Clip.OFFER) {
      this.#offered(decodeClipboardOffer(payload));
    } else if (type === Clip.CONTENT) {
      const head = decodeClipboardHead(payload);
      if (head.transfer === this.#taking && head.bytes <= CLIP_MOST) {
        this.#coming = { head, bytes: new Uint8Array(head.bytes), at: 0 };
      }
    } else if (type === Clip.PART) {
      this.#part(payload);
    } else if (type === Clip.DONE) {
      this.#done(decodeClipboardDone(payload));
    }
  }

  #offered(formats: readonly string[]): void {
    this.#formats = formats.filter((one) => one === "text" || one === "png" || (one === "files" && this.mayTakeFiles));
    this.#kept = null;
    this.#taking = 0;
    this.#coming = null;
    this.#set({ waiting: this.#formats.length > 0, files: [], others: 0 });
    if (this.#local.focused()) void this.#focused();
  }

  #part(payload: Uint8Array): void {
    const [part, coming] = [readPart(payload), this.#coming];
    if (!part || !coming || part.transfer !== coming.head.transfer) return;
    if (coming.at + part.bytes.byteLength > coming.bytes.byteLength) return;
    coming.bytes.set(part.bytes, coming.at);
    coming.at += part.bytes.byteLength;
    if (coming.at < coming.bytes.byteLength) return;
    this.#coming = null;
    this.#taking = 0;
    if (coming.head.format === "files") {
      this.#set({ waiting: false, ...namesOf(coming.bytes) });
      return;
    }
    void this.#put({ format: coming.head.format === "png" ? "png" : "text", bytes: coming.bytes });
  }

  async #put(content: Content): Promise<void> {
    try {
      await this.#local.write(content);
    } catch {
      this.#kept = content;
      this.#set({ waiting: true });
      this.#note(t("Something was copied there. Press {button} to take it over.", { button: t("Take Clipboard") }));
      return;
    }
    this.#kept = null;
    this.#common = content;
    this.#set({ waiting: false });
    this.#note(t("Taken over from the remote clipboard ({size}).", { size: bytes(content.bytes.byteLength) }));
  }

  #done({ transfer, text }: { transfer: number; text: string }): void {
    if (transfer === this.#giving) {
      this.#giving = 0;
      if (this.#answered(text)) return;
      this.#note(text || t("Sent to the remote clipboard ({size}).", { size: bytes(this.#common?.bytes.byteLength ?? 0) }));
    } else if (transfer === this.#taking) {
      this.#taking = 0;
      this.#coming = null;
      // What is no file may be taken as something else.
      this.#formats = this.#formats.filter((one) => one !== this.#asked);
      const rest = this.#asked === "files" && this.#formats.length > 0;
      this.#set({ waiting: rest });
      if (!rest) this.#note(text);
      else if (this.#state.takes) void this.take();
    }
  }

  /** Tell whoever waits for files to be given; false when nobody does. */
  #answered(text: string): boolean {
    const answer = this.#answer;
    this.#answer = null;
    answer?.(text);
    return answer !== null;
  }

  async #send({ format, bytes }: Given): Promise<void> {
    if (format !== "files") this.#answered(t("Something else was put into the remote clipboard meanwhile."));
    const transfer = (this.#giving = this.#next());
    this.#leg.send(Clip.GIVE, CHANNEL, encodeJson({ transfer, format, bytes: bytes.byteLength }));
    for (let at = 0; at < bytes.byteLength; at += CLIP_CHUNK) {
      while (this.#giving === transfer && this.#leg.buffered > BUFFERED) await pause();
      if (this.#giving !== transfer) return;
      this.#leg.send(Clip.GIVEN_PART, CHANNEL, encodePart(transfer, bytes.subarray(at, at + CLIP_CHUNK)));
    }
  }

  #next = (): number => (this.#transfer = (this.#transfer % 0xffff_ffff) + 1);

  #note(note: string): void {
    clearTimeout(this.#noteTimer);
    if (note !== this.#state.note) this.#set({ note });
    if (note) this.#noteTimer = setTimeout(() => this.#set({ note: "" }), NOTE_MS);
  }

  #set(change: Partial<ClipboardState>): void {
    this.#state = { ...this.#state, ...change };
    this.#changed.call();
  }
}

function namesOf(content: Uint8Array): { files: readonly Path[]; others: number } {
  const { paths, others } = decodeClipboardFiles(content);
  return { files: paths, others };
}

const pause = (): Promise<void> => new Promise((done) => setTimeout(done, PACE_MS));
