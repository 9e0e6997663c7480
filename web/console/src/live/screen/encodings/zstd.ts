/**
 * Why: encoding 2. Exact pixels, packed by zstd; unpacked by WebAssembly (the page's policy needs 'wasm-unsafe-eval').
 */
import { ZSTDDecoder } from "zstddec";
import { UpdateError, type Rect } from "../update";
import type { Draw, Encoding } from "./encoding";

const decoder = new ZSTDDecoder();
let loading: Promise<void> | null = null;
let loaded = false;

/** Load the decoder once. */
export function loadZstd(): Promise<void> {
  loading ??= initialise().then(() => {
    loaded = true;
  });
  return loading;
}

/**
 * The library fetches its own code from a data: address, which the page's policy does not allow as a connection. It
 * does so synchronously in init(), so for that call alone fetch() is one that reads such addresses in place.
 */
function initialise(): Promise<void> {
  const real = globalThis.fetch;
  globalThis.fetch = (address) => {
    const code = atob(String(address).split(",", 2)[1] ?? "");
    return Promise.resolve(new Response(Uint8Array.from(code, (letter) => letter.charCodeAt(0))));
  };
  try {
    return decoder.init();
  } finally {
    globalThis.fetch = real;
  }
}

/**
 * Bytes that one rectangle may unpack to: a screen of 4096 x 4096 pixels as they are. The library does not notice when its
 * memory cannot grow, so it is never asked for very much.
 */
const MOST = 1 << 26;

/** An encoding whose data, behind a head of `head` bytes, unpack to `size` bytes, which `draw` turns into pixels. */
export function packed(
  size: (rect: Rect) => number,
  draw: (rect: Rect, raw: Uint8Array) => Draw,
  head: (rect: Rect) => number = () => 0,
): Encoding {
  const unpack = (rect: Rect): Draw => {
    const expected = size(rect);
    if (expected > MOST) throw new UpdateError("a rectangle is too large to be unpacked");
    const raw = decoder.decode(rect.data.subarray(head(rect)), expected);
    if (raw.byteLength !== expected) throw new UpdateError("packed pixels do not fit their rectangle");
    return draw(rect, raw);
  };
  return (rect) => {
    // Unpacked when it is drawn: so there is one at a time in memory, however many wait.
    const unpacked: Draw = (surface) => unpack(rect)(surface);
    return loaded ? unpacked : loadZstd().then(() => unpacked);
  };
}

export const zstd = packed(
  ({ w, h }) => w * h * 4,
  ({ x, y, w, h }, raw) =>
    ({ context }) => {
      const image = context.createImageData(w, h);
      const from = new Uint32Array(raw.buffer, raw.byteOffset, w * h);
      const to = new Uint32Array(image.data.buffer, image.data.byteOffset, w * h);
      for (let n = 0; n < to.length; n++) {
        const pixel = from[n]!;
        to[n] = 0xff000000 | ((pixel & 0xff) << 16) | (pixel & 0xff00) | ((pixel >>> 16) & 0xff);
      }
      context.putImageData(image, x, y);
    },
);
