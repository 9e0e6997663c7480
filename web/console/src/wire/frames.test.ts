import { describe, expect, it } from "vitest";
import { build, FrameError, HEADER_SIZE, MAX_PAYLOAD, parse } from "./frames";

describe("frames", () => {
  it("have the header of the protocol, byte by byte", () => {
    const bytes = build(0x12, 0x0403, 0x0201, Uint8Array.of(9, 8, 7));
    expect([...bytes]).toEqual([1, 0x12, 0x03, 0x04, 0x01, 0x02, 0, 0, 3, 0, 0, 0, 9, 8, 7]);
  });

  it("come back as they were built", () => {
    let seed = 7;
    const next = (limit: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % limit;
    for (let round = 0; round < 300; round++) {
      const payload = Uint8Array.from({ length: next(200) }, () => next(256));
      const [type, channel, leg] = [next(256), next(65536), next(65536)];
      const frame = parse(build(type, channel, leg, payload).buffer);
      expect({ ...frame, payload: [...frame.payload] }).toEqual({ type, channel, leg, payload: [...payload] });
    }
  });

  it("are parsed out of the middle of a buffer", () => {
    const whole = new Uint8Array(40);
    whole.set(build(1, 2, 3, Uint8Array.of(5)), 10);
    expect([...parse(whole.subarray(10, 10 + HEADER_SIZE + 1)).payload]).toEqual([5]);
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    ["too short", (bytes) => bytes.subarray(0, 11), /12 bytes of header, 11 came/],
    ["of another version", (bytes) => bytes.with(0, 2) as Uint8Array, /version 2/],
    ["with a reserved field", (bytes) => bytes.with(6, 1) as Uint8Array, /reserved/],
    ["longer than announced", (bytes) => bytes.with(8, 0) as Uint8Array, /announces 0 bytes and carries 1/],
    ["shorter than announced", (bytes) => bytes.with(8, 9) as Uint8Array, /announces 9 bytes and carries 1/],
    ["over the limit", (bytes) => bytes.with(11, 1) as Uint8Array, /over the limit/],
  ])("that are %s are refused", (_, damage, message) => {
    expect(() => parse(damage(build(1, 0, 0, Uint8Array.of(1))))).toThrow(FrameError);
    expect(() => parse(damage(build(1, 0, 0, Uint8Array.of(1))))).toThrow(message);
  });

  it("never carry more than the limit", () => {
    expect(build(1, 0, 0, new Uint8Array(MAX_PAYLOAD)).byteLength).toBe(MAX_PAYLOAD + HEADER_SIZE);
    expect(() => build(1, 0, 0, new Uint8Array(MAX_PAYLOAD + 1))).toThrow(FrameError);
  });
});
