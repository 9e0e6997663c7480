/** Why: sizes of a terminal's text in pixels, known before the terminal's library is there. */
export const FONT_SIZES = { smallest: 8, usual: 14, largest: 32 } as const;
