/**
 * Why: a browser window of its own for one remote monitor, as on a desk with several.
 * Rules: it has no connection: it shows a part of the picture that the session's view draws, and its mouse and keyboard go
 * through that view. It closes with the view, and with the monitor.
 */
import { t } from "../../i18n";
import type { ScreenMonitor } from "../../wire/messages";
import { Keyboard } from "./keyboard";
import { Pointer, type PointerTarget } from "./pointer";

/** What a window needs of the session's view. Positions are of the whole picture. */
export interface WindowHost {
  readonly active: boolean;
  key(keysym: number, down: boolean): void;
  pointer(x: number, y: number, buttons: number): void;
  wheel(dx: number, dy: number): void;
  /** The person closed it. */
  closed(): void;
}

export class MonitorWindow implements PointerTarget {
  readonly larger = false;
  readonly #window: Window;
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #source: HTMLCanvasElement;
  readonly #host: WindowHost;
  readonly #keyboard: Keyboard;
  readonly #pointer: Pointer;
  #monitor: ScreenMonitor;

  /** Throws when the browser does not open it. */
  constructor(source: HTMLCanvasElement, monitor: ScreenMonitor, host: WindowHost) {
    const { width, height } = monitor;
    const opened = window.open("", "", `popup,width=${Math.min(width, 1600)},height=${Math.min(height, 1000)}`);
    if (!opened) throw new Error("the window was not opened");
    this.#window = opened;
    this.#source = source;
    this.#monitor = monitor;
    this.#host = host;
    const { document } = opened;
    document.documentElement.lang = window.document.documentElement.lang;
    document.title = monitor.name;
    Object.assign(document.body.style, { margin: "0", background: "#0d1117", overflow: "hidden" });
    this.#canvas = document.createElement("canvas");
    this.#canvas.tabIndex = 0;
    this.#canvas.setAttribute("aria-label", t("Remote screen of {name}", { name: monitor.name }));
    Object.assign(this.#canvas.style, { display: "block", width: "100vw", height: "100vh", objectFit: "contain", outline: "0" });
    document.body.append(this.#canvas);
    const context = this.#canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser cannot draw on a canvas");
    this.#context = context;
    this.#keyboard = new Keyboard(this.#canvas, (keysym, down) => host.key(keysym, down));
    this.#pointer = new Pointer(this.#canvas, this);
    this.#canvas.addEventListener("focus", () => host.active && this.#keyboard.focus());
    opened.addEventListener("pagehide", () => this.#gone());
    this.show(monitor);
    this.#canvas.focus();
  }

  get active(): boolean {
    return this.#host.active;
  }

  /** The monitor has this place and size now. */
  show(monitor: ScreenMonitor): void {
    this.#monitor = monitor;
    this.#canvas.width = monitor.width;
    this.#canvas.height = monitor.height;
    this.paint();
  }

  /** The picture has changed. */
  paint(): void {
    const { x, y, width, height } = this.#monitor;
    this.#context.drawImage(this.#source, x, y, width, height, 0, 0, width, height);
  }

  shape(cursor: string): void {
    this.#canvas.style.cursor = cursor;
  }

  pointer(x: number, y: number, buttons: number): void {
    this.#host.pointer(this.#monitor.x + x, this.#monitor.y + y, buttons);
  }

  wheel(dx: number, dy: number): void {
    this.#host.wheel(dx, dy);
  }

  focus(): void {
    this.#keyboard.focus();
  }

  pan(): void {
    // The whole monitor is seen.
  }

  zoom(): void {
    // The window itself can be made larger.
  }

  letGo(): void {
    this.#keyboard.releaseAll();
  }

  close(): void {
    this.#keyboard.close();
    this.#pointer.close();
    this.#window.close();
  }

  #gone(): void {
    this.#keyboard.releaseAll();
    this.#pointer.close();
    this.#host.closed();
  }
}
