import { expect, it } from "vitest";
import { Meter } from "./rates";

const update = (bytes: number, flags = 2): Uint8Array => {
  const made = new Uint8Array(bytes);
  made[8] = flags;
  return made;
};

it("counts whole pictures, bytes, and the time until the picture answers", () => {
  let now = 0;
  const meter = new Meter(() => now);
  expect(meter.read()).toEqual({ frames: 0, bytes: 0, delay: null });
  for (let picture = 0; picture < 30; picture++) {
    meter.sent();
    now += 10;
    meter.sent(); // a second key before the picture: the first counts
    now += 10;
    meter.came(update(12, 0)); // nothing in it: a measurement of the link
    meter.came(update(1000, 0));
    meter.came(update(500));
    now += 30;
  }
  expect(meter.read()).toEqual({ frames: 10, bytes: 15_120, delay: 20 });
  now += 10_000;
  expect(meter.read()).toEqual({ frames: 0, bytes: 0, delay: null });
});
