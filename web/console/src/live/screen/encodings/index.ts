/** Why: the numbers of the encodings. A number never changes its meaning: recordings keep it. */
import { copy } from "./copy";
import type { Encoding } from "./encoding";
import { jpeg } from "./jpeg";
import { solid } from "./solid";
import { zstd } from "./zstd";

export const encodings: ReadonlyMap<number, Encoding> = new Map([
  [0, copy],
  [1, solid],
  [2, zstd],
  [3, jpeg],
]);

export type { Draw, Encoding, Surface } from "./encoding";
export { loadZstd } from "./zstd";
