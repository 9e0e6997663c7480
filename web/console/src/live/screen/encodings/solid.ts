/** Why: encoding 1. One colour. */
import { UpdateError } from "../update";
import type { Encoding } from "./encoding";

export const solid: Encoding = ({ x, y, w, h, data }) => {
  if (data.byteLength !== 4) throw new UpdateError("a colour needs 4 bytes");
  const [blue, green, red] = data;
  return ({ context }) => {
    context.fillStyle = `rgb(${red},${green},${blue})`;
    context.fillRect(x, y, w, h);
  };
};
