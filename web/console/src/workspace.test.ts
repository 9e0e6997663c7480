import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Api, SessionTicket } from "./api";
import { Store, type Session, type Snapshot } from "./live/store";
import { Handlers } from "./live/socket";
import type { Tool, ToolKind } from "./live/tool";
import { FakeSurroundings } from "./live/testing";
import type { LegPort } from "./wire/port";
import { Workspace } from "./workspace";

const session = (id: string, fields: Partial<Session> = {}): Session => ({
  id,
  topic: "user:me",
  queue: "user:me",
  kind: "support",
  state: "waiting",
  name: `customer ${id}`,
  hostname: "",
  os_name: "",
  platform: "linux",
  owner_id: null,
  owner_name: null,
  members: fields.owner_id ? [{ id: fields.owner_id, name: "", guest: false }] : [],
  invitations: [],
  created_ms: 1,
  started_ms: null,
  queued_ms: 1,
  priority: 2,
  customer_connected: true,
  customer_removed: false,
  click_to_chat: false,
  client_asked: false,
  details: {},
  request: {},
  ...fields,
});

const snapshot = (sessions: Session[]): Snapshot => ({
  me: { id: "me", username: "rep", display_name: "Rep", permissions: ["perm_generate_session_key"] },
  site: { name: "Site", version: "1", product_mode: "support" },
  topics: { "user:me": 0, "team:t": 0 },
  collections: {
    queues: [
      { id: "team:t", topic: "team:t", kind: "team", name: "Team" },
      { id: "user:me", topic: "user:me", kind: "personal", name: "Personal" },
    ],
    sessions: sessions as unknown as Readonly<Record<string, unknown>>[],
  },
  events_ticket: "",
});

class FakeTool implements Tool {
  readonly leg: LegPort;
  readonly changed = new Handlers<[]>();
  closed = 0;
  constructor(leg: LegPort) {
    this.leg = leg;
  }
  onchange = (handler: () => void): (() => void) => this.changed.add(handler);
  close(): void {
    this.closed++;
  }
}

describe("a queue", () => {
  it("shows first who is due next: by priority, then by the time waited; who is helped already comes last", () => {
    const sessions = [
      session("helped", { state: "active", priority: 1, queued_ms: null, created_ms: 0 }),
      session("late", { queued_ms: 9 }),
      session("early", { queued_ms: 2, created_ms: 9 }),
      session("low", { priority: 3, queued_ms: 1 }),
      session("high", { priority: 1, queued_ms: 8 }),
    ];
    const store = new Store();
    store.load(snapshot(sessions));
    const shown = new Workspace(store, {} as Api, []).queueSessions("user:me");
    expect(shown.map((one) => one.id)).toEqual(["high", "early", "late", "low", "helped"]);
  });
});

describe("the workspace", () => {
  let store: Store;
  let around: FakeSurroundings;
  let workspace: Workspace;
  let made: FakeTool[];
  const kinds: ToolKind[] = ["screen", "shell"].map((id, at) => ({
    id,
    grant: 1 << at,
    make: (leg) => {
      const tool = new FakeTool(leg);
      made.push(tool);
      return tool;
    },
  }));
  const end = vi.fn(async () => ({}));
  const ticket = vi.fn(
    async (id: string): Promise<SessionTicket> => ({
      session: session(id, { state: "active", owner_id: "me" }),
      ticket: `ticket-${id}`,
      leg: 2,
      grants: 255,
    }),
  );

  let n = 0;
  const comes = (one: Session): void => {
    store.apply({
      topic: one.topic,
      n: ++n,
      collection: "sessions",
      op: "put",
      id: one.id,
      value: one as unknown as Record<string, unknown>,
    });
  };

  beforeEach(() => {
    n = 0;
    made = [];
    end.mockClear();
    ticket.mockClear();
    around = new FakeSurroundings();
    store = new Store();
    store.load(snapshot([session("old")]));
    const api = { accept: ticket, jump: ticket, ticket, endSession: end } as unknown as Api;
    workspace = new Workspace(store, api, kinds, around);
  });

  it("begins in the personal queue, without news of what was there already", () => {
    expect([workspace.queue, workspace.fresh.size, workspace.announced]).toEqual(["user:me", 0, null]);
  });

  it("lights up a queue for a new session and announces it until it is looked at", () => {
    //
    comes(session("new", { topic: "team:t", queue: "team:t" }));
    expect([workspace.freshIn("team:t"), workspace.freshIn("user:me"), workspace.announced?.id]).toEqual([true, false, "new"]);
    const { announced } = workspace;
    if (announced) workspace.view(announced);
    expect([workspace.queue, workspace.selected, workspace.freshIn("team:t"), workspace.announced]).toEqual([
      "team:t",
      "new",
      false,
      null,
    ]);
  });

  it("forgets news of a session that somebody else took", () => {
    comes(session("new"));
    comes(session("new", { state: "active", owner_id: "other" }));
    expect([workspace.fresh.size, workspace.announced]).toEqual([0, null]);
  });

  it("keeps several sessions with their own state while switching", async () => {
    //
    await workspace.accept("a");
    const [first] = workspace.open;
    first?.choose("shell");
    await workspace.jump("b");
    expect(workspace.current?.id).toBe("b");
    await workspace.goTo("a");
    expect([workspace.current, workspace.current?.tool, workspace.open.length]).toEqual([first, "shell", 2]);
    expect(ticket).toHaveBeenCalledTimes(2);
    expect(around.sockets.map((socket) => socket.readyState)).toEqual([1, 1]);
  });

  it("counts what waits in the personal queue, and announces invitations, but not what this person put there", () => {
    //
    expect(workspace.waitingForMe).toBe(1);
    const invitation = { id: "i", topic: "user:me", queue: "user:me", kind: "share", session_id: "s", name: "customer", sender_id: "ann" };
    store.apply({ topic: "user:me", n: ++n, collection: "invitations", op: "put", id: "i", value: invitation });
    expect([workspace.waitingForMe, workspace.announced?.invitation, workspace.queueInvitations("user:me").length]).toEqual([2, true, 1]);
    store.apply({ topic: "user:me", n: ++n, collection: "invitations", op: "remove", id: "i", value: null });
    expect([workspace.waitingForMe, workspace.announced]).toEqual([1, null]);
    comes(session("paused", { owner_id: "me", members: [] }));
    expect([workspace.waitingForMe, workspace.announced]).toEqual([2, null]);
  });

  it("lists the sessions of others in which this person is, also while nobody owns them", () => {
    //
    comes(session("shared", { state: "active", queue: "user:ann", owner_id: "ann", members: [{ id: "me", name: "", guest: true }] }));
    comes(session("paused", { queue: "user:ann", owner_id: "ann", members: [{ id: "me", name: "", guest: true }] }));
    expect(workspace.running.map((one) => one.id)).toEqual(["shared", "paused"]);
    expect([workspace.fresh.size, workspace.queueSessions("user:me").map((one) => one.id)]).toEqual([0, ["old"]]);
  });

  it("joins a running session again after a reload", async () => {
    comes(session("run", { state: "active", owner_id: "me" }));
    expect(workspace.running.map((one) => one.id)).toEqual(["run"]);
    await workspace.goTo("run");
    around.socket.welcome();
    expect(workspace.current?.leg.open).toBe(true);
  });

  it("counts messages of the other side only while they are not seen", async () => {
    await workspace.accept("a");
    const a = workspace.current;
    around.socket.welcome();
    around.socket.entry(1);
    expect(a?.unread).toBe(0);
    workspace.show("jump");
    around.socket.entry(2);
    around.socket.entry(3, { kind: "screen-started" });
    around.socket.entry(4, { leg: 3, party: 2 });
    expect(a?.unread).toBe(1);
    await workspace.goTo("a");
    expect(a?.unread).toBe(0);
  });

  it("ends a session for all, and asks the server nothing when it is over already", async () => {
    //
    await workspace.accept("a");
    const a = workspace.current;
    if (a) await workspace.end(a);
    expect([end.mock.calls, workspace.current, workspace.open]).toEqual([[["a"]], null, []]);
    await workspace.accept("b");
    const b = workspace.current;
    around.socket.welcome();
    around.socket.control(6, { reason: "ended" });
    if (b) await workspace.end(b);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it("makes every tool with its session and closes it with it", async () => {
    await workspace.accept("a");
    const a = workspace.current;
    expect([[...(a?.tools.keys() ?? [])], made.map((tool) => tool.leg === a?.leg)]).toEqual([
      ["screen", "shell"],
      [true, true],
    ]);
    workspace.show("jump");
    await workspace.goTo("a");
    expect(made.map((tool) => tool.closed)).toEqual([0, 0]);
    if (a) workspace.leave(a);
    expect([made.length, made.map((tool) => tool.closed)]).toEqual([2, [1, 1]]);
  });

  it("redraws nothing around a tool that moves, and no frame around a chat that is seen", async () => {
    await workspace.accept("a");
    around.socket.welcome();
    const frame = vi.fn();
    const session = vi.fn();
    const { current } = workspace;
    workspace.onchange(frame);
    current?.onchange(session);
    for (let tick = 0; tick < 10; tick++) made[0]?.changed.call();
    for (let seq = 1; seq <= 10; seq++) around.socket.entry(seq);
    expect([frame.mock.calls.length, session.mock.calls.length]).toEqual([0, 0]);
    current?.toggleChat();
    around.socket.entry(11);
    expect([frame.mock.calls.length, session.mock.calls.length]).toEqual([1, 2]);
  });
});
