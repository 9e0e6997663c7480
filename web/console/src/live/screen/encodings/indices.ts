/** Why: what encodings with few colours share: rows of packed indices become the pixels that they stand for. */
import type { Rect } from "../update";
import type { Draw } from "./encoding";

/** A colour (0xRRGGBB) as it stands in the memory of a picture. */
export const ink = (colour: number): number =>
  (0xff000000 | ((colour & 0xff) << 16) | (colour & 0xff00) | (colour >>> 16)) >>> 0;

/** Bytes of all rows: each is filled up to a whole byte, and the leftmost pixel is in the highest bits. */
export const indexBytes = ({ w, h, arg: bits }: Rect): number => Math.ceil((w * bits) / 8) * h;

/** Draw indices of `arg` bits; `table` has a colour for every one that such bits can hold. */
export const drawIndices =
  ({ x, y, w, h, arg: bits }: Rect, raw: Uint8Array, table: Uint32Array): Draw =>
  ({ context }) => {
    const image = context.createImageData(w, h);
    const to = new Uint32Array(image.data.buffer, image.data.byteOffset, w * h);
    const [row, mask, each] = [Math.ceil((w * bits) / 8), (1 << bits) - 1, 8 / bits];
    for (let line = 0, n = 0; line < h; line++) {
      for (let column = 0, from = line * row; column < w; from++) {
        const byte = raw[from]!;
        const end = Math.min(w, column + each);
        for (let shift = 8 - bits; column < end; column++, shift -= bits) to[n++] = table[(byte >>> shift) & mask]!;
      }
    }
    context.putImageData(image, x, y);
  };
