/** Why: the messages of the scripts channel as this page sees them, the mirror of protocol/scripts.py. */
import { decodeJson, encodeJson } from "./messages";

/** What the site ordered: an endpoint takes it as it is, once. */
export interface OrderedScript {
  readonly run: string;
  readonly order: string;
  readonly issuer: string;
  readonly text: string;
}

export interface ScriptOutput {
  readonly run: string;
  readonly offset: number;
  readonly text: string;
}

export interface ScriptDone {
  readonly run: string;
  readonly ran: boolean;
  readonly status: number | null;
  readonly reason: string;
  readonly text: string;
  readonly tail: string;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" ? value : 0);

export const decodeRun = (payload: Uint8Array): string => text(decodeJson(payload)["run"]);

export function decodeOutput(payload: Uint8Array): ScriptOutput {
  const found = decodeJson(payload);
  return { run: text(found["run"]), offset: number(found["offset"]), text: text(found["text"]) };
}

export function decodeScriptDone(payload: Uint8Array): ScriptDone {
  const found = decodeJson(payload);
  return {
    run: text(found["run"]),
    ran: found["ran"] === true,
    status: typeof found["status"] === "number" ? found["status"] : null,
    reason: text(found["reason"]),
    text: text(found["text"]),
    tail: text(found["tail"]),
  };
}

export const encodeRunScript = ({ order, issuer, text: script }: OrderedScript): Uint8Array =>
  encodeJson({ order, issuer, text: script });
export const encodeCancel = (run: string): Uint8Array => encodeJson({ run });
