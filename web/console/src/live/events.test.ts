import { beforeEach, describe, expect, it, vi } from "vitest";
import { Control } from "../wire/channels";
import { EventSocket } from "./events";
import { Final } from "./socket";
import { Store, type Snapshot } from "./store";
import { FakeSurroundings, settled } from "./testing";

const snapshot = (n: number, topics: Record<string, number> = { "user:u": n }): Snapshot => ({
  me: { id: "u", username: "rep", display_name: "Rep", permissions: [] },
  site: { name: "Site", version: "1", product_mode: "support" },
  topics,
  collections: { sessions: [{ id: "s", topic: "user:u", name: `as of ${n}` }] },
  events_ticket: `with-${n}`,
});
const event = (n: number, name: string, topic = "user:u"): object => ({
  topic,
  n,
  collection: "sessions",
  op: "put",
  id: "s",
  value: { id: "s", topic, name },
});

describe("the event socket", () => {
  let around: FakeSurroundings;
  let store: Store;
  let api: { snapshot: ReturnType<typeof vi.fn<() => Promise<Snapshot>>> };
  let events: EventSocket;
  const name = (): string | undefined => store.sessions[0]?.name;

  beforeEach(() => {
    around = new FakeSurroundings();
    store = new Store();
    store.load(snapshot(3));
    api = { snapshot: vi.fn(async () => snapshot(9)) };
    events = new EventSocket(store, api, "first", around);
  });

  it("listens from what the store has", () => {
    around.socket.welcome();
    expect(around.socket.path).toBe("/live/events");
    expect(around.socket.json(Control.LISTEN)).toEqual([{ ticket: "first", have: { "user:u": 3 } }]);
    around.socket.control(Control.EVENT, event(4, "renamed"));
    expect([events.state, name()]).toEqual(["open", "renamed"]);
  });

  it("comes back with a fresh snapshot, its ticket and its numbers", async () => {
    around.socket.welcome();
    around.socket.control(Control.EVENT, event(4, "renamed"));
    around.socket.drop();
    await around.pass(2000);
    around.socket.welcome();
    expect(around.socket.json(Control.LISTEN)).toEqual([{ ticket: "with-9", have: { "user:u": 9 } }]);
    expect(name()).toBe("as of 9");
  });

  it("takes new rights when they change", async () => {
    around.socket.welcome();
    const me = { id: "u", topics: ["user:u"] };
    around.socket.control(Control.EVENT, { topic: "user:u", n: 4, collection: "me", op: "put", id: "u", value: me });
    await settled();
    expect(around.sockets.map((socket) => socket.readyState)).toEqual([3, 1]);
    expect(name()).toBe("as of 9");
  });

  it.each([
    ["a hole", (): void => around.socket.control(Control.EVENT, event(6, "too early"))],
    ["a gap", (): void => around.socket.control(Control.GAP, { topics: ["user:u"] })],
  ])("fetches the snapshot again after %s, and applies what came meanwhile", async (_, cause) => {
    around.socket.welcome();
    cause();
    around.socket.control(Control.EVENT, event(9, "in the snapshot already"));
    around.socket.control(Control.EVENT, event(10, "after it"));
    await settled();
    expect(api.snapshot).toHaveBeenCalledTimes(1);
    expect(name()).toBe("after it");
  });

  it("takes a wider ticket when an item of an unknown topic comes", async () => {
    api.snapshot.mockResolvedValue(snapshot(9, { "user:u": 4, "team:new": 0 }));
    around.socket.welcome();
    const queue = { id: "team:new", topic: "team:new", kind: "team", name: "New" };
    around.socket.control(Control.EVENT, { topic: "user:u", n: 4, collection: "queues", op: "put", id: queue.id, value: queue });
    await settled();
    expect(around.sockets).toHaveLength(2);
    around.socket.welcome();
    expect(around.socket.json(Control.LISTEN)).toEqual([{ ticket: "with-9", have: { "user:u": 4, "team:new": 0 } }]);
  });

  it("begins anew when the snapshot cannot be had", async () => {
    api.snapshot.mockRejectedValueOnce(new Error("away"));
    around.socket.welcome();
    around.socket.control(Control.GAP, { topics: ["user:u"] });
    await settled();
    expect(events.state).toBe("waiting");
    await around.pass(2000);
    around.socket.welcome();
    expect([events.state, name()]).toEqual(["open", "as of 9"]);
  });

  it("stops when there will never be a ticket, and says why", async () => {
    api.snapshot.mockRejectedValue(new Final("Your account was disabled."));
    around.socket.drop();
    await around.pass(2000);
    await around.pass(60_000);
    expect([events.state, events.reason, around.sockets.length]).toEqual(["failed", "Your account was disabled.", 1]);
  });
});
