import { describe, expect, it, vi } from "vitest";
import { type Decoder, ScreenPlayer } from "./player";
import { Source } from "./source";
import { type IndexFile, blockAt, blocksOf, clock, eventAt, framesOf, keyBefore, sizeAt } from "./timeline";

/** One update a second for ten seconds, a full picture at 0, 4 and 8 s; the second segment begins at 20 s with one of its own. */
function recording(): IndexFile {
  const common = { closed: true, verified_ms: 0 };
  return {
    session: "s",
    started_ms: 1,
    duration_ms: 21_000,
    segments: [
      { segment: 1, start_ms: 0, end_ms: 9100, last: 9, places: [0, 4, 4], times: [0, 4000, 4000], ...common },
      { segment: 2, start_ms: 20_000, end_ms: 20_100, last: 0, places: [0], times: [0], ...common },
    ],
    screens: [
      [0, 640, 480],
      [20_000, 800, 600],
    ],
    gaps: [],
    view: "v",
  };
}

/** The frames of one chunk. */
const chunk = (segment: number, place: number): Uint8Array =>
  frame(segment === 1 ? place * 1000 : 0, new Uint8Array([segment * 100 + place, 0, 0, 0, 0, 0, 0, 0, place % 4 === 0 ? 3 : 2]));

function part(place: number, data: Uint8Array | null): Uint8Array {
  const made = new Uint8Array(8 + (data?.length ?? 0));
  const view = new DataView(made.buffer);
  view.setUint32(0, place, true);
  view.setUint32(4, data ? data.length : 0xffff_ffff, true);
  if (data) made.set(data, 8);
  return made;
}

/** A body that comes in pieces of seven bytes. */
function body(...parts: Uint8Array[]): ReadableStream<Uint8Array> {
  const whole = new Uint8Array(parts.flatMap((one) => [...one]));
  return new ReadableStream({
    start(out) {
      for (let at = 0; at < whole.length; at += 7) out.enqueue(whole.subarray(at, at + 7));
      out.close();
    },
  });
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

type Place = "whole" | "damaged" | "away";

function setUp(state: (segment: number, place: number) => Place = () => "whole", most = 100) {
  const drawn: number[] = [];
  const sizes: string[] = [];
  const failed = vi.fn();
  const decoder = (size: { width: number; height: number } | null): Decoder => {
    sizes.push(`${size?.width}x${size?.height}`);
    drawn.length = 0;
    return { apply: async (payload) => void drawn.push(payload[0] as number) };
  };
  /** As the server does it: `most` parts in one answer, an empty one when all has been told. */
  const fetch = vi.fn(async (segment: number, first: number, last: number) => {
    const places = Array.from({ length: last - first + 1 }, (_, n) => first + n);
    if (places.some((place) => state(segment, place) === "away")) throw new Error("503");
    const told = places.slice(0, most).map((place) => part(place, state(segment, place) === "damaged" ? null : chunk(segment, place)));
    return body(...told, ...(places.length <= most ? [part(last, new Uint8Array(0))] : []));
  });
  const player = new ScreenPlayer({ index: recording(), decoder, fetch, changed: () => undefined, cursor: () => undefined, pointer: () => undefined, failed });
  return { player, drawn, sizes, fetch, failed };
}

describe("time line", () => {
  it("finds blocks, full pictures, sizes and events by time", () => {
    const index = recording();
    const blocks = blocksOf(index);
    expect(blocks.map(({ segment, first, last, key }) => [segment, first, last, key])).toEqual([
      [1, 0, 3, 0],
      [1, 4, 7, 4000],
      [1, 8, 9, 8000],
      [2, 0, 0, 20_000],
    ]);
    expect([0, 3999, 9999, 15_000, 30_000].map((time) => blockAt(blocks, time))).toEqual([0, 0, 2, 2, 3]);
    expect([0, 3999, 4000, 9999, 20_000].map((time) => keyBefore(blocks, time))).toEqual([0, 0, 1, 2, 3]);
    expect(sizeAt(index.screens, 19_999)).toEqual({ width: 640, height: 480 });
    expect(sizeAt(index.screens, 20_000)).toEqual({ width: 800, height: 600 });
    expect(sizeAt([[0, 1, 1], [5, 0, 0]], 6)).toBeNull();
    const events = [500, 5000].map((t_ms) => ({ t_ms, group: "chat", by: "", text: "" }));
    expect([0, 500, 5000].map((time) => eventAt(events, time))).toEqual([-1, 0, 1]);
    expect([clock(0), clock(61_000), clock(3_661_000)]).toEqual(["0:00", "1:01", "1:01:01"]);
  });

  it("keeps what stands before the first full picture apart, and a segment without any", () => {
    const index = recording();
    const [one, two] = index.segments;
    if (one) [one.places, one.times] = [[3, 4], [3000, 4000]];
    if (two) [two.places, two.times] = [[], []];
    const blocks = blocksOf(index);
    expect(blocks.map(({ first, last, key, start }) => [first, last, key, start])).toEqual([
      [0, 2, -1, 0],
      [3, 6, 3000, 3000],
      [7, 9, 7000, 7000],
      [0, 0, -1, 20_000],
    ]);
    expect([0, 2999, 3000, 21_000].map((time) => keyBefore(blocks, time))).toEqual([1, 1, 1, 2]);
  });

  it("splits a chunk into frames and refuses a torn one", () => {
    const one = frame(5, new Uint8Array([1, 2, 3]));
    const [only] = framesOf(one, 1000);
    expect(only).toMatchObject({ time: 1005, channel: 0x200, type: 19 });
    expect(() => framesOf(one.subarray(0, 12), 0)).toThrow(RangeError);
    expect(() => framesOf(one.subarray(0, 5), 0)).toThrow(RangeError);
  });
});

describe("source", () => {
  const blocks = blocksOf(recording());
  const places = async (source: Source): Promise<number[]> => {
    const found = [];
    for (let one = await source.next(); one; one = await source.next()) if (one.frames?.length) found.push(one.place);
    return found;
  };

  it("asks on where an answer was bounded, and keeps what it has", async () => {
    const { fetch } = setUp(undefined, 3);
    const source = new Source(blocks, fetch);
    source.start(0);
    expect(await places(source)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
    expect(fetch.mock.calls.map(([segment, first, last]) => [segment, first, last])).toEqual([
      [1, 0, 3],
      [1, 3, 3],
      [1, 4, 7],
      [1, 7, 7],
      [1, 8, 9],
      [2, 0, 0],
    ]);
    source.start(1);
    expect((await places(source)).length).toBe(7);
    expect(fetch).toHaveBeenCalledTimes(6);
  });

  it("gives up what nobody waits for any more", async () => {
    const signals: AbortSignal[] = [];
    const source = new Source(blocks, (_segment, _first, _last, signal) => {
      signals.push(signal);
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("abort"))));
    });
    source.start(0);
    const waiting = source.next();
    source.start(2);
    expect(await waiting).toBeNull();
    expect(signals[0]?.aborted).toBe(true);
  });

  it("refuses answers that are torn or too long", async () => {
    for (const wrong of [part(0, chunk(1, 0)).subarray(0, 20), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0x7f])]) {
      const source = new Source(blocks, async () => body(wrong));
      source.start(0);
      expect(await source.next()).toEqual({ place: 0, frames: null, until: 4000 });
    }
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
    const index = recording();
    index.screens = [[0, 640, 480]];
    // The first three updates lie in one chunk, the others in the next.
    index.segments.length = 1;
    const [only] = index.segments;
    if (only) [only.last, only.places, only.times] = [1, [0], [0]];
    const joined = (some: Uint8Array[]): Uint8Array => new Uint8Array(some.flatMap((one) => [...one]));
    const drawn: number[] = [];
    const player = new ScreenPlayer({
      index,
      decoder: () => ({ apply: (payload) => void drawn.push(payload[0] as number) }),
      fetch: async () => body(part(0, joined(parts.slice(0, 3))), part(1, joined(parts.slice(3)))),
      changed: () => undefined,
      cursor: () => undefined,
      pointer: () => undefined,
      failed: () => undefined,
    });
    await player.seek(from);
    expect(drawn).toEqual([1, 2, 3, 4]);
    expect(player.position).toBe(120);
  });

  it("hands on shape and place of the pointer, and forgets both at a jump", async () => {
    const typed = (type: number, payload: Uint8Array): Uint8Array => {
      const made = frame(0, payload);
      made[6] = type;
      return made;
    };
    const index = recording();
    index.segments.length = 1;
    const [only] = index.segments;
    if (only) [only.last, only.places, only.times] = [0, [0], [0]];
    const told: unknown[] = [];
    const frames = [frame(0, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 3])), typed(20, new Uint8Array(8)), typed(21, new Uint8Array([5, 0, 6, 0]))];
    const player = new ScreenPlayer({
      index,
      decoder: () => ({ apply: () => undefined }),
      fetch: async () => body(part(0, new Uint8Array(frames.flatMap((one) => [...one])))),
      cursor: (payload) => told.push(payload && payload.length),
      pointer: (payload) => told.push(payload && [...payload]),
      changed: () => undefined,
      failed: () => undefined,
    });
    await player.seek(0);
    expect(told).toEqual([null, null, 8, [5, 0, 6, 0]]);
  });

  it("lets a newer seek overtake an older one", async () => {
    const { player, drawn, fetch } = setUp();
    await Promise.all([player.seek(3000), player.seek(9000), player.seek(20_100)]);
    expect(drawn).toEqual([200]);
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(player.waiting).toBe(false);
  });

  it("leaves a damaged part out and goes on at the next full picture", async () => {
    const { player, drawn, failed } = setUp((segment, place) => (segment === 1 && place === 2 ? "damaged" : "whole"));
    await player.seek(3500);
    expect(drawn).toEqual([100, 101]);
    expect(failed).toHaveBeenCalledTimes(1);
    player.play();
    await player.pass(1000);
    expect(drawn).toEqual([100, 101, 104]);
  });

  it("does not ask for all the rest at once while nothing can be had", async () => {
    const { player, fetch, drawn } = setUp((segment) => (segment === 1 ? "away" : "whole"));
    await player.seek(500);
    expect(fetch).toHaveBeenCalledTimes(1);
    player.play();
    await player.pass(4000);
    expect(fetch).toHaveBeenCalledTimes(2);
    await player.seek(20_100);
    expect(drawn).toEqual([200]);
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
