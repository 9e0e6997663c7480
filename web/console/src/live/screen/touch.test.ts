/** Fingers become a mouse over there, or move and zoom the view here. */
import { beforeEach, describe, expect, it } from "vitest";
import { scaleOf } from "./stage";
import { LONG_MS, Touches, type Point } from "./touch";

const at = (clientX: number, clientY: number): Point => ({ clientX, clientY });

describe("touches", () => {
  let told: string[];
  let target: { pans: boolean };
  let touches: Touches;
  let long: (() => void) | null;

  beforeEach(() => {
    told = [];
    long = null;
    target = { pans: false };
    const made = Object.assign(target, {
      pointer: ({ clientX, clientY }: Point, buttons: number) => told.push(`${clientX},${clientY} ${buttons}`),
      pan: (dx: number, dy: number) => told.push(`pan ${dx},${dy}`),
      zoom: (factor: number, point: Point) => told.push(`zoom ${factor} at ${point.clientX},${point.clientY}`),
    });
    touches = new Touches(made, (run, milliseconds) => {
      expect(milliseconds).toBe(LONG_MS);
      long = run;
      return () => (long = null);
    });
  });

  it("clicks with a tap", () => {
    touches.down(1, at(10, 20));
    touches.move(1, at(12, 21));
    touches.up(1, at(12, 21));
    expect(told).toEqual(["12,21 0", "12,21 1", "12,21 0"]);
    expect(long).toBeNull();
  });

  it("presses the right button when a finger rests", () => {
    touches.down(1, at(10, 20));
    long!();
    touches.move(1, at(90, 20));
    touches.up(1, at(90, 20));
    expect(told).toEqual(["10,20 0", "10,20 4", "10,20 0"]);
  });

  it("drags with one finger, and lets go whatever happens", () => {
    touches.down(1, at(10, 20));
    touches.move(1, at(40, 20));
    touches.up(1, at(41, 20));
    expect(told).toEqual(["10,20 1", "40,20 1", "41,20 0"]);
    told = [];
    touches.down(1, at(10, 20));
    touches.move(1, at(40, 20));
    touches.cancel();
    expect(told.at(-1)).toBe("40,20 0");
  });

  it("moves the view of a picture that is larger than its place", () => {
    target.pans = true;
    touches.down(1, at(100, 100));
    touches.move(1, at(80, 130));
    touches.up(1, at(80, 130));
    expect(told).toEqual(["pan 20,-30"]);
  });

  it("zooms and pans with two, and clicks nothing", () => {
    touches.down(1, at(100, 100));
    touches.down(2, at(200, 100));
    touches.move(2, at(300, 100));
    touches.up(1, at(100, 100));
    touches.move(2, at(310, 100));
    touches.up(2, at(310, 100));
    expect(told).toEqual(["pan -50,0", "zoom 2 at 200,100"]);
  });
});

describe("the scale", () => {
  const [small, large] = [{ width: 800, height: 600 }, { width: 1920, height: 1080 }];
  it("fits, and never blows text up", () => {
    expect(scaleOf("scaled", 1, large, { width: 960, height: 800 })).toBe(0.5);
    expect(scaleOf("scaled", 1, small, large)).toBe(1);
    expect(scaleOf("scaled", 2, small, large)).toBe(2);
    expect(scaleOf("actual", 1, large, small)).toBe(1);
    expect(scaleOf("scaled", 1, small, { width: 0, height: 0 })).toBe(1);
  });
});
