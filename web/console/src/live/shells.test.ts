import { beforeEach, describe, expect, it } from "vitest";
import { channelOf, CREDIT, Kind, Shell, SHELL_WINDOW } from "../wire/channels";
import { decodeJson, encodeJson } from "../wire/messages";
import type { FrameHandler, LegPort } from "../wire/port";
import type { ShellStream, Terminal } from "./shell";
import { Shells } from "./shells";

class FakePort implements LegPort {
  leg = 2;
  grants = 255;
  open = true;
  buffered = 0;
  sent: { type: number; channel: number; payload: Uint8Array }[] = [];
  #frame: FrameHandler = () => undefined;
  #open: () => void = () => undefined;
  #close: () => void = () => undefined;
  away: () => void = () => undefined;

  send(type: number, channel: number, payload: Uint8Array = new Uint8Array()): void {
    if (this.open) this.sent.push({ type, channel, payload: payload.slice() });
  }
  on(_kind: number, handler: FrameHandler): () => void {
    this.#frame = handler;
    return () => undefined;
  }
  onopen(handler: () => void): () => void {
    this.#open = handler;
    return () => undefined;
  }
  onclose(handler: () => void): () => void {
    this.#close = handler;
    return () => undefined;
  }
  onaway(handler: () => void): () => void {
    this.away = handler;
    return () => undefined;
  }
  ongrants(): () => void {
    return () => undefined;
  }

  lose(): void {
    this.open = false;
    this.#close();
  }
  rejoin(): void {
    this.open = true;
    this.sent = [];
    this.#open();
  }
  comes(type: number, shell: number, payload: Uint8Array, leg = 0): void {
    this.#frame(type, channelOf(Kind.SHELL, shell), payload, leg);
  }
  opened(shell: number, opened_ms?: number): void {
    this.comes(Shell.OPENED, shell, encodeJson({ shell, cols: 80, rows: 24, by: "Rep", opened_ms }));
  }
  data(shell: number, offset: number, text: string | number, leg = 0): void {
    const bytes = typeof text === "number" ? new Uint8Array(text) : new TextEncoder().encode(text);
    const payload = new Uint8Array(8 + bytes.length);
    new DataView(payload.buffer).setBigUint64(0, BigInt(offset), true);
    payload.set(bytes, 8);
    this.comes(Shell.DATA, shell, payload, leg);
  }
  of(type: number): { type: number; channel: number; payload: Uint8Array }[] {
    return this.sent.filter((frame) => frame.type === type);
  }
}

class FakeTerminal implements Terminal {
  text = "";
  size: [number, number] = [0, 0];
  held: (() => void)[] | null = null;
  replayed = "";
  write(bytes: Uint8Array, done: () => void, replayed: boolean): void {
    const text = new TextDecoder().decode(bytes);
    this.text += text;
    if (replayed) this.replayed += text;
    if (this.held) this.held.push(done);
    else done();
  }
  gap(missing: number, modes: string | null): void {
    this.text += `[${missing} missing${modes ?? "?"}]`;
  }
  resize(cols: number, rows: number): void {
    this.size = [cols, rows];
  }
  reset(): void {
    this.text = "";
  }
}

describe("shells", () => {
  let port: FakePort;
  let shells: Shells;
  let terminal: FakeTerminal;
  const only = (): ShellStream => {
    const [stream] = shells.list;
    if (!stream) throw new Error("there is no shell");
    return stream;
  };
  const attaches = (): number[] => port.of(Shell.ATTACH).map((frame) => Number(decodeJson(frame.payload)["offset"]));

  beforeEach(() => {
    port = new FakePort();
    shells = new Shells(port);
    terminal = new FakeTerminal();
  });

  it("are opened on instance 0 and appear under their own number", () => {
    shells.open(100, 30);
    expect(port.of(Shell.OPEN).map((frame) => [frame.type, frame.channel, decodeJson(frame.payload)])).toEqual([
      [Shell.OPEN, channelOf(Kind.SHELL), { cols: 100, rows: 30 }],
    ]);
    expect(shells.opening).toBe(true);
    port.opened(3);
    expect([shells.opening, only().number, only().by]).toEqual([false, 3, "Rep"]);
  });

  it("draw what came before the terminal was there", () => {
    port.opened(1);
    port.data(1, 0, "one ");
    only().drawOn(terminal);
    port.data(1, 4, "two");
    expect(terminal.text).toBe("one two");
  });

  describe("that cannot be reached", () => {
    const typed = (): string => port.of(Shell.INPUT).map((frame) => new TextDecoder().decode(frame.payload)).join("|");
    const type = (text: string): void => only().input(new TextEncoder().encode(text));

    beforeEach(() => {
      port.opened(1, 7);
      type("before ");
    });

    it("get what is typed meanwhile when the endpoint says that they are there", () => {
      port.lose();
      type("while we were away ");
      port.rejoin();
      type("while it was away ");
      expect(typed()).toBe("");
      port.opened(1, 7);
      type("after");
      expect(typed()).toBe("while we were away |while it was away |after");
    });

    it("wait for an endpoint that left, too", () => {
      port.away();
      type("later ");
      expect(typed()).toBe("before ");
      port.opened(1, 7);
      expect(typed()).toBe("before |later ");
    });

    it("tell how much was not typed: what another shell would get, what is too much, what comes after the end", () => {
      port.away();
      type("for the old one");
      port.opened(1, 8);
      expect([typed(), only().dropped]).toEqual(["before ", 15]);
      shells.dismiss(1);
      port.away();
      only().input(new Uint8Array(60_000));
      only().input(new Uint8Array(10_000));
      type("behind the hole");
      expect(only().dropped).toBe(10_015);
      port.comes(Shell.CLOSED, 1, encodeJson({ shell: 1, status: 0, text: "", end: 0 }));
      expect([typed(), only().dropped]).toEqual(["before ", 70_015]);
    });
  });

  it("lose and double no byte over a lost connection", () => {
    port.opened(1);
    only().drawOn(terminal);
    port.data(1, 0, "abcdef");
    port.lose();
    port.rejoin();
    expect(attaches()).toEqual([6]);
    port.data(1, 4, "efghi", 2);
    port.data(1, 9, "jkl");
    expect(terminal.text).toBe("abcdefghijkl");
  });

  it("ask for bytes that are missing in between", () => {
    port.opened(1);
    only().drawOn(terminal);
    port.data(1, 0, "ab");
    port.data(1, 4, "ef");
    expect(attaches()).toEqual([0, 2]);
    port.data(1, 2, "cdef", 2);
    expect(terminal.text).toBe("abcdef");
  });

  it("go on where the endpoint still has something", () => {
    port.opened(1);
    only().drawOn(terminal);
    port.data(1, 0, "ab");
    port.data(1, 100, "xy", 2);
    port.data(1, 102, "z");
    expect(terminal.text).toBe("ab[98 missing?]xyz");
  });

  it("give credit back for what was drawn, never more than came", () => {
    port.opened(1);
    only().drawOn(terminal);
    terminal.held = [];
    let came = 0;
    for (let chunk = 0; chunk < 40; chunk++) {
      port.data(1, chunk * 4096, 4096);
      came += 4096;
    }
    expect(port.of(CREDIT)).toEqual([]);
    for (const done of terminal.held.splice(0)) done();
    const given = port.of(CREDIT).reduce((sum, { payload }) => sum + new DataView(payload.buffer).getUint32(0, true), 0);
    expect(given).toBeLessThanOrEqual(came);
    expect(came - given).toBeLessThan(SHELL_WINDOW / 4);
  });

  it("give no credit for bytes of a window that is over", () => {
    port.opened(1);
    only().drawOn(terminal);
    terminal.held = [];
    port.data(1, 0, SHELL_WINDOW / 2);
    port.lose();
    port.rejoin();
    for (const done of terminal.held.splice(0)) done();
    expect(port.of(CREDIT)).toEqual([]);
  });

  it("that were opened before we came are told to us, and those that ended meanwhile when we attach", () => {
    port.opened(2, 7);
    port.opened(1, 5);
    expect(shells.list.map((stream) => stream.number)).toEqual([1, 2]);
    port.lose();
    port.rejoin();
    expect(port.of(Shell.ATTACH).map((frame) => frame.channel & 0xff)).toEqual([2, 1]);
    port.comes(Shell.CLOSED, 1, encodeJson({ shell: 1, text: "This shell is not there any more." }), 2);
    expect(shells.list.map((stream) => [stream.number, stream.closed])).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  it("go on from their own byte when the endpoint is back", () => {
    port.opened(1, 5);
    only().drawOn(terminal);
    port.data(1, 0, "abc");
    port.opened(1, 5);
    port.data(1, 1, "bcd", 2);
    expect([attaches(), terminal.text]).toEqual([[0, 3], "abcd"]);
  });

  it("begin anew when a new endpoint program uses a number again, whoever asked for it", () => {
    port.opened(1, 5);
    only().drawOn(terminal);
    port.data(1, 0, "a long life");
    port.opened(1, 900);
    port.data(1, 0, "new", 2);
    expect([terminal.text, attaches()]).toEqual(["new", [0, 0]]);
  });

  it("of an older endpoint begin anew when they had ended, or when we asked for one", () => {
    port.opened(1);
    only().drawOn(terminal);
    port.data(1, 0, "first");
    port.comes(Shell.CLOSED, 1, encodeJson({ shell: 1, status: 0 }));
    port.opened(1);
    expect([terminal.text, only().closed, only().status]).toEqual(["", false, null]);
    port.data(1, 0, "second");
    shells.open();
    port.opened(1);
    port.data(1, 0, "third");
    expect([terminal.text, attaches()]).toEqual(["third", [0, 0, 0]]);
  });

  it("follow the size that the endpoint says, and ask for theirs once", () => {
    port.opened(1);
    only().drawOn(terminal);
    only().resize(120, 40);
    only().resize(120, 40);
    expect(port.of(Shell.RESIZE)).toHaveLength(1);
    port.comes(Shell.RESIZED, 1, encodeJson({ cols: 90, rows: 20 }));
    expect(terminal.size).toEqual([90, 20]);
  });

  it("send long input in pieces, whole", () => {
    port.opened(1);
    const bytes = Uint8Array.from({ length: 40_000 }, (_, at) => at % 251);
    only().input(bytes);
    const sent = port.of(Shell.INPUT).flatMap((frame) => [...frame.payload]);
    expect(Math.max(...port.of(Shell.INPUT).map((frame) => frame.payload.length))).toBeLessThanOrEqual(16_384);
    expect(sent).toEqual([...bytes]);
  });

  it("say how they ended, and why one did not open", () => {
    port.opened(1);
    port.comes(Shell.CLOSED, 1, encodeJson({ shell: 1, status: 3 }));
    expect([only().closed, only().status]).toEqual([true, 3]);
    shells.end(1);
    expect([shells.list, port.of(Shell.CLOSE)]).toEqual([[], []]);
    shells.open();
    port.comes(Shell.CLOSED, 0, encodeJson({ shell: 0, status: null, text: "The customer refused." }));
    expect([shells.opening, shells.refused]).toEqual([false, "The customer refused."]);
  });

  it("that the endpoint lost say so", () => {
    port.opened(1);
    port.comes(Shell.CLOSED, 1, encodeJson({ shell: 1, status: null, text: "This shell is not there any more." }), 2);
    expect([only().closed, only().text]).toEqual([true, "This shell is not there any more."]);
  });

  it("show how much is no longer kept, with the modes that hold behind it", () => {
    port.opened(1);
    port.comes(Shell.GAP, 1, encodeJson({ offset: 5000, modes: "M" }), 2);
    port.data(1, 5000, "here", 2);
    only().drawOn(terminal);
    port.comes(Shell.GAP, 1, encodeJson({ offset: 4000, modes: "" }), 2);
    port.data(1, 5004, " again");
    expect(terminal.text).toBe("[5000 missingM]here again");
  });

  it("show what is missing at their end", () => {
    port.opened(1);
    only().drawOn(terminal);
    port.data(1, 0, "abc");
    port.comes(Shell.CLOSED, 1, encodeJson({ shell: 1, status: 0, end: 10 }));
    expect(terminal.text).toBe("abc[7 missing?]");
  });

  it("tell what is a replay from what happens now", () => {
    port.opened(1);
    only().drawOn(terminal);
    port.data(1, 0, "old ", 2);
    port.data(1, 4, "new");
    expect([terminal.text, terminal.replayed]).toEqual(["old new", "old "]);
  });

  it("are answered for by who works in them", () => {
    shells.open();
    port.opened(1);
    port.opened(2);
    const [mine, other] = shells.list;
    expect([mine?.answers, other?.answers]).toEqual([true, false]);
    other?.input(new Uint8Array([97]));
    expect(other?.answers).toBe(true);
  });

  it("are named by their programs, in one short line that is only text", () => {
    port.opened(1);
    let told = 0;
    shells.onchange(() => told++);
    only().rename("  root@host:\u202e\u0007 ~/\n<b>x</b>  ");
    expect([only().title, told]).toEqual(["root@host: ~/ <b>x</b>", 1]);
    only().rename("x".repeat(5000));
    expect([...only().title]).toHaveLength(48);
    only().rename("\u200b");
    expect(only().title).toBe("");
  });

  it("tell how many typed bytes were dropped until that was read", () => {
    port.opened(1);
    port.comes(Shell.DROPPED, 1, encodeJson({ bytes: 7 }), 2);
    port.comes(Shell.DROPPED, 1, encodeJson({ bytes: 5 }), 2);
    expect(only().dropped).toBe(12);
    shells.dismiss(1);
    expect(only().dropped).toBe(0);
  });

  describe("that nobody sees", () => {
    const MiB = 1 << 20;
    const given = (): number =>
      port.of(CREDIT).reduce((sum, { payload }) => sum + new DataView(payload.buffer).getUint32(0, true), 0);

    beforeEach(() => {
      port.opened(1);
      only().drawOn(terminal);
      port.data(1, 0, "seen ");
      shells.watch(false);
    });

    it("go on without drawing, and draw it all when they are seen again", () => {
      terminal.held = [];
      port.data(1, 5, 40_000);
      expect([terminal.text, given() > 30_000]).toEqual(["seen ", true]);
      const before = given();
      shells.watch(true);
      for (const done of terminal.held.splice(0)) done();
      expect([terminal.text.length, given()]).toEqual([40_005, before]);
    });

    it("keep the newest output, and ask for the rest later", () => {
      for (let n = 0; n < 40; n++) port.data(1, 5 + n * 65_536, 65_536);
      port.sent = [];
      shells.watch(true);
      expect([attaches(), terminal.text]).toEqual([[5], "seen "]);
      const start = 5 + 40 * 65_536 - MiB;
      port.comes(Shell.GAP, 1, encodeJson({ offset: start, modes: "" }), 2);
      port.data(1, start, "tail", 2);
      expect(terminal.text).toBe(`seen [${start - 5} missing]tail`);
    });

    it("say what is missing when there is nobody to ask any more", () => {
      for (let n = 0; n < 40; n++) port.data(1, 5 + n * 65_536, 65_536);
      port.comes(Shell.CLOSED, 1, encodeJson({ shell: 1, status: 0, end: 5 + 40 * 65_536 }));
      shells.watch(true);
      expect(terminal.text.startsWith(`seen [${24 * 65_536} missing?]`)).toBe(true);
      expect(terminal.text.length).toBeGreaterThan(MiB);
    });
  });
});
