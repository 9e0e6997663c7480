/**
 * Why: requests of the files channel and their answers, and whether the endpoint serves us.
 * Rules: access that a person started is wanted until it is stopped: after every lost connection it is asked for again by
 * itself. What was open then fails with `Lost`, and whoever opened it begins again from what the other side has. Where
 * nothing is heard for a while although something is open, START asks whether the endpoint still knows us.
 */
import { channelOf, Files, Kind, UNSUPPORTED } from "../../wire/channels";
import { decodeFilesStopped, decodeStarted, idOf, readDone, toWire, type FilesStarted } from "../../wire/files";
import { encodeTaken, readChunk, readTaken } from "../../wire/layouts";
import { decodeJson, encodeJson, type Fields } from "../../wire/messages";
import type { LegPort } from "../../wire/port";
import { Handlers } from "../socket";

const CHANNEL = channelOf(Kind.FILES);
export const SILENCE_MS = 5000;

/** The connection went, or the endpoint forgot us: begin again. */
export class Lost extends Error {
  override name = "Lost";
}

/** The endpoint said no; the message is for people. */
export class Refused extends Error {
  override name = "Refused";
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

/** What a request hears beside its end. */
export interface Hears {
  message?(type: number, fields: Fields): void;
  data?(offset: number, bytes: Uint8Array): void;
  ack?(offset: number): void;
}

interface Open extends Hears {
  readonly finished: () => void;
  readonly failed: (error: Error) => void;
}

export interface Request {
  readonly id: number;
  /** Ends with DONE; rejects with Lost or Refused. */
  readonly done: Promise<void>;
}

export type Access = "off" | "asking" | "on";

export class Exchange {
  access: Access = "off";
  /** Why access ended or was refused, for people. */
  text = "";
  started: FilesStarted | null = null;
  readonly #port: LegPort;
  readonly #changed = new Handlers<[]>();
  readonly #open = new Map<number, Open>();
  readonly #stop: (() => void)[];
  #waiting: { done: () => void; failed: (error: Error) => void }[] = [];
  #next = 1;
  #heard = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(port: LegPort) {
    this.#port = port;
    this.#stop = [
      port.on(Kind.FILES, (type, _channel, payload) => this.#frame(type, payload)),
      port.onopen(() => {
        if (this.access !== "off") this.#ask(true);
      }),
      port.onclose(() => this.#lose()),
    ];
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  start(): void {
    if (this.access !== "off") return;
    this.access = "asking";
    this.text = "";
    this.#ask(true);
    this.#timer = setInterval(() => this.#listen(), SILENCE_MS);
    this.#changed.call();
  }

  stop(): void {
    this.#port.send(Files.STOP, CHANNEL, encodeJson({}));
    this.#ended("");
  }

  close(): void {
    for (const stop of this.#stop) stop();
    if (this.access !== "off") this.#ended("");
  }

  /** Wait until the endpoint serves us; rejects with Refused when it does not any more. */
  ready(): Promise<void> {
    if (this.access === "on") return Promise.resolve();
    if (this.access === "off") return Promise.reject(new Refused("stopped", this.text));
    return new Promise((done, failed) => this.#waiting.push({ done, failed }));
  }

  /** Ask for something. Paths in `message` are bytes; they are put as they must be. */
  request(type: number, message: Readonly<Record<string, unknown>>, hears: Hears = {}): Request {
    const id = this.#next++;
    const done = new Promise<void>((finished, failed) => {
      if (this.access === "on") this.#open.set(id, { ...hears, finished, failed });
      else failed(new Lost());
    });
    if (this.access === "on") this.send(type, { ...message, id });
    return { id, done };
  }

  send(type: number, message: Readonly<Record<string, unknown>>): void {
    const body: Record<string, unknown> = { ...message };
    for (const name of ["path", "to"]) if (typeof body[name] === "string") body[name] = toWire(body[name]);
    this.#port.send(type, CHANNEL, encodeJson(body));
  }

  bytes(type: number, payload: Uint8Array): void {
    this.#port.send(type, CHANNEL, payload);
  }

  acknowledge(id: number, offset: number): void {
    this.bytes(Files.ACK, encodeTaken(id, offset));
  }

  #ask(fresh: boolean): void {
    this.#heard = Date.now();
    this.#port.send(Files.START, CHANNEL, encodeJson({ fresh }));
  }

  #listen(): void {
    const waits = this.#open.size > 0 || this.access === "asking";
    if (waits && Date.now() - this.#heard >= SILENCE_MS) this.#ask(false);
  }

  #lose(): void {
    if (this.access === "off") return;
    this.access = "asking";
    this.#forget(new Lost());
    this.#changed.call();
  }

  #forget(error: Error): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const one of open) one.failed(error);
  }

  #ended(text: string): void {
    this.access = "off";
    this.text = text;
    this.started = null;
    clearInterval(this.#timer);
    const error = new Refused("stopped", text);
    this.#forget(error);
    for (const one of this.#waiting.splice(0)) one.failed(error);
    this.#changed.call();
  }

  #frame(type: number, payload: Uint8Array): void {
    if (this.access === "off") return;
    this.#heard = Date.now();
    if (type === Files.BYTES) {
      const chunk = readChunk(payload);
      if (chunk) this.#open.get(chunk.id)?.data?.(chunk.offset, chunk.bytes);
    } else if (type === Files.TAKEN) {
      const taken = readTaken(payload);
      if (taken) this.#open.get(taken.id)?.ack?.(taken.offset);
    } else if (type === Files.STARTED) {
      this.#begun(decodeStarted(payload));
    } else if (type === Files.STOPPED || type === UNSUPPORTED) {
      this.#ended(decodeFilesStopped(payload));
    } else {
      this.#message(type, decodeJson(payload));
    }
  }

  #begun(started: FilesStarted): void {
    const another = this.started !== null && this.started.run !== started.run;
    this.started = started;
    if (another) this.#forget(new Lost());
    this.access = "on";
    for (const one of this.#waiting.splice(0)) one.done();
    this.#changed.call();
  }

  #message(type: number, fields: Fields): void {
    const id = idOf(fields);
    const open = this.#open.get(id);
    if (!open) return;
    if (type !== Files.DONE) {
      open.message?.(type, fields);
      return;
    }
    this.#open.delete(id);
    const done = readDone(fields);
    if (!done.code) open.finished();
    else if (done.code === "not-started") {
      open.failed(new Lost());
      this.#lose();
      this.#ask(true);
    } else open.failed(new Refused(done.code, done.text));
  }
}
