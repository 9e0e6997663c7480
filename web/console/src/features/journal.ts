/**
 * Why: turns journaled facts into sentences of the reader's language.
 * Rules: a kind that this console does not know yet is left out of the chat pane; the report has it all the same.
 */
import { t } from "../i18n";
import type { Entry } from "../wire/messages";
import { Party } from "../wire/channels";

/** The sentence for a system entry, or null when there is none. */
export function sentence(entry: Entry): string | null {
  const by = typeof entry.data["by"] === "string" && entry.data["by"] ? entry.data["by"] : entry.name;
  const shell = Number(entry.data["shell"] ?? 0);
  const open = Number(entry.data["open"] ?? 0);
  switch (entry.kind) {
    case "leg-joined":
      if (entry.party === Party.RECORDER) return null;
      return t("{name} joined the session.", { name: entry.name });
    case "leg-left":
      if (entry.party === Party.RECORDER) return null;
      return t("{name} left the session.", { name: entry.name });
    case "session-ended":
      return t("The session ended.");
    case "recording-started":
      return t("The recording started.");
    case "recording-gap":
      return t("The recording was interrupted for a moment.");
    case "screen-requested":
      return t("{name} asked to see the screen.", { name: by });
    case "screen-started":
      return t("Screen sharing started for {name}.", { name: by });
    case "screen-refused":
      return t("Screen sharing was refused.");
    case "screen-stopped":
      return t("Screen sharing stopped.");
    case "control-requested":
      return t("{name} asked to control mouse and keyboard.", { name: by });
    case "control-granted":
      return t("{name} controls mouse and keyboard.", { name: by });
    case "control-refused":
      return t("Control of mouse and keyboard was refused.");
    case "control-released":
      return t("Control of mouse and keyboard stopped.");
    case "shell-requested":
      return t("{name} asked for a command shell.", { name: by });
    case "shell-opened":
      return t("{name} opened command shell {number} (open now: {open}).", { name: by, number: shell, open });
    case "shell-refused":
      return t("The command shell was refused.");
    case "shell-closed":
      return t("Command shell {number} closed (open now: {open}).", { number: shell, open });
    case "customer-ended":
      return t("The customer ended the session.");
    case "entries-dropped":
      return t("Entries of the endpoint were lost while its connection was away ({count}).", {
        count: Number(entry.data["count"] ?? 0),
      });
    default:
      return null;
  }
}
