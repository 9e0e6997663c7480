/**
 * Why: ties one shell's byte stream to a terminal: drawing, typing, finding, copying, and a size that fits its place.
 * Rules: bytes go in and out as they are; the terminal decodes UTF-8 itself. Who types has the size: it is asked for when
 * the place changes or the terminal gets the focus, never as an answer to somebody else's size. What the remote computer
 * prints can name the tab and ask where the cursor is; it cannot open pages, and neither reads nor writes the clipboard.
 */
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { letStylesThrough } from "../../csp";
import { tn } from "../../i18n";
import type { ShellStream } from "../../live/shell";
import { judgePaste, type Paste } from "./paste";

/** What a terminal asks its surroundings for. */
export interface TerminalPlace {
  /** Ask a person before this is pasted, or say why it is not. */
  askPaste(paste: Paste): void;
  /** A person pressed a link that the remote computer printed. */
  askLink(address: string): void;
  /** A person wants the terminal's menu there (in the window). */
  menu(x: number, y: number): void;
  find(): void;
  copy(): void;
  /** How many places were found, and which of them is shown (-1: none). */
  found(count: number, at: number): void;
}

export interface TerminalView {
  focus(): void;
  close(): void;
  setFontSize(pixels: number): void;
  /** What is selected; empty when nothing is. */
  selection(): string;
  selectAll(): void;
  clear(): void;
  /** Type text from the clipboard, after a question if there must be one. */
  paste(clipboard: string): void;
  /** Type it, the question having been answered. */
  pasteNow(paste: Paste): void;
  find(text: string, back: boolean, typing?: boolean): void;
  endFind(): void;
}

const theme = {
  background: "#0d1117",
  foreground: "#d5dce4",
  cursor: "#7cb8f2",
  cursorAccent: "#0d1117",
  selectionBackground: "#2f4a66",
  black: "#3b4654",
  red: "#ff7b72",
  green: "#56d364",
  yellow: "#e3b341",
  blue: "#79b8ff",
  magenta: "#d2a8ff",
  cyan: "#56d4dd",
  white: "#c9d3dd",
  brightBlack: "#7d8b99",
  brightRed: "#ffa198",
  brightGreen: "#7ee787",
  brightYellow: "#f2cc60",
  brightBlue: "#a5d0ff",
  brightMagenta: "#e2c5ff",
  brightCyan: "#8be4ea",
  brightWhite: "#ffffff",
};

const marks = {
  matchBackground: "#5a4a00",
  matchOverviewRuler: "#e3b341",
  activeMatchBackground: "#9e6a03",
  activeMatchColorOverviewRuler: "#ffffff",
};

/**
 * Most bytes that are drawn in one go. The terminal lets the page's events come between two pieces, after 12 ms of drawing;
 * a frame of short lines (16 KiB are 5,000 of them) would be drawn for a tenth of a second and more.
 */
const SLICE = 1024;

/** Ends whatever sequence was cut, and brings colours, margins and character sets back to how they begin. */
const CUT = "\x18\x1b[!p\x1b(B\x0f";
/** Switches off what a program that is gone may have switched on: its screen, the mouse, reports of focus and pastes. */
const OFF = [1049, 47, 1000, 1002, 1003, 1004, 1006, 2004].map((mode) => `\x1b[?${mode}l`).join("");

export function openTerminal(host: HTMLElement, stream: ShellStream, fontSize: number, place: TerminalPlace): TerminalView {
  letStylesThrough();
  const terminal = new Terminal({
    theme,
    fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "Liberation Mono", monospace',
    fontSize,
    scrollback: 10_000,
    cursorBlink: false,
    allowProposedApi: true,
    linkHandler: { activate: (_event, address) => place.askLink(address) },
    ...stream.size,
  });
  const fit = new FitAddon();
  const search = new SearchAddon({ highlightLimit: 500 });
  terminal.loadAddon(fit);
  terminal.loadAddon(search);
  terminal.loadAddon(new UnicodeGraphemesAddon());
  // Widths by character, as programs count them; by clusters the cursor would be elsewhere than they believe.
  terminal.unicode.activeVersion = "15";
  terminal.open(host);

  const encoder = new TextEncoder();
  terminal.onData((text) => stream.input(encoder.encode(text)));
  terminal.onBinary((text) => stream.input(Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff)));
  terminal.onTitleChange((title) => stream.rename(title));
  search.onDidChangeResults(({ resultCount, resultIndex }) => place.found(resultCount, resultIndex));
  drawOn(terminal, stream);
  const stopKeys = takeKeys(terminal, host, place, (text) => view.paste(text));

  function takeSize(): void {
    const size = host.offsetParent === null ? undefined : fit.proposeDimensions();
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows) || stream.closed) return;
    const [cols, rows] = [Math.min(1000, Math.max(2, size.cols)), Math.min(1000, Math.max(1, size.rows))];
    terminal.resize(cols, rows);
    stream.resize(cols, rows);
  }
  const observer = new ResizeObserver(() => requestAnimationFrame(takeSize));
  observer.observe(host);
  terminal.textarea?.addEventListener("focus", takeSize);
  takeSize();

  const view: TerminalView = {
    focus: () => terminal.focus(),
    close: () => {
      observer.disconnect();
      stopKeys();
      terminal.dispose();
    },
    setFontSize: (pixels) => {
      terminal.options.fontSize = pixels;
      takeSize();
    },
    selection: () => terminal.getSelection(),
    selectAll: () => terminal.selectAll(),
    clear: () => terminal.clear(),
    paste: (clipboard) => {
      const paste = judgePaste(clipboard, terminal.modes.bracketedPasteMode);
      if (paste.lines || paste.tooLong) place.askPaste(paste);
      else view.pasteNow(paste);
    },
    pasteNow: (paste) => {
      terminal.paste(paste.text);
      terminal.focus();
    },
    find: (text, back, typing = false) => {
      const options = { decorations: marks, incremental: typing && !back };
      if (!text) view.endFind();
      else if (back) search.findPrevious(text, options);
      else search.findNext(text, options);
    },
    endFind: () => {
      search.clearDecorations();
      terminal.clearSelection();
      place.found(0, -1);
    },
  };
  return view;
}

/** Draw the stream; answer its questions, but not those of output that was drawn somewhere before. */
function drawOn(terminal: Terminal, stream: ShellStream): void {
  let replaying = false;
  let latest = false;
  const silent = (): boolean => replaying || !stream.answers;
  for (const id of [
    { final: "c" },
    { prefix: ">", final: "c" },
    { prefix: "=", final: "c" },
    { final: "n" },
    { prefix: "?", final: "n" },
    { intermediates: "$", final: "p" },
    { prefix: "?", intermediates: "$", final: "p" },
  ]) {
    terminal.parser.registerCsiHandler(id, silent);
  }
  terminal.parser.registerDcsHandler({ intermediates: "$", final: "q" }, silent);
  for (const colour of [4, 10, 11, 12]) {
    terminal.parser.registerOscHandler(colour, (data) => data.includes("?") && silent());
  }
  stream.drawOn({
    write: (bytes, done, replayed) => {
      if (replayed !== latest) {
        latest = replayed;
        terminal.write("", () => (replaying = replayed)); // in its turn, behind what waits
      }
      for (let at = 0; at < bytes.byteLength; at += SLICE) {
        const last = at + SLICE >= bytes.byteLength;
        terminal.write(bytes.subarray(at, at + SLICE), last ? done : undefined);
      }
    },
    gap: (missing, modes) => {
      const text = tn(
        "{n} byte of output is missing here: it is no longer kept.",
        "{n} bytes of output are missing here: they are no longer kept.",
        missing,
      );
      terminal.write(`${CUT}${modes === null ? "" : OFF}\r\n\x1b[7m ${text} \x1b[0m\r\n${modes ?? ""}`);
    },
    resize: (cols, rows) => terminal.resize(cols, rows),
    reset: () => terminal.reset(),
  });
}

/** Keys and events that are the page's; all others are the shell's. Returns how to stop. */
function takeKeys(terminal: Terminal, host: HTMLElement, place: TerminalPlace, paste: (text: string) => void): () => void {
  terminal.attachCustomKeyEventHandler((event) => {
    const shifted = event.ctrlKey && event.shiftKey && !event.altKey;
    if (shifted && event.code === "KeyV") return false; // the browser pastes
    const act =
      shifted && event.code === "KeyF"
        ? place.find
        : (shifted && event.code === "KeyC") || (event.ctrlKey && !event.shiftKey && event.code === "Insert")
          ? place.copy
          : null;
    if (!act) return true;
    event.preventDefault();
    if (event.type === "keydown") act();
    return false;
  });
  const stop = new AbortController();
  const options = { capture: true, signal: stop.signal };
  host.addEventListener(
    "paste",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
      paste(event.clipboardData?.getData("text/plain") ?? "");
    },
    options,
  );
  host.addEventListener(
    "contextmenu",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
      // A program that listens to the mouse has had this button; Shift keeps it from the program.
      if (terminal.modes.mouseTrackingMode === "none" || event.shiftKey) place.menu(event.clientX, event.clientY);
    },
    options,
  );
  return () => stop.abort();
}
