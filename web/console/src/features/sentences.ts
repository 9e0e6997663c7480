/**
 * Why: turns journaled facts into sentences of the reader's language.
 * Rules: every kind of wire/entries has its words here (the type checker names a missing one); a kind that this console
 * does not know yet is left out of the chat pane; the report has it all the same.
 */
import { t, tn } from "../i18n";
import { bytes } from "../size";
import { Party } from "../wire/channels";
import type { EntryKind } from "../wire/entries";
import type { Entry } from "../wire/messages";

type Words = (by: string, entry: Entry) => string | null;

const number = (entry: Entry, field: string): number => Number(entry.data[field] ?? 0);
const size = (entry: Entry): string => bytes(number(entry, "bytes"));
const person = (entry: Entry): boolean => entry.party !== Party.RECORDER;

const scriptOf = (entry: Entry): string => String(entry.data["name"] ?? "");
const isShutdown = (entry: Entry): boolean => entry.data["how"] === "shutdown";

const file = (name: string, entry: Entry): Record<string, string> => ({
  name,
  path: String(entry.data["path"] ?? ""),
  to: String(entry.data["to"] ?? ""),
  size: bytes(number(entry, "size")),
});

const client = (name: string, entry: Entry): Record<string, string> => ({
  name,
  client: String(entry.data["name"] ?? ""),
  group: String(entry.data["group"] ?? ""),
});

/** A sentence for installing, and one for uninstalling. */
const deploySaid = (entry: Entry, pin: string, unpin: string): string => (entry.data["what"] === "unpin" ? unpin : pin);

const WORDS: Readonly<Record<EntryKind, Words>> = {
  "leg-joined": (_by, entry) => (person(entry) ? t("{name} joined the session.", { name: entry.name }) : null),
  "leg-left": (_by, entry) => (person(entry) ? t("{name} left the session.", { name: entry.name }) : null),
  "session-ended": () => t("The session ended."),
  "waiting-message": (_by, entry) => t("Message to the customer: {text}", { text: String(entry.data["text"] ?? "") }),
  "client-requested": (by) => t("{name} asked the customer to run the full customer client.", { name: by }),
  "client-started": () => t("The full customer client runs and has taken over from the chat page."),
  "recording-started": () => t("The recording started."),
  "recording-gap": () => t("The recording was interrupted for a moment."),
  "screen-requested": (by) => t("{name} asked to see the screen.", { name: by }),
  "screen-started": (by) => t("Screen sharing started for {name}.", { name: by }),
  "screen-refused": () => t("Screen sharing was refused."),
  "screen-stopped": () => t("Screen sharing stopped."),
  "control-requested": (by) => t("{name} asked to control mouse and keyboard.", { name: by }),
  "control-granted": (by) => t("{name} controls mouse and keyboard.", { name: by }),
  "control-refused": () => t("Control of mouse and keyboard was refused."),
  "control-released": () => t("Control of mouse and keyboard stopped."),
  "block-requested": (by) => t("{name} asked to disable mouse and keyboard there.", { name: by }),
  "block-started": (by) => t("{name} disabled mouse and keyboard there.", { name: by }),
  "block-refused": () => t("Disabling mouse and keyboard there was refused."),
  "block-stopped": (_by, entry) =>
    entry.data["reason"] === "person"
      ? t("The person there pressed Ctrl-Alt-Del: mouse and keyboard there work again.")
      : t("Mouse and keyboard there work again."),
  "secret-typed": (by) => t("{name} typed a secret. Its window is black in the recording.", { name: by }),
  "shell-requested": (by) => t("{name} asked for a command shell.", { name: by }),
  "shell-opened": (by, entry) => {
    const values = { name: by, number: number(entry, "shell"), open: number(entry, "open") };
    return values.open > 1
      ? t("{name} opened another instance, command shell {number} (open now: {open}).", values)
      : t("{name} started to use the command shell and opened shell {number} (open now: {open}).", values);
  },
  "shell-refused": () => t("The command shell was refused."),
  "shell-closed": (_by, entry) => {
    const values = { number: number(entry, "shell"), open: number(entry, "open") };
    return values.open
      ? t("Command shell {number} closed (open now: {open}).", values)
      : t("Command shell {number} closed, and use of the command shell stopped (open now: {open}).", values);
  },
  "action-requested": (by) => t("{name} asked for a special action.", { name: by }),
  "action-run": (by, entry) => t("{name} used the special action {action}.", { name: by, action: entry.text }),
  "action-refused": (_by, entry) => t("The special action was refused: {reason}", { reason: entry.text }),
  "action-failed": (_by, entry) => t("The special action did not work: {reason}", { reason: entry.text }),
  "script-requested": (by, entry) => t("{name} asked to run the script {script}.", { name: by, script: scriptOf(entry) }),
  "script-started": (by, entry) => t("{name} runs the script {script}.", { name: by, script: scriptOf(entry) }),
  "script-refused": (_by, entry) => t("The script was not run: {reason}", { reason: entry.text }),
  "script-ended": (_by, entry) => scriptEnded(entry),
  "power-requested": (by, entry) =>
    isShutdown(entry)
      ? t("{name} asked to shut down the remote computer.", { name: by })
      : t("{name} asked to restart the remote computer.", { name: by }),
  "power-started": (by, entry) =>
    isShutdown(entry)
      ? t("{name} shut down the remote computer.", { name: by })
      : t("{name} restarted the remote computer.", { name: by }),
  "power-refused": (_by, entry) => t("Restart or shutdown was refused: {reason}", { reason: entry.text }),
  "power-failed": (_by, entry) => t("Restart or shutdown did not work: {reason}", { reason: entry.text }),
  "power-returned": () => t("The remote computer is back."),
  "files-requested": (by) => t("{name} asked for file transfer.", { name: by }),
  "files-started": (by) => t("File transfer started for {name}.", { name: by }),
  "files-refused": () => t("File transfer was refused."),
  "files-stopped": () => t("File transfer stopped."),
  "file-uploaded": (by, entry) => t("{name} uploaded {path} ({size}).", file(by, entry)),
  "file-upload-failed": (by, entry) => t("{name} did not finish uploading {path}.", file(by, entry)),
  "file-downloaded": (by, entry) => t("{name} downloaded {path} ({size}).", file(by, entry)),
  "file-download-failed": (by, entry) => t("{name} did not finish downloading {path}.", file(by, entry)),
  "file-moved": (by, entry) => t("{name} renamed {path} to {to}.", file(by, entry)),
  "file-deleted": (by, entry) => t("{name} deleted {path}.", file(by, entry)),
  "file-refused": (by, entry) => t("{name} may not reach {path}.", file(by, entry)),
  "folder-created": (by, entry) => t("{name} made the directory {path}.", file(by, entry)),
  "clipboard-requested": (by) => t("{name} asked to share the clipboard.", { name: by }),
  "clipboard-started": (by) => t("Clipboard Sharing started for {name}.", { name: by }),
  "clipboard-refused": () => t("Clipboard Sharing was refused."),
  "clipboard-stopped": () => t("Clipboard Sharing stopped."),
  "clipboard-given": (by, entry) =>
    entry.data["format"] === "files"
      ? tn(
          "{name} put {n} file or directory into the remote clipboard.",
          "{name} put {n} files or directories into the remote clipboard.",
          number(entry, "count"),
          { name: by },
        )
      : entry.data["format"] === "png"
      ? t("{name} sent a picture to the remote clipboard ({size}).", { name: by, size: size(entry) })
      : t("{name} sent text to the remote clipboard ({size}).", { name: by, size: size(entry) }),
  "clipboard-taken": (by, entry) =>
    entry.data["format"] === "files"
      ? tn(
          "{name} saw the name of {n} file or directory in the remote clipboard.",
          "{name} saw the names of {n} files or directories in the remote clipboard.",
          number(entry, "count"),
          { name: by },
        )
      : entry.data["format"] === "png"
      ? t("{name} took a picture from the remote clipboard ({size}).", { name: by, size: size(entry) })
      : t("{name} took text from the remote clipboard ({size}).", { name: by, size: size(entry) }),
  "deploy-requested": (by, entry) => deploySaid(entry, t("{name} asked to install the Jump Client {client}.", client(by, entry)), t("{name} asked to uninstall the Jump Client.", { name: by })),
  "deploy-allowed": (_by, entry) => deploySaid(entry, t("Installing the Jump Client was allowed."), t("Uninstalling the Jump Client was allowed.")),
  "deploy-refused": (_by, entry) => `${deploySaid(entry, t("Installing the Jump Client was refused:"), t("Uninstalling the Jump Client was refused:"))} ${entry.text}`,
  "deploy-failed": (_by, entry) => `${deploySaid(entry, t("The Jump Client could not be installed:"), t("The Jump Client could not be uninstalled:"))} ${entry.text}`,
  "pinned": (by, entry) => t("{name} made this computer the Jump Client {client} of {group}.", client(by, entry)),
  "unpinned": (by, entry) => t("{name} uninstalled the Jump Client {client} of this computer.", client(by, entry)),
  "customer-ended": () => t("The customer ended the session."),
  "entries-dropped": (_by, entry) =>
    t("Entries of the endpoint were lost while its connection was away ({count}).", { count: number(entry, "count") }),
};

function scriptEnded(entry: Entry): string {
  const values = { script: scriptOf(entry), status: number(entry, "status") };
  const endedBy = entry.data["ended_by"];
  if (entry.data["reason"] === "cancelled" && typeof endedBy === "string" && endedBy)
    return t("The script {script} was cancelled by {name}.", { ...values, name: endedBy });
  if (entry.data["reason"] === "cancelled") return t("The script {script} was cancelled.", values);
  if (entry.data["reason"] === "session-ended") return t("The script {script} was ended with the session.", values);
  if (entry.data["reason"] === "lost")
    return t("The script {script} was ended: the client at the remote computer was restarted.", values);
  if (entry.data["reason"] === "time-limit") return t("The script {script} ran into its time limit.", values);
  if (entry.data["reason"] === "failed") return t("The script {script} could not be run: {reason}", { ...values, reason: entry.text });
  return t("The script {script} ended with exit status {status}.", values);
}

/** What a canned script wrote last, for its entry; empty for every other one. */
export const outputOf = (entry: Entry): string =>
  entry.kind === "script-ended" && entry.data["reason"] !== "failed" ? entry.text : "";

const words: Partial<Record<string, Words>> = WORDS;

/** The sentence for a system entry, or null when there is none. */
export function sentence(entry: Entry): string | null {
  const by = typeof entry.data["by"] === "string" && entry.data["by"] ? entry.data["by"] : entry.name;
  return Object.hasOwn(WORDS, entry.kind) ? (words[entry.kind]?.(by, entry) ?? null) : null;
}
