/**
 * Why: screen sharing of one session as a tool: what a person asks of it, and the view that does it.
 * Rules: the view with its decoders is the heaviest part of the console: it is fetched when it is first used. It draws on
 * the canvas that the pane gives, and goes with it.
 */
import { t } from "../../i18n";
import { Clipboard } from "../../live/clipboard";
import { Handlers } from "../../live/socket";
import type { Tool } from "../../live/tool";
import { Grant } from "../../wire/channels";
import { SCREEN_OFF as OFF, type Colours, type LegPort, type ScreenPort, type ScreenState } from "../../wire/port";

async function load(leg: LegPort, canvas: HTMLCanvasElement): Promise<ScreenPort> {
  const { ScreenView } = await import("../../live/screen");
  return new ScreenView(leg, canvas);
}

export class ScreenTool implements Tool {
  readonly #leg: LegPort;
  readonly #load: typeof load;
  readonly #changed = new Handlers<[]>();
  readonly #stop: () => void;
  readonly clipboard: Clipboard;
  #canvas: HTMLCanvasElement | null = null;
  #view: ScreenPort | null = null;
  #state = OFF;
  #loading = false;
  #colours: Colours = "video";
  #pastes = false;

  constructor(leg: LegPort, loader = load, clipboard = new Clipboard(leg)) {
    this.#leg = leg;
    this.#load = loader;
    this.clipboard = clipboard;
    this.#stop = leg.ongrants((grants) => {
      if (!(grants & Grant.SCREEN_VIEW) && this.#state.sharing !== "off") this.stop();
    });
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  /** What draws and types; null before it is fetched. */
  get view(): ScreenPort | null {
    return this.#view;
  }

  get state(): ScreenState {
    return this.#loading ? { ...this.#state, sharing: "asking" } : this.#state;
  }

  /** The viewer is being fetched: there is nothing to stop yet. */
  get loading(): boolean {
    return this.#loading;
  }

  /** Whether mouse and keyboard are ours, or asked for. */
  get controlling(): boolean {
    return this.#state.control === "mine" || this.#state.control === "asking";
  }

  /** What the picture may cost; it stays so as long as the session is open in this tab. */
  get colours(): Colours {
    return this.#colours;
  }

  choose(colours: Colours): void {
    this.#colours = colours;
    this.#view?.choose(colours);
    this.#changed.call();
  }

  /** Files may be pasted onto the screen now. */
  set pastes(pastes: boolean) {
    this.#pastes = pastes;
    if (this.#view) this.#view.pastes = pastes;
  }

  /** Draw here until the returned function is called. */
  drawOn(canvas: HTMLCanvasElement): () => void {
    this.#canvas = canvas;
    return () => {
      if (this.#canvas !== canvas) return;
      this.#canvas = null;
      this.#drop();
    };
  }

  async start(): Promise<void> {
    const canvas = this.#canvas;
    if (!canvas || this.#loading) return;
    if (!this.#view) {
      this.#become(OFF, true);
      try {
        const view = await this.#load(this.#leg, canvas);
        if (this.#canvas !== canvas) {
          view.close();
          this.#become(OFF);
          return;
        }
        view.onstate = (state) => this.#become(state);
        view.pastes = this.#pastes;
        this.#view = view;
      } catch (error) {
        console.error(error);
        this.#become({ ...OFF, text: t("The screen viewer could not be loaded. Reload the page and try again.") });
        return;
      }
    }
    this.#loading = false;
    this.#view.choose(this.#colours);
    this.#view.start();
  }

  stop(): void {
    this.#view?.stop();
  }

  /** Ask for mouse and keyboard, or give them back. */
  toggleControl(): void {
    if (this.controlling) this.#view?.releaseControl();
    else this.#view?.requestControl();
  }

  /** Whether mouse and keyboard of the person there are disabled by us, or about to be. */
  get blocking(): boolean {
    return this.#state.block === "mine" || this.#state.block === "asking";
  }

  /** Disable mouse and keyboard of the person there, or give them back. */
  toggleBlock(): void {
    this.#view?.block(!this.blocking);
  }

  close(): void {
    this.#canvas = null;
    this.#stop();
    this.clipboard.close();
    this.#drop();
  }

  #drop(): void {
    this.#view?.close();
    this.#view = null;
    this.#become(OFF);
  }

  #become(state: ScreenState, loading = false): void {
    this.#state = state;
    this.#loading = loading;
    this.#changed.call();
  }
}
