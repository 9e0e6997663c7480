import { describe, expect, it, vi } from "vitest";
import { channelOf, Kind, Party, Scripts as Frame, UNSUPPORTED } from "../wire/channels";
import { encodeJson, type Entry } from "../wire/messages";
import type { FrameHandler, LegPort } from "../wire/port";
import type { OrderedScript } from "../wire/scripts";
import { GAP, MAX_SHOWN, Scripts, type CannedScript } from "./scripts";
import { settled } from "./testing";

const CHANNEL = channelOf(Kind.SCRIPTS);
const RUN = "01939f3e-5a00-7000-8000-000000000001";
const GREET: CannedScript = {
  id: "s1",
  name: "Greet",
  description: "",
  contexts: ["user"],
  parameters: [{ name: "WHO", label: "Whom", default: "", required: true }],
  time_limit_s: 60,
};
const ORDERED: OrderedScript = { run: RUN, order: "order", issuer: "issuer", text: "echo hello\n" };

function made() {
  const handlers: FrameHandler[] = [];
  const readers: ((entry: Entry, at: number) => void)[] = [];
  const sent: [number, unknown][] = [];
  const leg = {
    open: true,
    on: (_kind: number, handler: FrameHandler) => (handlers.push(handler), () => handlers.splice(0)),
    send: (type: number, _channel: number, payload?: Uint8Array) =>
      sent.push([type, JSON.parse(new TextDecoder().decode(payload))]),
  };
  const journal = { onentries: (handler: (typeof readers)[0]) => (readers.push(handler), () => readers.splice(0)) };
  const api = {
    scripts: vi.fn(() => Promise.resolve<readonly CannedScript[]>([GREET])),
    orderScript: vi.fn(() => Promise.resolve(ORDERED)),
  };
  const scripts = new Scripts(leg as unknown as LegPort, journal as never, api, "session");
  const come = (type: number, message: object) => handlers.forEach((one) => one(type, CHANNEL, encodeJson(message), 0));
  const output = (offset: number, text: string) => come(Frame.OUTPUT, { run: RUN, offset, text });
  const logged = (kind: string, data: object, text = "") =>
    readers.forEach((one) => one({ kind, text, data: { run: RUN, ...data }, party: Party.ENDPOINT } as unknown as Entry, 0));
  return { scripts, leg, api, sent, come, output, logged };
}

describe("canned scripts", () => {
  it("are what the site says each time a person looks, and why it does not", async () => {
    //
    const { scripts, api } = made();
    expect(scripts.list).toBeNull();
    await scripts.look();
    expect(scripts.list).toEqual([GREET]);
    api.scripts.mockRejectedValueOnce(new Error("The appliance cannot be reached."));
    await scripts.look();
    expect([scripts.list, scripts.problem]).toEqual([[], "The appliance cannot be reached."]);
    await scripts.look();
    expect([scripts.list, scripts.problem]).toEqual([[GREET], ""]);
  });

  it("are ordered of the site, and the order is handed on as it is", async () => {
    const { scripts, api, sent, come, output } = made();
    const told = vi.fn();
    scripts.onchange(told);
    await scripts.start(GREET, "system", { WHO: "world" });
    expect(api.orderScript).toHaveBeenCalledWith("session", "s1", "system", { WHO: "world" });
    expect(sent).toEqual([[Frame.RUN, { order: "order", issuer: "issuer", text: "echo hello\n" }]]);
    expect(scripts.run).toMatchObject({ id: RUN, name: "Greet", started: false, done: null });
    come(Frame.STARTED, { run: RUN });
    expect(scripts.run?.started).toBe(true);
    output(0, "hello ");
    output(6, "world\n");
    come(Frame.DONE, { run: RUN, ran: true, status: 3, reason: "ended", tail: "hello world\n" });
    expect(scripts.run).toMatchObject({ output: "hello world\n", done: { ran: true, status: 3, reason: "ended" } });
    expect(told).toHaveBeenCalledTimes(5);
    scripts.dismiss();
    expect(scripts.run).toBeNull();
  });

  it("are cancelled by their run, and frames of other runs are left alone", async () => {
    const { scripts, sent, come, output } = made();
    scripts.cancel();
    come(Frame.STARTED, { run: RUN });
    expect([sent, scripts.run]).toEqual([[], null]);
    await scripts.start(GREET, "user", {});
    scripts.cancel();
    expect(sent.at(-1)).toEqual([Frame.CANCEL, { run: RUN }]);
    come(Frame.STARTED, { run: "another" });
    come(Frame.OUTPUT, { run: "another", offset: 0, text: "x" });
    come(Frame.DONE, { run: "another", ran: true });
    expect(scripts.run).toMatchObject({ started: false, output: "", done: null });
    come(Frame.DONE, { run: RUN, ran: true, reason: "cancelled", status: -15 });
    output(0, "too late");
    expect(scripts.run).toMatchObject({ output: "", done: { reason: "cancelled", status: -15 } });
  });

  it("are not begun when they were dismissed before the site had answered, or nobody could hear it", async () => {
    const { scripts, sent, leg } = made();
    const starting = scripts.start(GREET, "user", {});
    scripts.dismiss();
    await starting;
    expect([sent, scripts.run]).toEqual([[], null]);
    leg.open = false;
    await expect(scripts.start(GREET, "user", {})).rejects.toThrow("connection is away");
    expect(scripts.run).toBeNull();
  });

  it("say what the site refused", async () => {
    const { scripts, api } = made();
    api.orderScript.mockRejectedValueOnce(new Error("This canned script is for other teams."));
    await expect(scripts.start(GREET, "user", {})).rejects.toThrow("other teams");
    expect(scripts.run).toBeNull();
    await settled();
  });

  it("say what the endpoint refused, or is too old for", async () => {
    const { scripts, come } = made();
    await scripts.start(GREET, "user", {});
    come(Frame.DONE, { run: "", ran: false, reason: "refused", text: "Not ordered." });
    expect(scripts.run?.done).toMatchObject({ ran: false, reason: "refused", text: "Not ordered." });
    await scripts.start(GREET, "user", {});
    come(UNSUPPORTED, { reason: "unknown", text: "This client is too old for that." });
    expect(scripts.run?.done?.text).toBe("This client is too old for that.");
  });
});

describe("the output", () => {
  it("marks what is missing, counts as the endpoint does, and shows no NUL", async () => {
    const { scripts, output } = made();
    await scripts.start(GREET, "user", {});
    output(0, "🙂🙂\0");
    output(3, "a");
    output(9, "b");
    expect(scripts.run?.output).toBe(`🙂🙂\ufffda${GAP}b`);
  });

  it("is bounded, whatever an endpoint sends", async () => {
    const { scripts, output } = made();
    await scripts.start(GREET, "user", {});
    for (let at = 0; at < 100; at++) output(at * 8192, "x".repeat(8191) + "\n");
    const shown = scripts.run?.output ?? "";
    expect(shown.length).toBeLessThan(MAX_SHOWN + 10);
    expect(shown.startsWith("…\n")).toBe(true);
  });

  it("ends with what the endpoint says that it ended with", async () => {
    const { scripts, output, come } = made();
    await scripts.start(GREET, "user", {});
    output(0, "first\n");
    come(Frame.DONE, { run: RUN, ran: true, status: 0, reason: "ended", tail: "last\n" });
    expect(scripts.run?.output).toBe(`first\n${GAP}last\n`);
  });
});

describe("a run whose frames were lost", () => {
  it("has started and ended as the session's log says", async () => {
    const { scripts, logged } = made();
    await scripts.start(GREET, "user", {});
    logged("script-started", { run: "another" });
    expect(scripts.run?.started).toBe(false);
    logged("script-started", {});
    expect(scripts.run?.started).toBe(true);
    logged("script-ended", { status: 0, reason: "time-limit" }, "the end\n");
    expect(scripts.run).toMatchObject({ output: "the end\n", done: { ran: true, status: 0, reason: "time-limit" } });
  });

  it("could not be run, or was refused", async () => {
    const { scripts, logged } = made();
    await scripts.start(GREET, "user", {});
    logged("script-ended", { reason: "failed" }, "Nobody is signed in.");
    expect(scripts.run).toMatchObject({ output: "", done: { ran: false, reason: "failed", text: "Nobody is signed in." } });
    await scripts.start(GREET, "user", {});
    logged("script-refused", {}, "The customer did not allow it.");
    expect(scripts.run?.done).toMatchObject({ reason: "refused", text: "The customer did not allow it." });
    scripts.close();
    await scripts.start(GREET, "user", {});
    logged("script-started", {});
    expect(scripts.run?.started).toBe(false);
  });
});
