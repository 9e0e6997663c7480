import { describe, expect, it, vi } from "vitest";
import { whenMade } from "./thumbnails";

describe("thumbnails", () => {
  it("are asked for until they are made", async () => {
    const answers = [{ made: false, times_ms: [] }, new Error("away"), { made: true, times_ms: [0, 5000] }];
    const pause = vi.fn(async () => undefined);
    const ask = async (): Promise<{ made: boolean; times_ms: number[] }> => {
      const next = answers.shift();
      if (!next || next instanceof Error) throw next;
      return next;
    };
    expect(await whenMade(ask, pause)).toEqual([0, 5000]);
    expect(pause).toHaveBeenCalledTimes(2);
  });

  it("are not asked for without end", async () => {
    const ask = vi.fn(async () => ({ made: false, times_ms: [] }));
    expect(await whenMade(ask, async () => undefined)).toEqual([]);
    expect(ask.mock.calls.length).toBeLessThanOrEqual(150);
  });
});
