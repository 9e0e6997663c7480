/** Why: encoding 3. A likeness of a moving picture; the browser decodes it beside us while earlier ones are drawn. */
import type { Encoding } from "./encoding";

export const jpeg: Encoding = async ({ x, y, w, h, data }) => {
  const image = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
  return ({ context }) => {
    context.drawImage(image, 0, 0, w, h, x, y, w, h);
    image.close();
  };
};
