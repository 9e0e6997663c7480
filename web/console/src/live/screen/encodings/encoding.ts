/**
 * Why: what an encoding is. Each has a file of its own; `index.ts` beside knows their numbers.
 * Rules: `prepare` may start slow work early (it is called in arrival order, before the ones in front are drawn); what
 * it returns draws, and is called strictly in order.
 */
import type { Rect } from "../update";

export interface Surface {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
}

export type Draw = (surface: Surface) => void;

export type Encoding = (rect: Rect) => Draw | Promise<Draw>;
