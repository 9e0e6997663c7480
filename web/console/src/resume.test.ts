import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Api, SessionTicket } from "./api";
import { Store, type Snapshot } from "./live/store";
import { FakeSurroundings } from "./live/testing";
import { keepPlace } from "./resume";
import { Workspace } from "./workspace";

class Memory {
  readonly all = new Map<string, string>();
  getItem = (key: string): string | null => this.all.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.all.set(key, value);
}

const session = (id: string) => ({ id, topic: "user:me", queue: "", state: "active", members: [{ id: "me" }], name: id });

function page(running: readonly string[], refuse = ""): Workspace {
  const store = new Store();
  store.load({
    me: { id: "me", username: "rep", display_name: "Rep", permissions: [] },
    site: { name: "Site", version: "1", product_mode: "support" },
    topics: { "user:me": 0 },
    collections: { queues: [], sessions: running.map(session) },
    events_ticket: "",
  } satisfies Snapshot);
  const ticket = async (id: string): Promise<SessionTicket> => {
    if (id === refuse) throw new Error("not any more");
    return { session: session(id), ticket: id, leg: 2, grants: 255 } as unknown as SessionTicket;
  };
  return new Workspace(store, { ticket } as unknown as Api, [], new FakeSurroundings());
}

describe("a page that is loaded again", () => {
  let memory: Memory;
  const storage = (): Storage => memory as unknown as Storage;
  const shown = (workspace: Workspace): unknown => [
    workspace.open.map((open) => [open.id, open.tool]),
    workspace.current?.id ?? null,
  ];

  beforeEach(async () => {
    memory = new Memory();
    const before = page(["a", "b"]);
    await keepPlace(before, storage(), false);
    await before.goTo("a");
    const [a] = before.open;
    a?.choose("shell");
    await before.goTo("b");
    await before.goTo("a");
  });

  it("opens the same sessions with their tools, and shows the same one", async () => {
    const workspace = page(["a", "b"]);
    await keepPlace(workspace, storage(), true);
    expect(shown(workspace)).toEqual([
      [
        ["a", "shell"],
        ["b", ""],
      ],
      "a",
    ]);
  });

  it("opens nothing that is over or refused, and nothing when it is another tab", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const over = page(["b"]);
    await keepPlace(over, storage(), true);
    expect(shown(over)).toEqual([[["b", ""]], null]);
    await keepPlace(page(["a", "b"]), storage(), false);
    const other = page(["a", "b"], "a");
    await keepPlace(other, storage(), true);
    expect(shown(other)).toEqual([[], null]);
  });

  it("remembers nothing that it cannot read", async () => {
    for (const value of ["", "null", "{", '{"open":5}', "[]"]) {
      memory.setItem("farhand.place", value);
      const workspace = page(["a"]);
      await keepPlace(workspace, storage(), true);
      expect(shown(workspace)).toEqual([[], null]);
    }
  });
});
