/**
 * Why: draws the recorded pointer over the recorded screen, in a canvas of its own, so that no pixel of the screen is lost under it.
 * Rules: what is not known is not drawn. Places are percent of the screen: the page may show it at any size.
 */
import { readCursor, readPointer } from "../../../console/src/wire/layouts";
import { element } from "./elements";

export class RecordedPointer {
  readonly canvas = element("canvas", { class: "pointer", "aria-hidden": "true", hidden: "" });
  #screen: { width: number; height: number } = { width: 1, height: 1 };
  #hot: { x: number; y: number } | null = null;
  #at: { x: number; y: number } | null = null;

  /** Lie over this screen from now on. Returns the canvas that belongs beside it. */
  over(screen: { width: number; height: number }): HTMLCanvasElement {
    this.#screen = screen;
    this.#show();
    return this.canvas;
  }

  /** Take a CURSOR payload; null: the shape is not known. */
  shape(payload: Uint8Array | null): void {
    const shape = payload && readCursor(payload);
    this.#hot = shape?.width && shape.height ? { x: shape.hotX, y: shape.hotY } : null;
    if (shape && this.#hot) {
      this.canvas.width = shape.width;
      this.canvas.height = shape.height;
      const context = this.canvas.getContext("2d");
      const image = context?.createImageData(shape.width, shape.height);
      if (context && image) {
        image.data.set(shape.pixels);
        context.putImageData(image, 0, 0);
      }
    }
    this.#show();
  }

  /** Take a POINTER payload; null: the place is not known. */
  place(payload: Uint8Array | null): void {
    this.#at = payload && readPointer(payload);
    this.#show();
  }

  #show(): void {
    this.canvas.hidden = !this.#hot || !this.#at;
    if (!this.#hot || !this.#at) return;
    const { width, height } = this.#screen;
    const percent = (part: number, whole: number): string => `${(part / whole) * 100}%`;
    Object.assign(this.canvas.style, {
      left: percent(this.#at.x - this.#hot.x, width),
      top: percent(this.#at.y - this.#hot.y, height),
      width: percent(this.canvas.width, width),
      height: percent(this.canvas.height, height),
    });
  }
}
