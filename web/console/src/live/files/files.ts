/**
 * Why: the files tool of one session: where we are on the remote computer, what is there, and what is on its way.
 * Rules: two transfers run at once, the others wait in their order. Downloads that were not finished when the page was
 * left go on when access is started again; uploads go on when the same file is chosen again, because only then the
 * browser lets us read it.
 */
import { Files as Type } from "../../wire/channels";
import {
  isFolder,
  join,
  nameOf,
  parentOf,
  readListing,
  shown,
  type FileEntry,
  type Path,
  type Volume,
} from "../../wire/files";
import { count, type Fields } from "../../wire/messages";
import type { LegPort } from "../../wire/port";
import { Handlers } from "../socket";
import type { Tool } from "../tool";
import type { DiskPort } from "./disk";
import { Download } from "./download";
import { Exchange, Lost, Refused, type Access } from "./exchange";
import { Transfer } from "./transfer";
import { Upload, type Source, type Way } from "./upload";
import { Window } from "./window";

const RUNNING = 2;
/** Entries of a folder that are fetched before a person asks for more. */
const FETCHED = 2000;

export interface Folder {
  readonly path: Path;
  readonly entries: readonly FileEntry[];
  /** There are more than these. */
  readonly more: boolean;
}

/** What is remembered of a download that is not finished. */
interface Unfinished {
  readonly path: Path;
  readonly key: string;
  readonly name: string;
}

/** Where unfinished downloads are remembered: the browser's storage of this page. */
export interface Memory {
  read(): readonly Unfinished[];
  write(all: readonly Unfinished[]): void;
}

export const browserMemory = (session: string): Memory => {
  const name = `farhand-downloads-${session}`;
  return {
    read: () => JSON.parse(localStorage.getItem(name) ?? "[]") as Unfinished[],
    write: (all) => (all.length ? localStorage.setItem(name, JSON.stringify(all)) : localStorage.removeItem(name)),
  };
};

/** The name of something of the endpoint as this computer may have it. */
const localName = (name: Path): string => shown(name).replace(/[/\\\p{Cc}]/gu, "_");

class Deletion extends Transfer {
  readonly kind = "delete";
  readonly #path: Path;
  #request = 0;

  constructor(exchange: Exchange, path: Path, changed: () => void) {
    super(exchange, shown(nameOf(path)), changed);
    this.#path = path;
  }

  protected async work(): Promise<void> {
    const message = (_type: number, fields: Fields): void => this.at(count(fields, "count", 0));
    const request = this.exchange.request(Type.DELETE, { path: this.#path }, { message });
    this.#request = request.id;
    try {
      await request.done;
    } catch (error) {
      // What a lost connection left half done is gone when it is gone.
      if (error instanceof Refused && error.code === "not-found" && this.moved) return;
      throw error;
    }
  }

  protected abort(): void {
    this.exchange.send(Type.CANCEL, { id: this.#request });
  }
}

export class Files implements Tool {
  folder: Folder | null = null;
  loading = false;
  /** What was not done, for people; empty when all is well. */
  problem: { readonly code: string; readonly text: string } | null = null;
  transfers: readonly Transfer[] = [];
  readonly #exchange: Exchange;
  readonly #disk: DiskPort;
  readonly #memory: Memory;
  readonly #changed = new Handlers<[]>();
  readonly #way: Way;
  #window = new Window();
  #waiting: (() => void)[] = [];
  #listing = 0;
  #more: (() => void) | null = null;
  #resumed = false;

  constructor(port: LegPort, disk: DiskPort, session: string, memory: Memory = browserMemory(session)) {
    this.#exchange = new Exchange(port);
    this.#disk = disk;
    this.#memory = memory;
    this.#way = {
      window: () => this.#window,
      room: () => new Promise((done) => this.#waiting.push(done)),
      came: () => {
        for (const done of this.#waiting.splice(0)) done();
      },
    };
    this.#exchange.onchange(() => this.#accessChanged());
  }

  get access(): Access {
    return this.#exchange.access;
  }

  /** Why there is no access, for people. */
  get text(): string {
    return this.#exchange.text;
  }

  get volumes(): readonly Volume[] {
    return this.#exchange.started?.volumes ?? [];
  }

  /** Where to put what is meant for no special folder; empty while that is not known. */
  get inbox(): Path {
    const started = this.#exchange.started;
    return started ? started.inbox || started.home : "";
  }

  get busy(): boolean {
    return this.transfers.some((one) => !one.over);
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  start(): void {
    this.#exchange.start();
  }

  /** Start if need be, and wait until the endpoint serves us. Rejects with `Refused` when it does not. */
  async ready(): Promise<void> {
    this.start();
    await this.#exchange.ready();
  }

  stop(): void {
    for (const one of this.transfers) one.cancel();
    this.#exchange.stop();
  }

  close(): void {
    this.#exchange.close();
    this.#way.came();
  }

  // --- looking around ---

  async open(path: Path): Promise<void> {
    const mine = ++this.#listing;
    this.loading = true;
    this.problem = null;
    this.#changed.call();
    let entries: FileEntry[] = [];
    let wanted = FETCHED;
    const list = async (): Promise<void> => {
      entries = [];
      const request = this.#exchange.request(
        Type.LIST,
        { path },
        {
          message: (_type, fields) => {
            if (mine !== this.#listing) return;
            const page = readListing(fields);
            entries.push(...page.entries);
            this.folder = { path: page.path, entries: [...entries], more: page.more };
            const next = (): void => this.#exchange.send(Type.NEXT, { id: request.id });
            this.#more = page.more
              ? () => {
                  wanted += FETCHED;
                  this.#more = null;
                  next();
                }
              : null;
            if (page.more && entries.length < wanted) next();
            else this.loading = false;
            this.#changed.call();
          },
        },
      );
      await request.done;
    };
    await this.#try(() => this.#again(list), mine);
  }

  /** Show more of a folder that has very much in it. */
  more(): void {
    this.#more?.();
  }

  refresh(): Promise<void> {
    return this.open(this.folder?.path ?? "/");
  }

  up(): Promise<void> {
    return this.open(parentOf(this.folder?.path ?? "/"));
  }

  /** All names in a folder, whichever is shown; null when there is no such folder. Rejects with `Refused`. */
  async names(path: Path): Promise<ReadonlySet<Path> | null> {
    const found = new Set<Path>();
    const list = async (): Promise<void> => {
      const request = this.#exchange.request(
        Type.LIST,
        { path },
        {
          message: (_type, fields) => {
            const page = readListing(fields);
            for (const entry of page.entries) found.add(entry.name);
            if (page.more) this.#exchange.send(Type.NEXT, { id: request.id });
          },
        },
      );
      await request.done;
    };
    try {
      await this.#again(list);
      return found;
    } catch (error) {
      if (error instanceof Refused && error.code === "not-found") return null;
      throw error;
    }
  }

  // --- changing ---

  async make(name: Path): Promise<boolean> {
    return this.#change(Type.MAKE, { path: join(this.folder?.path ?? "/", name) });
  }

  async rename(entry: FileEntry, name: Path): Promise<boolean> {
    const folder = this.folder?.path ?? "/";
    return this.#change(Type.RENAME, { path: join(folder, entry.name), to: join(folder, name) });
  }

  remove(entries: readonly FileEntry[]): void {
    const folder = this.folder?.path ?? "/";
    for (const entry of entries) this.#add(new Deletion(this.#exchange, join(folder, entry.name), this.#tell));
  }

  // --- transfers ---

  download(entries: readonly FileEntry[]): void {
    const folder = this.folder?.path ?? "/";
    for (const entry of entries) {
      const name = localName(entry.name);
      this.#fetch({
        path: join(folder, entry.name),
        key: crypto.randomUUID(),
        name: isFolder(entry) ? `${name}.zip` : name,
      });
    }
  }

  /** Download files and folders, wherever they are. */
  fetch(paths: readonly Path[]): void {
    for (const path of paths) this.#fetch({ path, key: crypto.randomUUID(), name: localName(nameOf(path)) || "files" });
  }

  /** Upload into a folder that need not be the one that is shown; `make`: it may be missing. */
  deliver(folder: Path, name: string, sources: readonly Source[], make: boolean): Transfer {
    const what = { folder, name, sources, replace: false, make };
    const upload = new Upload(this.#exchange, this.#disk, this.#way, what, this.#tell);
    this.#add(upload);
    return upload;
  }

  upload(name: string, sources: readonly Source[], replace: boolean): void {
    if (!sources.length) return;
    const what = { folder: this.folder?.path ?? "/", name, sources, replace };
    this.#add(new Upload(this.#exchange, this.#disk, this.#way, what, this.#tell));
  }

  /** Take what is over out of the list. */
  clear(): void {
    this.transfers = this.transfers.filter((one) => !one.over);
    this.#changed.call();
  }

  readonly #tell = (): void => this.#changed.call();

  #fetch(what: Unfinished): void {
    const others = this.#memory.read().filter((one) => one.key !== what.key);
    this.#memory.write([...others, what]);
    this.#add(new Download(this.#exchange, this.#disk, what, this.#tell));
  }

  #add(transfer: Transfer): void {
    this.transfers = [...this.transfers, transfer];
    this.#next();
    this.#changed.call();
  }

  #next(): void {
    for (const transfer of this.transfers) {
      if (this.transfers.filter((one) => one.state === "running").length >= RUNNING) return;
      if (transfer.state === "waiting") void this.#run(transfer);
    }
  }

  async #run(transfer: Transfer): Promise<void> {
    await transfer.run();
    // One that ended because the page or the session goes is remembered.
    if (transfer instanceof Download && transfer.code !== "stopped") {
      this.#memory.write(this.#memory.read().filter((one) => one.key !== transfer.key));
    }
    this.#next();
    const here = this.folder?.path;
    if (transfer.kind === "delete" || (transfer instanceof Upload && transfer.folder === here)) void this.refresh();
  }

  #accessChanged(): void {
    const { access, started } = this.#exchange;
    if (access === "asking") {
      this.#window = new Window();
      this.#way.came();
    } else if (access === "on" && started && !this.folder) {
      void this.open(started.home);
    } else if (access === "off") {
      this.folder = null;
      this.#resumed = false;
      this.#listing++;
      this.loading = false;
    }
    if (access === "on" && !this.#resumed) {
      this.#resumed = true;
      const unfinished = this.#memory.read();
      void this.#disk.sweep(unfinished.map((one) => one.key)).catch(() => undefined);
      const known = new Set(this.transfers.map((one) => (one instanceof Download && !one.over ? one.key : "")));
      for (const one of unfinished) if (!known.has(one.key)) this.#fetch(one);
    }
    this.#changed.call();
  }

  async #change(type: number, message: Record<string, unknown>): Promise<boolean> {
    this.problem = null;
    const done = await this.#try(() => this.#exchange.request(type, message).done, 0);
    if (done) await this.refresh();
    return done;
  }

  async #again(work: () => Promise<void>): Promise<void> {
    for (;;) {
      await this.#exchange.ready();
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
      }
    }
  }

  async #try(work: () => Promise<void>, listing: number): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      const current = !listing || listing === this.#listing;
      if (current && error instanceof Refused && error.code !== "stopped") {
        this.problem = { code: error.code, text: error.message };
      } else if (current && error instanceof Lost) {
        this.problem = { code: "lost", text: "" };
      }
      return false;
    } finally {
      if (listing === this.#listing || !listing) this.loading = false;
      this.#changed.call();
    }
  }
}
