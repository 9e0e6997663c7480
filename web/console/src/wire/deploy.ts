/** Why: the messages of the deploy channel as this page sees them, the mirror of protocol/deploy.py. */
import type { Ability } from "./actions";
import { decodeAbility } from "./actions";
import { decodeJson, encodeJson } from "./messages";

/** The Jump Client that the computer has. */
export interface Pinned {
  readonly client_id: string;
  readonly name: string;
  readonly group: string;
}

export interface Deployable {
  readonly pin: Ability;
  readonly pinned: Pinned | null;
}

export interface Deployed {
  readonly order: string;
  readonly done: boolean;
  readonly text: string;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function decodeDeployable(payload: Uint8Array): Deployable {
  const found = decodeJson(payload);
  const pinned = found["pinned"] as Readonly<Record<string, unknown>> | null | undefined;
  return {
    pin: decodeAbility(found["pin"]),
    pinned: pinned
      ? { client_id: text(pinned["client_id"]), name: text(pinned["name"]), group: text(pinned["group"]) }
      : null,
  };
}

export function decodeDeployed(payload: Uint8Array): Deployed {
  const found = decodeJson(payload);
  return { order: text(found["order"]), done: found["done"] === true, text: text(found["text"]) };
}

export const encodeDeploy = (order: string): Uint8Array => encodeJson({ order });
