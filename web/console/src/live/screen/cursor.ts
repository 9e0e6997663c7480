/** Why: the remote pointer's shape as a CSS cursor: the browser moves it without delay, and it is never in the pixels. */
import { readCursor } from "../../wire/layouts";

/** The CSS value for a CURSOR payload (u16 hot x, hot y, width, height, then RGBA); `default` when it has no shape. */
export function cssCursor(payload: Uint8Array): string {
  const shape = readCursor(payload);
  if (!shape) return "default";
  const { hotX, hotY, width, height, pixels } = shape;
  // Browsers refuse cursors over 128 pixels.
  if (!width || !height || width > 128 || height > 128) return "default";
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return "default";
  const image = context.createImageData(width, height);
  image.data.set(pixels);
  context.putImageData(image, 0, 0);
  return `url(${canvas.toDataURL()}) ${Math.min(hotX, width - 1)} ${Math.min(hotY, height - 1)}, default`;
}
