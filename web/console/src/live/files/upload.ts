/**
 * Why: files of this computer on their way to a folder of the endpoint: one that was chosen, several, or a folder with
 * all in it. Several small ones go at once, so that many of them do not wait for the way each.
 */
import { Files } from "../../wire/channels";
import { join, parentOf, readAccepted, type Path } from "../../wire/files";
import { encodeChunk } from "../../wire/layouts";
import type { DiskPort } from "./disk";
import { Refused, type Exchange } from "./exchange";
import { Transfer } from "./transfer";
import type { Window } from "./window";

/** A file that goes up, and the folder-and-name below the target that it gets. */
export interface Source {
  readonly file: File;
  readonly path: Path;
}

const AT_ONCE = 8;
const SMALL = 256 * 1024;

/** Names an upload by what it is, so that it is found again after a reload: SHA-256 of all, cut to 32 letters. */
export async function keyOf(path: Path, file: File): Promise<string> {
  const words = `${path}\0${file.name}\0${file.size}\0${file.lastModified}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(words));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 32);
}

/** What all uploads of a session share. */
export interface Way {
  readonly window: () => Window;
  /** Wait until something of the window came back. */
  room(): Promise<void>;
  came(): void;
}

export class Upload extends Transfer {
  readonly kind = "upload";
  readonly folder: Path;
  readonly #disk: DiskPort;
  readonly #way: Way;
  readonly #sources: readonly Source[];
  readonly #replace: boolean;
  /** The folder itself may be missing, and is made. */
  readonly #make: boolean;
  readonly #open = new Set<number>();
  readonly #sent = new Map<string, number>();
  #whole = 0;
  /** Names of files that did not go, and why. */
  readonly problems: { readonly path: Path; readonly code: string; readonly text: string }[] = [];

  constructor(
    exchange: Exchange,
    disk: DiskPort,
    way: Way,
    what: { folder: Path; name: string; sources: readonly Source[]; replace: boolean; make?: boolean },
    changed: () => void,
  ) {
    super(exchange, what.name, changed);
    this.#disk = disk;
    this.#way = way;
    this.folder = what.folder;
    this.#sources = what.sources;
    this.#replace = what.replace;
    this.#make = what.make ?? false;
    this.files = what.sources.length;
    this.size = what.sources.reduce((sum, one) => sum + one.file.size, 0);
  }

  protected async work(): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let one = this.#sources[next++]; one; one = this.#sources[next++]) {
        this.checkCancelled();
        const source = one;
        await this.#one(source);
      }
    };
    const lanes = Math.min(AT_ONCE, this.#sources.length);
    const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
    for (const one of ended) if (one.status === "rejected") throw one.reason;
    const first = this.problems[0];
    if (first) throw new Refused(first.code, first.text);
  }

  protected abort(): void {
    for (const id of this.#open) this.exchange.send(Files.CANCEL, { id });
  }

  async #one(source: Source): Promise<void> {
    const path = join(this.folder, source.path);
    try {
      await this.untilDone(() => this.#send(path, source.file));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      const ours = this.files === 1 || !code || this.cancelled || code === "stopped" || code === "no-space";
      if (ours) throw error;
      this.problems.push({ path, code, text: error instanceof Refused ? error.message : "" });
    }
    this.#sent.delete(path);
    this.#whole += source.file.size;
    this.filesDone++;
    this.#tell();
  }

  #tell(): void {
    this.at([...this.#sent.values()].reduce((sum, one) => sum + one, this.#whole));
  }

  async #send(path: Path, file: File): Promise<void> {
    const key = await keyOf(path, file);
    this.checkCancelled(); // before the request there was nothing to cancel at the endpoint
    const fresh = file.size <= SMALL;
    let begin: (offset: number, sha256: string) => void = () => undefined;
    const accepted = new Promise<{ offset: number; sha256: string }>((done) => {
      begin = (offset, sha256) => done({ offset, sha256 });
    });
    let taken = 0;
    let sent = 0;
    const request = this.exchange.request(
      Files.PUT,
      {
        path,
        key,
        size: file.size,
        modified_ms: file.lastModified,
        replace: this.#replace,
        parents: this.#make || parentOf(path) !== this.folder,
        fresh,
      },
      {
        message: (type, fields) => {
          if (type !== Files.ACCEPTED) return;
          const { offset, sha256 } = readAccepted(fields);
          begin(offset, sha256);
        },
        ack: (offset) => {
          if (offset > sent) return;
          this.#way.window().acked(offset - taken, performance.now());
          taken = offset;
          this.#sent.set(path, offset);
          this.#way.came();
          this.#tell();
        },
      },
    );
    this.#open.add(request.id);
    let over = false;
    const done = request.done.finally(() => {
      over = true;
      this.#way.came();
    });
    done.catch(() => undefined);
    try {
      let offset = 0;
      const send = async (block: Uint8Array<ArrayBuffer>): Promise<void> => {
        for (let at = 0; at < block.byteLength && !over; ) {
          const window = this.#way.window();
          const piece = block.subarray(at, at + window.chunk);
          if (window.room < piece.byteLength) {
            await this.#way.room();
            continue;
          }
          this.exchange.bytes(Files.DATA, encodeChunk(request.id, offset, piece));
          window.sent(piece.byteLength, performance.now());
          at += piece.byteLength;
          sent = offset += piece.byteLength;
        }
      };
      let sha256: string;
      if (fresh) {
        // A small file needs no answer before it goes, as nothing of it is there; and it is one block of the disk's.
        const disk = this.#disk;
        const [, block, digest] = await Promise.all([disk.source(key, file, 0), disk.read(key), disk.digest(key)]);
        await send(block);
        sha256 = digest;
      } else {
        const from = await Promise.race([accepted, done.then(() => null)]);
        if (!from) return;
        offset = from.offset;
        const before = await this.#disk.source(key, file, offset);
        if (offset && before !== from.sha256) throw new Refused("changed", "");
        sent = taken = offset;
        while (offset < file.size && !over) await send(await this.#disk.read(key));
        sha256 = over ? "" : await this.#disk.digest(key);
      }
      if (!over) this.exchange.send(Files.FINISH, { id: request.id, size: file.size, sha256 });
      await done;
    } catch (error) {
      if (!over) this.exchange.send(Files.CANCEL, { id: request.id });
      throw error;
    } finally {
      this.#open.delete(request.id);
      this.#way.window().forget(sent - taken);
      this.#way.came();
    }
  }
}
