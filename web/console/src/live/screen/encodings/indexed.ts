/** Why: encoding 4. Few colours: indices of 1, 4 or 8 bits into fixed palettes, packed by zstd. */
import { UpdateError } from "../update";
import { drawIndices, indexBytes, ink } from "./indices";
import { packed } from "./zstd";

/** The palette of four bits, 0xRRGGBB: the mirror of SIXTEEN in protocol/screen.py. */
// prettier-ignore
export const SIXTEEN = [
  0x000000, 0x303030, 0x606060, 0x909090, 0xc0c0c0, 0xe8e8e8, 0xffffff, 0xe03030,
  0x30b030, 0x3060e0, 0xe8d030, 0x30b8c8, 0xb040b0, 0xe88020, 0xd8a880, 0x202070,
] as const;

/** The colours of an index of so many bits, 0xRRGGBB. */
export function palette(bits: number): number[] {
  if (bits === 1) return [0x000000, 0xffffff];
  if (bits === 4) return [...SIXTEEN];
  if (bits !== 8) throw new UpdateError(`there is no palette of ${bits} bits`);
  const level = (n: number): number => (n % 6) * 51;
  const cube = Array.from({ length: 216 }, (_, n) => (level(Math.floor(n / 36)) << 16) | (level(Math.floor(n / 6)) << 8) | level(n));
  return [...cube, ...Array.from({ length: 40 }, (_, n) => Math.floor((255 * (n + 1) + 20) / 41) * 0x010101)];
}

/** The palettes as tables, by bits. */
const known = new Map<number, Uint32Array>();

function colours(bits: number): Uint32Array {
  let found = known.get(bits);
  if (!found) known.set(bits, (found = Uint32Array.from(palette(bits), ink)));
  return found;
}

export const indexed = packed(
  (rect) => (colours(rect.arg), indexBytes(rect)),
  (rect, raw) => drawIndices(rect, raw, colours(rect.arg)),
);
