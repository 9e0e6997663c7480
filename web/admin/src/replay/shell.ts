/**
 * Why: controls of our own around the terminal player: its progress bar has no name and no keyboard focus.
 * Rules: the same names as the screen player's (`Play`, `Pause`, `Seek`), so that both are worked in one way.
 */
import { t } from "../../../console/src/i18n";
import { element } from "./elements";
import { clock } from "./timeline";


/** What is used of asciinema-player; times in seconds. */
export interface TerminalPlayer {
  play(): unknown;
  pause(): unknown;
  seek(seconds: number): unknown;
  getCurrentTime(): number | Promise<number>;
  getDuration(): number | undefined | Promise<number | undefined>;
  addEventListener(name: string, callback: () => void): void;
}

const LOOK_MS = 200;

/** Build the controls of a terminal player that begins to play by itself. */
export function shellControls(player: TerminalPlayer): HTMLElement {
  const play = element("button", { type: "button", class: "play" }, t("Pause"));
  const seek = element("input", { type: "range", min: "0", max: "1", step: "0.1", value: "0", "aria-label": t("Seek") });
  const time = element("span", { class: "time" });
  const bar = element("div", { class: "controls" }, play, seek, time);
  let playing = true;
  const show = (now: boolean): void => {
    playing = now;
    play.textContent = playing ? t("Pause") : t("Play");
  };
  for (const name of ["play", "playing"]) player.addEventListener(name, () => show(true));
  for (const name of ["pause", "ended"]) player.addEventListener(name, () => show(false));
  play.addEventListener("click", () => void (playing ? player.pause() : player.play()));
  seek.addEventListener("input", () => void player.seek(Number(seek.value)));

  const look = async (): Promise<void> => {
    const [at, whole] = await Promise.all([player.getCurrentTime(), player.getDuration()]);
    seek.max = String(whole ?? Math.max(at, 1));
    seek.value = String(at);
    time.textContent = `${clock(at * 1000)} / ${clock((whole ?? at) * 1000)}`;
    seek.setAttribute("aria-valuetext", clock(at * 1000));
  };
  const timer = setInterval(() => {
    if (bar.isConnected) look().catch(() => undefined);
    else clearInterval(timer);
  }, LOOK_MS);
  return bar;
}
