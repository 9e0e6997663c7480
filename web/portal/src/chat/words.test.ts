import { expect, test } from "vitest";
import { Party } from "../../../console/src/wire/channels";
import type { Entry } from "../../../console/src/wire/messages";
import { ending, fact, isMine, standing } from "./words";

const words = {
  joined: "{name} has joined.",
  left: "{name} has left.",
  asked: "{name} asks for the client.",
  with: "With {names}.",
  waiting: "Waiting.",
  over: "Over.",
  handedOver: "Handed over.",
  removed: "Removed.",
};

const entry = (kind: string, party: number, data: Record<string, string> = {}): Entry => ({
  seq: 1,
  time_ms: 1,
  id: "1",
  leg: 2,
  party,
  subject: "",
  name: "Anna {left}",
  kind,
  text: "",
  data,
});

test("facts are told in the page's words, and names stay as they are", () => {
  expect(fact(entry("leg-joined", Party.CONSOLE), words)).toBe("Anna {left} has joined.");
  expect(fact(entry("leg-joined", Party.PORTAL), words)).toBeNull();
  expect(fact(entry("client-requested", 0, { by: "Bo" }), words)).toBe("Bo asks for the client.");
  expect(fact(entry("waiting-message", 0, { text: "Soon" }), words)).toBe("Soon");
  expect(fact(entry("from-the-future", 0), words)).toBeNull();
});

test("the customer's lines are those of the page and of the client", () => {
  expect([Party.PORTAL, Party.ENDPOINT, Party.CONSOLE].map((party) => isMine(entry("chat", party)))).toEqual([true, true, false]);
});

test("who is there, and how it ended", () => {
  const leg = (party: number, name: string) => ({ leg: 1, party, name, grants: 0 });
  expect(standing([leg(Party.CONSOLE, "A"), leg(Party.CONSOLE, "A"), leg(Party.PORTAL, "C")], words)).toBe("With A.");
  expect(standing([leg(Party.PORTAL, "C")], words)).toBe("Waiting.");
  expect(ending({ reason: "handed-over", text: "" }, "", words)).toBe("Handed over.");
  expect(ending({ reason: "removed", text: "" }, "", words)).toBe("Removed.");
  expect(ending({ reason: "ended", text: "x" }, "x", words)).toBe("Over.");
  expect(ending(null, "The time is over.", words)).toBe("The time is over.");
});
