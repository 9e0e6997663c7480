/**
 * Why: keyboard events as X11 keysyms: named keys by table, characters by code point (Latin-1 as it is, all others
 * 0x01000000 + code point; X11 protocol, appendix A).
 */

const NAMED: Readonly<Record<string, number>> = {
  Backspace: 0xff08, Tab: 0xff09, Enter: 0xff0d, Pause: 0xff13, ScrollLock: 0xff14, Escape: 0xff1b, Delete: 0xffff,
  Home: 0xff50, ArrowLeft: 0xff51, ArrowUp: 0xff52, ArrowRight: 0xff53, ArrowDown: 0xff54, PageUp: 0xff55,
  PageDown: 0xff56, End: 0xff57, Select: 0xff60, PrintScreen: 0xff61, Execute: 0xff62, Insert: 0xff63, Undo: 0xff65,
  Redo: 0xff66, ContextMenu: 0xff67, Find: 0xff68, Cancel: 0xff69, Help: 0xff6a, NumLock: 0xff7f, CapsLock: 0xffe5,
  AltGraph: 0xfe03, KanjiMode: 0xff21, NonConvert: 0xff22, Convert: 0xff23, Hiragana: 0xff25, Katakana: 0xff26,
  ZenkakuHankaku: 0xff2a, Eisu: 0xff2f, HangulMode: 0xff31, HanjaMode: 0xff34, ModeChange: 0xff7e,
  AudioVolumeDown: 0x1008ff11, AudioVolumeMute: 0x1008ff12, AudioVolumeUp: 0x1008ff13, MediaPlayPause: 0x1008ff14,
  MediaStop: 0x1008ff15, MediaTrackPrevious: 0x1008ff16, MediaTrackNext: 0x1008ff17,
}; // prettier-ignore

/** Keys that exist twice: left (or the only one) and right. */
const SIDED: Readonly<Record<string, readonly [number, number]>> = {
  Shift: [0xffe1, 0xffe2],
  Control: [0xffe3, 0xffe4],
  Alt: [0xffe9, 0xffea],
  Meta: [0xffeb, 0xffec],
  OS: [0xffeb, 0xffec],
  Super: [0xffeb, 0xffec],
};

const RIGHT = 2;
const NUMPAD = 3;

/** The keysym of one character, by its code point. */
export function keysymOfCodePoint(code: number): number {
  if (code === 0x0a || code === 0x0d) return NAMED["Enter"]!;
  if (code === 0x09) return NAMED["Tab"]!;
  return (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0xff) ? code : 0x01000000 + code;
}

/** The keysyms of a text, one per code point; other control characters are left out. */
export function keysymsOfText(text: string): number[] {
  return Array.from(text.replace(/\r\n/g, "\n"), (letter) => letter.codePointAt(0)!)
    .filter((code) => code >= 0x20 ? code !== 0x7f : code === 0x09 || code === 0x0a || code === 0x0d)
    .map(keysymOfCodePoint);
}

/** The keysym of a key event, or null when it means nothing by itself (dead keys, keys of an input method). */
export function keysymOfKey(event: { readonly key: string; readonly location: number }): number | null {
  const { key, location } = event;
  if (key === "Enter" && location === NUMPAD) return 0xff8d;
  const sided = SIDED[key];
  if (sided) return sided[location === RIGHT ? 1 : 0];
  const named = NAMED[key];
  if (named !== undefined) return named;
  const fn = /^F([1-9]|[12][0-9]|3[0-5])$/.exec(key);
  if (fn) return 0xffbd + Number(fn[1]);
  const letters = Array.from(key);
  return letters.length === 1 && letters[0]!.codePointAt(0)! >= 0x20 ? keysymOfCodePoint(letters[0]!.codePointAt(0)!) : null;
}
