import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { channelOf, Files, Kind } from "../../wire/channels";
import { encodeJson } from "../../wire/messages";
import { LegSocket } from "../leg";
import { FakeSurroundings, settled } from "../testing";
import type { DiskPort } from "./disk";
import { Download } from "./download";
import { Exchange, Lost, Refused, SILENCE_MS } from "./exchange";
import { Upload } from "./upload";
import { Window } from "./window";

const CHANNEL = channelOf(Kind.FILES);

async function begin(): Promise<{ around: FakeSurroundings; exchange: Exchange }> {
  const around = new FakeSurroundings();
  const exchange = new Exchange(new LegSocket("ticket", () => Promise.resolve("again"), around));
  around.socket.welcome(2, 0xffff);
  exchange.start();
  return { around, exchange };
}

const started = (around: FakeSurroundings, run = "one"): void =>
  around.socket.frame(Files.STARTED, CHANNEL, encodeJson({ run, volumes: [], home: btoa("/home") }), 2);
const done = (around: FakeSurroundings, id: number, code = "", text = ""): void =>
  around.socket.frame(Files.DONE, CHANNEL, encodeJson({ id, code, text }), 2);

describe("an exchange", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] }));
  afterEach(() => void vi.useRealTimers());

  it("asks for access, and answers are told apart by their number", async () => {
    const { around, exchange } = await begin();
    expect(around.socket.json(Files.START, CHANNEL)).toEqual([{ fresh: true }]);
    started(around);
    expect(exchange.started?.home).toBe("/home");
    const one = exchange.request(Files.MAKE, { path: "/\xff" });
    const other = exchange.request(Files.MAKE, { path: "/b" });
    expect(around.socket.json(Files.MAKE, CHANNEL)[0]).toEqual({ path: btoa("/\xff"), id: one.id });
    done(around, other.id, "exists", "There.");
    done(around, one.id);
    await one.done;
    await expect(other.done).rejects.toEqual(new Refused("exists", "There."));
    exchange.close();
  });

  it("what is open is lost with the connection, with another run, and with an endpoint that forgot us", async () => {
    const { around, exchange } = await begin();
    started(around);
    const cut = exchange.request(Files.MAKE, { path: "/a" });
    around.socket.drop();
    await expect(cut.done).rejects.toBeInstanceOf(Lost);
    expect(exchange.access).toBe("asking");
    await around.pass(60_000);
    around.socket.welcome(2, 0xffff);
    expect(around.socket.json(Files.START, CHANNEL)).toEqual([{ fresh: true }]);
    started(around);
    const again = exchange.request(Files.MAKE, { path: "/a" });
    started(around, "another");
    await expect(again.done).rejects.toBeInstanceOf(Lost);
    const forgotten = exchange.request(Files.MAKE, { path: "/a" });
    done(around, forgotten.id, "not-started");
    await expect(forgotten.done).rejects.toBeInstanceOf(Lost);
    expect(exchange.access).toBe("asking");
    const ready = exchange.ready();
    started(around, "another");
    await ready;
    exchange.close();
  });

  it("asks whether the endpoint is there when nothing is heard, and only while something is open", async () => {
    const { around, exchange } = await begin();
    started(around);
    vi.advanceTimersByTime(SILENCE_MS * 2);
    expect(around.socket.json(Files.START, CHANNEL)).toHaveLength(1);
    exchange.request(Files.MAKE, { path: "/a" }).done.catch(() => undefined);
    vi.advanceTimersByTime(SILENCE_MS);
    expect(around.socket.json(Files.START, CHANNEL)).toEqual([{ fresh: true }, { fresh: false }]);
    exchange.close();
    await settled();
  });
});

describe("a transfer", () => {
  const kept = { have: 0, sha256: "" };
  const disk = { open: () => settled().then(() => kept), release: async () => undefined, remove: async () => undefined } as unknown as DiskPort;
  const way = { window: () => new Window(), room: () => Promise.resolve(), came: () => undefined };
  const file = new File(["x".repeat(1_000_000)], "large");

  it.each([
    ["an upload", (exchange: Exchange) =>
      new Upload(exchange, disk, way, { folder: "/", name: "large", sources: [{ file, path: "large" }], replace: false }, () => undefined)],
    ["a download", (exchange: Exchange) =>
      new Download(exchange, disk, { path: "/large", key: "key", name: "large" }, () => undefined)],
  ])("that is cancelled while %s prepares is never asked for", async (_what, make) => {
    const { around, exchange } = await begin();
    started(around);
    const transfer = make(exchange);
    const ended = transfer.run();
    expect(transfer.state).toBe("running");
    for (let step = 0; step < 9; step++) await Promise.resolve();
    transfer.cancel();
    await ended;
    expect(transfer.state).toBe("cancelled");
    expect([...around.socket.json(Files.PUT, CHANNEL), ...around.socket.json(Files.GET, CHANNEL)]).toEqual([]);
    exchange.close();
  });
});

describe("a window", () => {
  it("grows on a fast way and shrinks when acknowledgements are late", () => {
    const window = new Window();
    const first = window.limit;
    for (let now = 0; now < 50; now++) {
      const size = window.room;
      window.sent(size, now);
      window.acked(size, now + 1);
    }
    expect(window.limit).toBeGreaterThan(first);
    const grown = window.limit;
    window.sent(grown, 100);
    window.acked(grown, 400);
    expect(window.limit).toBeLessThan(grown);
    expect(window.inFlight).toBe(0);
  });
});
