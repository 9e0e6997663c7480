/**
 * Why: the windows of one view: at most one for each monitor, all of which see the same picture.
 * Rules: a window whose monitor is gone closes; so do all when the view goes, or when the page does.
 */
import type { ScreenMonitor } from "../../wire/messages";
import { MonitorWindow, type WindowHost } from "./window";

export class Windows {
  readonly #source: HTMLCanvasElement;
  readonly #host: Omit<WindowHost, "closed">;
  readonly #open = new Map<string, MonitorWindow>();
  readonly #leave = (): void => this.close();

  constructor(source: HTMLCanvasElement, host: Omit<WindowHost, "closed">) {
    this.#source = source;
    this.#host = host;
    window.addEventListener("pagehide", this.#leave);
  }

  /** Open one for this monitor, unless it has one. Throws when the browser does not open it. */
  open(monitor: ScreenMonitor): void {
    if (this.#open.has(monitor.id)) return;
    const host = this.#host;
    const made = new MonitorWindow(this.#source, monitor, {
      get active() {
        return host.active;
      },
      key: (keysym, down) => host.key(keysym, down),
      pointer: (x, y, buttons) => host.pointer(x, y, buttons),
      wheel: (dx, dy) => host.wheel(dx, dy),
      closed: () => this.#open.delete(monitor.id),
    });
    this.#open.set(monitor.id, made);
  }

  /** These monitors are there now. */
  follow(monitors: readonly ScreenMonitor[]): void {
    for (const [id, one] of [...this.#open]) {
      const monitor = monitors.find((other) => other.id === id);
      if (monitor) {
        one.show(monitor);
      } else {
        this.#open.delete(id);
        one.close();
      }
    }
  }

  paint(): void {
    for (const one of this.#open.values()) one.paint();
  }

  shape(cursor: string): void {
    for (const one of this.#open.values()) one.shape(cursor);
  }

  letGo(): void {
    for (const one of this.#open.values()) one.letGo();
  }

  close(): void {
    window.removeEventListener("pagehide", this.#leave);
    this.follow([]);
  }
}
