/**
 * Why: encoding 7. Pictures, exactly: differences from the neighbours, a plane for each colour, packed by zstd. They take
 * half the bytes of pixels as they are.
 */
import { packed } from "./zstd";

export const planes = packed(
  ({ w, h }) => w * h * 3,
  ({ x, y, w, h }, raw) =>
    ({ context }) => {
      const image = context.createImageData(w, h);
      const to = image.data;
      const [size, row] = [w * h, w * 4];
      for (let line = 0, n = 0, at = 0; line < h; line++) {
        for (let column = 0; column < w; column++, n++, at += 4) {
          // Neighbours on the left and above; where there is one only, that one twice. The corner has itself: nothing yet.
          const left = column ? at - 4 : line ? at - row : at;
          const above = line ? at - row : left;
          const green = raw[n]!;
          to[at] = (raw[2 * size + n]! + green + ((to[left]! + to[above]!) >> 1)) & 255;
          to[at + 1] = (green + ((to[left + 1]! + to[above + 1]!) >> 1)) & 255;
          to[at + 2] = (raw[size + n]! + green + ((to[left + 2]! + to[above + 2]!) >> 1)) & 255;
          to[at + 3] = 255;
        }
      }
      context.putImageData(image, x, y);
    },
);
