/** Updates made by the agent's encoder, drawn on a canvas of plain memory. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ScreenDecoder } from "./decoder";
import { loadZstd } from "./encodings";
import { palette } from "./encodings/indexed";
import { shownRuns } from "./encodings/video";
import { parseUpdate, UpdateError } from "./update";

/** Made by farhand.agent.tools.screen.codec: solid 0x112233 beside n * 0x010203, then a copy of (16,2) to (0,4) 16 x 8. */
const MADE = Uint8Array.from(atob("BwAAANIEAAADAAMAAAAAABAAEAABAAAABAAAADMiEQAQAAAAEAAQAAIAAACmAwAAKLUv/WAAA+UcAApAXA4mEIC+G/z////////////vqrv//////////3fV3f////////+/dwrRANwA2gD3oe6Y7xTHe6Y11iuVcR7pi/FGWXwnqmK70N7rQE9M96n7nCeJ5Tpvj+MMMdwm7W+aHnbLjL0Nc8Nsl66vWWJYrXL1NMoKo0mifgYpYTPH0ssYH0ymKPoYIoPFDD8PI0wwmCDnX4AG9vLLvItvwFx6lm/hAVjLTvIsusex5Bi/gkvcys3wKrbBqdQAn0LrW8pM7yiyu6HE6H4Ci9vJy+0mrrWZtNBewipbyUrsJKqvkaS4PoLK2sjJ6iKmqYmUoB5CalrISOkgoqOBhIj+AQr6D1PoM2HUPaZPyAPh0zujS6jTYNM5oEeIo+DSN51DaHNg0jWaP0hD4NEzlzsoE2DRMZQ3CBN56BfHGXRZHHQL4guyFP55RXAFVf72nMJ3gih5dz6xG0GTuTmXwH0gSdubR9Q2UORszSFkFwgSduYPrwn02BpzB9YDclR9eUNqATWetpzBdIAYSVe+MBpAi6EpVwA96dtnyV49R/LeGXKXzo+6cXbMdXMj7poZb9G8aFtmxVoxJ9J+GXGWy4eyWTaMtXIh7JQJX6E86NpkwVYlB7IeGXCVyH+qQfZL9RH7SN27ByrePE7r3mEqt47St3OQso1jNO0bombbCB27BijYND67nuGptYzOq2NwUg1jM+oXmk67yFy6BSbSLC6LXmEp9G/lzyom+ewbmecUj3bubZwzikU48ya2+cShmncLz2xikMy6gWEu8efl3L4tk9jDMm5elUfcSfm27ski5phsG5fkEG9Grm0bMog1INOm9fjDmY5ny27sYYzGsmEx7vDl4tiuFXPY8h02C8UbrnZ/rSqxhincXaNEnOGp9tamD2NYkp01icMXjl5fLcqwhSHWVYMsXOEnNT8/77kPHzzz0VPnPXjkrMfOm/PQYTMeOWm+A8fMdtyMuQ4bMNNR0+U5aLQsx8yV45ChMhwxUX4DxsluvCy5DRcks9FS5DVYhKzGyo/TUOExGik5PgPFxmaczLgMExiTUdLiMUh+F2MkxWGI8A5GiIm/AMndi48Rd+FhOxcdIN6CY3YtNjqchQbsWGRo+AqM1q24uHAVFqpT+aXwFN/TpfRGOAov6VB2HfxEN3QnuQtugus5k1sEL7HdXEltgZPQYo5kVsBHZCs3Ejt5EVjIibw2PsRVcSGthwdhJRzIauA/VP0CAAAABAAQAAgAAAAAAAQAAADw/wIA"), (c) => c.charCodeAt(0));

/** Made by the same: 11 columns in 4 bits, 10 in 8 bits, 11 dithered in 1 bit, of 16 rows each. */
const INDEXED = Uint8Array.from(atob("AwAAAAUAAAADAAMAAAAAAAsAEAAEBAAATAAAACi1L/0gYB0CADQDAAAAAAEQAAAAAREQAAAREREQAREREREQERARIBERERIiIIiIiCKIgoiAsIuwiIiIiLuwBgBgE2BiIDjlPDCcBcYLAAAACgAQAAQIAACLAAAAKLUv/SCgFQQAMggdIbClOUSEjKzdYhiGFX+aNPtf+CvqyeYb6Qv/+QpjJkkeEQYIYxx0N4MwxtjdjBXe+1+Lmd/7/8XM/P//zMwCw3icQim1+zhFwyy7uw3DLAGKkuwShCtJAoAEkIMe6u7uh6oqIaWUknPOOYQQQtlaay0zMwMEAMCwAFktsgIwBxUAAAALABAABAEAACkAAAAotS/9ICABAQCqoABAqqARAKqgVUCqoFVA7+BVQLqgVUDv4FVAv+BVYA=="), (c) => c.charCodeAt(0));

/** Made by the same: columns of 2, 3, 11 and 40 colours, and of as many as there are pixels, of 16 rows each. */
const EXACT = Uint8Array.from(atob("CQAAAAUAAAADAAUAAAAAAAYAEAAGAQAAGQAAAAEzIhHQ4PAotS/9IBBNAAAYbNi0AQAebggGAAAABQAQAAYCAAAfAAAAAgEAAAD/AAAA/yi1L/0gIGUAADAAABhAJIABALFLEQsAAAAHABAABgQAAF8AAAAKAAAAHhQKPCgUWjweeFAolmQytHg80oxG8KBQDrVaLMlkKLUv/SBApQEAxAIDaRRwFHolgCWANpA2kUegR6JYAFgDaRBpFHogeiWAMIA2kUCRR6JQolgDYAEAfLQqAxIAAAAHABAABggAAKoAAAAfAAABDAgFEgwHGBAJHhQLKhwPMCARNiQTPCgVSDAZTjQbVDgdWjwfZkQjbEglckwneFAphFgtilwvkGAxlmQzomw3qHA5rnQ7tHg9wIBBxoRDzIhF0oxH3pRL5JhN6pxPKLUv/SBwBQIAhAMSEhgYHR0DFhYcHAEBBxoaAAAFBQseHgQECQkPAgIICA0NEwYGDAwRERcKChAQFRUbDg4UFBkZHwEA2H0qKBkAAAAHABAABwAAAFoBAAAotS/9YFAAgQoAGT4yJRgM/6d0befh29XkEowGAPnzITAqJB4YEl1PSUI8NzCZbmfh29XP1gyG//rz7RIqpB0XEgxPSEI8Ny8qi2dhWtTOyMgF/3lz7ecEIx4XkgsFQEI8tjApJH3gW1ROSEK5f/ny7ebg9p2XEQsF/ggFc+JRvy4JZ8+3HobtOjAYf+dPN2v64UmwmP+dQqoS+mBJzwvz20IqEQDUPCSL81syHgVuVbyjY+fPth2GbZUwlwBnTzbG+WFIsJf/+EOpEvjhSCqL89rCKpFbVTukC3PajR0FbdQ8pL5nzrYdhW1Xz0rGQr05WZPSD80KSB72tPGu7Sri2RbTkc4MqLr3NnOw7mybW5jVE1Ax/jx6t/Uz9uEfXRrXFLrEgb77uveApWKiXxxaRAjFgsH+Ownqp+Wi4B7OzIpHBMP/ky9rqeek4leRzgxJB0UccrHuK+kn"), (c) => c.charCodeAt(0));

/** As much of a canvas as the decoder uses. Pixels are 0xRRGGBB. */
class Memory {
  width = 32;
  height = 16;
  pixels = new Uint32Array(32 * 16);
  fillStyle = "";
  clipped: [number, number, number, number][] = [];
  clips: [number, number, number, number][] | null = null;

  getContext(): unknown {
    return this;
  }

  createImageData(w: number, h: number): unknown {
    return { width: w, height: h, data: new Uint8ClampedArray(w * h * 4) };
  }

  putImageData(image: ImageData, x: number, y: number): void {
    this.#each(x, y, image.width, image.height, (n) => {
      const [r, g, b, a] = image.data.subarray(n * 4, n * 4 + 4) as unknown as [number, number, number, number];
      expect(a).toBe(255);
      return (r << 16) | (g << 8) | b;
    });
  }

  fillRect(x: number, y: number, w: number, h: number): void {
    const [r, g, b] = this.fillStyle.match(/\d+/g)!.map(Number) as [number, number, number];
    this.#each(x, y, w, h, () => (r << 16) | (g << 8) | b);
  }

  drawImage(from: unknown, ...place: number[]): void {
    if (from instanceof Film) {
      const [x, y, w, h] = place as [number, number, number, number];
      const inside = (at: number, down: number): boolean =>
        this.clips?.some(([l, t, wide, tall]) => at >= l && at < l + wide && down >= t && down < t + tall) ?? true;
      this.#each(x, y, w, h, (n) => {
        const [column, row] = [x + (n % w), y + Math.floor(n / w)];
        return inside(column, row) ? from.colour : this.pixels[row * this.width + column]!;
      });
      return;
    }
    const [sx, sy, w, h, x, y] = place as [number, number, number, number, number, number];
    const before = from === this ? this.pixels.slice() : (from as { pixels: Uint32Array }).pixels;
    const stride = from === this ? this.width : w;
    this.#each(x, y, w, h, (n) => before[(sy + Math.floor(n / w)) * stride + sx + (n % w)]!);
  }

  save(): void {
    this.clipped = [];
  }

  beginPath(): void {
    this.clipped = [];
  }

  rect(...box: [number, number, number, number]): void {
    this.clipped.push(box);
  }

  clip(): void {
    this.clips = this.clipped;
  }

  restore(): void {
    this.clips = null;
  }

  #each(x: number, y: number, w: number, h: number, value: (n: number) => number): void {
    for (let n = 0; n < w * h; n++) this.pixels[(y + Math.floor(n / w)) * this.width + x + (n % w)] = value(n);
  }
}

/** A decoded frame of one colour: that of the first byte. */
class Film {
  close = vi.fn();
  constructor(readonly colour: number) {}
}

/** A video decoder of the browser, as far as it is used. `fail` breaks the newest one. */
class Films {
  static all: Films[] = [];
  static made: Film[] = [];
  state = "unconfigured";
  constructor(readonly init: { output: (frame: unknown) => void; error: (error: Error) => void }) {
    Films.all.push(this);
  }

  static isConfigSupported = vi.fn((config: { codec: string }) => Promise.resolve({ supported: config.codec === "vp8" }));

  configure(config: unknown): void {
    expect(config).toEqual({ codec: "vp8", optimizeForLatency: true });
    this.state = "configured";
  }

  decode({ data }: { data: Uint8Array }): void {
    const film = new Film(data[0]!);
    Films.made.push(film);
    setTimeout(() => this.state === "configured" && this.init.output(film), 1);
  }

  fail(): void {
    this.state = "closed";
    this.init.error(new Error("damaged"));
  }
}

class Chunk {
  readonly data: Uint8Array;
  readonly type: string;
  constructor(init: { data: Uint8Array; type: string; timestamp: number }) {
    ({ data: this.data, type: this.type } = init);
  }
}

const made = (): { memory: Memory; decoder: ScreenDecoder } => {
  const memory = new Memory();
  return { memory, decoder: new ScreenDecoder(memory as unknown as HTMLCanvasElement) };
};

const rect = (x: number, y: number, w: number, h: number, encoding: number, data: number[], arg = 0): number[] => [
  x, 0, y, 0, w, 0, h, 0, encoding, arg, 0, 0, data.length, 0, 0, 0, ...data,
]; // prettier-ignore
const update = (...rects: number[][]): Uint8Array =>
  Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, rects.length, 0, ...rects.flat()]);

const expected = (): Uint32Array => {
  const pixels = new Uint32Array(32 * 16);
  const right = (x: number, y: number): number => ((y * 16 + x) * 0x010203) & 0xffffff;
  for (let y = 0; y < 16; y++) {
    for (let x = 0; x < 16; x++) {
      pixels[y * 32 + x] = y >= 4 && y < 12 ? right(x, y - 2) : 0x112233;
      pixels[y * 32 + 16 + x] = right(x, y);
    }
  }
  return pixels;
};

describe("ScreenDecoder", () => {
  it("draws what the agent encoded, exactly", async () => {
    const { memory, decoder } = made();
    await decoder.apply(MADE);
    expect(memory.pixels).toEqual(expected());
  });

  it("draws at once when nothing has to be waited for", async () => {
    await loadZstd();
    const { memory, decoder } = made();
    void decoder.apply(MADE);
    expect(memory.pixels).toEqual(expected());
  });

  it("keeps the order when an earlier picture takes long", async () => {
    const likeness = { pixels: new Uint32Array(32 * 16).fill(0x010101), close: vi.fn() };
    let finish: (image: unknown) => void = () => undefined;
    vi.stubGlobal("createImageBitmap", () => new Promise((resolve) => (finish = resolve)));
    const { memory, decoder } = made();
    const first = decoder.apply(update(rect(0, 0, 32, 16, 3, [1, 2, 3])));
    const second = decoder.apply(MADE);
    await Promise.resolve();
    expect(memory.pixels.some(Boolean)).toBe(false);
    finish(likeness);
    await Promise.all([first, second]);
    expect(memory.pixels).toEqual(expected());
    expect(likeness.close).toHaveBeenCalled();
    vi.unstubAllGlobals();
  });

  it("draws what lies beside a picture that takes long, but nothing that depends on it", async () => {
    const likeness = { pixels: new Uint32Array(32 * 16).fill(0x010101), close: vi.fn() };
    let finish: (image: unknown) => void = () => undefined;
    vi.stubGlobal("createImageBitmap", () => new Promise((resolve) => (finish = resolve)));
    const { memory, decoder } = made();
    const at = (x: number, y: number): number => memory.pixels[y * 32 + x]!;
    const seen: number[] = [];
    const first = decoder.apply(update(rect(16, 0, 16, 16, 3, [1]), rect(8, 0, 8, 8, 1, [2, 0, 0, 0])));
    const copied = decoder.apply(update(rect(0, 8, 8, 8, 0, [0xf0, 0xff, 0, 0]))); // from (16, 8)
    const behind = decoder.apply(update(rect(0, 12, 4, 4, 1, [3, 0, 0, 0]))); // over what is copied
    const beside = decoder.apply(update(rect(0, 0, 8, 8, 1, [4, 0, 0, 0]))).then(() => seen.push(at(16, 0)));
    expect([at(8, 0), at(0, 0), at(0, 8), at(0, 12)]).toEqual([2, 4, 0, 0]);
    await beside;
    expect(seen).toEqual([0]);
    finish(likeness);
    await Promise.all([first, copied, behind]);
    expect([at(16, 0), at(0, 8), at(0, 12)]).toEqual([0x010101, 0x010101, 3]);
    vi.unstubAllGlobals();
  });

  it("makes the canvas larger behind what is being drawn, and in front of what comes", async () => {
    const likeness = { pixels: new Uint32Array(32 * 16).fill(0x010101), close: vi.fn() };
    let finish: (image: unknown) => void = () => undefined;
    vi.stubGlobal("createImageBitmap", () => new Promise((resolve) => (finish = resolve)));
    const { memory, decoder } = made();
    const first = decoder.apply(update(rect(16, 0, 16, 16, 3, [1])));
    decoder.resize(32, 8);
    const second = decoder.apply(update(rect(0, 0, 8, 8, 1, [4, 0, 0, 0])));
    expect([memory.height, memory.pixels[0]]).toEqual([16, 0]);
    finish(likeness);
    await Promise.all([first, second]);
    expect([memory.height, memory.pixels[0]]).toEqual([8, 4]);
    vi.unstubAllGlobals();
  });

  it("goes on after a picture that is damaged", async () => {
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("damaged")));
    const { memory, decoder } = made();
    const first = decoder.apply(update(rect(0, 0, 32, 16, 3, [1])));
    const second = decoder.apply(MADE);
    await expect(first).rejects.toThrow("damaged");
    await second;
    expect(memory.pixels).toEqual(expected());
    vi.unstubAllGlobals();
  });

  it("refuses what does not fit", async () => {
    await loadZstd();
    const { decoder } = made();
    const bad = [
      MADE.subarray(0, 11),
      MADE.subarray(0, MADE.length - 1),
      Uint8Array.from([...MADE, 0]),
      update(rect(0, 0, 1, 1, 1, [1])),
      update(rect(0, 0, 1, 1, 0, [1])),
      update(rect(0, 0, 1, 1, 99, [])),
      update(rect(0, 0, 0, 1, 1, [1, 2, 3, 0])),
      update(rect(0, 0, 4, 4, 2, [0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3])),
    ];
    for (const payload of bad) await expect(decoder.apply(payload)).rejects.toThrow(UpdateError);
  });
});

describe("a hostile update", () => {
  const colour = [1, 2, 3, 0];

  it("is refused outside of the screen that was announced, before anything of it is drawn", async () => {
    const { memory, decoder } = made();
    const inside = rect(0, 0, 8, 8, 1, colour);
    for (const outside of [rect(1, 0, 32, 16, 1, colour), rect(0, 1, 32, 16, 1, colour), rect(0, 0, 8, 8, 0, [1, 0, 0, 0])]) {
      await expect(decoder.apply(update(inside, outside))).rejects.toThrow(/fit the screen|outside of the screen/);
    }
    decoder.resize(16, 16);
    await expect(decoder.apply(update(rect(0, 0, 32, 16, 1, colour)))).rejects.toThrow("fit the screen");
    await decoder.apply(update(rect(0, 0, 16, 16, 1, colour)));
    expect(memory.pixels[0]).toBe(0x030201);
  });

  it("covers the screen four times at most; copies and video sixteen times", async () => {
    const { decoder } = made();
    const full = rect(0, 0, 32, 16, 1, colour);
    const copied = rect(0, 0, 32, 16, 0, [0, 0, 0, 0]);
    const many = (one: number[], count: number): number[][] => Array.from({ length: count }, () => one);
    await decoder.apply(update(...many(full, 4), ...many(copied, 16)));
    await expect(decoder.apply(update(...many(full, 5)))).rejects.toThrow("too many times");
    await expect(decoder.apply(update(...many(copied, 17)))).rejects.toThrow("too many times");
  });

  it("for a screen that is too large is refused, and another one is drawn again", async () => {
    await loadZstd();
    const { memory, decoder } = made();
    decoder.resize(32767, 32767);
    expect(memory.width).toBe(32);
    await expect(decoder.apply(MADE)).rejects.toThrow("a screen of 32767 x 32767 pixels is not drawn");
    decoder.resize(8192, 8192);
    const large = [0, 0, 0, 0, 0, 32, 0, 32, 2, 0, 0, 0, 1, 0, 0, 0, 0];
    await expect(decoder.apply(update(large))).rejects.toThrow("too large to be unpacked");
    decoder.resize(32, 16);
    await decoder.apply(MADE);
    expect(memory.pixels).toEqual(expected());
  });
});

describe("few colours", () => {
  it("draws what the agent encoded, exactly", async () => {
    const { memory, decoder } = made();
    await decoder.apply(INDEXED);
    let hash = 2166136261;
    for (const pixel of memory.pixels) hash = Math.imul(hash ^ pixel, 16777619) >>> 0;
    expect(hash).toBe(3256432719);
    expect([memory.pixels[15 * 32 + 10], memory.pixels[3 * 32 + 15], memory.pixels[9 * 32 + 30]]).toEqual([
      0x30b8c8, 0x663333, 0xffffff,
    ]);
  });

  it("has palettes of different colours", () => {
    for (const bits of [1, 4, 8]) expect(new Set(palette(bits)).size).toBe(1 << bits);
    expect(() => palette(2)).toThrow(UpdateError);
  });

  it("refuses what does not fit", async () => {
    await loadZstd();
    const { decoder } = made();
    const whole = INDEXED.slice(12, 12 + 16 + 0x4c);
    const head = [3, 0, 0, 0, 5, 0, 0, 0, 3, 0, 1, 0];
    await decoder.apply(Uint8Array.from([...head, ...whole]));
    for (const [at, value] of [[4, 13], [6, 15], [9, 8], [9, 3]] as const) {
      const bad = whole.slice();
      bad[at] = value;
      await expect(decoder.apply(Uint8Array.from([...head, ...bad]))).rejects.toThrow(UpdateError);
    }
  });
});

describe("exact pixels", () => {
  const hash = ({ pixels }: Memory): number => pixels.reduce((sum, pixel) => Math.imul(sum ^ pixel, 16777619) >>> 0, 2166136261);
  const spots = [[5, 15], [10, 7], [17, 9], [24, 11], [31, 13], [25, 0]] as const; // prettier-ignore

  it("are those that the agent packed, whatever their number of colours", async () => {
    const { memory, decoder } = made();
    await decoder.apply(EXACT);
    const { rects } = parseUpdate(EXACT);
    expect(rects.map(({ encoding, arg }) => [encoding, arg])).toEqual([[6, 1], [6, 2], [6, 4], [6, 8], [7, 0]]); // prettier-ignore
    expect(spots.map(([x, y]) => memory.pixels[y * 32 + x])).toEqual([
      0xf0e0d0, 0xff00, 0x326496, 0x274c72, 0xa8dc73, 0x701921,
    ]);
    expect(hash(memory)).toBe(4166539595);
  });

  it("are refused when they do not fit", async () => {
    await loadZstd();
    const { decoder } = made();
    const [two, , , , many] = parseUpdate(EXACT).rects;
    const { data } = two!;
    const bad = [
      rect(0, 0, 6, 16, 6, [], 1),
      rect(0, 0, 6, 16, 6, [...data], 3),
      rect(0, 0, 6, 16, 6, [2, ...data.subarray(1)], 1),
      rect(0, 0, 6, 16, 6, [...data.subarray(0, 6)], 1),
      rect(0, 0, 6, 15, 6, [...data], 1),
      rect(0, 0, 6, 16, 6, [...data], 2),
      rect(0, 0, 7, 15, 7, [...many!.data].slice(0, 250)),
    ];
    for (const one of bad) await expect(decoder.apply(update(one))).rejects.toThrow(UpdateError);
  });
});

describe("video", () => {
  beforeEach(() => {
    Films.all = [];
    Films.made = [];
    vi.stubGlobal("VideoDecoder", Films);
    vi.stubGlobal("EncodedVideoChunk", Chunk);
  });
  afterEach(() => void vi.unstubAllGlobals());

  const KEY = 1;
  const MASKED = 2;
  const frame = (colour: number, arg = 0, mask: number[] = []): Uint8Array =>
    update(rect(0, 0, 32, 16, 5, [...mask, colour, 9], arg));

  it("draws frames in order, each over its rectangle", async () => {
    const { memory, decoder } = made();
    const [first, second] = [decoder.apply(frame(7, KEY)), decoder.apply(frame(8))];
    await first;
    await second;
    expect(memory.pixels.every((pixel) => pixel === 8)).toBe(true);
    expect(Films.all.length).toBe(1);
    for (const film of Films.made) expect(film.close).toHaveBeenCalledOnce();
  });

  it("draws only the cells that the mask shows", async () => {
    const { memory, decoder } = made();
    await decoder.apply(frame(7, KEY));
    await decoder.apply(frame(8, MASKED, [0b01000000]));
    expect([memory.pixels[0], memory.pixels[15], memory.pixels[16], memory.pixels[31]]).toEqual([7, 7, 8, 8]);
    await decoder.apply(frame(9, MASKED, [0]));
    expect([memory.pixels[0], memory.pixels[31]]).toEqual([7, 8]);
    for (const film of Films.made) expect(film.close).toHaveBeenCalledOnce();
  });

  it("merges what the mask shows", () => {
    expect(shownRuns(Uint8Array.of(0b11001100, 0b11110000), 4, 3)).toEqual([
      [0, 0, 2, 2],
      [0, 2, 4, 1],
    ]);
    expect(shownRuns(Uint8Array.of(0b10100000), 3, 1)).toEqual([
      [0, 0, 1, 1],
      [2, 0, 1, 1],
    ]);
  });

  it("begins with a key frame, also again after a failure", async () => {
    const { memory, decoder } = made();
    await expect(decoder.apply(frame(7))).rejects.toThrow(UpdateError);
    await decoder.apply(frame(7, KEY));
    const lost = decoder.apply(frame(8));
    Films.all[0]!.fail();
    await expect(lost).rejects.toThrow("could not be decoded");
    await expect(decoder.apply(frame(9))).rejects.toThrow(UpdateError);
    await decoder.apply(frame(10, KEY));
    expect(memory.pixels[0]).toBe(10);
  });

  it("refuses frames that are cut off", async () => {
    const { decoder } = made();
    await expect(decoder.apply(update(rect(0, 0, 32, 16, 5, [], KEY)))).rejects.toThrow("cut off");
    await expect(decoder.apply(update(rect(0, 0, 32, 16, 5, [0], KEY | MASKED)))).rejects.toThrow("cut off");
  });

  it("says so in a browser without a decoder", async () => {
    vi.stubGlobal("VideoDecoder", undefined);
    const { decoder } = made();
    await expect(decoder.apply(frame(7, KEY))).rejects.toThrow("no video decoder");
  });

  it.each([
    [Films, ["vp8"]],
    [undefined, []],
    [{ isConfigSupported: () => Promise.resolve({ supported: false }) }, []],
    [{ isConfigSupported: () => Promise.reject(new Error("no")) }, []],
  ])("tells which codecs can be drawn", async (kind, codecs) => {
    vi.resetModules();
    vi.stubGlobal("VideoDecoder", kind);
    const fresh = await import("./encodings/video");
    expect(await fresh.videoCodecs()).toEqual(codecs);
  });
});

describe("parseUpdate", () => {
  it("reads head and rectangles", () => {
    const read = parseUpdate(MADE);
    expect([read.seq, read.timeMs, read.flags]).toEqual([7, 1234, 3]);
    expect(read.rects.map(({ x, y, w, h, encoding }) => [x, y, w, h, encoding])).toEqual([
      [0, 0, 16, 16, 1],
      [16, 0, 16, 16, 2],
      [0, 4, 16, 8, 0],
    ]);
  });
});
