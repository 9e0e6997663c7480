/**
 * Why: ties one shell's byte stream to a terminal: drawing, typing, and a size that fits the place it has.
 * Rules: bytes go in and out as they are; the terminal decodes UTF-8 itself. Who types has the size: it is asked for when
 * the place changes or the terminal gets the focus, never as an answer to somebody else's size.
 */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { letStylesThrough } from "../../csp";
import type { ShellStream } from "../../live/shell";

export interface TerminalView {
  focus(): void;
  close(): void;
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

export function openTerminal(host: HTMLElement, stream: ShellStream): TerminalView {
  letStylesThrough();
  const terminal = new Terminal({
    theme,
    fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "Liberation Mono", monospace',
    fontSize: 14,
    scrollback: 10_000,
    cursorBlink: false,
    ...stream.size,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(host);

  const encoder = new TextEncoder();
  terminal.onData((text) => stream.input(encoder.encode(text)));
  terminal.onBinary((text) => stream.input(Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff)));
  stream.drawOn({
    write: (bytes, done) => terminal.write(bytes, done),
    resize: (cols, rows) => terminal.resize(cols, rows),
    reset: () => terminal.reset(),
  });

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

  return {
    focus: () => terminal.focus(),
    close: () => {
      observer.disconnect();
      terminal.dispose();
    },
  };
}
