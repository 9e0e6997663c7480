/**
 * Why: the controls around a screen recording: buttons, slider, speeds, time, and what was said and done beside it.
 * Rules: every control has its name as text or label; texts of people and endpoints go in as text, never as markup.
 */
import { t } from "../../../console/src/i18n";
import type { ScreenPlayer } from "./player";
import { type IndexFile, clock, eventAt } from "./timeline";

const SPEEDS = [1, 2, 4] as const;
const STEP_MS = 5000;

type Attributes = Readonly<Record<string, string>>;

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export interface ReplayView {
  root: HTMLElement;
  stage: HTMLElement;
  /** Show what the player is at. */
  update(player: ScreenPlayer): void;
  /** Tie the controls to a player. */
  connect(player: ScreenPlayer): void;
  /** Tell a person that a part cannot be shown. */
  say(text: string): void;
}

export function replayView(index: IndexFile): ReplayView {
  const stage = element("div", { class: "stage" });
  const play = element("button", { type: "button", class: "play" }, t("Play"));
  const seek = element("input", {
    type: "range",
    min: "0",
    max: String(Math.max(index.duration_ms, 1)),
    step: "100",
    value: "0",
    "aria-label": t("Seek"),
  });
  const time = element("span", { class: "time" });
  const speed = element("select", { "aria-label": t("Speed") });
  for (const one of SPEEDS) speed.append(element("option", { value: String(one) }, `${one}x`));
  const skip = element("input", { type: "checkbox" });
  const status = element("p", { class: "status", role: "status" });
  const bar = element("div", { class: "controls" }, play, seek, time, speed, element("label", {}, skip, ` ${t("Skip idle time")}`));
  const lines = index.events.map((event) =>
    element(
      "li",
      {},
      element("button", { type: "button", class: "at" }, clock(event.t_ms)),
      " ",
      ...(event.kind === "chat" ? [element("strong", {}, event.by), " "] : []),
      element("span", { class: event.kind === "chat" ? "said" : "done" }, event.text),
    ),
  );
  const list = element("ol", { class: "events", "aria-label": t("Chat and events"), tabindex: "0" }, ...lines);
  const root = element(
    "div",
    { class: "replay-player" },
    element("div", { class: "picture" }, stage, gapsBar(index), bar, status),
    list,
  );
  let dragging = false;
  let shown = -2;

  return {
    root,
    stage,
    say: (text) => {
      status.textContent = text;
    },
    update(player) {
      play.textContent = player.playing ? t("Pause") : t("Play");
      stage.toggleAttribute("data-waiting", player.waiting);
      if (!dragging) seek.value = String(player.position);
      time.textContent = `${clock(player.position)} / ${clock(player.duration)}`;
      seek.setAttribute("aria-valuetext", clock(player.position));
      const now = eventAt(index.events, player.position);
      if (now === shown) return;
      lines[shown]?.removeAttribute("aria-current");
      lines[now]?.setAttribute("aria-current", "true");
      // Only the list moves, not the page.
      const line = lines[now];
      if (line) list.scrollTop = line.offsetTop - list.offsetTop - list.clientHeight / 2;
      shown = now;
    },
    connect(player) {
      play.addEventListener("click", () => (player.playing ? player.pause() : player.play()));
      seek.addEventListener("input", () => {
        dragging = true;
        void player.seek(Number(seek.value)).then(() => (dragging = false));
      });
      seek.addEventListener("keydown", (event) => {
        const step = event.key === "ArrowRight" ? STEP_MS : event.key === "ArrowLeft" ? -STEP_MS : 0;
        if (!step) return;
        event.preventDefault();
        void player.seek(player.position + step);
      });
      speed.addEventListener("change", () => (player.speed = Number(speed.value)));
      skip.addEventListener("change", () => (player.skipIdle = skip.checked));
      lines.forEach((line, n) => {
        line.querySelector("button")?.addEventListener("click", () => void player.seek(Math.max(index.events[n]?.t_ms ?? 0, 0)));
      });
    },
  };
}

/** A strip under the picture on which gaps are marked at their place. */
function gapsBar(index: IndexFile): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const strip = document.createElementNS(space, "svg");
  const whole = Math.max(index.duration_ms, 1);
  strip.setAttribute("class", "gaps");
  strip.setAttribute("viewBox", "0 0 1000 4");
  strip.setAttribute("preserveAspectRatio", "none");
  strip.setAttribute("aria-hidden", "true");
  for (const gap of index.gaps) {
    const mark = document.createElementNS(space, "rect");
    mark.setAttribute("x", String((gap.from_ms / whole) * 1000));
    mark.setAttribute("width", String(Math.max(((gap.to_ms - gap.from_ms) / whole) * 1000, 3)));
    mark.setAttribute("height", "4");
    strip.append(mark);
  }
  return strip;
}
