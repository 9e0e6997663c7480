/**
 * Why: keys of the virtual keyboard. A modifier stays down until the next key was struck, there or on the real keyboard.
 * Rules: nothing stays pressed: `clear` lets go of all, and is called whenever control or the page's focus is lost.
 */

/** Modifiers by their names on the virtual keyboard. */
export const MODIFIERS: Readonly<Record<string, number>> = {
  Ctrl: 0xffe3,
  Alt: 0xffe9,
  Shift: 0xffe1,
  AltGr: 0xfe03,
  Super: 0xffeb,
};

const isModifier = (keysym: number): boolean => (keysym >= 0xffe1 && keysym <= 0xffee) || keysym === 0xfe03;

export class StickyKeys {
  readonly #send: (keysym: number, down: boolean) => void;
  readonly #changed: () => void;
  #held: readonly number[] = [];

  constructor(send: (keysym: number, down: boolean) => void, changed: () => void) {
    this.#send = send;
    this.#changed = changed;
  }

  /** Modifiers that are down now. */
  get held(): readonly number[] {
    return this.#held;
  }

  toggle(modifier: number): void {
    const down = !this.#held.includes(modifier);
    this.#held = down ? [...this.#held, modifier] : this.#held.filter((one) => one !== modifier);
    this.#send(modifier, down);
    this.#changed();
  }

  /** Strike keys together: down in this order, up in the other; then the modifiers come up. */
  strike(keysyms: readonly number[]): void {
    for (const keysym of keysyms) this.#send(keysym, true);
    for (const keysym of [...keysyms].reverse()) this.#send(keysym, false);
    this.clear();
  }

  /** A key of the real keyboard came up. */
  struck(keysym: number): void {
    if (!isModifier(keysym)) this.clear();
  }

  clear(): void {
    if (!this.#held.length) return;
    const held = [...this.#held].reverse();
    this.#held = [];
    for (const keysym of held) this.#send(keysym, false);
    this.#changed();
  }
}
