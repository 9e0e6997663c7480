/**
 * Why: what an encoding is. Each has a file of its own; `index.ts` beside knows their numbers.
 * Rules: slow work may start early: an encoding is called in arrival order, before the ones in front are drawn. What it
 * returns draws, on nothing but its rectangle; among those that touch the same pixels it is called in order.
 */
import type { Rect } from "../update";

export interface Surface {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
}

export type Draw = (surface: Surface) => void;

export type Area = Pick<Rect, "x" | "y" | "w" | "h">;

export interface Encoding {
  (rect: Rect): Draw | Promise<Draw>;
  /** Where it takes pixels from on the canvas; nowhere unless said. */
  reads?(rect: Rect): Area;
}
