/**
 * Why: turns what a person types into presses and releases of keysyms. An unseen text field receives the keys, because
 * input methods, dead keys and on-screen keyboards only work in one.
 * Rules: listens on its own field alone, so it never takes keys from other inputs. What is held is released when the
 * field loses focus; Ctrl-Alt-Del is never passed on. The remote side repeats held keys, so repeats here are dropped.
 * While `pastes` is set the keys of a paste wait a moment for what the browser pastes: with files they are not sent, because
 * what is meant lies here and not there yet.
 */
import { keysymOfKey, keysymsOfText } from "./keysyms";

const CONTROL_LEFT = 0xffe3;
const DELETE = 0xffff;
/** Browsers say what they paste right after the key, or never. */
const PASTE_MS = 60;

export class Keyboard {
  readonly field: HTMLTextAreaElement;
  readonly #send: (keysym: number, down: boolean) => void;
  /** Files may be pasted here. */
  pastes = false;
  readonly #held = new Map<string, number>();
  /** The key of a paste that waits. */
  #waiting: { readonly name: string; readonly keysym: number; readonly timer: ReturnType<typeof setTimeout> } | null = null;

  /** The field is put behind `beside` and shares its accessible name. */
  constructor(beside: HTMLElement, send: (keysym: number, down: boolean) => void) {
    this.#send = send;
    const field = document.createElement("textarea");
    this.field = field;
    field.tabIndex = -1;
    field.setAttribute("aria-label", beside.getAttribute("aria-label") ?? "");
    field.setAttribute("autocapitalize", "off");
    field.setAttribute("autocomplete", "off");
    field.spellcheck = false;
    Object.assign(field.style, {
      position: "absolute", left: "0", bottom: "0", width: "1px", height: "1px", padding: "0", border: "0",
      outline: "0", opacity: "0", resize: "none", overflow: "hidden", pointerEvents: "none",
    }); // prettier-ignore
    field.addEventListener("keydown", (event) => this.#down(event));
    field.addEventListener("keyup", (event) => this.#up(event));
    field.addEventListener("blur", () => this.releaseAll());
    field.addEventListener("paste", (event) => {
      event.preventDefault();
      this.#goOn(!event.clipboardData?.files.length);
    });
    field.addEventListener("compositionend", (event) => {
      this.type(event.data);
      field.value = "";
    });
    field.addEventListener("input", (event) => {
      const { isComposing, inputType, data } = event as InputEvent;
      if (isComposing || inputType === "insertCompositionText" || inputType === "insertFromComposition") return;
      if (inputType === "insertText" && data) this.type(data);
      field.value = "";
    });
    beside.after(field);
  }

  focus(): void {
    this.field.setAttribute("aria-label", this.field.previousElementSibling?.getAttribute("aria-label") ?? "");
    this.field.focus({ preventScroll: true });
  }

  /** Press and release one key per code point. */
  type(text: string): void {
    for (const keysym of keysymsOfText(text)) {
      this.#send(keysym, true);
      this.#send(keysym, false);
    }
  }

  /** Release what is held, the latest first. */
  releaseAll(): void {
    this.#goOn(false);
    const held = [...this.#held.values()].reverse();
    this.#held.clear();
    for (const keysym of held) this.#send(keysym, false);
  }

  close(): void {
    this.releaseAll();
    this.field.remove();
  }

  #down(event: KeyboardEvent): void {
    if (event.isComposing || event.keyCode === 229) return;
    const keysym = keysymOfKey(event);
    if (keysym === null) return;
    this.#goOn(true);
    const paste = this.pastes && !event.repeat && isPaste(event);
    if (!paste) event.preventDefault();
    event.stopPropagation();
    // Meant for the computer where it is pressed. The remote one has a button for it.
    if (keysym === DELETE && event.ctrlKey && event.altKey) return;
    if (event.repeat) return;
    const name = event.code || event.key;
    if (event.key === "AltGraph") this.#letGo("ControlLeft", CONTROL_LEFT);
    if (this.#held.get(name) === keysym) return;
    this.#letGo(name);
    if (paste) this.#waiting = { name, keysym, timer: setTimeout(() => this.#goOn(true), PASTE_MS) };
    else this.#press(name, keysym);
  }

  #press(name: string, keysym: number): void {
    this.#held.set(name, keysym);
    this.#send(keysym, true);
  }

  /** Press the key that waits, or forget it. */
  #goOn(press: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (!waiting) return;
    clearTimeout(waiting.timer);
    if (press) this.#press(waiting.name, waiting.keysym);
  }

  #up(event: KeyboardEvent): void {
    const name = event.code || event.key;
    this.#goOn(true);
    if (!this.#held.has(name)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#letGo(name);
    // Some systems never say that keys were released while this one was held.
    if (event.key === "Meta") this.releaseAll();
  }

  /** Some systems press Control with AltGr: it is not meant. */
  #letGo(name: string, only?: number): void {
    const keysym = this.#held.get(name);
    if (keysym === undefined || (only !== undefined && keysym !== only)) return;
    this.#held.delete(name);
    this.#send(keysym, false);
  }
}

/** The keys by which browsers paste. */
const isPaste = (event: KeyboardEvent): boolean =>
  event.altKey
    ? false
    : ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "v") ||
      (event.shiftKey && !event.ctrlKey && !event.metaKey && event.key === "Insert");
