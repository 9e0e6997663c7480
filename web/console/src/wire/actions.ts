/** Why: the messages of the actions channel as this page sees them, the mirror of protocol/actions.py. */
import { decodeJson, encodeJson, MessageError } from "./messages";

export type Context = "user" | "system";
export type How = "reboot" | "shutdown";

export interface Ability {
  readonly can: boolean;
  /** Why not, or what is to be known where it can, for programs. */
  readonly code?: string;
  /** The same in the endpoint's language. */
  readonly reason: string;
}

export interface Action {
  readonly id: string;
  /** In the endpoint's language. */
  readonly name: string;
  readonly contexts: readonly Context[];
  readonly ability: Ability;
}

export interface Offered {
  readonly platform: string;
  readonly actions: readonly Action[];
  readonly reboot: Ability;
  readonly shutdown: Ability;
  /** After a reboot the endpoint comes back into the session by itself. */
  readonly returns: Ability;
  readonly block_input: Ability;
  readonly privacy_screen: Ability;
}

export interface Done {
  readonly about: string;
  readonly done: boolean;
  readonly text: string;
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new MessageError("must be an object");
  return value as Fields;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export function decodeAbility(value: unknown): Ability {
  const found = fields(value ?? {});
  return { can: found["can"] === true, code: text(found["code"]), reason: text(found["reason"]) };
}

function action(value: unknown): Action {
  const found = fields(value);
  const contexts = list(found["contexts"]).filter((one): one is Context => one === "user" || one === "system");
  return { id: text(found["id"]), name: text(found["name"]), contexts, ability: decodeAbility(found["ability"]) };
}

export function decodeOffered(payload: Uint8Array): Offered {
  const found = decodeJson(payload);
  return {
    platform: text(found["platform"]),
    actions: list(found["actions"]).map(action),
    reboot: decodeAbility(found["reboot"]),
    shutdown: decodeAbility(found["shutdown"]),
    returns: decodeAbility(found["returns"]),
    block_input: decodeAbility(found["block_input"]),
    privacy_screen: decodeAbility(found["privacy_screen"]),
  };
}

export function decodeDone(payload: Uint8Array): Done {
  const found = decodeJson(payload);
  return { about: text(found["about"]), done: found["done"] === true, text: text(found["text"]) };
}

export const encodeRun = (action: string, context: Context): Uint8Array => encodeJson({ action, context });
export const encodePower = (how: How): Uint8Array => encodeJson({ how });
