import { describe, expect, it } from "vitest";
import { judgePaste, MAX_PASTE } from "./paste";

describe("pasted text", () => {
  it.each([
    ["ls -l", false, 0],
    ["ls -l\n", false, 1],
    ["one\r\ntwo\r\n", false, 2],
    ["one\rtwo", false, 2],
    ["one\ntwo\nthree", false, 3],
    ["one\ntwo\nthree", true, 0],
    ["", false, 0],
  ])("%j (bracketed: %s) runs %i lines", (text, bracketed, lines) => {
    expect(judgePaste(text, bracketed).lines).toBe(lines);
  });

  it("brings no control characters along", () => {
    const hostile = "a\u001b[201~\u0003b\u0000\u007f\u009bc\td\ne";
    expect(judgePaste(hostile, true).text).toBe("a[201~bc\td\ne");
  });

  it("keeps what is no control character, and is text in any case", () => {
    expect(judgePaste("Grüße 日本語 👩‍👧 \ud800", false).text).toBe("Grüße 日本語 👩‍👧 \ud800");
    expect(new TextDecoder("utf-8", { fatal: true }).decode(new TextEncoder().encode("\ud800"))).toBe("\ufffd");
  });

  it("is a file when it is very long", () => {
    expect(judgePaste("ä".repeat(MAX_PASTE / 2), false).tooLong).toBe(false);
    expect(judgePaste("ä".repeat(MAX_PASTE / 2 + 1), false).tooLong).toBe(true);
  });
});
