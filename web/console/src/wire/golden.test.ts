import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseUpdate } from "../live/screen/update";
import { build, parse } from "./frames";
import {
  encodeAck,
  encodeChunk,
  encodeCredit,
  encodeKey,
  encodePart,
  encodePointer,
  encodeTaken,
  encodeText,
  encodeWheel,
  readChunk,
  readCursor,
  readPart,
  readPointer,
  readShellOutput,
  readTaken,
} from "./layouts";
import { decodeJson } from "./messages";

/** The same files are read by tests/unit/protocol/test_wire.py: bytes beside what they mean. */
const FOLDER = resolve(import.meta.dirname, "../../../../tests/wire");

type Fields = Record<string, unknown>;
interface Golden {
  readonly name: string;
  readonly layout: string;
  readonly frame: string;
  readonly head: { readonly type: number; readonly channel: number; readonly leg: number };
  readonly fields: Fields;
}

const golden = readdirSync(FOLDER).flatMap((file) => JSON.parse(readFileSync(resolve(FOLDER, file), "utf8")) as Golden[]);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const number = (value: unknown): number => value as number;

const writers: Record<string, (fields: Fields) => Uint8Array> = {
  "input.key": ({ keysym, down }) => encodeKey(number(keysym), down === 1),
  "input.pointer": ({ x, y, buttons }) => encodePointer(number(x), number(y), number(buttons)),
  "input.wheel": ({ dx, dy }) => encodeWheel(number(dx), number(dy)),
  "input.text": ({ number: n, flags, text }) => encodeText(number(n), flags === 1, new TextEncoder().encode(text as string)),
  "screen.ack": ({ seq, tenths }) => encodeAck(number(seq), number(tenths)),
  "shell.credit": ({ bytes }) => encodeCredit(number(bytes)),
  "files.data": ({ id, offset, bytes }) => encodeChunk(number(id), number(offset), bytesOf(bytes as string)),
  "files.ack": ({ id, offset }) => encodeTaken(number(id), number(offset)),
  "clipboard.given": ({ transfer, bytes }) => encodePart(number(transfer), bytesOf(bytes as string)),
  none: () => new Uint8Array(0),
};

const readBoth: Record<string, (payload: Uint8Array) => unknown> = {
  "files.data": (payload) => {
    const chunk = readChunk(payload);
    return chunk && { ...chunk, bytes: hex(chunk.bytes) };
  },
  "files.ack": readTaken,
};

const readers: Record<string, (payload: Uint8Array) => unknown> = {
  "screen.update": (payload) => {
    const update = parseUpdate(payload);
    return { ...update, rects: update.rects.map((rect) => ({ ...rect, data: hex(rect.data) })) };
  },
  "screen.cursor": (payload) => {
    const shape = readCursor(payload);
    return shape && { ...shape, pixels: hex(shape.pixels) };
  },
  "screen.pointer": readPointer,
  "clipboard.part": (payload) => {
    const part = readPart(payload);
    return part && { transfer: part.transfer, bytes: hex(part.bytes) };
  },
  "shell.data": (payload) => {
    const output = readShellOutput(payload);
    return output && { offset: output.offset, bytes: hex(output.bytes) };
  },
};

describe("golden frames", () => {
  it("are there", () => expect(golden.length).toBeGreaterThan(20));

  it.each(golden)("$name", ({ layout, frame, head, fields }) => {
    const parsed = parse(bytesOf(frame));
    expect({ type: parsed.type, channel: parsed.channel, leg: parsed.leg }).toEqual(head);
    expect(hex(build(head.type, head.channel, head.leg, parsed.payload))).toBe(frame);
    const write = writers[layout];
    const read = readers[layout];
    const also = readBoth[layout];
    if (also) expect(also(parsed.payload)).toEqual(fields);
    if (write) expect(hex(write(fields))).toBe(hex(parsed.payload));
    else expect(read ? read(parsed.payload) : decodeJson(parsed.payload)).toEqual(fields);
  });
});
