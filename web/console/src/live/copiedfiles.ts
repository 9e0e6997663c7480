/**
 * Why: files by way of the clipboard. What was copied there is offered for download; what is pasted or dropped here is
 * uploaded, and put into the remote clipboard, so that Paste works in the file manager there.
 * Rules: clipboard and files know nothing of each other; this brings them together, and asks for nothing that each would not
 * do by itself: both grants, both consents, every path limit and every entry in the report hold. Nothing is uploaded before a
 * person said where to. Nothing that is there is replaced: what has a name that is taken gets another one.
 */
import { t, tn } from "../i18n";
import { join, shown, typed, type Path } from "../wire/files";
import type { Clipboard } from "./clipboard";
import type { Chosen } from "./files/dropped";
import { Refused } from "./files/exchange";
import type { Transfer } from "./files/transfer";
import type { Source } from "./files/upload";
import { Handlers } from "./socket";

const NOTE_MS = 12_000;

/** What is needed of the files tool. */
export interface FilesPort {
  readonly inbox: Path;
  ready(): Promise<void>;
  names(folder: Path): Promise<ReadonlySet<Path> | null>;
  fetch(paths: readonly Path[]): void;
  deliver(folder: Path, name: string, sources: readonly Source[], make: boolean): Transfer;
}

/** A question before files are uploaded: these, and the folder that stands in the field. */
export interface Pasting {
  readonly items: readonly Chosen[];
  readonly folder: string;
}

export class CopiedFiles {
  /** What a person pasted or dropped, until it is known where to. */
  asked: Pasting | null = null;
  /** Something is being prepared or uploaded. */
  busy = false;
  /** The last that happened, for people; empty after a while. */
  note = "";
  readonly #clipboard: Clipboard;
  readonly #files: FilesPort;
  readonly #changed = new Handlers<[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The folder that was chosen last, as it was shown, and as the endpoint's bytes. */
  #folder: { readonly words: string; readonly path: Path } | null = null;

  constructor(clipboard: Clipboard, files: FilesPort) {
    this.#clipboard = clipboard;
    this.#files = files;
    clipboard.onchange(() => this.#changed.call());
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  /** Files that were copied there and can be downloaded. */
  get there(): readonly Path[] {
    return this.#clipboard.state.files;
  }

  /** What was copied beside them and cannot be downloaded. */
  get others(): number {
    return this.#clipboard.state.others;
  }

  /** Files may be pasted and dropped now. */
  get takes(): boolean {
    return this.#clipboard.state.sharing === "on" && this.#clipboard.mayGiveFiles;
  }

  dismiss(): void {
    this.#clipboard.forgetFiles();
  }

  async download(): Promise<void> {
    const paths = this.there;
    if (!paths.length || this.busy) return;
    if (await this.#granted()) {
      this.#files.fetch(paths);
      this.#clipboard.forgetFiles();
      this.#say(t("The browser saves them among its downloads. File Transfer shows how far they are."));
    }
  }

  /** A person pasted or dropped these: ask where to, or say why not. */
  async paste(items: readonly Chosen[]): Promise<void> {
    if (!items.some((item) => item.sources.length)) return;
    if (!this.#clipboard.mayGiveFiles) {
      this.#say(t("Your account may not put files into the remote clipboard."));
    } else if (this.#clipboard.state.sharing !== "on") {
      this.#say(t("Switch on {switch} to paste files into the remote computer.", { switch: t("Clipboard Sharing") }));
    } else if (this.busy) {
      this.#say(t("Other files are being pasted. Wait until they are there."));
    } else if (await this.#granted()) {
      this.#folder ??= { words: shown(this.#files.inbox), path: this.#files.inbox };
      this.asked = { items: items.filter((item) => item.sources.length), folder: this.#folder.words };
      this.#changed.call();
    }
  }

  cancel(): void {
    this.asked = null;
    this.#changed.call();
  }

  /** Upload what was asked about into this folder, and put it into the remote clipboard. */
  async send(folder: string): Promise<void> {
    const asked = this.asked;
    if (!asked) return;
    this.asked = null;
    // Bytes that are no text stay what they are, unless a person typed another folder.
    if (folder !== this.#folder?.words) this.#folder = { words: folder, path: typed(folder) };
    await this.#work(() => this.#deliver(asked.items, this.#folder?.path ?? typed(folder)));
  }

  async #granted(): Promise<boolean> {
    return this.#work(() => this.#files.ready());
  }

  async #deliver(items: readonly Chosen[], folder: Path): Promise<void> {
    const found = await this.#files.names(folder);
    const taken = new Set(found ?? []);
    const sent = items.map((item) => {
      const name = freeName(item.name, taken);
      taken.add(typed(name));
      return { path: join(folder, typed(name)), transfer: this.#files.deliver(folder, name, renamed(item, name), found === null) };
    });
    this.#say(t("The files are being uploaded. File Transfer shows how far they are."));
    await Promise.all(sent.map((one) => one.transfer.ended));
    const whole = sent.filter((one) => one.transfer.state === "done");
    const failed = sent.length - whole.length;
    const why = whole.length ? await this.#clipboard.giveFiles(whole.map((one) => one.path)) : "";
    if (why) this.#say(t("The files are in {folder}, but not in the clipboard: {reason}", { folder: shown(folder), reason: why }));
    else if (failed) this.#say(tn("{n} item was not uploaded. File Transfer says why.", "{n} items were not uploaded. File Transfer says why.", failed));
    else this.#say(t("The files are in the remote clipboard. Paste them there where they are wanted."));
  }

  /** Do it; false when it did not work, which is said. */
  async #work(work: () => Promise<void>): Promise<boolean> {
    this.busy = true;
    this.#changed.call();
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) console.warn("files were not copied", error);
      const reason = error instanceof Refused ? error.message : "";
      this.#say(reason || t("File transfer was stopped."));
      return false;
    } finally {
      this.busy = false;
      this.#changed.call();
    }
  }

  #say(note: string): void {
    clearTimeout(this.#timer);
    this.note = note;
    this.#timer = setTimeout(() => this.#say(""), NOTE_MS);
    if (!note) clearTimeout(this.#timer);
    this.#changed.call();
  }
}

/** A name that nothing has: `report (2).pdf` where `report.pdf` is taken. */
export function freeName(name: string, taken: ReadonlySet<Path>): string {
  const dot = name.lastIndexOf(".");
  const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let free = name;
  for (let number = 2; taken.has(typed(free)); number++) free = `${stem} (${number})${end}`;
  return free;
}

/** The same files below another first name. */
function renamed(item: Chosen, name: string): readonly Source[] {
  const before = typed(item.name).length;
  return item.sources.map(({ file, path }) => ({ file, path: typed(name) + path.slice(before) }));
}
