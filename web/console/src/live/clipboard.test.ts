/** Clipboard sharing as the protocol wants it, and as browsers allow it. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { channelOf, Clip, CLIP_MOST, Grant, Kind, UNSUPPORTED } from "../wire/channels";
import { encodePart, readPart } from "../wire/layouts";
import { encodeJson } from "../wire/messages";
import type { FrameHandler, LegPort } from "../wire/port";
import { Clipboard } from "./clipboard";
import type { Content, LocalClipboard } from "./localclipboard";
import { settled } from "./testing";

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const text = (words: string): Content => ({ format: "text", bytes: encode(words) });

class FakeLocal implements LocalClipboard {
  held: Content | null = null;
  allowed = { read: true, write: true };
  refuse = false;
  onfocused: () => void = () => undefined;
  async read(): Promise<Content | null> {
    if (this.refuse) throw new Error("not allowed");
    return this.held;
  }
  async write(content: Content): Promise<void> {
    if (this.refuse) throw new Error("not allowed");
    this.held = content;
  }
  may = async (what: "read" | "write"): Promise<boolean> => this.allowed[what];
  focused = (): boolean => true;
  onfocus = (handler: () => void): (() => void) => {
    this.onfocused = handler;
    return () => undefined;
  };
}

describe("clipboard sharing", () => {
  let sent: { type: number; payload: Uint8Array }[];
  let local: FakeLocal;
  let clipboard: Clipboard;
  let leg: { grants: number; buffered: number };
  let come: (type: number, message?: object | Uint8Array) => void;
  let reopen: () => void;
  let granted: () => void;

  const types = (): number[] => sent.map((one) => one.type);
  const last = (type: number): Record<string, unknown> =>
    JSON.parse(decode(sent.findLast((one) => one.type === type)!.payload)) as Record<string, unknown>;
  const content = async (transfer: unknown, words: string, format = "text"): Promise<void> => {
    const bytes = encode(words);
    come(Clip.CONTENT, { transfer, format, bytes: bytes.byteLength });
    come(Clip.PART, encodePart(transfer as number, bytes.subarray(0, 3)));
    come(Clip.PART, encodePart(transfer as number, bytes.subarray(3)));
    await settled();
  };
  const share = async (): Promise<void> => {
    clipboard.shown = true;
    clipboard.toggle();
    come(Clip.STARTED);
    await settled();
  };

  beforeEach(() => {
    sent = [];
    local = new FakeLocal();
    leg = { grants: Grant.CLIPBOARD_READ | Grant.CLIPBOARD_WRITE, buffered: 0 };
    const port = Object.assign(leg, {
      leg: 2,
      open: true,
      send: (type: number, channel: number, payload = new Uint8Array(0)) => {
        expect(channel).toBe(channelOf(Kind.CLIPBOARD));
        sent.push({ type, payload });
      },
      on: (_kind: number, handler: FrameHandler) => {
        come = (type, message = new Uint8Array(0)) =>
          handler(type, channelOf(Kind.CLIPBOARD), message instanceof Uint8Array ? message : encodeJson(message), 2);
        return () => undefined;
      },
      onopen: (handler: () => void) => ((reopen = handler), () => undefined),
      onclose: () => () => undefined,
      onaway: () => () => undefined,
      ongrants: (handler: (grants: number) => void) => ((granted = () => handler(leg.grants)), () => undefined),
    });
    clipboard = new Clipboard(port as LegPort, local);
  });

  it("sends nothing before it is switched on, and what is held here as soon as it is", async () => {
    local.held = text("Grüße 日本語");
    clipboard.shown = true;
    local.onfocused();
    await settled();
    expect(sent).toEqual([]);
    await share();
    expect(types()).toEqual([Clip.START, Clip.GIVE, Clip.GIVEN_PART]);
    expect(last(Clip.GIVE)).toEqual({ transfer: 1, format: "text", bytes: 17 });
    expect(decode(readPart(sent.at(-1)!.payload)!.bytes)).toBe("Grüße 日本語");
    come(Clip.DONE, { transfer: 1, text: "" });
    expect(clipboard.state.note).toContain("17 bytes");
  });

  it("gives the same thing once, and never what came from there", async () => {
    local.held = text("one");
    await share();
    come(Clip.DONE, { transfer: 1 });
    local.onfocused();
    await settled();
    expect(types().filter((type) => type === Clip.GIVE)).toHaveLength(1);
    come(Clip.OFFER, { formats: ["text", "png"] });
    await settled();
    expect(last(Clip.TAKE)).toEqual({ transfer: 2, format: "text" });
    await content(2, "from there");
    expect(decode(local.held.bytes)).toBe("from there");
    expect(clipboard.state.waiting).toBe(false);
    local.onfocused();
    await settled();
    expect(types().filter((type) => type === Clip.GIVE)).toHaveLength(1);
  });

  it("waits for a click where the browser does not let it go by itself", async () => {
    local.allowed = { read: false, write: false };
    local.held = text("mine");
    await share();
    come(Clip.OFFER, { formats: ["png"] });
    await settled();
    expect(types()).toEqual([Clip.START]);
    expect(clipboard.state).toMatchObject({ gives: false, takes: false, waiting: true });
    await clipboard.give();
    expect(last(Clip.GIVE)["bytes"]).toBe(4);
    await clipboard.take();
    const { transfer } = last(Clip.TAKE);
    local.refuse = true; // the click is too long ago
    await content(transfer, "\u0089PNG", "png");
    expect(clipboard.state).toMatchObject({ waiting: true });
    expect(clipboard.state.note).toContain("Take Clipboard");
    local.refuse = false;
    await clipboard.take();
    expect(local.held.format).toBe("png");
    expect(types().filter((type) => type === Clip.TAKE)).toHaveLength(1);
  });

  it("says what is wrong: nothing there, too long, not allowed, refused", async () => {
    local.allowed.read = false;
    await share();
    await clipboard.give();
    expect(clipboard.state.note).toBe("Your clipboard holds no text and no picture.");
    local.held = { format: "text", bytes: new Uint8Array(CLIP_MOST + 1) };
    await clipboard.give();
    expect(clipboard.state.note).toContain("too long");
    local.refuse = true;
    await clipboard.give();
    expect(clipboard.state.note).toContain("did not let the clipboard be read");
    expect(types()).toEqual([Clip.START]);
    come(Clip.STOPPED, { reason: "refused", text: "The customer did not allow clipboard sharing." });
    expect(clipboard.state).toMatchObject({ sharing: "off", note: "The customer did not allow clipboard sharing." });
  });

  it("does only what the grants allow", async () => {
    leg.grants = Grant.CLIPBOARD_READ;
    local.held = text("secret");
    await share();
    await clipboard.give();
    expect(types()).toEqual([Clip.START]);
    leg.grants = Grant.CLIPBOARD_WRITE;
    come(Clip.OFFER, { formats: ["text"] });
    await clipboard.take();
    await settled();
    expect(types()).not.toContain(Clip.TAKE);
    leg.grants = 0;
    granted();
    expect(clipboard.state.sharing).toBe("off");
    expect(clipboard.offered).toBe(false);
  });

  it("begins anew after the socket was lost, and ends where the endpoint knows no clipboard", async () => {
    await share();
    reopen();
    expect(types()).toEqual([Clip.START, Clip.START]);
    come(UNSUPPORTED, { reason: "no-tool", text: "This client was made without that." });
    expect(clipboard.state).toMatchObject({ sharing: "off", note: "This client was made without that." });
    reopen();
    expect(types()).toHaveLength(2);
  });

  it("lets keys go first: parts wait while much is in the socket", async () => {
    vi.useFakeTimers();
    local.held = text("x".repeat(40_000));
    leg.buffered = 1_000_000;
    clipboard.shown = true;
    clipboard.toggle();
    come(Clip.STARTED);
    await vi.advanceTimersByTimeAsync(200);
    expect(types()).toEqual([Clip.START, Clip.GIVE]);
    leg.buffered = 0;
    await vi.advanceTimersByTimeAsync(200);
    expect(types().filter((type) => type === Clip.GIVEN_PART)).toHaveLength(3);
    vi.useRealTimers();
  });

  it("ignores parts that nobody asked for", async () => {
    await share();
    come(Clip.OFFER, { formats: ["text"] });
    await settled();
    const { transfer } = last(Clip.TAKE);
    await content((transfer as number) + 1, "not ours");
    expect(local.held).toBeNull();
    come(Clip.CONTENT, { transfer, format: "text", bytes: 2 });
    come(Clip.PART, encodePart(transfer as number, encode("more")));
    await settled();
    expect(local.held).toBeNull();
  });

  it("takes the names of files by itself, if files may be had, and nothing else of them", async () => {
    leg.grants |= Grant.FILES_READ | Grant.FILES_WRITE;
    local.allowed = { read: false, write: false };
    await share();
    come(Clip.OFFER, { formats: ["files", "text"] });
    await settled();
    expect(last(Clip.TAKE)).toEqual({ transfer: 1, format: "files" });
    await content(1, JSON.stringify({ paths: [btoa("/home/a/one"), btoa("/home/a/\u00fc")], others: 2 }), "files");
    expect(clipboard.state).toMatchObject({ waiting: false, files: ["/home/a/one", "/home/a/\u00fc"], others: 2 });
    expect(local.held).toBeNull();
    come(Clip.OFFER, { formats: ["text"] });
    expect(clipboard.state.files).toEqual([]);
  });

  it("takes the text where files may not be had, or are none", async () => {
    await share();
    come(Clip.OFFER, { formats: ["files", "text"] });
    await settled();
    expect(last(Clip.TAKE)).toEqual({ transfer: 1, format: "text" });
    leg.grants |= Grant.FILES_READ;
    come(Clip.OFFER, { formats: ["files", "text"] });
    await settled();
    expect(last(Clip.TAKE)).toEqual({ transfer: 2, format: "files" });
    come(Clip.DONE, { transfer: 2, text: "That is no file." });
    await settled();
    expect(last(Clip.TAKE)).toEqual({ transfer: 3, format: "text" });
    expect(clipboard.state.note).toBe("");
  });

  it("gives files by their paths and says how it ended", async () => {
    await share();
    expect(await clipboard.giveFiles(["/a"])).toContain("not shared");
    leg.grants |= Grant.FILES_WRITE;
    const given = clipboard.giveFiles(["/home/\u00fc", "/b"]);
    const { transfer, format } = last(Clip.GIVE);
    expect(format).toBe("files");
    expect(JSON.parse(decode(readPart(sent.at(-1)!.payload)!.bytes))).toEqual({ paths: [btoa("/home/\u00fc"), btoa("/b")] });
    come(Clip.DONE, { transfer, text: "" });
    expect(await given).toBe("");
    const other = clipboard.giveFiles(["/a"]);
    come(Clip.DONE, { transfer: last(Clip.GIVE)["transfer"], text: "No." });
    expect(await other).toBe("No.");
    const lost = clipboard.giveFiles(["/a"]);
    reopen();
    expect(await lost).toContain("lost");
  });
});
