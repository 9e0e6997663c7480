/** Why: encoding 6. Text and windows, exactly: the few colours of the rectangle, then indices, packed by zstd. */
import { UpdateError, type Rect } from "../update";
import { drawIndices, indexBytes, ink } from "./indices";
import { packed } from "./zstd";

/** Bytes in front of the indices. */
function head({ arg: bits, data }: Rect): number {
  const count = (data[0] ?? 0) + 1;
  if (![1, 2, 4, 8].includes(bits)) throw new UpdateError(`a palette has no indices of ${bits} bits`);
  if (count > 1 << bits || data.byteLength < 1 + 3 * count) throw new UpdateError("a palette does not fit its rectangle");
  return 1 + 3 * count;
}

export const palette = packed(
  indexBytes,
  (rect, raw) => {
    const { arg: bits, data } = rect;
    const table = new Uint32Array(1 << bits).fill(ink(0));
    for (let n = 0, at = 1; n <= data[0]!; n++, at += 3) {
      table[n] = ink((data[at + 2]! << 16) | (data[at + 1]! << 8) | data[at]!);
    }
    return drawIndices(rect, raw, table);
  },
  head,
);
