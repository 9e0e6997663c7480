import { describe, expect, it } from "vitest";
import { decodeEntry, decodeEvent, decodeJson, decodeWelcome, encodeJson, MessageError } from "./messages";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("messages", () => {
  it("get the protocol's defaults and lose unknown fields", () => {
    expect(decodeWelcome(encodeJson({ leg: 3, later: true }))).toEqual({
      leg: 3,
      grants: 0,
      seq: 0,
      roster: [],
      server_ms: 0,
    });
  });

  it.each(["", "[]", "null", "1", "{", '"text"'])("that are no JSON object are refused: %s", (text) => {
    expect(() => decodeJson(bytes(text))).toThrow(MessageError);
  });

  it("that are no UTF-8 are refused", () => {
    expect(() => decodeJson(Uint8Array.of(0x7b, 0xff, 0x7d))).toThrow(MessageError);
  });

  const entry = { seq: 1, time_ms: 2, id: "i", leg: 1, party: 1, subject: "s", name: "n", kind: "chat" };

  it("keep the text of an entry as it is", () => {
    expect(decodeEntry(encodeJson({ ...entry, text: "<b>ü</b>" })).text).toBe("<b>ü</b>");
  });

  it.each([{ seq: "1" }, { seq: -1 }, { seq: 1.5 }, { name: 5 }, { data: [] }, { data: { by: {} } }, { kind: null }])(
    "with a wrong field are refused: %j",
    (damage) => {
      expect(() => decodeEntry(encodeJson({ ...entry, ...damage }))).toThrow(MessageError);
    },
  );

  it("of events know only put and remove", () => {
    const event = { topic: "t", n: 1, collection: "c", op: "drop", id: "i" };
    expect(() => decodeEvent(encodeJson(event))).toThrow(/put or remove/);
    expect(decodeEvent(encodeJson({ ...event, op: "remove" })).value).toBeNull();
  });
});
