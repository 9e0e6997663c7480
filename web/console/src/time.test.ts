import { expect, it } from "vitest";
import { span, stopwatch } from "./time";

it("a running clock shows hours only when there are some", () => {
  expect([0, 7, 750, 11_045, -5].map((s) => stopwatch(s * 1000))).toEqual(["0:00", "0:07", "12:30", "3:04:05", "0:00"]);
});

it("a span shows its two largest units", () => {
  const minutes = [0, 3, 60, 125, 1440, 1500, 4 * 1440 + 61];
  expect(minutes.map((m) => span(m * 60_000))).toEqual([
    "0 min",
    "3 min",
    "1 hr",
    "2 hr 5 min",
    "1 day",
    "1 day 1 hr",
    "4 days 1 hr",
  ]);
});
