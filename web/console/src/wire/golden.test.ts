import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ScreenDecoder } from "../live/screen/decoder";
import { VideoFlag, shownRuns } from "../live/screen/encodings/video";
import { parseUpdate } from "../live/screen/update";
import { build, parse } from "./frames";
import {
  encodeAck,
  encodeChunk,
  encodeCredit,
  encodeBlock,
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
  /** What an update of few colours draws: rows of colours. */
  readonly drawn?: readonly (readonly string[])[];
  /** What an update with video holds: cells that are shown, and the frame. */
  readonly video?: { readonly key: boolean; readonly cells: readonly (readonly boolean[])[]; readonly bytes: string };
}

const golden = readdirSync(FOLDER).flatMap((file) => JSON.parse(readFileSync(resolve(FOLDER, file), "utf8")) as Golden[]);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const number = (value: unknown): number => value as number;

const writers: Record<string, (fields: Fields) => Uint8Array> = {
  "input.block": ({ wanted }) => encodeBlock(number(wanted)),
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

describe("golden pictures", () => {
  it.each(golden.filter(({ drawn }) => drawn))("$name is drawn", async ({ frame, drawn, fields }) => {
    const rows: string[][] = [];
    const at: number[] = [];
    const context = {
      createImageData: (width: number, height: number) => ({ width, height, data: new Uint8ClampedArray(width * height * 4) }),
      putImageData: ({ width, height, data }: ImageData, x: number, y: number) => {
        at.push(x, y);
        for (let row = 0; row < height; row++)
          rows.push(Array.from({ length: width }, (_, n) => hex(data.subarray((row * width + n) * 4, (row * width + n) * 4 + 3) as unknown as Uint8Array)));
      },
    };
    const canvas = { width: 64, height: 64, getContext: () => context } as unknown as HTMLCanvasElement;
    await new ScreenDecoder(canvas).apply(parse(bytesOf(frame)).payload);
    const [rect] = fields["rects"] as { x: number; y: number }[];
    expect(at).toEqual([rect?.x, rect?.y]);
    expect(rows).toEqual(drawn);
  });

  it.each(golden.filter(({ video }) => video))("$name shows its cells", ({ frame, video }) => {
    const [rect] = parseUpdate(parse(bytesOf(frame)).payload).rects;
    if (!rect || !video) throw new Error("the update has a rectangle");
    const [columns, rows] = [Math.ceil(rect.w / 16), Math.ceil(rect.h / 16)];
    const masked = (rect.arg & VideoFlag.MASKED) !== 0;
    const size = masked ? Math.ceil((columns * rows) / 8) : 0;
    const cells = Array.from({ length: rows }, () => Array.from({ length: columns }, () => !masked));
    for (const [left, top, wide, tall] of masked ? shownRuns(rect.data.subarray(0, size), columns, rows) : [])
      for (let row = top; row < top + tall; row++) cells[row]?.fill(true, left, left + wide);
    expect(cells).toEqual(video.cells);
    expect((rect.arg & VideoFlag.KEY) !== 0).toBe(video.key);
    expect(hex(rect.data.subarray(size))).toBe(video.bytes);
  });
});
