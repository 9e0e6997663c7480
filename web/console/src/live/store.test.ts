import { describe, expect, it } from "vitest";
import type { EventMessage } from "../wire/messages";
import { Store, type Snapshot } from "./store";

const snapshot = (fields: Partial<Snapshot> = {}): Snapshot => ({
  me: { id: "u", username: "rep", display_name: "Rep", permissions: [] },
  site: { name: "Site", version: "1", product_mode: "support" },
  topics: { "user:u": 4, "team:t": 2 },
  collections: { sessions: [{ id: "s", topic: "user:u", name: "one" }] },
  events_ticket: "ticket",
  ...fields,
});

const put = (topic: string, n: number, id: string, value: object = {}): EventMessage => ({
  topic,
  n,
  collection: "sessions",
  op: "put",
  id,
  value: { id, topic, ...value },
});
const remove = (topic: string, n: number, id: string): EventMessage => ({
  topic,
  n,
  collection: "sessions",
  op: "remove",
  id,
  value: null,
});

function loaded(): Store {
  const store = new Store();
  store.load(snapshot());
  return store;
}

const ids = (store: Store): string[] => store.sessions.map((session) => `${session.topic}/${session.id}`);

describe("the store", () => {
  it("applies the next event and no other", () => {
    const store = loaded();
    expect(store.apply(put("user:u", 4, "x"))).toBe("old");
    expect(store.apply(put("user:u", 6, "x"))).toBe("hole");
    expect(store.apply(put("user:u", 5, "x"))).toBe("applied");
    expect(ids(store)).toEqual(["user:u/s", "user:u/x"]);
    expect(store.have).toEqual({ "user:u": 5, "team:t": 2 });
  });

  it.each([0, 1])("moves an item between topics in either order (%i)", (first) => {
    const store = loaded();
    const events = [remove("user:u", 5, "s"), put("team:t", 3, "s")];
    for (const event of first ? events.toReversed() : events) store.apply(event);
    expect(ids(store)).toEqual(["team:t/s"]);
  });

  it("comes to the same as a fresh snapshot after a life between two queues", () => {
    const store = loaded();
    const events = [
      put("user:u", 5, "a"),
      remove("user:u", 6, "a"),
      put("team:t", 3, "a", { name: "waits" }),
      remove("team:t", 4, "a"),
      put("user:u", 7, "a", { name: "back" }),
      remove("user:u", 8, "s"),
    ];
    for (const event of events) expect(store.apply(event)).toBe("applied");
    const fresh = new Store();
    fresh.load(
      snapshot({
        topics: { "user:u": 8, "team:t": 4 },
        collections: { sessions: [{ id: "a", topic: "user:u", name: "back" }] },
      }),
    );
    expect([store.sessions, store.have]).toEqual([fresh.sessions, fresh.have]);
  });

  it("comes to the same when a reconnect catches up topic by topic", () => {
    const user = [put("user:u", 5, "a"), remove("user:u", 6, "a"), remove("user:u", 7, "s")];
    const team = [put("team:t", 3, "s"), remove("team:t", 4, "s"), put("team:t", 5, "a")];
    const results = [[...user, ...team], [...team, ...user]].map((events) => {
      const store = loaded();
      for (const event of events) expect(store.apply(event)).toBe("applied");
      return ids(store);
    });
    expect(results).toEqual([["team:t/a"], ["team:t/a"]]);
  });

  it("knows topics that a snapshot did not name from their first event on", () => {
    const store = loaded();
    expect(store.follows("group:g")).toBe(false);
    expect(store.apply(put("group:g", 1, "j"))).toBe("applied");
    expect(store.follows("group:g")).toBe(true);
  });

  it("forgets everything that a new snapshot does not have", () => {
    const store = loaded();
    store.apply(put("team:t", 3, "x"));
    store.load(snapshot({ collections: {} }));
    expect(ids(store)).toEqual([]);
  });
});
