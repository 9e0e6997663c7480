import { expect, it } from "vitest";
import { Grant } from "../../wire/channels";
import { sessionTools } from "./tools";

it("every tool has a name of its own, words, and a grant of the protocol", () => {
  //
  const tools = sessionTools();
  expect(tools.map((tool) => tool.label)).toEqual(["Screen Sharing", "Command Shell"]);
  expect(new Set(tools.map((tool) => tool.id)).size).toBe(tools.length);
  for (const { grant } of tools) expect(Object.values(Grant)).toContain(grant);
});
