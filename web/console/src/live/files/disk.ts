/**
 * Why: this computer's side of transfers: files that are read, downloads that are put together, and their hashes. The
 * work is done in a worker, because hashing and writing must not hold up keys and pictures.
 * Rules: a download is put together in the browser's private file system under a name of its own, where it outlives a
 * reload of the page; only when it is whole and its hash is right the browser saves it as a file of the person's.
 * Browsers that lend no such place (private windows) keep it in memory, up to a limit that is said.
 */
import type { Answer, Order } from "./disk.worker";

/** What is there of a download. */
export interface Kept {
  readonly have: number;
  readonly sha256: string;
}

/** The worker's answers; a refusal carries a code for programs. */
export class DiskError extends Error {
  override name = "DiskError";
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export interface DiskPort {
  /** Take up a download by its key; `size` is what it will be, when that is known. */
  open(key: string, size: number | null): Promise<Kept>;
  /** Begin it again. */
  clear(key: string): Promise<void>;
  append(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Stop writing and return the hash of all. */
  finish(key: string): Promise<string>;
  /** Leave it for later. */
  release(key: string): Promise<void>;
  /** Hand it to the person under this name. */
  save(key: string, name: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** Remove downloads that are not among these. */
  sweep(keep: readonly string[]): Promise<void>;
  /** Read a file from the beginning; return the hash of its first `offset` bytes ("" of none), from which `read` goes on. */
  source(key: string, file: File, offset: number): Promise<string>;
  read(key: string): Promise<Uint8Array<ArrayBuffer>>;
  /** The hash of all that was read. */
  digest(key: string): Promise<string>;
}

export class Disk implements DiskPort {
  #worker: Worker | null = null;
  #next = 0;
  readonly #waiting = new Map<number, { done: (value: unknown) => void; failed: (error: Error) => void }>();

  open = (key: string, size: number | null): Promise<Kept> => this.#order({ do: "open", key, size });
  clear = (key: string): Promise<void> => this.#order({ do: "clear", key });
  append = (key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> =>
    this.#order({ do: "append", key, bytes }, [bytes.buffer]);
  finish = (key: string): Promise<string> => this.#order({ do: "finish", key });
  release = (key: string): Promise<void> => this.#order({ do: "release", key });
  remove = (key: string): Promise<void> => this.#order({ do: "remove", key });
  sweep = (keep: readonly string[]): Promise<void> => this.#order({ do: "sweep", keep });
  source = (key: string, file: File, offset: number): Promise<string> => this.#order({ do: "source", key, file, offset });
  read = (key: string): Promise<Uint8Array<ArrayBuffer>> => this.#order({ do: "read", key });
  digest = (key: string): Promise<string> => this.#order({ do: "digest", key });

  async save(key: string, name: string): Promise<void> {
    const file: Blob = await this.#order({ do: "file", key });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = name;
    link.click();
    // The browser reads it for as long as it saves; nobody says when that is over.
    setTimeout(() => URL.revokeObjectURL(link.href), 600_000);
  }

  #order<Result>(order: Order, moved: Transferable[] = []): Promise<Result> {
    if (!this.#worker) {
      this.#worker = new Worker(new URL("./disk.worker.ts", import.meta.url), { type: "module" });
      this.#worker.onmessage = (event: MessageEvent<Answer>) => this.#answered(event.data);
      this.#worker.onerror = () => {
        for (const one of this.#waiting.values()) one.failed(new DiskError("browser"));
        this.#waiting.clear();
      };
    }
    const id = this.#next++;
    this.#worker.postMessage({ id, order }, moved);
    return new Promise<Result>((done, failed) => this.#waiting.set(id, { done: done as (value: unknown) => void, failed }));
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.code === undefined) waiting?.done(answer.value);
    else waiting?.failed(new DiskError(answer.code));
  }
}
