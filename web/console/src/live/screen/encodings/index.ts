/** Why: the numbers of the encodings. A number never changes its meaning: recordings keep it. */
import { copy } from "./copy";
import type { Encoding } from "./encoding";
import { indexed } from "./indexed";
import { jpeg } from "./jpeg";
import { palette } from "./palette";
import { planes } from "./planes";
import { solid } from "./solid";
import { VideoStream } from "./video";
import { zstd } from "./zstd";

/** The encodings of one picture: a video's frames need the ones before them. */
export function encodingsOfOne(): ReadonlyMap<number, Encoding> {
  const stream = new VideoStream();
  return new Map<number, Encoding>([
    [0, copy],
    [1, solid],
    [2, zstd],
    [3, jpeg],
    [4, indexed],
    [5, (rect) => stream.next(rect)],
    [6, palette],
    [7, planes],
  ]);
}

export type { Area, Draw, Encoding, Surface } from "./encoding";
export { videoCodecs } from "./video";
export { loadZstd } from "./zstd";
