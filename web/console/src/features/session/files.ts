/** Why: what people read about files: why something was not done, and how a transfer is doing. */
import { currentLanguage, t, tn } from "../../i18n";
import type { Transfer } from "../../live/files/transfer";
import { bytes, duration } from "../../size";
import { shown, type Path, type Volume } from "../../wire/files";

/** Why something was not done: the endpoint's words, or ours for what happened here. */
export function reason(code: string, text: string): string {
  if (text) return text;
  switch (code) {
    case "no-space":
      return t("The browser has no room for this file. Make room on this computer's disk and try again.");
    case "memory":
      return t("This browser window can only take files up to 512 MB. Use a window that is not private.");
    case "changed":
      return t("The file on this computer is not the one that was chosen any more. Choose it again.");
    case "hash":
      return t("What came is not what was sent. Try again.");
    case "lost":
      return t("The connection was lost. Try again.");
    case "stopped":
      return t("File transfer was stopped.");
    default:
      return t("The browser could not do that.");
  }
}

/** How a transfer is doing, in one line. */
export function progress(one: Transfer): string {
  if (one.state === "waiting") return t("Waiting …");
  if (one.state === "failed") return reason(one.code, one.text);
  if (one.state === "cancelled") return t("Cancelled");
  if (one.kind === "delete") {
    return one.state === "done" ? t("Deleted") : tn("{n} item deleted", "{n} items deleted", one.moved);
  }
  if (one.state === "done") return t("Done, {size}", { size: bytes(one.moved) });
  const parts = [
    one.size === null ? bytes(one.moved) : t("{done} of {all}", { done: bytes(one.moved), all: bytes(one.size) }),
  ];
  if (one.files > 1) parts.push(t("file {done} of {all}", { done: one.filesDone, all: one.files }));
  if (one.rate > 0) parts.push(t("{size}/s", { size: bytes(one.rate) }));
  if (one.left !== null) parts.push(t("{time} left", { time: duration(one.left) }));
  return parts.join(" · ");
}

export const volumeName = (volume: Volume): string =>
  volume.kind === "home" ? t("Home directory") : volume.kind === "root" ? t("File system") : shown(volume.path);

/** The steps of a path, each with the path that leads there. */
export function crumbs(path: Path): readonly { readonly name: string; readonly path: Path }[] {
  const parts = path.split("/").filter(Boolean);
  return [
    { name: "/", path: "/" },
    ...parts.map((part, at) => ({ name: shown(part), path: `/${parts.slice(0, at + 1).join("/")}` })),
  ];
}

export const modified = (milliseconds: number): string =>
  new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "short", timeStyle: "short" }).format(milliseconds);

/** The name cannot be one: why, for people; empty when it can. */
export function wrongName(name: string): string {
  if (!name || name === "." || name === ".." || name.includes("/")) return t("Enter a name without a slash.");
  return new TextEncoder().encode(name).length > 255 ? t("This name is too long.") : "";
}
