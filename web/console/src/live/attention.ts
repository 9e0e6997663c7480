/**
 * Why: a person who works in another tab or program learns that something waits here: a number before the page's title,
 * and the browser's own notification where the person has allowed it.
 * Rules: a notification comes only while the page is hidden, once for each thing that waits; it shows names, which are
 * text, and a click on it leads to the details.
 */
export interface News {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** Show what it is about. */
  open(): void;
}

/** The browser, as far as it is needed; null where notifications do not exist. */
export interface Page {
  title: string;
  readonly hidden: boolean;
  readonly permission: NotificationPermission | null;
  ask(): Promise<NotificationPermission>;
  notify(news: News): void;
}

export function pageOf(window: Window & typeof globalThis): Page {
  const offered = "Notification" in window;
  return {
    get title() {
      return window.document.title;
    },
    set title(title: string) {
      window.document.title = title;
    },
    get hidden() {
      return window.document.hidden;
    },
    get permission() {
      return offered ? window.Notification.permission : null;
    },
    ask: () => window.Notification.requestPermission(),
    notify: ({ id, title, text, open }) => {
      const shown = new window.Notification(title, { body: text, tag: id });
      shown.onclick = () => {
        window.focus();
        open();
        shown.close();
      };
    },
  };
}

export class Attention {
  readonly #page: Page;
  readonly #title: string;
  #told = "";

  constructor(page: Page) {
    this.#page = page;
    this.#title = page.title;
  }

  /** Whether a person can still be asked for leave to notify. */
  get askable(): boolean {
    return this.#page.permission === "default";
  }

  async ask(): Promise<void> {
    if (this.askable) await this.#page.ask();
  }

  /** So many things wait unseen; the newest of them, if any, is told of once. */
  tell(count: number, newest: News | null): void {
    this.#page.title = count ? `(${count}) ${this.#title}` : this.#title;
    if (!newest || newest.id === this.#told) return;
    this.#told = newest.id;
    if (this.#page.hidden && this.#page.permission === "granted") this.#page.notify(newest);
  }
}
