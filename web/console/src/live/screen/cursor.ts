/** Why: the remote pointer's shape as a CSS cursor: the browser moves it without delay, and it is never in the pixels. */

/** The CSS value for a CURSOR payload (u16 hot x, hot y, width, height, then RGBA); `default` when it has no shape. */
export function cssCursor(payload: Uint8Array): string {
  if (payload.byteLength < 8) return "default";
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const [hotX, hotY, width, height] = [0, 2, 4, 6].map((at) => view.getUint16(at, true)) as [number, number, number, number];
  // Browsers refuse cursors over 128 pixels.
  if (!width || !height || width > 128 || height > 128 || payload.byteLength !== 8 + width * height * 4) return "default";
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return "default";
  const image = context.createImageData(width, height);
  image.data.set(payload.subarray(8));
  context.putImageData(image, 0, 0);
  return `url(${canvas.toDataURL()}) ${Math.min(hotX, width - 1)} ${Math.min(hotY, height - 1)}, default`;
}
