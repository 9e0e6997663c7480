/**
 * Why: draws UPDATE payloads on a canvas, live or from a recording; it knows of no leg.
 * Rules: strictly in the order of `apply`. What needs no waiting is drawn before `apply` returns.
 */
import { encodingsOfOne, type Draw, type Surface } from "./encodings";
import { parseUpdate, UpdateError, type Rect } from "./update";

export class ScreenDecoder {
  readonly #surface: Surface;
  readonly #encodings = encodingsOfOne();
  #last: Promise<void> | null = null;

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser cannot draw on a canvas");
    this.#surface = { canvas, context };
  }

  /** Make the canvas as large as the screen (then it is black) after what is still being drawn. */
  resize(width: number, height: number): void {
    const { canvas } = this.#surface;
    const change = (): void => {
      if (canvas.width === width && canvas.height === height) return;
      canvas.width = width;
      canvas.height = height;
    };
    if (this.#last) this.#after(this.#last, change);
    else change();
  }

  /** Draw an update. Resolves when it is on the canvas; rejects with UpdateError when it is not understood. */
  apply(payload: Uint8Array): Promise<void> {
    try {
      const draws = parseUpdate(payload).rects.map((rect) => this.#prepare(rect));
      if (!this.#last && draws.every((draw) => typeof draw === "function")) {
        for (const draw of draws) draw(this.#surface);
        return Promise.resolve();
      }
      return this.#later(draws);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new UpdateError(String(error)));
    }
  }

  #later(draws: readonly (Draw | Promise<Draw>)[]): Promise<void> {
    // A failure is reported where it is awaited, in order; until then it must not count as unhandled.
    for (const draw of draws) if (draw instanceof Promise) draw.catch(() => undefined);
    return this.#after(this.#last ?? Promise.resolve(), async () => {
      for (const draw of draws) (typeof draw === "function" ? draw : await draw)(this.#surface);
    });
  }

  #after(earlier: Promise<void>, work: () => void | Promise<void>): Promise<void> {
    const done = earlier.then(work);
    const quiet = done
      .catch(() => undefined)
      .then(() => {
        if (this.#last === quiet) this.#last = null;
      });
    this.#last = quiet;
    return done;
  }

  #prepare(rect: Rect): Draw | Promise<Draw> {
    const encoding = this.#encodings.get(rect.encoding);
    if (!encoding) throw new UpdateError(`encoding ${rect.encoding} is not known here; reload the page`);
    if (!rect.w || !rect.h) throw new UpdateError("a rectangle is empty");
    return encoding(rect);
  }
}
