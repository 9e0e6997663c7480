/**
 * Why: the controls around a screen recording: buttons, slider, speeds, time; what was said and done stands beside it.
 * Rules: every control has its name as text or label.
 */
import { t } from "../../../console/src/i18n";
import type { ScreenPlayer } from "./player";
import { element } from "./elements";
import type { EventList } from "./events";
import { type IndexFile, clock } from "./timeline";

const SPEEDS = [1, 2, 4] as const;
const STEP_MS = 5000;

export interface ReplayView {
  root: HTMLElement;
  stage: HTMLElement;
  /** Where small pictures go. */
  strip: HTMLElement;
  /** Show what the player is at. */
  update(player: ScreenPlayer): void;
  /** Tie the controls to a player. */
  connect(player: ScreenPlayer): void;
  /** Tell a person that a part cannot be shown. */
  say(text: string): void;
}

/** The whole recording in small pictures to jump by; `picture` gives the address of one by its number. */
export function fillThumbnails(strip: HTMLElement, times: readonly number[], picture: (number: number) => string, jump: (at: number) => void): void {
  times.forEach((at, number) => {
    const image = element("img", { src: picture(number), alt: "", loading: "lazy" });
    const button = element("button", { type: "button", "aria-label": t("Go to {time}", { time: clock(at) }) }, image, element("span", {}, clock(at)));
    button.addEventListener("click", () => jump(at));
    strip.append(element("li", {}, button));
  });
  strip.hidden = !times.length;
}

export function replayView(index: IndexFile, events: EventList): ReplayView {
  const strip = element("ol", { class: "thumbnails", "aria-label": t("Thumbnails") });
  strip.hidden = true;
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
  const root = element(
    "div",
    { class: "replay-player" },
    element("div", { class: "picture" }, stage, gapsBar(index), bar, strip, status),
    events.root,
  );
  let dragging = false;

  return {
    root,
    stage,
    strip,
    say: (text) => {
      status.textContent = text;
    },
    update(player) {
      play.textContent = player.playing ? t("Pause") : t("Play");
      stage.toggleAttribute("data-waiting", player.waiting);
      if (!dragging) seek.value = String(player.position);
      time.textContent = `${clock(player.position)} / ${clock(player.duration)}`;
      seek.setAttribute("aria-valuetext", clock(player.position));
      events.update(player.position);
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
