/**
 * Why: text from the clipboard is typed into a computer, and a line end runs what stands before it.
 * Rules: control characters never go along (they could end a bracketed paste and type on), except tabs and line ends.
 * Lines are pasted without a question only into programs that asked to be told what is pasted (bracketed paste).
 */

/** More than this is a file: it is transferred as one. */
export const MAX_PASTE = 512 * 1024;

export interface Paste {
  readonly text: string;
  /** How many lines would be run at once: 0 when a person need not be asked. */
  readonly lines: number;
  /** It has more than MAX_PASTE bytes, and is not pasted. */
  readonly tooLong: boolean;
}

const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** Look at text from the clipboard. `bracketed`: the program in the shell asked to be told what is pasted. */
export function judgePaste(clipboard: string, bracketed: boolean): Paste {
  const text = clipboard.replace(CONTROL, "").replace(/\r\n?/g, "\n");
  const ends = text.split("\n").length - 1;
  return {
    text,
    lines: bracketed || !ends ? 0 : ends + (text.endsWith("\n") ? 0 : 1),
    tooLong: new TextEncoder().encode(text).byteLength > MAX_PASTE,
  };
}
