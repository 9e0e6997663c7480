import { expect, it } from "vitest";
import { Grant } from "../../wire/channels";
import { sessionTools } from "./tools";

it("every tool has a name of its own, words, and a grant of the protocol", () => {
  //
  const tools = sessionTools();
  expect(tools.map((tool) => tool.label)).toEqual(["Screen Sharing", "Command Shell", "File Transfer"]);
  expect(new Set(tools.map((tool) => tool.id)).size).toBe(tools.length);
  const every = Object.values(Grant).reduce((all, grant) => all | grant, 0);
  for (const { grant } of tools) expect(grant & every).toBe(grant || -1);
});
