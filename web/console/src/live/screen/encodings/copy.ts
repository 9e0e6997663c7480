/** Why: encoding 0. Pixels that the viewer has already, from elsewhere on the screen: scrolling costs four bytes. */
import { UpdateError } from "../update";
import type { Encoding } from "./encoding";

export const copy: Encoding = ({ x, y, w, h, data }) => {
  if (data.byteLength !== 4) throw new UpdateError("a copy needs 4 bytes");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [dx, dy] = [view.getInt16(0, true), view.getInt16(2, true)];
  return ({ canvas, context }) => context.drawImage(canvas, x - dx, y - dy, w, h, x, y, w, h);
};
