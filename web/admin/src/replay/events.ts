/**
 * Why: what was said and done beside a recording, as a list to jump by: all of it, or some kinds only.
 * Rules: a long session has more than a page holds, so only what lies around the moment that is shown is fetched. Texts of
 * people and endpoints go in as text, never as markup.
 */
import { t } from "../../../console/src/i18n";
import { element } from "./elements";
import { type SaidOrDone, clock, eventAt } from "./timeline";

/** What the server gives around a moment: `before`, `behind`: there is more. */
export interface Around {
  events: SaidOrDone[];
  before: boolean;
  behind: boolean;
}

/** Fetch events around a moment, of these groups. */
export type FetchEvents = (at: number, groups: readonly string[]) => Promise<Around>;

/** Groups of events, in the order of their boxes. */
const GROUPS = ["chat", "screen", "control", "shell", "command", "file", "session"] as const;

function label(group: (typeof GROUPS)[number]): string {
  switch (group) {
    case "chat":
      return t("Chat");
    case "screen":
      return t("Screen Sharing");
    case "control":
      return t("Mouse and keyboard");
    case "shell":
      return t("Command Shell");
    case "command":
      return t("Commands entered");
    case "file":
      return t("Files");
    case "session":
      return t("Session");
  }
}

export interface EventList {
  root: HTMLElement;
  /** Show the newest event by `position`; fetch others when it has left what is here. */
  update(position: number): void;
}

/** Build the list. `jump` is called with the moment of what somebody chose. */
export function eventList(fetch: FetchEvents, jump: (at: number) => void, failed: () => void): EventList {
  const boxes = GROUPS.map((group) => ({ group, box: element("input", { type: "checkbox", checked: "" }) }));
  const kinds = element(
    "fieldset",
    { class: "kinds" },
    element("legend", {}, t("Show")),
    ...boxes.map(({ group, box }) => element("label", {}, box, ` ${label(group)}`)),
  );
  const back = element("button", { type: "button", class: "quiet" }, t("Previous event"));
  const on = element("button", { type: "button", class: "quiet" }, t("Next event"));
  const list = element("ol", { class: "events", "aria-label": t("Chat and events"), tabindex: "0" });
  const root = element("div", { class: "beside" }, kinds, element("div", { class: "row" }, back, on), list);

  let here: Around = { events: [], before: false, behind: false };
  let lines: HTMLElement[] = [];
  let shown = -1;
  let position = 0;
  let turn = 0;
  let loading = false;

  function line(event: SaidOrDone): HTMLElement {
    const at = element("button", { type: "button", class: "at" }, clock(event.t_ms));
    at.addEventListener("click", () => jump(event.t_ms));
    const by = event.by ? [element("strong", {}, event.by), " "] : [];
    const text = element("span", { class: event.group === "chat" || event.group === "command" ? "said" : "done" }, event.text);
    return element("li", { "data-group": event.group }, at, " ", ...by, text);
  }

  async function load(at: number): Promise<void> {
    const mine = (turn += 1);
    const groups = boxes.filter(({ box }) => box.checked).map(({ group }) => group);
    loading = true;
    try {
      const found = groups.length ? await fetch(at, groups) : { events: [], before: false, behind: false };
      if (mine !== turn) return;
      here = found;
      lines = found.events.map(line);
      list.replaceChildren(...lines);
      shown = -1;
      mark();
    } catch {
      if (mine === turn) failed();
    } finally {
      if (mine === turn) loading = false;
    }
  }

  function mark(): void {
    const now = eventAt(here.events, position);
    if (now === shown) return;
    lines[shown]?.removeAttribute("aria-current");
    const current = lines[now];
    current?.setAttribute("aria-current", "true");
    // Only the list moves, not the page.
    if (current) list.scrollTop = current.offsetTop - list.offsetTop - list.clientHeight / 2;
    shown = now;
  }

  function left(): boolean {
    const [first, last] = [here.events[0], here.events.at(-1)];
    return (here.before && first !== undefined && position < first.t_ms) || (here.behind && last !== undefined && position > last.t_ms);
  }

  /** The nearest event before or behind the moment that is shown; those of less than a second are one place. */
  function step(forward: boolean): void {
    const others = here.events.filter(({ t_ms }) => (forward ? t_ms > position + 500 : t_ms < position - 500));
    const next = forward ? others[0] : others.at(-1);
    if (next) jump(next.t_ms);
  }

  for (const { box } of boxes) box.addEventListener("change", () => void load(position));
  back.addEventListener("click", () => step(false));
  on.addEventListener("click", () => step(true));
  void load(0);

  return {
    root,
    update(now) {
      position = now;
      if (!loading && left()) void load(position);
      else mark();
    },
  };
}
