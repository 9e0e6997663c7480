import { describe, expect, it, vi } from "vitest";
import { Actions as Frame, channelOf, Kind, Party, UNSUPPORTED } from "../wire/channels";
import { encodeJson, type Entry } from "../wire/messages";
import type { FrameHandler, LegPort } from "../wire/port";
import { Actions, awaySince } from "./actions";

const CHANNEL = channelOf(Kind.ACTIONS);

function made() {
  const handlers: FrameHandler[] = [];
  const sent: [number, unknown][] = [];
  const leg = {
    on: (_kind: number, handler: FrameHandler) => (handlers.push(handler), () => undefined),
    send: (type: number, _channel: number, payload?: Uint8Array) =>
      sent.push([type, payload ? JSON.parse(new TextDecoder().decode(payload)) : null]),
  } as unknown as LegPort;
  const actions = new Actions(leg);
  const come = (type: number, message: object) => handlers.forEach((one) => one(type, CHANNEL, encodeJson(message), 0));
  return { actions, sent, come };
}

const entry = (kind: string, time_ms = 0, data = {}, party: number = Party.ENDPOINT): Entry =>
  ({ kind, time_ms, data, party }) as unknown as Entry;

describe("special actions", () => {
  it("are what the endpoint says, with its reasons", () => {
    const { actions, sent, come } = made();
    const told = vi.fn();
    actions.onchange(told);
    actions.look();
    expect(sent).toEqual([[Frame.LIST, null]]);
    come(Frame.OFFERED, {
      platform: "linux",
      actions: [{ id: "terminal", contexts: ["user", "later"], ability: { can: true } }],
      reboot: { reason: "No." },
    });
    expect(told).toHaveBeenCalledTimes(1);
    expect(actions.offered?.actions).toEqual([
      { id: "terminal", name: "", contexts: ["user"], ability: { can: true, code: "", reason: "" } },
    ]);
    expect(actions.offered?.reboot).toEqual({ can: false, code: "", reason: "No." });
  });

  it("tell of what was not done, until it is read", () => {
    const { actions, sent, come } = made();
    actions.run("terminal", "system");
    actions.power("shutdown");
    expect(sent).toEqual([
      [Frame.RUN, { action: "terminal", context: "system" }],
      [Frame.POWER, { how: "shutdown" }],
    ]);
    come(Frame.DONE, { about: "terminal", done: true });
    expect(actions.told).toBeNull();
    come(Frame.DONE, { about: "shutdown", done: false, text: "The customer did not allow it." });
    expect(actions.told?.text).toBe("The customer did not allow it.");
    actions.dismiss();
    expect(actions.told).toBeNull();
  });

  it("say why there are none with an older client", () => {
    const { actions, come } = made();
    come(UNSUPPORTED, { reason: "unknown", text: "This client is too old for that." });
    expect(actions.problem).toBe("This client is too old for that.");
  });
});

describe("a computer that was told to go away", () => {
  it("is away since then", () => {
    const started = entry("power-started", 7, { how: "reboot" });
    expect(awaySince([started, entry("leg-left", 9, {}, Party.CONSOLE)])).toEqual({ how: "reboot", since: 7 });
    expect(awaySince([entry("power-started", 7, { how: "shutdown" })])?.how).toBe("shutdown");
  });

  it("is not when it came back, or did not go", () => {
    expect(awaySince([])).toBeNull();
    for (const kind of ["power-returned", "power-failed"]) {
      expect(awaySince([entry("power-started", 7, { how: "reboot" }), entry(kind, 8)])).toBeNull();
    }
  });
});
