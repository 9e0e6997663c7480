/**
 * Why: plays recordings in a session's report: the screen in a canvas, shells in the terminal player.
 * Rules: nothing loads before it is wanted; a recording that cannot be played leaves a sentence that says what to do.
 */
import "asciinema-player/dist/bundle/asciinema-player.css";
import "./replay.css";
import { loadLanguage, t } from "../../../console/src/i18n";
import { type Decoder, ScreenPlayer } from "./player";
import { followProgress } from "./progress";
import { shellControls } from "./shell";
import { element } from "./elements";
import { type Around, eventList } from "./events";
import { RecordedPointer } from "./pointer";
import { type IndexFile, blocksOf, firstPicture } from "./timeline";
import { type Thumbnails, whenMade } from "./thumbnails";
import { type ReplayView, fillThumbnails, replayView } from "./view";

interface ScreenModule {
  ScreenDecoder: new (canvas: HTMLCanvasElement) => Decoder;
}

const screenModule = import.meta.glob<ScreenModule>("../../../console/src/live/screen/index.ts");

async function fetched(address: string | URL, signal?: AbortSignal): Promise<Response> {
  const answer = await fetch(address, { credentials: "same-origin", signal: signal ?? null });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer;
}

async function startScreen(place: HTMLElement): Promise<void> {
  const address = place.dataset["screen"] ?? "";
  const open = element("button", { type: "button" }, t("Open the screen recording"));
  const status = element("p", { role: "status" });
  place.replaceChildren(open, status);
  open.addEventListener("click", () => {
    open.disabled = true;
    status.textContent = t("Loading…");
    openScreen(place, address).catch(() => {
      open.disabled = false;
      status.textContent = t("The screen recording could not be opened. Reload the page and try again.");
    });
  });
}

async function openScreen(place: HTMLElement, address: string): Promise<void> {
  const load = screenModule["../../../console/src/live/screen/index.ts"];
  if (!load) throw new Error("this build cannot decode screens");
  const [module, index] = await Promise.all([load(), fetched(address).then((r) => r.json() as Promise<IndexFile>)]);
  const part = (name: string, query: Readonly<Record<string, string>> = {}): URL => {
    const from = new URL(name, new URL(address, location.href));
    for (const [key, value] of Object.entries({ ...query, view: index.view })) from.searchParams.set(key, value);
    return from;
  };
  const failed = (): void => view.say(t("A part of this recording is damaged or could not be loaded; it is left out."));
  const events = eventList(
    (at, groups) => fetched(part("events.json", { at: String(Math.round(at)), show: groups.join(",") })).then((r) => r.json() as Promise<Around>),
    (at) => void player.seek(at),
    () => view.say(t("What was said and done could not be loaded. Reload the page and try again.")),
  );
  const view = replayView(index, events);
  const pointer = new RecordedPointer();
  const player = new ScreenPlayer({
    index,
    decoder: (size) => decoderFor(view, module, size, pointer),
    cursor: (payload) => pointer.shape(payload),
    pointer: (payload) => pointer.place(payload),
    fetch: async (segment, first, last, signal) => {
      const { body } = await fetched(part(`${segment}/${first}-${last}`), signal);
      if (!body) throw new Error("no answer");
      return body;
    },
    changed: () => view.update(player),
    failed,
  });
  view.connect(player);
  place.replaceChildren(view.root);
  view.update(player);
  void whenMade(() => fetched(part("thumbnails.json")).then((r) => r.json() as Promise<Thumbnails>)).then((times) =>
    fillThumbnails(view.strip, times, (number) => part(`thumbnails/${number}.jpg`).href, (at) => void player.seek(at)),
  );
  // What was recorded before the first picture is an empty stage: nobody should have to wait for it.
  await player.seek(firstPicture(blocksOf(index)));
  run(player);
}

/** A canvas of its own for every size: what an older one still draws does not touch the picture. */
function decoderFor(view: ReplayView, module: ScreenModule, size: { width: number; height: number } | null, pointer: RecordedPointer): Decoder {
  const canvas = element("canvas", { role: "img", "aria-label": t("Recorded screen") });
  canvas.width = size?.width ?? 640;
  canvas.height = size?.height ?? 360;
  view.stage.replaceChildren(element("div", { class: "screen" }, canvas, pointer.over(canvas)));
  return new module.ScreenDecoder(canvas);
}

function run(player: ScreenPlayer): void {
  let last = performance.now();
  const tick = (now: number): void => {
    const elapsed = Math.min(now - last, 250);
    last = now;
    void player.pass(elapsed).finally(() => requestAnimationFrame(tick));
  };
  requestAnimationFrame(tick);
}

function startShell(button: HTMLButtonElement): void {
  button.addEventListener("click", async () => {
    const into = document.getElementById(button.dataset["into"] ?? "");
    if (!into) return;
    button.disabled = true;
    try {
      const [{ create }, cast] = await Promise.all([
        import("asciinema-player"),
        fetched(button.dataset["cast"] ?? "").then((r) => r.text()),
      ]);
      const terminal = element("div");
      into.replaceChildren(terminal);
      const player = create({ data: cast }, terminal, {
        fit: "width",
        idleTimeLimit: 2,
        autoPlay: true,
        preload: true,
        controls: false,
      });
      into.append(shellControls(player));
    } catch {
      button.disabled = false;
      into.textContent = t("This shell could not be played. Download its recording instead.");
    }
  });
}

async function start(): Promise<void> {
  await loadLanguage(document.documentElement.lang);
  for (const place of document.querySelectorAll<HTMLElement>("[data-screen]")) void startScreen(place);
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-cast]")) startShell(button);
  for (const place of document.querySelectorAll<HTMLElement>("[data-progress]")) followProgress(place);
}

void start();
