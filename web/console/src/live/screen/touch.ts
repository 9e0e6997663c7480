/**
 * Why: fingers on the picture as a mouse over there: a tap clicks, a long press is the right button, a finger that moves
 * drags; two fingers zoom, and move the view. A picture that is larger than its place follows one finger instead.
 * Rules: no element and no clock of its own; whoever has them tells this what happens.
 */

export interface TouchTarget {
  /** Move there with these buttons held (left 1, right 4). */
  pointer(at: Point, buttons: number): void;
  pan(dx: number, dy: number): void;
  zoom(factor: number, at: Point): void;
  /** One finger moves the view, not the mouse. */
  readonly pans: boolean;
}

export interface Point {
  readonly clientX: number;
  readonly clientY: number;
}

export const LONG_MS = 600;
/** A finger that moves less than this rests. */
const REST = 10;
const [LEFT, RIGHT] = [1, 4];

const distance = (one: Point, other: Point): number =>
  Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
const middle = (one: Point, other: Point): Point => ({
  clientX: (one.clientX + other.clientX) / 2,
  clientY: (one.clientY + other.clientY) / 2,
});

export class Touches {
  readonly #target: TouchTarget;
  readonly #later: (run: () => void, milliseconds: number) => () => void;
  readonly #fingers = new Map<number, Point>();
  #from: Point | null = null;
  #what: "nothing" | "tap" | "drag" | "pan" | "zoom" | "done" = "nothing";
  #cancelLong: () => void = () => undefined;

  constructor(target: TouchTarget, later: (run: () => void, milliseconds: number) => () => void) {
    this.#target = target;
    this.#later = later;
  }

  down(id: number, at: Point): void {
    this.#fingers.set(id, at);
    if (this.#fingers.size === 1) {
      this.#from = at;
      this.#what = "tap";
      this.#cancelLong = this.#later(() => this.#long(at), LONG_MS);
    } else {
      this.#cancelLong();
      if (this.#what === "drag") this.#target.pointer(this.#from ?? at, 0);
      this.#what = this.#fingers.size === 2 ? "zoom" : "done";
    }
  }

  move(id: number, at: Point): void {
    const before = this.#fingers.get(id);
    if (!before) return;
    if (this.#what === "zoom") {
      const other = [...this.#fingers].find(([one]) => one !== id)?.[1];
      if (other) this.#pinch(before, at, other);
    } else if (this.#what === "tap" && this.#from && distance(this.#from, at) > REST) {
      this.#cancelLong();
      this.#what = this.#target.pans ? "pan" : "drag";
      if (this.#what === "drag") this.#target.pointer(this.#from, LEFT);
    }
    if (this.#what === "pan") this.#target.pan(before.clientX - at.clientX, before.clientY - at.clientY);
    else if (this.#what === "drag") this.#target.pointer((this.#from = at), LEFT);
    this.#fingers.set(id, at);
  }

  up(id: number, at: Point): void {
    if (!this.#fingers.delete(id)) return;
    this.#cancelLong();
    if (this.#what === "tap") {
      this.#target.pointer(at, 0);
      this.#target.pointer(at, LEFT);
      this.#target.pointer(at, 0);
    } else if (this.#what === "drag") {
      this.#target.pointer(at, 0);
    }
    this.#what = this.#fingers.size ? "done" : "nothing";
  }

  /** The browser took the fingers for itself. */
  cancel(): void {
    this.#cancelLong();
    if (this.#what === "drag" && this.#from) this.#target.pointer(this.#from, 0);
    this.#fingers.clear();
    this.#what = "nothing";
  }

  #long(at: Point): void {
    if (this.#what !== "tap") return;
    this.#what = "done";
    this.#target.pointer(at, 0);
    this.#target.pointer(at, RIGHT);
    this.#target.pointer(at, 0);
  }

  #pinch(before: Point, at: Point, other: Point): void {
    const [was, is] = [middle(before, other), middle(at, other)];
    this.#target.pan(was.clientX - is.clientX, was.clientY - is.clientY);
    const [near, far] = [distance(before, other), distance(at, other)];
    if (near > 1 && far > 1) this.#target.zoom(far / near, is);
  }
}
