/** Why: a file of the endpoint, or a folder as an archive, on its way to the person's disk. */
import { Files } from "../../wire/channels";
import { ACK_EVERY, readAccepted, readFinish, type FilesFinish, type Path } from "../../wire/files";
import type { DiskPort } from "./disk";
import { Lost, Refused, type Exchange } from "./exchange";
import { Transfer } from "./transfer";

export class Download extends Transfer {
  readonly kind = "download";
  readonly path: Path;
  /** Its name on this computer's side while it is not whole. */
  readonly key: string;
  readonly #disk: DiskPort;
  #request = 0;

  constructor(exchange: Exchange, disk: DiskPort, what: { path: Path; key: string; name: string }, changed: () => void) {
    super(exchange, what.name, changed);
    this.path = what.path;
    this.key = what.key;
    this.#disk = disk;
  }

  protected async work(): Promise<void> {
    const kept = await this.#disk.open(this.key, null);
    try {
      this.checkCancelled(); // before the request there was nothing to cancel at the endpoint
      const finish = await this.#fetch(kept.have, kept.sha256);
      const sha256 = await this.#disk.finish(this.key);
      if (sha256 !== finish.sha256 || this.moved !== finish.size) {
        await this.#disk.remove(this.key);
        throw new Refused("hash", "");
      }
    } catch (error) {
      await this.#disk.release(this.key);
      throw error;
    }
    await this.#disk.save(this.key, this.name);
  }

  protected abort(): void {
    this.exchange.send(Files.CANCEL, { id: this.#request });
  }

  protected override left_over(): Promise<void> {
    return this.#disk.remove(this.key);
  }

  async #fetch(have: number, sha256: string): Promise<FilesFinish> {
    let finish: FilesFinish | null = null;
    let came = have;
    let acked = have;
    // Blocks are written in the order in which they came; an error of one is the error of all.
    let written: Promise<void> = Promise.resolve();
    const pieces: Uint8Array[] = [];
    let piled = 0;
    let broken = false;
    const flush = (): void => {
      if (!piled) return;
      const block = new Uint8Array(piled);
      let at = 0;
      for (const piece of pieces.splice(0)) {
        block.set(piece, at);
        at += piece.byteLength;
      }
      piled = 0;
      const end = came;
      written = written
        .then(() => this.#disk.append(this.key, block))
        .then(() => {
          acked = end;
          this.exchange.acknowledge(request.id, end);
          this.at(end);
        });
      written.catch(() => {
        if (!broken) this.exchange.send(Files.CANCEL, { id: request.id });
        broken = true;
      });
    };
    const request = this.exchange.request(
      Files.GET,
      { path: this.path, offset: have, sha256: have ? sha256 : "" },
      {
        message: (type, fields) => {
          if (type === Files.ACCEPTED) {
            const accepted = readAccepted(fields);
            this.size = accepted.size;
            // Only a folder has no size beforehand: it comes as an archive.
            if (accepted.size === null && !this.name.endsWith(".zip")) this.name += ".zip";
            came = acked = accepted.offset;
            if (accepted.offset !== have) written = written.then(() => this.#disk.clear(this.key));
            this.at(came);
          } else if (type === Files.FINISHED) {
            flush();
            finish = readFinish(fields);
          }
        },
        data: (offset, bytes) => {
          if (broken) return;
          if (offset !== came) {
            broken = true;
            written = Promise.reject(new Lost());
            written.catch(() => undefined);
            this.exchange.send(Files.CANCEL, { id: request.id });
            return;
          }
          pieces.push(bytes.slice());
          piled += bytes.byteLength;
          came += bytes.byteLength;
          // What comes alone is written at once: the endpoint waits for it. What comes in a row is written together.
          if (piled >= ACK_EVERY || came - acked === piled) queueMicrotask(flush);
        },
      },
    );
    this.#request = request.id;
    try {
      await request.done;
    } catch (error) {
      if (broken) await written;
      throw error;
    } finally {
      await written.catch(() => undefined);
    }
    await written;
    if (!finish) throw new Refused("protocol", "");
    return finish;
  }
}
