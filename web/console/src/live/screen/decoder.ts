/**
 * Why: draws UPDATE payloads on a canvas, live or from a recording; it knows of no leg.
 * Rules: the canvas becomes what drawing strictly in the order of `apply` would make of it. What touches nothing that is
 * still being decoded does not wait for it, so an answer to a key is not held up by the video beside it; what needs no
 * waiting at all is drawn before `apply` returns.
 */
import { encodingsOfOne, type Area, type Draw, type Surface } from "./encodings";
import { parseUpdate, UpdateError, type Rect } from "./update";

/** Something to draw, and all that it touches. */
interface Work {
  readonly areas: readonly Area[];
  readonly draw: Draw | Promise<Draw>;
}

interface Pending {
  readonly areas: readonly Area[];
  /** It is drawn, or has failed. */
  readonly over: Promise<void>;
}

/** Pixels of the largest screen that is drawn: the mirror of MAX_PIXELS in recording/picture.py. */
export const MAX_PIXELS = 1 << 26;
/** How many screens the rectangles of one update may cover: those that bring pixels, and copies and video (docs/protocol/screen.md). */
const MOST_PIXELS = 4;
const MOST_MOVED = 16;
const MOVED: readonly number[] = [0, 5];

const EVERYWHERE: Area = { x: 0, y: 0, w: Infinity, h: Infinity };

const meet = (one: Area, other: Area): boolean =>
  one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;

export class ScreenDecoder {
  readonly #surface: Surface;
  readonly #encodings = encodingsOfOne();
  readonly #pending = new Set<Pending>();
  /** As announced: what comes is for a screen of this size, also while the canvas still has another. */
  #screen: Area;

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser cannot draw on a canvas");
    this.#surface = { canvas, context };
    this.#screen = { x: 0, y: 0, w: canvas.width, h: canvas.height };
  }

  /**
   * Make the canvas as large as the screen (then it is black) after what is still being drawn. For a screen of more than
   * MAX_PIXELS the canvas stays as it is, and every update is refused.
   */
  resize(width: number, height: number): void {
    this.#screen = { x: 0, y: 0, w: width, h: height };
    if (width * height > MAX_PIXELS) return;
    const change = ({ canvas }: Surface): void => {
      if (canvas.width === width && canvas.height === height) return;
      canvas.width = width;
      canvas.height = height;
    };
    void this.#do({ areas: [EVERYWHERE], draw: change });
  }

  /** Draw an update. Resolves when it is on the canvas; rejects with UpdateError when it is not understood. */
  apply(payload: Uint8Array): Promise<void> {
    try {
      const { rects } = parseUpdate(payload);
      this.#check(rects);
      const works = rects.map((rect) => this.#prepare(rect));
      const waits = works.map((work) => this.#do(work)).filter((wait) => wait !== null);
      return waits.length ? all(waits) : Promise.resolve();
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new UpdateError(String(error)));
    }
  }

  /** Draw now, if nothing has to be waited for: then there is no promise. */
  #do({ areas, draw }: Work): Promise<void> | null {
    const before = [...this.#pending].filter((one) => one.areas.some((area) => areas.some((mine) => meet(area, mine))));
    if (typeof draw === "function" && !before.length) {
      try {
        draw(this.#surface);
        return null;
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new UpdateError(String(error)));
      }
    }
    // A failure is reported where it is awaited, in its turn; until then it must not count as unhandled.
    if (draw instanceof Promise) draw.catch(() => undefined);
    const drawn = Promise.all(before.map((one) => one.over)).then(async () => {
      (typeof draw === "function" ? draw : await draw)(this.#surface);
    });
    const pending: Pending = { areas, over: drawn.catch(() => undefined).then(() => void this.#pending.delete(pending)) };
    this.#pending.add(pending);
    return drawn;
  }

  /** Before anything is unpacked: rectangles lie on the screen, and are not many times as much. Throws UpdateError. */
  #check(rects: readonly Rect[]): void {
    const { w, h } = this.#screen;
    if (w * h > MAX_PIXELS) throw new UpdateError(`a screen of ${w} x ${h} pixels is not drawn`);
    let [pixels, moved] = [0, 0];
    for (const rect of rects) {
      if (!rect.w || !rect.h) throw new UpdateError("a rectangle is empty");
      if (!this.#holds(rect)) throw new UpdateError("a rectangle does not fit the screen");
      if (MOVED.includes(rect.encoding)) moved += rect.w * rect.h;
      else pixels += rect.w * rect.h;
    }
    if (pixels > MOST_PIXELS * w * h || moved > MOST_MOVED * w * h) {
      throw new UpdateError("the rectangles of an update cover the screen too many times");
    }
  }

  #holds({ x, y, w, h }: Area): boolean {
    return x >= 0 && y >= 0 && x + w <= this.#screen.w && y + h <= this.#screen.h;
  }

  #prepare(rect: Rect): Work {
    const encoding = this.#encodings.get(rect.encoding);
    if (!encoding) throw new UpdateError(`encoding ${rect.encoding} is not known here; reload the page`);
    const reads = encoding.reads?.(rect);
    if (reads && !this.#holds(reads)) throw new UpdateError("a copy comes from outside of the screen");
    return { areas: reads ? [rect, reads] : [rect], draw: encoding(rect) };
  }
}

/** Wait for all of them, whatever happens to one; then tell the first failure. */
async function all(waits: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(waits)).find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
}
