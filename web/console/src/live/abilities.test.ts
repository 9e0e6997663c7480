import { describe, expect, it } from "vitest";
import { linesOf, reasonOf, type Words } from "./abilities";

const words: Words = {
  abilities: { see: "Den Bildschirm sehen", control: "Maus und Tastatur steuern", clipboard: "Zwischenablage" },
  reasons: { "no-desktop": "Jetzt gibt es dort keinen Desktop.", "not-told": "Der Client ist älter.", "no-x": "Kein X.", asks: "Er fragt." },
};

describe("what an endpoint can do", () => {
  //
  it("is said in the reader's language, in the order of the table", () => {
    const desktop = {
      kind: "x11",
      clipboard: { can: true },
      control: { can: false, code: "no-x", reason: "There is no X." },
      see: { can: true, code: "asks", reason: "It asks." },
    };
    expect(linesOf({ display: true, desktop }, words)).toEqual([
      { id: "see", label: "Den Bildschirm sehen", can: true, reason: "Er fragt." },
      { id: "control", label: "Maus und Tastatur steuern", can: false, reason: "Kein X." },
      { id: "clipboard", label: "Zwischenablage", can: true, reason: "" },
    ]);
  });

  it("is said in the endpoint's words where its reason is newer than the table", () => {
    expect(reasonOf({ can: false, code: "never-seen", reason: "Because." }, words)).toBe("Because.");
    expect(reasonOf({ can: false, reason: "An older one." }, words)).toBe("An older one.");
  });

  it("is nothing without a desktop, and what is known of an older client", () => {
    const none = linesOf({ display: false, desktop: null }, words);
    expect(none.map((line) => [line.can, line.reason])).toEqual(Array(3).fill([false, words.reasons["no-desktop"]]));
    const old = linesOf({ display: true, desktop: null }, words);
    expect(old.map((line) => line.can)).toEqual([true, false, false]);
    expect(old.map((line) => line.reason)).toEqual(["", ...Array(2).fill("Der Client ist älter.")]);
  });

  it("is not there for what the endpoint does not name", () => {
    expect(linesOf({ display: true, desktop: { kind: "x11" } }, words).some((line) => line.can)).toBe(false);
  });
});
