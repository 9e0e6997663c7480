import { describe, expect, it } from "vitest";
import { channelOf, Deploy as Frame, Kind, Party, UNSUPPORTED } from "../wire/channels";
import { encodeJson, type Entry } from "../wire/messages";
import type { FrameHandler, LegPort } from "../wire/port";
import { Deploy } from "./deploy";

const CHANNEL = channelOf(Kind.DEPLOY);
const ORDER = "01939f3e-5a00-7000-8000-000000000001";

function made() {
  const handlers: FrameHandler[] = [];
  const readers: ((entry: Entry, at: number) => void)[] = [];
  const sent: [number, unknown][] = [];
  const leg = {
    open: true,
    leg: 2,
    on: (_kind: number, handler: FrameHandler) => (handlers.push(handler), () => handlers.splice(0)),
    send: (type: number, _channel: number, payload?: Uint8Array) =>
      sent.push([type, payload ? JSON.parse(new TextDecoder().decode(payload)) : null]),
  };
  const journal = { onentries: (handler: (typeof readers)[0]) => (readers.push(handler), () => readers.splice(0)) };
  const deploy = new Deploy(leg as unknown as LegPort, journal as never);
  const come = (type: number, message: object) => handlers.forEach((one) => one(type, CHANNEL, encodeJson(message), 0));
  const logged = (kind: string, data: object, text = "") =>
    readers.forEach((one) => one({ kind, text, data, party: Party.ENDPOINT } as unknown as Entry, 0));
  return { deploy, leg, sent, come, logged };
}

describe("what stays on the computer", () => {
  it("is what the computer says", () => {
    const { deploy, sent, come } = made();
    deploy.look();
    expect(sent).toEqual([[Frame.LIST, null]]);
    const pinned = { client_id: ORDER, name: "desk", group: "Desks" };
    come(Frame.OFFERED, { pin: { can: false, code: "pinned-already", reason: "Already." }, pinned });
    expect(deploy.offered).toEqual({ pin: { can: false, code: "pinned-already", reason: "Already." }, pinned });
    come(Frame.OFFERED, { pin: { can: true } });
    expect(deploy.offered?.pinned).toBeNull();
  });

  it("an order goes on until the computer says how it ended", () => {
    //
    const { deploy, sent, come } = made();
    deploy.carryOut("pin", ORDER);
    expect(sent).toEqual([[Frame.DO, { order: ORDER }]]);
    come(Frame.DONE, { order: "another", done: true });
    expect(deploy.order?.over).toBe(false);
    come(Frame.DONE, { order: ORDER, done: false, text: "No." });
    expect(deploy.order).toMatchObject({ over: true, done: false, text: "No." });
    deploy.dismiss();
    expect(deploy.order).toBeNull();
  });

  it("the log says it when the answer was lost, and what others did", () => {
    const { deploy, sent, logged } = made();
    deploy.carryOut("unpin", ORDER);
    logged("deploy-refused", { leg: 3 }, "For another.");
    expect(deploy.order?.over).toBe(false);
    logged("unpinned", { leg: 2 });
    expect(deploy.order).toMatchObject({ over: true, done: true });
    expect(sent.at(-1)).toEqual([Frame.LIST, null]);
    logged("pinned", { leg: 3 });
    expect(sent.filter(([type]) => type === Frame.LIST)).toHaveLength(2);
  });

  it("nothing is ordered while the connection is away, and an old client says why it cannot", () => {
    const { deploy, leg, come } = made();
    leg.open = false;
    expect(() => deploy.carryOut("pin", ORDER)).toThrow("connection");
    leg.open = true;
    deploy.carryOut("pin", ORDER);
    come(UNSUPPORTED, { text: "This client is too old." });
    expect([deploy.problem, deploy.order?.text]).toEqual(["This client is too old.", "This client is too old."]);
  });
});
