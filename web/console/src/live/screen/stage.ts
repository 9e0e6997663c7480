/**
 * Why: where the picture lies in its place: scaled to fit or at its actual size, all monitors or one, closer or further.
 * Rules: the canvas always is the whole remote picture; this says how large it is drawn and which part of it is seen. So a
 * point of the page becomes a point of the remote screen by the canvas's own box, whatever is seen.
 */

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export type Fit = "scaled" | "actual";

const MOST_ZOOM = 6;

/** How large one remote pixel is drawn. Scaled: never larger than it is, so that text stays sharp. */
export function scaleOf(fit: Fit, zoom: number, area: Size, place: Size): number {
  const scaled = Math.min(1, place.width / area.width, place.height / area.height);
  return (fit === "actual" ? 1 : scaled > 0 ? scaled : 1) * zoom;
}

export class Stage {
  readonly #place: HTMLElement;
  readonly #view: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #sizes: ResizeObserver;
  #picture: Size = { width: 0, height: 0 };
  #area: Area | null = null;
  #fit: Fit = "scaled";
  #zoom = 1;

  /** `place` scrolls when the picture is larger than it; `view`, inside it, holds the canvas. */
  constructor(place: HTMLElement, view: HTMLElement, canvas: HTMLCanvasElement) {
    this.#place = place;
    this.#view = view;
    this.#canvas = canvas;
    view.style.overflow = "hidden";
    view.style.position = "relative";
    view.style.flex = "none";
    view.style.margin = "auto";
    canvas.style.position = "absolute";
    this.#sizes = new ResizeObserver(() => this.#lay());
    this.#sizes.observe(place);
  }

  get zoom(): number {
    return this.#zoom;
  }

  show(picture: Size, area: Area | null, fit: Fit): void {
    const other = area?.x !== this.#area?.x || area?.y !== this.#area?.y || fit !== this.#fit;
    this.#picture = picture;
    this.#area = area;
    this.#fit = fit;
    if (other) this.#zoom = 1;
    this.#lay();
  }

  /** Draw it `factor` times as large as now, and keep the point under (x, y) of the page where it is. */
  zoomBy(factor: number, x: number, y: number): void {
    const before = this.#canvas.getBoundingClientRect();
    const [right, down] = [(x - before.left) / before.width, (y - before.top) / before.height];
    this.#zoom = Math.max(1, Math.min(MOST_ZOOM, this.#zoom * factor));
    this.#lay();
    const after = this.#canvas.getBoundingClientRect();
    this.pan(after.left + right * after.width - x, after.top + down * after.height - y);
  }

  /** Move the view over the picture, in pixels of the page. */
  pan(dx: number, dy: number): void {
    this.#place.scrollBy(dx, dy);
  }

  /** The picture is larger than its place. */
  get larger(): boolean {
    return this.#place.scrollWidth > this.#place.clientWidth || this.#place.scrollHeight > this.#place.clientHeight;
  }

  close(): void {
    this.#sizes.disconnect();
  }

  #lay(): void {
    const { width, height } = this.#picture;
    if (!width || !height) return;
    const area = this.#area ?? { x: 0, y: 0, width, height };
    const box = this.#place.getBoundingClientRect();
    const scale = scaleOf(this.#fit, this.#zoom, area, box);
    const [view, canvas] = [this.#view.style, this.#canvas.style];
    // Rounded down: half a pixel too much would bring scroll bars.
    view.width = `${Math.floor(area.width * scale)}px`;
    view.height = `${Math.floor(area.height * scale)}px`;
    canvas.width = `${width * scale}px`;
    canvas.height = `${height * scale}px`;
    canvas.left = `${-area.x * scale}px`;
    canvas.top = `${-area.y * scale}px`;
  }
}
