import { beforeEach, describe, expect, it, vi } from "vitest";
import { Store, type Snapshot } from "./store";
import { seenIn, TeamChat, type TeamMessage } from "./teamchat";

const message = (id: string, fields: Partial<TeamMessage> = {}): TeamMessage => ({
  id,
  queue: "team:t",
  sender_id: "other",
  sender_name: "Other",
  post: `post-${id}`,
  text: `text ${id}`,
  time_ms: 1,
  ...fields,
});

const snapshot = (messages: readonly TeamMessage[]): Snapshot => ({
  me: { id: "me", username: "rep", display_name: "Rep", permissions: [] },
  site: { name: "Site", version: "1", product_mode: "support" },
  topics: { "team:t": 0 },
  collections: { team_chat: messages.map((one) => ({ ...one, topic: one.queue })) },
  events_ticket: "",
});

const kept = () => {
  const items = new Map<string, string>();
  return { getItem: (name: string) => items.get(name) ?? null, setItem: (name: string, text: string) => items.set(name, text) };
};

describe("team chat", () => {
  let store: Store;
  let storage: ReturnType<typeof kept>;
  let n: number;
  const teamMessage = vi.fn<(team: string, text: string, post: string) => Promise<unknown>>();
  const made = (): TeamChat => new TeamChat(store, { teamMessage }, seenIn(storage as unknown as Storage, "seen"));
  const comes = (one: TeamMessage): void =>
    void store.apply({
      topic: one.queue,
      n: ++n,
      collection: "team_chat",
      op: "put",
      id: one.id,
      value: { ...one, topic: one.queue },
    });

  beforeEach(() => {
    n = 0;
    teamMessage.mockReset().mockResolvedValue({});
    storage = kept();
    store = new Store();
    store.load(snapshot([message("1")]));
  });

  it("marks what comes until somebody looks, and remembers it in this browser", () => {
    const chat = made();
    expect(chat.unreadQueues).toEqual([]);
    comes(message("2", { sender_id: "me" }));
    expect(chat.unread("team:t")).toBe(false);
    comes(message("3"));
    expect(chat.unreadQueues).toEqual(["team:t"]);
    chat.look("team:t");
    expect(chat.unread("team:t")).toBe(false);
    comes(message("4"));
    expect(chat.unread("team:t")).toBe(false);
    chat.look("");
    comes(message("5"));
    expect(chat.messages("team:t").map((one) => one.id)).toEqual(["1", "2", "3", "4", "5"]);
    expect(made().unread("team:t")).toBe(true);
    store.load(snapshot([message("4")]));
    expect(made().unread("team:t")).toBe(false);
  });

  it("keeps what is not sent, and sends it again as the same message", async () => {
    teamMessage.mockRejectedValueOnce(new Error("No network."));
    const chat = made();
    await chat.post("team:t", "Lunch?");
    const [unsent] = chat.unsent("team:t");
    expect(unsent).toMatchObject({ text: "Lunch?", problem: "No network." });
    if (!unsent) throw new Error("it is gone");
    await chat.retry(unsent);
    expect(teamMessage.mock.calls[0]).toEqual(teamMessage.mock.calls[1]);
    expect(teamMessage.mock.calls[0]?.slice(0, 2)).toEqual(["t", "Lunch?"]);
    comes(message("2", { sender_id: "me", post: unsent.post }));
    expect(chat.unsent("team:t")).toEqual([]);
  });

  it("knows after a reload what was there at the very first start", () => {
    made();
    comes(message("2"));
    expect(made().unreadQueues).toEqual(["team:t"]);
  });

  it("starts anew when what the browser kept is damaged", () => {
    storage.setItem("seen", "{");
    expect(made().unread("team:t")).toBe(false);
  });
});
