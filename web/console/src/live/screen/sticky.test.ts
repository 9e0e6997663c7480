/** Modifiers of the virtual keyboard: down until the next key, never longer than that. */
import { beforeEach, describe, expect, it } from "vitest";
import { MODIFIERS, StickyKeys } from "./sticky";

const [CTRL, ALT] = [MODIFIERS["Ctrl"]!, MODIFIERS["Alt"]!];

describe("sticky keys", () => {
  let sent: string[];
  let changes: number;
  let keys: StickyKeys;

  beforeEach(() => {
    sent = [];
    changes = 0;
    keys = new StickyKeys((keysym, down) => sent.push(`${down ? "+" : "-"}${keysym.toString(16)}`), () => changes++);
  });

  it("holds modifiers until a key was struck", () => {
    keys.toggle(CTRL);
    keys.toggle(ALT);
    expect(keys.held).toEqual([CTRL, ALT]);
    keys.strike([0xff1b]);
    expect(sent).toEqual(["+ffe3", "+ffe9", "+ff1b", "-ff1b", "-ffe9", "-ffe3"]);
    expect([keys.held, changes]).toEqual([[], 3]);
  });

  it("lets go when a key of the real keyboard was struck, not when a modifier was", () => {
    keys.toggle(CTRL);
    keys.struck(0xffe1);
    expect(keys.held).toEqual([CTRL]);
    keys.struck(0x63);
    expect(sent).toEqual(["+ffe3", "-ffe3"]);
  });

  it("lets go when it is pressed again, and of everything at once", () => {
    keys.toggle(CTRL);
    keys.toggle(CTRL);
    keys.toggle(ALT);
    keys.clear();
    keys.clear();
    expect(sent).toEqual(["+ffe3", "-ffe3", "+ffe9", "-ffe9"]);
  });

  it("strikes combinations down in order, up in reverse", () => {
    keys.strike([CTRL, ALT, 0xffff]);
    expect(sent).toEqual(["+ffe3", "+ffe9", "+ffff", "-ffff", "-ffe9", "-ffe3"]);
  });
});
