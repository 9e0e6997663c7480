/** Why: encoding 0. Pixels that the viewer has already, from elsewhere on the screen: scrolling costs four bytes. */
import { UpdateError, type Rect } from "../update";
import type { Area, Draw, Encoding } from "./encoding";

function source({ x, y, w, h, data }: Rect): Area {
  if (data.byteLength !== 4) throw new UpdateError("a copy needs 4 bytes");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return { x: x - view.getInt16(0, true), y: y - view.getInt16(2, true), w, h };
}

function draw(rect: Rect): Draw {
  const { x, y, w, h } = rect;
  const from = source(rect);
  return ({ canvas, context }) => context.drawImage(canvas, from.x, from.y, w, h, x, y, w, h);
}

export const copy: Encoding = Object.assign(draw, { reads: source });
