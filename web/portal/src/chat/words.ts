/**
 * Why: what the page shows of an entry of the session's journal, and of how the session stands. The words are the
 * server's, in the page's language, in the `data-` attributes of the chat's element.
 * Rules: names and texts of others go in by {name}, as text.
 */
import { Party } from "../../../console/src/wire/channels";
import type { End, Entry, LegInfo } from "../../../console/src/wire/messages";

export type Words = Readonly<Record<string, string | undefined>>;

const filled = (text: string | undefined, values: Readonly<Record<string, string>>): string =>
  (text ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

/** The sentence of a fact; null: the customer of a chat reads nothing of it. */
export function fact(entry: Entry, words: Words): string | null {
  const name = typeof entry.data["by"] === "string" ? entry.data["by"] : entry.name;
  const person = entry.party === Party.CONSOLE;
  switch (entry.kind) {
    case "leg-joined":
      return person ? filled(words["joined"], { name }) : null;
    case "leg-left":
      return person ? filled(words["left"], { name }) : null;
    case "client-requested":
      return filled(words["asked"], { name });
    case "waiting-message":
      return String(entry.data["text"] ?? "");
    default:
      return null;
  }
}

/** Said by the customer: here, or in the client that came after. */
export const isMine = (entry: Entry): boolean => entry.party === Party.PORTAL || entry.party === Party.ENDPOINT;

/** Who is with the customer now. */
export function standing(roster: readonly LegInfo[], words: Words): string {
  const names = [...new Set(roster.filter((leg) => leg.party === Party.CONSOLE).map((leg) => leg.name))];
  return names.length ? filled(words["with"], { names: names.join(", ") }) : (words["waiting"] ?? "");
}

/** How it ended. */
export function ending(end: End | null, reason: string, words: Words): string {
  if (end?.reason === "handed-over") return words["handedOver"] ?? "";
  if (end?.reason === "removed") return words["removed"] ?? "";
  return end || !reason ? (words["over"] ?? "") : reason;
}
