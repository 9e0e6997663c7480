/**
 * Why: pointer and wheel over the picture as coordinates of the remote screen.
 * Rules: moves are joined to at most one each MOVE_MS; presses, releases and the last move are never late or lost.
 */

import { Touches, type Point, type TouchTarget } from "./touch";

export interface PointerTarget {
  pointer(x: number, y: number, buttons: number): void;
  wheel(dx: number, dy: number): void;
  /** Move the view over the picture, in pixels of the page. */
  pan(dx: number, dy: number): void;
  zoom(factor: number, x: number, y: number): void;
  /** The picture is larger than its place. */
  readonly larger: boolean;
  /** Let the keyboard follow the pointer here. */
  focus(): void;
  /** Input is wanted now. */
  readonly active: boolean;
}

const MOVE_MS = 8;
const PIXELS_A_CLICK = 100;
const LINES_A_CLICK = 3;

/** Where a point of the page lies on a picture that is fitted into a box, kept inside the picture. */
export function mapPoint(
  point: { readonly clientX: number; readonly clientY: number },
  box: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
  picture: { readonly width: number; readonly height: number },
): { x: number; y: number } {
  const scale = Math.min(box.width / picture.width, box.height / picture.height) || 1;
  const left = box.left + (box.width - picture.width * scale) / 2;
  const top = box.top + (box.height - picture.height * scale) / 2;
  const inside = (value: number, size: number): number => Math.max(0, Math.min(size - 1, Math.floor(value)));
  return {
    x: inside((point.clientX - left) / scale, picture.width),
    y: inside((point.clientY - top) / scale, picture.height),
  };
}

/** Held buttons as the protocol counts them (left 1, middle 2, right 4, back 8, forward 16) from PointerEvent.buttons. */
export const buttonMask = (buttons: number): number =>
  (buttons & 0b11001) | ((buttons & 0b100) >> 1) | ((buttons & 0b10) << 1);

/** Whole clicks out of wheel distances; what is left of a click waits for the next turn. */
export class WheelClicks {
  #x = 0;
  #y = 0;

  turn(event: { readonly deltaX: number; readonly deltaY: number; readonly deltaMode: number }): [number, number] {
    const click = event.deltaMode === 0 ? PIXELS_A_CLICK : event.deltaMode === 1 ? LINES_A_CLICK : 1 / 8;
    this.#x = Math.sign(event.deltaX) * this.#x < 0 ? 0 : this.#x;
    this.#y = Math.sign(event.deltaY) * this.#y < 0 ? 0 : this.#y;
    this.#x += event.deltaX / click;
    this.#y += event.deltaY / click;
    const [dx, dy] = [Math.trunc(this.#x), Math.trunc(this.#y)];
    this.#x -= dx;
    this.#y -= dy;
    return [Math.max(-16, Math.min(16, dx)) || 0, Math.max(-16, Math.min(16, dy)) || 0];
  }
}

export class Pointer {
  readonly #canvas: HTMLCanvasElement;
  readonly #target: PointerTarget;
  readonly #wheel = new WheelClicks();
  readonly #touches: Touches;
  readonly #stop = new AbortController();
  #sentAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(canvas: HTMLCanvasElement, target: PointerTarget) {
    this.#canvas = canvas;
    this.#target = target;
    this.#touches = new Touches(this.#fingers(), later);
    const options = { signal: this.#stop.signal };
    canvas.addEventListener("pointerdown", (event) => this.#press(event), options);
    // The browser would give the canvas the focus, and the keyboard would let go of what it holds.
    canvas.addEventListener("mousedown", (event) => this.#target.active && event.preventDefault(), options);
    canvas.addEventListener("pointerup", (event) => this.#release(event), options);
    canvas.addEventListener("pointercancel", (event) => this.#lost(event), options);
    canvas.addEventListener("pointermove", (event) => this.#move(event), options);
    canvas.addEventListener("contextmenu", (event) => this.#target.active && event.preventDefault(), options);
    canvas.addEventListener("wheel", (event) => this.#turn(event), { ...options, passive: false });
    canvas.style.touchAction = "none";
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  /** Fingers move and zoom the view without control too. */
  #fingers(): TouchTarget {
    const target = this.#target;
    return {
      pointer: (at, buttons) => {
        if (target.active) this.#tell(at, buttons);
      },
      pan: (dx, dy) => target.pan(dx, dy),
      zoom: (factor, at) => target.zoom(factor, at.clientX, at.clientY),
      get pans() {
        return target.larger || !target.active;
      },
    };
  }

  #release(event: PointerEvent): void {
    if (event.pointerType === "touch") this.#touches.up(event.pointerId, event);
    else this.#now(event);
  }

  #lost(event: PointerEvent): void {
    if (event.pointerType === "touch") this.#touches.cancel();
    else this.#now(event);
  }

  #press(event: PointerEvent): void {
    if (event.pointerType === "touch") {
      event.preventDefault();
      if (this.#target.active) this.#target.focus();
      this.#canvas.setPointerCapture(event.pointerId);
      this.#touches.down(event.pointerId, event);
      return;
    }
    if (!this.#target.active) return;
    event.preventDefault();
    this.#target.focus();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#now(event);
  }

  #move(event: PointerEvent): void {
    if (event.pointerType === "touch") {
      this.#touches.move(event.pointerId, event);
      return;
    }
    if (!this.#target.active) return;
    clearTimeout(this.#timer);
    const wait = this.#sentAt + MOVE_MS - performance.now();
    if (wait <= 0) this.#now(event);
    else this.#timer = setTimeout(() => this.#now(event), wait);
  }

  #now(event: PointerEvent): void {
    clearTimeout(this.#timer);
    if (this.#target.active) this.#tell(event, buttonMask(event.buttons));
  }

  #tell(at: Point, buttons: number): void {
    if (!this.#canvas.width) return;
    this.#sentAt = performance.now();
    const { x, y } = mapPoint(at, this.#canvas.getBoundingClientRect(), this.#canvas);
    this.#target.pointer(x, y, buttons);
  }

  #turn(event: WheelEvent): void {
    if (!this.#target.active) return;
    event.preventDefault();
    const [dx, dy] = this.#wheel.turn(event);
    if (dx || dy) this.#target.wheel(dx, dy);
  }
}

const later = (run: () => void, milliseconds: number): (() => void) => {
  const timer = setTimeout(run, milliseconds);
  return () => clearTimeout(timer);
};
