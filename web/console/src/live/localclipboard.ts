/**
 * Why: the clipboard of the person's own computer, as browsers give it to pages: each a little differently, in one place.
 * Rules: text has LF line ends inside; a picture is PNG. What a browser does not know it does not allow.
 */

export interface Content {
  readonly format: "text" | "png";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface LocalClipboard {
  /** What it holds; null when that is nothing of ours. Throws when the browser or the person does not allow it. */
  read(): Promise<Content | null>;
  write(content: Content): Promise<void>;
  /** Whether the page may do it without a person's click. */
  may(what: "read" | "write"): Promise<boolean>;
  /** The page has the keyboard now. */
  focused(): boolean;
  /** Call `handler` when the person comes to this page, or copied something in it. */
  onfocus(handler: () => void): () => void;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const PNG = "image/png";

export const browserClipboard: LocalClipboard = {
  async read() {
    for (const item of await navigator.clipboard.read()) {
      if (item.types.includes("text/plain")) {
        const text = (await (await item.getType("text/plain")).text()).replace(/\r\n?/g, "\n");
        return { format: "text", bytes: encoder.encode(text) };
      }
      if (item.types.includes(PNG)) {
        return { format: "png", bytes: new Uint8Array(await (await item.getType(PNG)).arrayBuffer()) };
      }
    }
    return null;
  },

  async write({ format, bytes }) {
    if (format === "text") await navigator.clipboard.writeText(decoder.decode(bytes));
    else await navigator.clipboard.write([new ClipboardItem({ [PNG]: new Blob([bytes], { type: PNG }) })]);
  },

  async may(what) {
    try {
      const found = await navigator.permissions.query({ name: `clipboard-${what}` as PermissionName });
      return found.state === "granted";
    } catch {
      return false;
    }
  },

  focused: () => document.hasFocus(),

  onfocus(handler) {
    // The copied text is in the clipboard after the event only.
    const copied = (): void => void setTimeout(handler, 0);
    window.addEventListener("focus", handler);
    document.addEventListener("copy", copied);
    document.addEventListener("cut", copied);
    return () => {
      window.removeEventListener("focus", handler);
      document.removeEventListener("copy", copied);
      document.removeEventListener("cut", copied);
    };
  },
};
