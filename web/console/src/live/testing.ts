/** Why: sockets, time and chance that a test moves by hand. Used by tests only. */
import { channelOf, Control, Durable, Kind } from "../wire/channels";
import { build, parse, type Frame } from "../wire/frames";
import { encodeJson } from "../wire/messages";
import type { Socket, Surroundings } from "./socket";

export class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  bufferedAmount = 0;
  readyState = 1;
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly sent: Frame[] = [];
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== 1) throw new Error("the socket is closed");
    this.sent.push(parse(data));
  }

  close(): void {
    this.drop();
  }

  /** The connection is lost. */
  drop(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({} as CloseEvent);
  }

  /** Bytes come from the server. */
  bytes(bytes: Uint8Array): void {
    this.onmessage?.({ data: bytes.slice().buffer } as MessageEvent);
  }

  frame(type: number, channel: number, payload: Uint8Array, leg = 0): void {
    this.bytes(build(type, channel, leg, payload));
  }

  control(type: number, message: object): void {
    this.frame(type, channelOf(Kind.CONTROL), encodeJson(message));
  }

  hello(): void {
    this.control(Control.HELLO, { nonce: "0".repeat(64), statement: "", server_ms: 1 });
  }

  welcome(leg = 2, grants = 255): void {
    this.hello();
    this.control(Control.WELCOME, { leg, grants, seq: 0, roster: [], server_ms: 1 });
  }

  entry(seq: number, fields: object = {}, kind: number = Kind.CHAT): void {
    const entry = { seq, time_ms: seq, id: `id-${seq}`, leg: 1, party: 1, subject: "agent:a", name: "host", kind: "chat" };
    this.frame(Durable.ENTRY, channelOf(kind), encodeJson({ ...entry, ...fields }));
  }

  /** JSON of the frames of one type that were sent. */
  json(type: number, channel = channelOf(Kind.CONTROL)): Record<string, unknown>[] {
    return this.sent
      .filter((frame) => frame.type === type && frame.channel === channel)
      .map((frame) => JSON.parse(new TextDecoder().decode(frame.payload)) as Record<string, unknown>);
  }
}

export class FakeSurroundings implements Surroundings {
  readonly sockets: FakeSocket[] = [];
  readonly timers: { run: () => void; at: number }[] = [];
  time = 0;
  chance = 0.5;

  connect = (path: string): FakeSocket => {
    const socket = new FakeSocket(path);
    this.sockets.push(socket);
    return socket;
  };

  now = (): number => this.time;
  random = (): number => this.chance;

  later = (run: () => void, milliseconds: number): (() => void) => {
    const timer = { run, at: this.time + milliseconds };
    this.timers.push(timer);
    return () => void this.timers.splice(this.timers.indexOf(timer) >>> 0, 1);
  };

  /** Let time pass, and everything that was promised happen. */
  async pass(milliseconds: number): Promise<void> {
    this.time += milliseconds;
    for (const timer of this.timers.filter((one) => one.at <= this.time)) {
      this.timers.splice(this.timers.indexOf(timer), 1);
      timer.run();
    }
    await settled();
  }

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error("no socket was opened");
    return last;
  }
}

/** All promises that are ready have run. */
export const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));
