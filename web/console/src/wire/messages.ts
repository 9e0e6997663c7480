/**
 * Why: the JSON messages of legs and event sockets as this page sees them, the mirror of protocol/messages.py.
 * Rules: what comes from outside is decoded here, and only here; a field that is missing gets the protocol's default and
 * a field of the wrong type throws, so that nothing behind this file has to doubt its input. Unknown fields are ignored.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What came is not the message that belongs there. */
export class MessageError extends Error {
  override name = "MessageError";
}

export type Data = Readonly<Record<string, string | number | boolean>>;

export interface Welcome {
  readonly leg: number;
  readonly grants: number;
  readonly seq: number;
  readonly roster: readonly LegInfo[];
  readonly server_ms: number;
}

export interface Refuse {
  readonly code: string;
  readonly text: string;
  readonly retry_after_s: number | null;
}

export interface LegInfo {
  readonly leg: number;
  readonly party: number;
  readonly name: string;
  readonly grants: number;
}

export interface End {
  readonly reason: string;
  readonly text: string;
}

export interface Post {
  readonly id: string;
  readonly kind: string;
  readonly text: string;
  readonly data: Data;
}

/** A POST that was not put on disk and that nobody saw. */
export interface PostRefused {
  readonly id: string;
  readonly text: string;
}

export interface Entry {
  readonly seq: number;
  readonly time_ms: number;
  readonly id: string;
  readonly leg: number;
  readonly party: number;
  readonly subject: string;
  readonly name: string;
  readonly kind: string;
  readonly text: string;
  readonly data: Data;
}

export interface ShellSize {
  readonly cols: number;
  readonly rows: number;
}

export interface ShellOpened extends ShellSize {
  readonly shell: number;
  readonly by: string;
  readonly command: string;
  readonly opened_ms: number;
}

export interface ShellClosed {
  readonly shell: number;
  readonly status: number | null;
  readonly text: string;
  /** Offset behind the last byte of output, when the endpoint says it. */
  readonly end: number | null;
}

/** Output before `offset` is no longer kept; `modes` bring a fresh terminal into the modes in force there. */
export interface ShellGap {
  readonly offset: number;
  readonly modes: string;
}

/** A monitor: its place in the picture, in pixels. */
export interface ScreenMonitor {
  readonly id: string;
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly primary: boolean;
}

export interface ScreenStarted {
  readonly width: number;
  readonly height: number;
  readonly monitors: readonly ScreenMonitor[];
  /** Id of the one that is sent; empty: all of them. */
  readonly monitor: string;
}

/** Content of a clipboard that follows in parts. */
export interface ClipboardHead {
  readonly transfer: number;
  readonly format: string;
  readonly bytes: number;
}

/** A transfer is over; `text` says why it failed, empty when it did not. */
export interface ClipboardDone {
  readonly transfer: number;
  readonly text: string;
}

export interface EventMessage {
  readonly topic: string;
  readonly n: number;
  readonly collection: string;
  readonly op: "put" | "remove";
  readonly id: string;
  readonly value: Readonly<Record<string, unknown>> | null;
}

export type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The bytes of a JSON message. */
export const encodeJson = (message: object): Uint8Array => encoder.encode(JSON.stringify(message));

/** The object in a JSON payload. Throws MessageError. */
export function decodeJson(payload: Uint8Array): Fields {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(payload));
  } catch {
    throw new MessageError("the payload is not JSON");
  }
  if (!isFields(value)) throw new MessageError("the payload is not a JSON object");
  return value;
}

export function text(fields: Fields, name: string, missing?: string): string {
  const value = fields[name] ?? missing;
  if (typeof value !== "string") throw new MessageError(`${name} must be text`);
  return value;
}

export function count(fields: Fields, name: string, missing?: number): number {
  const value = fields[name] ?? missing;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new MessageError(`${name} must be a whole number`);
  }
  return value;
}

function integerOrNull(fields: Fields, name: string): number | null {
  const value = fields[name] ?? null;
  if (value === null || (typeof value === "number" && Number.isSafeInteger(value))) return value;
  throw new MessageError(`${name} must be a whole number`);
}

export function list(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name] ?? [];
  if (!Array.isArray(value) || !value.every(isFields)) throw new MessageError(`${name} must be a list`);
  return value;
}

const legInfo = (fields: Fields): LegInfo => ({
  leg: count(fields, "leg"),
  party: count(fields, "party"),
  name: text(fields, "name"),
  grants: count(fields, "grants", 0),
});

export function decodeWelcome(payload: Uint8Array): Welcome {
  const fields = decodeJson(payload);
  return {
    leg: count(fields, "leg", 0),
    grants: count(fields, "grants", 0),
    seq: count(fields, "seq", 0),
    roster: list(fields, "roster").map(legInfo),
    server_ms: count(fields, "server_ms", 0),
  };
}

export function decodeRefuse(payload: Uint8Array): Refuse {
  const fields = decodeJson(payload);
  return { code: text(fields, "code"), text: text(fields, "text"), retry_after_s: integerOrNull(fields, "retry_after_s") };
}

export const decodeRoster = (payload: Uint8Array): readonly LegInfo[] => list(decodeJson(payload), "legs").map(legInfo);

export const decodeGrants = (payload: Uint8Array): number => count(decodeJson(payload), "grants");

export function decodeEnd(payload: Uint8Array): End {
  const fields = decodeJson(payload);
  return { reason: text(fields, "reason"), text: text(fields, "text", "") };
}

export function decodeEntry(payload: Uint8Array): Entry {
  const fields = decodeJson(payload);
  const data = fields["data"] ?? {};
  if (!isFields(data)) throw new MessageError("data must be an object");
  for (const value of Object.values(data)) {
    if (!["string", "number", "boolean"].includes(typeof value)) throw new MessageError("data must hold plain values");
  }
  return {
    seq: count(fields, "seq"),
    time_ms: count(fields, "time_ms"),
    id: text(fields, "id"),
    leg: count(fields, "leg"),
    party: count(fields, "party"),
    subject: text(fields, "subject"),
    name: text(fields, "name"),
    kind: text(fields, "kind"),
    text: text(fields, "text", ""),
    data: data as Data,
  };
}

export function decodePostRefused(payload: Uint8Array): PostRefused {
  const fields = decodeJson(payload);
  return { id: text(fields, "id"), text: text(fields, "text") };
}

export function decodeShellSize(payload: Uint8Array): ShellSize {
  const fields = decodeJson(payload);
  return { cols: count(fields, "cols"), rows: count(fields, "rows") };
}

export function decodeShellOpened(payload: Uint8Array): ShellOpened {
  const fields = decodeJson(payload);
  return {
    shell: count(fields, "shell"),
    cols: count(fields, "cols"),
    rows: count(fields, "rows"),
    by: text(fields, "by", ""),
    command: text(fields, "command", ""),
    opened_ms: count(fields, "opened_ms", 0),
  };
}

export function decodeShellClosed(payload: Uint8Array): ShellClosed {
  const fields = decodeJson(payload);
  return {
    shell: count(fields, "shell"),
    status: integerOrNull(fields, "status"),
    text: text(fields, "text", ""),
    end: integerOrNull(fields, "end"),
  };
}

export function decodeShellGap(payload: Uint8Array): ShellGap {
  const fields = decodeJson(payload);
  return { offset: count(fields, "offset"), modes: text(fields, "modes", "") };
}

export function decodeShellDropped(payload: Uint8Array): { readonly bytes: number } {
  return { bytes: count(decodeJson(payload), "bytes") };
}

const side = (fields: Fields, name: string): number => {
  const value = count(fields, name);
  if (value < 1 || value > 32767) throw new MessageError(`${name} must be a size in pixels`);
  return value;
};

const screenMonitor = (fields: Fields): ScreenMonitor => ({
  id: text(fields, "id"),
  name: text(fields, "name"),
  x: count(fields, "x"),
  y: count(fields, "y"),
  width: side(fields, "width"),
  height: side(fields, "height"),
  primary: fields["primary"] === true,
});

export function decodeScreenStarted(payload: Uint8Array): ScreenStarted {
  const fields = decodeJson(payload);
  return {
    width: side(fields, "width"),
    height: side(fields, "height"),
    monitors: list(fields, "monitors").map(screenMonitor),
    monitor: text(fields, "monitor", ""),
  };
}

export function decodeClipboardHead(payload: Uint8Array): ClipboardHead {
  const fields = decodeJson(payload);
  return { transfer: count(fields, "transfer"), format: text(fields, "format"), bytes: count(fields, "bytes") };
}

export function decodeClipboardDone(payload: Uint8Array): ClipboardDone {
  const fields = decodeJson(payload);
  return { transfer: count(fields, "transfer"), text: text(fields, "text", "") };
}

/** The formats in which the remote clipboard can be taken. */
export function decodeClipboardOffer(payload: Uint8Array): readonly string[] {
  const formats = decodeJson(payload)["formats"] ?? [];
  if (!Array.isArray(formats)) throw new MessageError("formats must be a list");
  return formats.filter((one) => typeof one === "string");
}

export const decodeStopped = (payload: Uint8Array): string => text(decodeJson(payload), "text", "");

export function decodeEvent(payload: Uint8Array): EventMessage {
  const fields = decodeJson(payload);
  const op = text(fields, "op");
  const value = fields["value"] ?? null;
  if (op !== "put" && op !== "remove") throw new MessageError("op must be put or remove");
  if (value !== null && !isFields(value)) throw new MessageError("value must be an object");
  return {
    topic: text(fields, "topic"),
    n: count(fields, "n"),
    collection: text(fields, "collection"),
    op,
    id: text(fields, "id"),
    value,
  };
}
