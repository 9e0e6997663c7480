import { expect, it } from "vitest";
import { ENTRY_KINDS } from "../wire/entries";
import type { Entry } from "../wire/messages";
import { outputOf, sentence } from "./sentences";

const entry = (kind: string, data: Entry["data"] = {}, party = 1): Entry => ({
  seq: 1,
  time_ms: 0,
  id: "i",
  leg: 1,
  party,
  subject: "agent:a",
  name: "host",
  kind,
  text: "",
  data,
});

it("every kind of the protocol has a sentence", () => {
  //
  expect(ENTRY_KINDS.filter((kind) => !sentence(entry(kind, { by: "Rep", shell: 1, open: 0 })))).toEqual([]);
});

it("shell lines name who, which, and how many are open", () => {
  //
  const told = [
    entry("shell-opened", { by: "Rep", shell: 1, open: 1 }),
    entry("shell-opened", { by: "Rep", shell: 2, open: 2 }),
    entry("shell-closed", { by: "Rep", shell: 2, open: 1 }),
    entry("shell-closed", { by: "Rep", shell: 1, open: 0 }),
  ].map(sentence);
  expect(told).toEqual([
    "Rep started to use the command shell and opened shell 1 (open now: 1).",
    "Rep opened another instance, command shell 2 (open now: 2).",
    "Command shell 2 closed (open now: 1).",
    "Command shell 1 closed, and use of the command shell stopped (open now: 0).",
  ]);
});

it("the recorder's legs and unknown kinds are left out", () => {
  expect(sentence(entry("leg-joined", {}, 4))).toBeNull();
  expect(sentence(entry("from-the-future"))).toBeNull();
});

it("a canned script's end says how, and what it wrote last", () => {
  const ended = (data: Entry["data"], text = "") => ({ ...entry("script-ended", { name: "Greet", ...data }), text });
  expect(sentence(ended({ reason: "ended", status: 3 }))).toBe("The script Greet ended with exit status 3.");
  expect(sentence(ended({ reason: "cancelled", status: -15 }))).toBe("The script Greet was cancelled.");
  expect(sentence(ended({ reason: "cancelled", ended_by: "Bo" }))).toBe("The script Greet was cancelled by Bo.");
  expect(sentence(ended({ reason: "time-limit" }))).toBe("The script Greet ran into its time limit.");
  expect(sentence(ended({ reason: "session-ended" }))).toBe("The script Greet was ended with the session.");
  expect(sentence(ended({ reason: "lost" }))).toContain("the client at the remote computer was restarted");
  expect(sentence(ended({ reason: "failed" }, "No."))).toBe("The script Greet could not be run: No.");
  expect(outputOf(ended({ reason: "ended" }, "hello\n"))).toBe("hello\n");
  expect(outputOf(ended({ reason: "failed" }, "No."))).toBe("");
  expect(outputOf({ ...entry("script-started"), text: "Greet" })).toBe("");
});
