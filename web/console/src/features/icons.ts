/** Why: the console's icons: outlines on a 24 by 24 grid, drawn with the text's colour. */
export const icons = {
  home: "M3 10.5 12 3l9 7.5M5.5 9v11h13V9M10 20v-6h4v6",
  plus: "M12 5v14M5 12h14",
  down: "m6 9 6 6 6-6",
  up: "m6 15 6-6 6 6",
  close: "M6 6l12 12M18 6 6 18",
  out: "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9",
  screen: "M3 5h18v12H3zM8 21h8M12 17v4",
  colours: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18M12 8h7.500M12 12h9M12 16h7.500",
  shell: "M3 4h18v16H3zM7 9l3 3-3 3M12.5 15H17",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  paste: "M8 5H5v16h14V5h-3M8 3h8v4H8z",
  check: "m5 12.5 5 5L19.5 7",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16.2 16.2 21 21",
  stop: "M7 7h10v10H7z",
  mouse: "M6 3l12 9-5.2 1.2L16 20l-2.6 1.1L10.300 14.400 6 18z",
  person: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4 21c0-4.500 3.600-7 8-7s8 2.500 8 7",
  people:
    "M9 5a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM2.500 20c0-3.700 2.900-5.500 6.500-5.500s6.500 1.800 6.500 5.500M16 5.300a3.500 3.500 0 0 1 0 6.500M18 14.800c2.200.8 3.500 2.500 3.500 5.200",
  computer: "M4 5h16v10H4zM2 19h20",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6z",
  power: "M12 3v9M7 6.300a8 8 0 1 0 10 0",
  restart: "M20 5v5h-5M19.300 10A8 8 0 1 0 20 13.500",
  keys: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  warn: "M12 4 2.500 20h19zM12 10v4.500M12 17.300v.4",
} as const;

export type IconName = keyof typeof icons;
