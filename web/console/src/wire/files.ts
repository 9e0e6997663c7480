/**
 * Why: the messages of the files channel as this page sees them, the mirror of protocol/files.py.
 * Rules: a path is the endpoint's own bytes. Here it is a string with one letter per byte (what atob gives), so that it
 * can be cut and compared; people see `shown`.
 */
import { count, decodeJson, list, MessageError, text, type Fields } from "./messages";

export const SMALL_CHUNK = 16 * 1024;
/** Browsers cut WebSocket messages of more than 64 KiB, heads included, into pieces. */
export const LARGE_CHUNK = 60 * 1024;
export const FIRST_WINDOW = 256 * 1024;
export const MIN_WINDOW = 128 * 1024;
export const MAX_WINDOW = 10 * 1024 * 1024;
export const ACK_EVERY = 128 * 1024;

/** Bytes of the endpoint, one letter each. */
export type Path = string;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A path or name for people; what is no text is shown as a mark. */
export const shown = (path: Path): string => decoder.decode(Uint8Array.from(path, (letter) => letter.charCodeAt(0)));
/** What a person typed, as the endpoint's bytes. */
export const typed = (words: string): Path => String.fromCharCode(...encoder.encode(words));
export const toWire = (path: Path): string => btoa(path);

export const join = (folder: Path, name: Path): Path => (folder.endsWith("/") ? folder + name : `${folder}/${name}`);
export const parentOf = (path: Path): Path => path.slice(0, Math.max(1, path.lastIndexOf("/")));
export const nameOf = (path: Path): Path => path.slice(path.lastIndexOf("/") + 1);

export interface Volume {
  readonly path: Path;
  readonly kind: string;
  readonly total: number;
  readonly free: number;
}

export interface FilesStarted {
  readonly run: string;
  readonly volumes: readonly Volume[];
  readonly home: Path;
  /** Where to put what is meant for no special folder; empty: there is none. */
  readonly inbox: Path;
}

/** Files in the endpoint's clipboard. */
export interface ClipboardFiles {
  readonly paths: readonly Path[];
  /** What was copied beside them and is no file of that computer. */
  readonly others: number;
}

export interface FileEntry {
  readonly name: Path;
  readonly kind: string;
  readonly to: string;
  readonly size: number;
  readonly modified_ms: number;
}

export interface FilesListing {
  readonly path: Path;
  readonly entries: readonly FileEntry[];
  readonly more: boolean;
}

export interface FilesAccepted {
  readonly offset: number;
  readonly sha256: string;
  readonly size: number | null;
}

export interface FilesFinish {
  readonly size: number;
  readonly sha256: string;
}

export interface FilesDone {
  readonly code: string;
  readonly text: string;
}

/** Something opens as a folder. */
export const isFolder = (entry: FileEntry): boolean => entry.kind === "folder" || entry.to === "folder";

function path(fields: Fields, name: string): Path {
  try {
    return atob(text(fields, name));
  } catch {
    throw new MessageError(`${name} must be base64`);
  }
}

const inbox = (fields: Fields): Path => (fields["inbox"] === undefined ? "" : path(fields, "inbox"));

function stamp(fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new MessageError(`${name} must be a whole number`);
  return value;
}

/** The number of the request that a message is about. */
export const idOf = (fields: Fields): number => count(fields, "id");

export function decodeStarted(payload: Uint8Array): FilesStarted {
  const fields = decodeJson(payload);
  const volumes = list(fields, "volumes").map((one) => ({
    path: path(one, "path"),
    kind: text(one, "kind", "folder"),
    total: count(one, "total", 0),
    free: count(one, "free", 0),
  }));
  return { run: text(fields, "run"), volumes, home: path(fields, "home") || "/", inbox: inbox(fields) };
}

export function decodeClipboardFiles(content: Uint8Array): ClipboardFiles {
  const fields = decodeJson(content);
  const paths = fields["paths"];
  if (!Array.isArray(paths)) throw new MessageError("paths must be a list");
  return { paths: paths.map((one) => path({ one }, "one")), others: count(fields, "others", 0) };
}

export const encodeClipboardFiles = (paths: readonly Path[]): Uint8Array<ArrayBuffer> =>
  encoder.encode(JSON.stringify({ paths: paths.map(toWire) }));

export const decodeFilesStopped = (payload: Uint8Array): string => text(decodeJson(payload), "text", "");

export function readListing(fields: Fields): FilesListing {
  const entries = list(fields, "entries").map((one) => ({
    name: path(one, "name"),
    kind: text(one, "kind"),
    to: text(one, "to", ""),
    size: count(one, "size", 0),
    modified_ms: stamp(one, "modified_ms"),
  }));
  return { path: path(fields, "path"), entries, more: fields["more"] === true };
}

export function readAccepted(fields: Fields): FilesAccepted {
  const size = fields["size"] ?? null;
  return {
    offset: count(fields, "offset", 0),
    sha256: text(fields, "sha256", ""),
    size: size === null ? null : count(fields, "size"),
  };
}

export const readFinish = (fields: Fields): FilesFinish => ({ size: count(fields, "size"), sha256: text(fields, "sha256") });
export const readDone = (fields: Fields): FilesDone => ({ code: text(fields, "code", ""), text: text(fields, "text", "") });
