import { beforeEach, describe, expect, it, vi } from "vitest";
import { channelOf, Control, Durable, Grant, Kind, Shell } from "../wire/channels";
import { encodeJson } from "../wire/messages";
import { LegSocket } from "./leg";
import { Final } from "./socket";
import { FakeSurroundings, settled } from "./testing";

const CHAT = channelOf(Kind.CHAT);

describe("a leg", () => {
  let around: FakeSurroundings;
  let tickets: ReturnType<typeof vi.fn<() => Promise<string>>>;
  let leg: LegSocket;

  beforeEach(() => {
    around = new FakeSurroundings();
    let number = 1;
    tickets = vi.fn(async () => `fresh-${number++}`);
    leg = new LegSocket("first", tickets, around);
  });

  it("joins with its ticket after the server's hello", () => {
    expect(around.socket.path).toBe("/live/leg");
    expect(around.socket.sent).toEqual([]);
    around.socket.welcome(7, Grant.CHAT);
    expect(around.socket.json(Control.JOIN)).toEqual([{ ticket: "first", last_seq: 0 }]);
    expect([leg.open, leg.leg, leg.grants]).toEqual([true, 7, Grant.CHAT]);
    expect(tickets).not.toHaveBeenCalled();
  });

  it("sends frames as its own leg, and none while it is not joined", () => {
    leg.send(Shell.OPEN, channelOf(Kind.SHELL));
    around.socket.welcome(9);
    leg.send(Shell.CLOSE, channelOf(Kind.SHELL, 1));
    const frames = around.socket.sent.filter((frame) => frame.channel !== 0);
    expect(frames.map((frame) => [frame.type, frame.leg])).toEqual([[Shell.CLOSE, 9]]);
  });

  it("comes back with a fresh ticket and asks for what is missing", async () => {
    const seen: string[] = [];
    leg.onopen(() => seen.push("open"));
    leg.onclose(() => seen.push("close"));
    around.socket.welcome();
    around.socket.entry(1);
    around.socket.entry(2, {}, Kind.SYSTEM);
    around.socket.drop();
    expect(leg.state).toBe("waiting");
    await around.pass(2000);
    around.socket.welcome(4);
    expect(around.socket.json(Control.JOIN)).toEqual([{ ticket: "fresh-1", last_seq: 2 }]);
    expect([leg.leg, seen]).toEqual([4, ["open", "close", "open"]]);
  });

  it("tells when the endpoint leaves", () => {
    const seen: boolean[] = [];
    leg.onaway(() => seen.push(leg.joined));
    const roster = (...parties: number[]): void => {
      const legs = parties.map((party, n) => ({ leg: n + 1, party, subject: `s${n}`, name: "n", grants: 0 }));
      around.socket.control(Control.ROSTER, { legs });
    };
    around.socket.welcome();
    roster(2);
    roster(2, 1);
    expect([leg.joined, seen]).toEqual([true, []]);
    roster(1);
    roster(2);
    roster(2);
    expect([leg.joined, seen]).toEqual([false, [false]]);
  });

  it("speaks among representatives on their own channel, and hears them there", () => {
    //
    around.socket.welcome();
    const id = leg.journal.post("between us", {}, "rep-chat");
    expect(around.socket.json(Durable.POST, channelOf(Kind.REPS))).toEqual([{ id, kind: "rep-chat", text: "between us", data: {} }]);
    expect(around.socket.json(Durable.POST, CHAT)).toEqual([]);
    around.socket.entry(1, { id, kind: "rep-chat" }, Kind.REPS);
    expect([leg.journal.unsent, leg.journal.entries.map((entry) => entry.kind)]).toEqual([[], ["rep-chat"]]);
  });

  it("sends messages on its way, before and after it was joined and joined again", async () => {
    const posted = (): unknown[] => around.socket.json(Durable.POST, CHAT);
    const id = leg.journal.post("early");
    around.socket.welcome();
    const post = { id, kind: "chat", text: "early", data: {} };
    expect(posted()).toEqual([post]);
    around.socket.drop();
    await around.pass(2000);
    around.socket.welcome();
    expect(posted()).toEqual([post]);
    around.socket.frame(Durable.REFUSED, CHAT, encodeJson({ id, code: "not-stored", text: "The disk is full." }));
    expect(leg.journal.unsent.map((unsent) => unsent.problem)).toEqual(["The disk is full."]);
    await around.pass(6000);
    expect(posted()).toEqual([post, post]);
    around.socket.entry(1, { id });
    expect(leg.journal.unsent).toEqual([]);
  });

  it("takes a refusal as a reason to ask for another ticket, after the pause that was asked for", async () => {
    around.socket.hello();
    around.socket.control(Control.REFUSE, { code: "busy", text: "Too many at once.", retry_after_s: 30 });
    expect([leg.state, leg.reason]).toEqual(["waiting", "Too many at once."]);
    await around.pass(29_000);
    expect(around.sockets).toHaveLength(1);
    await around.pass(2000);
    around.socket.welcome();
    expect(leg.open).toBe(true);
  });

  it("gives up when there will never be a ticket", async () => {
    tickets.mockRejectedValue(new Final("This session is over."));
    around.socket.welcome();
    around.socket.drop();
    await around.pass(2000);
    expect([leg.state, leg.reason]).toEqual(["failed", "This session is over."]);
    await around.pass(60_000);
    expect(around.sockets).toHaveLength(1);
  });

  it("goes on trying while the web program is away", async () => {
    tickets.mockRejectedValueOnce(new Error("away"));
    around.socket.drop();
    await around.pass(2000);
    await around.pass(4000);
    around.socket.welcome();
    expect(leg.open).toBe(true);
  });

  it("ends when the server says so, and stays ended", async () => {
    around.socket.welcome();
    around.socket.control(Control.END, { reason: "ended", text: "The customer ended the session." });
    await around.pass(60_000);
    expect([leg.state, leg.reason, around.sockets.length]).toEqual([
      "ended",
      "The customer ended the session.",
      1,
    ]);
  });

  it("comes back with a fresh ticket when a frame of it was refused: the session goes on", async () => {
    around.socket.welcome();
    const message = { reason: "refused", text: "This leg may not send that." };
    around.socket.control(Control.END, message);
    expect([leg.state, leg.over, leg.end]).toEqual(["waiting", false, null]);
    await around.pass(2000);
    around.socket.welcome();
    expect(around.socket.json(Control.JOIN)).toEqual([{ ticket: "fresh-1", last_seq: 0 }]);
    expect(leg.open).toBe(true);
    for (let time = 0; time < 5; time++) {
      around.socket.control(Control.END, message);
      await around.pass(2000);
      if (!leg.over) around.socket.welcome();
    }
    expect([leg.state, leg.reason, around.sockets.length]).toEqual(["failed", message.text, 6]);
  });

  it("tells tools of new grants", () => {
    const heard: number[] = [];
    leg.ongrants((grants) => heard.push(grants));
    around.socket.welcome(2, 3);
    around.socket.control(Control.GRANTS, { grants: 1, epoch: 2 });
    expect([heard, leg.grants]).toEqual([[3, 1], 1]);
  });

  it("closes a socket that does not speak the protocol, and comes back", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    around.socket.bytes(Uint8Array.of(1, 2, 3));
    expect(leg.state).toBe("waiting");
    await around.pass(2000);
    around.socket.welcome();
    expect(leg.open).toBe(true);
  });

  it("waits longer after each loss, never longer than a quarter of a minute or so", async () => {
    around.chance = 1;
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      around.socket.drop();
      pauses.push((around.timers[0]?.at ?? 0) - around.time);
      await around.pass(16_000);
    }
    expect(pauses[0]).toBeLessThan(2000);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.at(-1)).toBeLessThan(16_000);
  });

  it("is quiet after it was left", async () => {
    around.socket.welcome();
    leg.close();
    await settled();
    expect([leg.state, around.timers.length]).toEqual(["ended", 0]);
  });
});
