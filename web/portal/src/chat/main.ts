/**
 * Why: click-to-chat: the page is a leg of the session at the relay, as a console is, for chat and nothing else.
 * Rules: what others said is text, never markup; a message stays until it is on the server's disk; after a reload the
 * page reads the session's journal from its beginning, so nothing is kept here.
 */
import { confirmBefore } from "../../../admin/src/confirm";
import { copyOnClick } from "../../../admin/src/copy";
import { element } from "../../../admin/src/replay/elements";
import { isSaid } from "../../../console/src/live/journal";
import { LegSocket } from "../../../console/src/live/leg";
import { Final } from "../../../console/src/live/socket";
import type { Entry } from "../../../console/src/wire/messages";
import "./chat.css";
import { ending, fact, isMine, standing } from "./words";

const LATE = new Set([408, 425, 429]);

function byId<Made extends HTMLElement>(id: string, kind: new () => Made): Made {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

const root = byId("chat", HTMLElement);
const words = root.dataset;
const state = byId("chat-state", HTMLElement);
const offer = byId("client-offer", HTMLElement);
const log = byId("chat-log", HTMLElement);
const form = byId("chat-form", HTMLFormElement);
const field = byId("chat-message", HTMLTextAreaElement);
const end = byId("chat-end", HTMLFormElement);
const clock = new Intl.DateTimeFormat(document.documentElement.lang || "en", { timeStyle: "short" });

async function ticket(): Promise<string> {
  const token = end.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value ?? "";
  const answer = await fetch("/help/chat/ticket", {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRFToken": token },
  });
  const body = (await answer.json()) as { ticket?: unknown; client_asked?: unknown; error?: { text?: unknown } };
  if (!answer.ok) {
    const text = String(body.error?.text ?? "");
    throw answer.status < 500 && !LATE.has(answer.status) ? new Final(text) : new Error(text);
  }
  offer.hidden = body.client_asked !== true;
  return String(body.ticket);
}

const leg = new LegSocket(null, ticket);

function said(name: string, when: string, text: string, mine: boolean): HTMLElement {
  const who = element("p", { class: "who" }, `${mine ? (words["you"] ?? name) : name} · ${when}`);
  return element("div", { class: mine ? "said mine" : "said" }, who, element("p", {}, text));
}

const lines: { readonly seq: number; readonly line: HTMLElement }[] = [];
const unsent = element("div", { class: "unsent" });
log.append(unsent);

function add(entry: Entry): void {
  const when = clock.format(entry.time_ms);
  const text = isSaid(entry.kind) ? entry.text : fact(entry, words);
  if (text === null) return;
  const line = isSaid(entry.kind)
    ? said(entry.name, when, text, isMine(entry))
    : element("p", { class: "fact" }, `${when} ${text}`);
  const after = lines.findIndex((one) => one.seq > entry.seq);
  const at = after < 0 ? lines.length : after;
  log.insertBefore(line, lines[at]?.line ?? unsent);
  lines.splice(at, 0, { seq: entry.seq, line });
  if (entry.kind === "client-requested") offer.hidden = false;
  log.scrollTop = log.scrollHeight;
}

function showUnsent(): void {
  unsent.replaceChildren(
    ...leg.journal.unsent.map((post) => said("", post.problem || (words["sending"] ?? ""), post.text, true)),
  );
  log.scrollTop = log.scrollHeight;
}

function show(): void {
  const over = leg.state === "ended" || leg.state === "failed";
  const text = over
    ? ending(leg.end, leg.reason, words)
    : leg.state === "open"
      ? standing(leg.roster, words)
      : leg.state === "waiting"
        ? words["lost"]
        : words["connecting"];
  if (state.textContent !== text) state.textContent = text ?? "";
  state.dataset["state"] = leg.state;
  for (const part of [form, end]) part.hidden = over;
  if (over) offer.hidden = true;
}

function send(): void {
  const text = field.value.trim();
  if (!text) return;
  leg.journal.post(text);
  field.value = "";
}

leg.journal.onentries(add);
leg.journal.onchange(showUnsent);
leg.onchange(show);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
copyOnClick(document);
confirmBefore(document);
log.before(element("p", { class: "help" }, words["recorded"] ?? ""));
show();
