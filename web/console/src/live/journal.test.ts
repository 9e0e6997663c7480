import { beforeEach, describe, expect, it } from "vitest";
import type { Entry, Post } from "../wire/messages";
import { Journal } from "./journal";

const entry = (seq: number, fields: Partial<Entry> = {}): Entry => ({
  seq,
  time_ms: seq,
  id: `id-${seq}`,
  leg: 1,
  party: 1,
  subject: "agent:a",
  name: "host",
  kind: "chat",
  text: "",
  data: {},
  ...fields,
});

describe("the journal of a leg", () => {
  let journal: Journal;
  let sent: Post[];
  let later: (() => void)[];

  beforeEach(() => {
    [sent, later] = [[], []];
    journal = new Journal(
      (post) => sent.push(post),
      (run) => later.push(run),
    );
  });

  it("keeps a message until its entry came and sends it again with the same id", () => {
    const id = journal.post("hello");
    journal.joined();
    expect(sent.map((post) => [post.id, post.text])).toEqual([
      [id, "hello"],
      [id, "hello"],
    ]);
    journal.entry(entry(1, { id }));
    journal.joined();
    expect([journal.unsent, sent.length]).toEqual([[], 2]);
  });

  it("tries again what the server could not keep, unless it was kept meanwhile", () => {
    const id = journal.post("hello");
    journal.refused({ id, text: "The disk is full." });
    expect(journal.unsent.map((post) => post.problem)).toEqual(["The disk is full."]);
    later[0]?.();
    expect(sent.map((post) => post.id)).toEqual([id, id]);
    journal.refused({ id, text: "again" });
    journal.entry(entry(1, { id }));
    later[1]?.();
    journal.refused({ id: "nobody", text: "" });
    expect([sent.length, later.length]).toEqual([2, 2]);
  });

  it("keeps every entry once, in order, in one list that grows in place, and tells each one's place", () => {
    const { entries } = journal;
    const told: [number, number][] = [];
    journal.onentries((one, at) => told.push([one.seq, at]));
    for (const seq of [1, 3, 2, 3, 1, 4]) journal.entry(entry(seq));
    expect(entries.map((one) => one.seq)).toEqual([1, 2, 3, 4]);
    expect(told).toEqual([
      [1, 0],
      [3, 1],
      [2, 1],
      [4, 3],
    ]);
    expect([journal.entries === entries, journal.lastSeq]).toEqual([true, 4]);
  });

  it("is quiet about what it knows already", () => {
    let changes = 0;
    journal.entry(entry(1));
    journal.onchange(() => changes++);
    journal.entry(entry(1));
    expect(changes).toBe(0);
  });
});
