/**
 * Why: the remote screen in a session view: asks for it, draws it, and sends mouse and keyboard while we have control.
 * Rules: one view per leg. After a reconnect it asks again by itself for what the person had.
 */
import { t } from "../../i18n";
import { channelOf, Input, Kind, Screen } from "../../wire/channels";
import { BLOCK, encodeAck, encodeBlock, encodeKey, encodePointer, encodeText, encodeWheel } from "../../wire/layouts";
import { decodeJson, decodeScreenStarted, encodeJson } from "../../wire/messages";
import { SCREEN_OFF, type Colours, type LegPort, type Rates, type ScreenPort, type ScreenState } from "../../wire/port";
import { cssCursor } from "./cursor";
import { ScreenDecoder } from "./decoder";
import { loadZstd, videoCodecs } from "./encodings";
import { Keyboard } from "./keyboard";
import { Pointer, type PointerTarget } from "./pointer";
import { Meter } from "./rates";
import { Stage, type Fit } from "./stage";
import { StickyKeys } from "./sticky";
import { Windows } from "./windows";

/** Why mouse and keyboard there are not blocked any more, or not at all. */
function blockEnded(reason: string, text: string): string {
  if (reason === "person") return t("The person there pressed Ctrl-Alt-Del: mouse and keyboard there work again.");
  if (reason === "question") return t("The customer is being asked something: mouse and keyboard there work again.");
  return text;
}

const SCREEN = channelOf(Kind.SCREEN);
const INPUT = channelOf(Kind.INPUT);
const REFRESH_MS = 2000;
/** Longest text that is typed at once, in bytes. */
const MOST_TEXT = 4096;

export class ScreenView implements ScreenPort, PointerTarget {
  onstate: ((state: ScreenState) => void) | null = null;
  readonly #leg: LegPort;
  readonly #canvas: HTMLCanvasElement;
  readonly #decoder: ScreenDecoder;
  readonly #keyboard: Keyboard;
  readonly #pointer: Pointer;
  readonly #sticky: StickyKeys;
  readonly #stage: Stage | null;
  readonly #meter = new Meter();
  readonly #windows: Windows;
  readonly #stop = new AbortController();
  readonly #undo: (() => void)[];
  #state = SCREEN_OFF;
  #colours: Colours = "video";
  #monitor = "";
  #cursor = "default";
  #refreshAt = 0;
  /** All updates up to the newest one are drawn and acknowledged. */
  #acked: Promise<unknown> = Promise.resolve();
  /** Number of the newest text that was typed at once. */
  #texts = 0;

  constructor(leg: LegPort, canvas: HTMLCanvasElement) {
    this.#leg = leg;
    this.#canvas = canvas;
    this.#decoder = new ScreenDecoder(canvas);
    this.#keyboard = new Keyboard(canvas, (keysym, down) => this.key(keysym, down));
    this.#sticky = new StickyKeys(
      (keysym, down) => this.#key(keysym, down),
      () => this.#set({ held: this.#sticky.held }),
    );
    this.#pointer = new Pointer(canvas, this);
    this.#windows = new Windows(canvas, this);
    const [view, place] = [canvas.parentElement, canvas.parentElement?.parentElement];
    this.#stage = view && place ? new Stage(place, view, canvas) : null;
    canvas.addEventListener("focus", () => this.active && this.#keyboard.focus(), { signal: this.#stop.signal });
    window.addEventListener("blur", () => this.#letGo(), { signal: this.#stop.signal });
    this.#undo = [
      leg.on(Kind.SCREEN, (type, _channel, payload) => this.#screen(type, payload)),
      leg.on(Kind.INPUT, (type, _channel, payload) => this.#input(type, payload)),
      leg.onopen(() => this.#reopened()),
      leg.onclose(() => this.#letGo()),
    ];
  }

  get state(): ScreenState {
    return this.#state;
  }

  /** We have control. */
  get active(): boolean {
    return this.#state.control === "mine";
  }

  start(): void {
    this.#set({ sharing: "asking", text: "" });
    // Loading goes on while the other side is asked; drawing waits for it by itself.
    loadZstd().catch((error: unknown) => {
      console.error(error);
      this.#set({ text: t("The screen viewer could not be loaded. Reload the page and try again.") });
    });
    void this.#ask();
  }

  choose(colours: Colours): void {
    if (colours === this.#colours) return;
    this.#colours = colours;
    if (this.#state.sharing !== "off") void this.#ask();
  }

  set pastes(pastes: boolean) {
    this.#keyboard.pastes = pastes;
  }

  look(monitor: string): void {
    this.#monitor = monitor;
    if (monitor) this.#windows.follow([]); // theirs are not sent any more
    if (this.#state.sharing !== "off") void this.#ask();
  }

  openWindow(id: string): void {
    const monitor = this.#state.monitors.find((one) => one.id === id);
    if (!monitor) return;
    if (this.#monitor) this.look("");
    try {
      this.#windows.open(monitor);
      this.#shape(this.#cursor);
    } catch {
      this.#set({ text: t("This browser does not open another window. Allow pop-ups for this page, and try again.") });
    }
  }

  draw(fit: Fit): void {
    this.#set({ fit });
    this.#lay();
  }

  rates(): Rates {
    return this.#meter.read();
  }

  stop(): void {
    this.releaseControl();
    this.#leg.send(Screen.STOP, SCREEN);
    this.#set({ sharing: "off", text: "" });
  }

  requestControl(): void {
    this.#set({ control: "asking", text: "" });
    this.#leg.send(Input.REQUEST, INPUT);
  }

  releaseControl(): void {
    if (this.#state.control !== "mine" && this.#state.control !== "asking") return;
    this.#letGo();
    this.#leg.send(Input.RELEASE, INPUT);
    this.#set({ control: "none" });
  }

  block(on: boolean): void {
    this.#set({ block: on ? "asking" : "none", text: "" });
    this.#leg.send(Input.BLOCK, INPUT, encodeBlock(on ? BLOCK.DISABLE : BLOCK.GIVE_BACK));
  }

  close(): void {
    if (this.#state.sharing !== "off") this.stop();
    for (const undo of this.#undo) undo();
    this.#stop.abort();
    this.#pointer.close();
    this.#stage?.close();
    this.#windows.close();
    this.#keyboard.close();
    this.onstate = null;
  }

  focus(): void {
    this.#keyboard.focus();
  }

  pan(dx: number, dy: number): void {
    this.#stage?.pan(dx, dy);
  }

  zoom(factor: number, x: number, y: number): void {
    this.#stage?.zoomBy(factor, x, y);
  }

  get larger(): boolean {
    return this.#stage?.larger ?? false;
  }

  pointer(x: number, y: number, buttons: number): void {
    this.#meter.sent();
    this.#leg.send(Input.POINTER, INPUT, encodePointer(x, y, buttons));
  }

  wheel(dx: number, dy: number): void {
    this.#leg.send(Input.WHEEL, INPUT, encodeWheel(dx, dy));
  }

  hold(modifier: number): void {
    if (this.active) this.#sticky.toggle(modifier);
  }

  strike(keysyms: readonly number[]): void {
    if (this.active) this.#sticky.strike(keysyms);
  }

  typeSecret(text: string): void {
    const bytes = new TextEncoder().encode(text);
    if (!this.active || !bytes.byteLength) return;
    if (bytes.byteLength > MOST_TEXT) {
      this.#set({ text: t("This text is too long to be typed at once.") });
      return;
    }
    this.#letGo();
    this.#set({ text: "" });
    this.#texts = (this.#texts + 1) & 0xffff;
    this.#leg.send(Input.TEXT, INPUT, encodeText(this.#texts, true, bytes));
  }

  /** Nothing stays pressed. */
  #letGo(): void {
    this.#keyboard.releaseAll();
    this.#windows.letGo();
    this.#sticky.clear();
  }

  /** Begin, or begin anew in other colours: the picture stays until the new one covers it. */
  async #ask(): Promise<void> {
    const video = await videoCodecs();
    this.#set({ video: video.length > 0 });
    if (this.#state.sharing === "off") return;
    this.#leg.send(Screen.START, SCREEN, encodeJson({ max_fps: 60, colours: this.#colours, video, monitor: this.#monitor }));
  }

  /** A key of a real keyboard. */
  key(keysym: number, down: boolean): void {
    this.#key(keysym, down);
    if (!down) this.#sticky.struck(keysym);
  }

  #key(keysym: number, down: boolean): void {
    if (!this.active) return;
    this.#meter.sent();
    this.#leg.send(Input.KEY, INPUT, encodeKey(keysym, down));
  }

  #screen(type: number, payload: Uint8Array): void {
    if (type === Screen.UPDATE) this.#draw(payload);
    else if (type === Screen.CURSOR) this.#shape(cssCursor(payload));
    else if (type === Screen.STARTED) {
      const started = decodeScreenStarted(payload);
      this.#decoder.resize(started.width, started.height);
      this.#set(started);
      this.#windows.follow(started.monitors);
      this.#lay();
    } else if (type === Screen.STOPPED) {
      const { text } = decodeJson(payload);
      this.#letGo();
      this.#set({ sharing: "off", text: typeof text === "string" ? text : "" });
    }
  }

  #draw(payload: Uint8Array): void {
    const came = performance.now();
    this.#meter.came(payload);
    const seq = payload.byteLength >= 4 ? new DataView(payload.buffer, payload.byteOffset).getUint32(0, true) : 0;
    const drawn = this.#decoder
      .apply(payload)
      .then(() => {
        this.#windows.paint();
        if (this.#state.sharing === "asking") this.#set({ sharing: "on" });
      })
      .catch((error: unknown) => this.#broken(error));
    // Acknowledgements keep the order of the updates: the endpoint reads the line's rate from them.
    this.#acked = Promise.all([this.#acked, drawn]).then(() => {
      this.#leg.send(Screen.ACK, SCREEN, encodeAck(seq, Math.round((performance.now() - came) * 10)));
    });
  }

  /** An update could not be drawn: ask for the whole picture, not too often. */
  #broken(error: unknown): void {
    console.error(error);
    const now = performance.now();
    if (now < this.#refreshAt) return;
    this.#refreshAt = now + REFRESH_MS;
    this.#leg.send(Screen.REFRESH, SCREEN);
  }

  #input(type: number, payload: Uint8Array): void {
    if (type === Input.TYPED) {
      const { text: said } = decodeJson(payload);
      this.#set({ text: typeof said === "string" ? said : "" });
    }
    if (type === Input.BLOCKED) this.#blocked(payload);
    if (type !== Input.STATE) return;
    const { leg, pending, refused } = decodeJson(payload);
    const before = this.#state.control;
    const control =
      leg === this.#leg.leg ? "mine" : pending === this.#leg.leg ? "asking" : leg ? "other" : "none";
    const text = refused === true ? t("Control of mouse and keyboard was not allowed.") : this.#state.text;
    if (control !== "mine") this.#letGo();
    this.#set({ control, text: control === "mine" ? "" : text });
    if (control === "mine" && before !== "mine" && document.activeElement === this.#canvas) this.#keyboard.focus();
    this.#shape(this.#cursor);
  }

  #blocked(payload: Uint8Array): void {
    const said = decodeJson(payload);
    const mine = this.#leg.leg;
    const block = said["leg"] === mine ? "mine" : said["pending"] === mine ? "asking" : said["leg"] ? "other" : "none";
    // Whoever has it must say again and again that it is still wanted: who is gone keeps nobody out.
    if (block === "mine" && this.#state.block !== "none") this.#leg.send(Input.BLOCK, INPUT, encodeBlock(BLOCK.STILL));
    else if (block === "mine") return; // it was just given back
    const reason = typeof said["reason"] === "string" ? said["reason"] : "";
    const text = typeof said["text"] === "string" ? said["text"] : "";
    this.#set(reason ? { block, text: blockEnded(reason, text) } : { block });
  }

  #reopened(): void {
    const { sharing, control } = this.#state;
    this.#set({ block: "none" }); // it ended with the connection
    if (sharing !== "off") this.start();
    if (control === "mine" || control === "asking") this.requestControl();
  }

  #lay(): void {
    const { monitors, monitor, fit } = this.#state;
    this.#stage?.show(this.#state, monitors.find((one) => one.id === monitor) ?? null, fit);
  }

  #shape(cursor: string): void {
    this.#cursor = cursor;
    this.#canvas.style.cursor = this.active ? cursor : "default";
    this.#windows.shape(this.#canvas.style.cursor);
  }

  #set(change: Partial<ScreenState>): void {
    this.#state = { ...this.#state, ...change };
    this.onstate?.(this.#state);
  }
}
