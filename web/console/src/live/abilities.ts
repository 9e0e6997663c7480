/**
 * Why: what an endpoint can do and why not, in the language of who reads it.
 * Rules: the words are the server's table, fetched with the snapshot; a reason whose code is not in it (the endpoint is
 * newer) is shown as the endpoint says it.
 */
import type { Ability } from "../wire/actions";

/** `protocol/abilities.py` in the language of the page: names of abilities in their order, sentences by code. */
export interface Words {
  readonly abilities: Readonly<Record<string, string>>;
  readonly reasons: Readonly<Record<string, string>>;
}

/** What a Jump Item tells of its endpoint. */
export interface Endpoint {
  readonly display: boolean;
  readonly desktop: Readonly<Record<string, unknown>> | null;
}

export interface Line {
  readonly id: string;
  readonly label: string;
  readonly can: boolean;
  readonly reason: string;
}

export const NO_WORDS: Words = { abilities: {}, reasons: {} };

/** Why something cannot be done, or what is to be known where it can; empty when nobody says. */
export function reasonOf(ability: Ability, words: Words): string {
  return words.reasons[ability.code ?? ""] ?? ability.reason;
}

/** What may be done on an endpoint's desktop, as it said last. */
export function linesOf(endpoint: Endpoint, words: Words): Line[] {
  return Object.entries(words.abilities).map(([id, label]) => {
    const ability = abilityOf(endpoint, id);
    return { id, label, can: ability.can, reason: reasonOf(ability, words) };
  });
}

function abilityOf({ display, desktop }: Endpoint, id: string): Ability {
  if (desktop) {
    const told = (desktop[id] ?? {}) as Partial<Ability>;
    return { can: told.can === true, code: told.code ?? "", reason: told.reason ?? "" };
  }
  // An older client says only that there is a screen.
  if (display) return id === "see" ? { can: true, reason: "" } : { can: false, code: "not-told", reason: "" };
  return { can: false, code: "no-desktop", reason: "" };
}
