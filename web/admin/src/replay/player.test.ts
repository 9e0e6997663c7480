import { describe, expect, it, vi } from "vitest";
import { type Decoder, ScreenPlayer } from "./player";
import { type Chunk, type IndexFile, chunksOf, clock, eventAt, framesOf, keyBefore, placeAt, sizeAt } from "./timeline";

/** One update a second for ten seconds, a full picture at 0, 4 and 8 s; the second segment begins at 20 s with one of its own. */
function recording(): { index: IndexFile; bytes: (chunk: Chunk) => Uint8Array } {
  const chunks: [number, number, number, number, number][] = [];
  for (let n = 0; n < 10; n += 1) chunks.push([n, n * 1000, n * 1000 + 100, 40, n % 4 === 0 ? n * 1000 : -1]);
  const index: IndexFile = {
    session: "s",
    started_ms: 1,
    duration_ms: 21_000,
    segments: [
      { segment: 1, start_ms: 0, end_ms: 9100, verified_ms: 9100, closed: false, chunks },
      { segment: 2, start_ms: 20_000, end_ms: 20_100, verified_ms: 20_100, closed: true, chunks: [[0, 20_000, 20_100, 40, 20_000]] },
    ],
    screens: [
      [0, 640, 480],
      [20_000, 800, 600],
    ],
    gaps: [],
    events: [
      { t_ms: 500, kind: "chat", by: "Customer", text: "hello" },
      { t_ms: 5000, kind: "shell-opened", by: "Rep", text: "opened" },
    ],
    view: "v",
  };
  const bytes = (chunk: Chunk): Uint8Array =>
    frame(chunk.start - chunk.base, new Uint8Array([chunk.segment * 100 + chunk.place, 0, 0, 0, 0, 0, 0, 0, chunk.key >= 0 ? 3 : 2]));
  return { index, bytes };
}

function frame(time: number, payload: Uint8Array): Uint8Array {
  const data = new Uint8Array(11 + payload.length);
  const view = new DataView(data.buffer);
  view.setUint32(0, time, true);
  view.setUint16(4, 0x200, true);
  view.setUint8(6, 19);
  view.setUint32(7, payload.length, true);
  data.set(payload, 11);
  return data;
}

function setUp(broken: (chunk: Chunk) => boolean = () => false) {
  const { index, bytes } = recording();
  const drawn: number[] = [];
  const sizes: string[] = [];
  const failed = vi.fn();
  const decoder = (size: { width: number; height: number } | null): Decoder => {
    sizes.push(`${size?.width}x${size?.height}`);
    drawn.length = 0;
    return { apply: async (payload) => void drawn.push(payload[0] as number) };
  };
  const fetch = vi.fn(async (chunk: Chunk) => {
    if (broken(chunk)) throw new Error("404");
    return bytes(chunk);
  });
  const player = new ScreenPlayer({ index, decoder, fetch, changed: () => undefined, failed });
  return { player, drawn, sizes, fetch, failed };
}

describe("time line", () => {
  it("finds chunks, full pictures, sizes and events by time", () => {
    const { index } = recording();
    const chunks = chunksOf(index);
    expect(chunks).toHaveLength(11);
    expect([0, 3999, 9999, 15_000, 30_000].map((time) => placeAt(chunks, time))).toEqual([0, 3, 9, 9, 10]);
    expect([0, 3999, 4000, 9999, 20_000].map((time) => keyBefore(chunks, time))).toEqual([0, 0, 4, 8, 10]);
    expect(sizeAt(index.screens, 19_999)).toEqual({ width: 640, height: 480 });
    expect(sizeAt(index.screens, 20_000)).toEqual({ width: 800, height: 600 });
    expect(sizeAt([[0, 1, 1], [5, 0, 0]], 6)).toBeNull();
    expect([0, 500, 5000].map((time) => eventAt(index.events, time))).toEqual([-1, 0, 1]);
    expect([clock(0), clock(61_000), clock(3_661_000)]).toEqual(["0:00", "1:01", "1:01:01"]);
  });

  it("splits a chunk into frames and refuses a torn one", () => {
    const one = frame(5, new Uint8Array([1, 2, 3]));
    const [only] = framesOf(one, 1000);
    expect(only).toMatchObject({ time: 1005, channel: 0x200, type: 19 });
    expect(() => framesOf(one.subarray(0, 12), 0)).toThrow(RangeError);
    expect(() => framesOf(one.subarray(0, 5), 0)).toThrow(RangeError);
  });
});

describe("screen player", () => {
  it("draws what is due as time passes, at any speed", async () => {
    const { player, drawn } = setUp();
    await player.seek(0);
    expect(drawn).toEqual([100]);
    player.play();
    await player.pass(1000);
    expect(drawn).toEqual([100, 101]);
    player.speed = 4;
    await player.pass(500);
    expect(player.position).toBe(3000);
    expect(drawn).toEqual([100, 101, 102, 103]);
    player.pause();
    await player.pass(5000);
    expect(player.position).toBe(3000);
  });

  it("seeks to the full picture before and draws up to the moment", async () => {
    const { player, drawn, sizes } = setUp();
    await player.seek(6500);
    expect(drawn).toEqual([104, 105, 106]);
    await player.seek(20_500);
    expect(drawn).toEqual([200]);
    expect(sizes.at(-1)).toBe("800x600");
    await player.seek(0);
    expect(drawn).toEqual([100]);
  });

  it.each([
    ["comes first", [1, 0, 0, 2, 2], 0],
    ["follows a complete one", [3, 0, 1, 2, 2], 80],
  ])("goes on to the end of a full picture in several updates that %s", async (_which, flagsOf, from) => {
    const parts = flagsOf.map((flags, n) => frame(n * 40, new Uint8Array([n + 1, 0, 0, 0, 0, 0, 0, 0, flags])));
    const { index } = recording();
    index.screens = [[0, 640, 480]];
    // The first three updates lie in one chunk, the others in the next.
    (index.segments as unknown[]).length = 1;
    const [only] = index.segments;
    if (only) only.chunks = [[0, 0, 80, 60, 0], [1, 120, 160, 40, -1]];
    const fetched = (chunk: Chunk): Uint8Array => {
      const some = chunk.place === 0 ? parts.slice(0, 3) : parts.slice(3);
      return new Uint8Array(some.flatMap((one) => [...one]));
    };
    const drawn: number[] = [];
    const player = new ScreenPlayer({
      index,
      decoder: () => ({ apply: (payload) => void drawn.push(payload[0] as number) }),
      fetch: async (chunk) => fetched(chunk),
      changed: () => undefined,
      failed: () => undefined,
    });
    await player.seek(from);
    expect(drawn).toEqual([1, 2, 3, 4]);
    expect(player.position).toBe(120);
  });

  it("lets a newer seek overtake an older one", async () => {
    const { player, drawn, fetch } = setUp();
    await Promise.all([player.seek(3000), player.seek(9000), player.seek(20_100)]);
    expect(drawn).toEqual([200]);
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(player.waiting).toBe(false);
  });

  it("leaves a damaged part out and goes on at the next full picture", async () => {
    const { player, drawn, failed } = setUp((chunk) => chunk.place === 2 && chunk.segment === 1);
    await player.seek(3500);
    expect(drawn).toEqual([100, 101]);
    expect(failed).toHaveBeenCalledTimes(1);
    player.play();
    await player.pass(1000);
    expect(drawn).toEqual([100, 101, 104]);
  });

  it("skips idle time and stops at the end", async () => {
    const { player } = setUp();
    await player.seek(9500);
    player.skipIdle = true;
    player.play();
    await player.pass(100);
    expect(player.position).toBe(19_500);
    await player.pass(600);
    await player.pass(5000);
    expect(player.position).toBe(21_000);
    expect(player.playing).toBe(false);
    player.play();
    expect(player.position).toBe(0);
  });
});
