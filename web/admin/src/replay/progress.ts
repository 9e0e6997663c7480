/**
 * Why: verifying and exporting go on behind a report that is open: the page shows how far they are.
 * Rules: the server writes the parts of the page, this puts them in; only what has changed its state is replaced, so that
 * focus and reading are not disturbed. Asks only while something runs.
 */
const ASK_MS = 1500;

/** Take over from `fresh` how far things are, in a page part `place` of the same form. */
export function takeOver(place: ParentNode, fresh: ParentNode): void {
  renew(place.querySelector<HTMLElement>(".verification"), fresh.querySelector<HTMLElement>(".verification"));
  const list = place.querySelector("ul.exports");
  const items = [...fresh.querySelectorAll<HTMLElement>("[data-export]")];
  for (const item of items.reverse()) {
    const old = list?.querySelector<HTMLElement>(`[data-export="${CSS.escape(item.dataset["export"] ?? "")}"]`);
    if (old) renew(old, item);
    else list?.prepend(item);
  }
}

function renew(old: HTMLElement | null, fresh: HTMLElement | null): void {
  if (!old || !fresh) return;
  if (old.dataset["state"] !== fresh.dataset["state"] || old.dataset["running"] !== fresh.dataset["running"]) {
    old.replaceWith(fresh);
    return;
  }
  const [bar, now] = [old.querySelector("progress"), fresh.querySelector("progress")];
  if (bar && now) bar.value = now.value;
  for (const name of [".message p", ".state"]) {
    const [text, other] = [old.querySelector(name), fresh.querySelector(name)];
    if (text && other && text.textContent !== other.textContent) text.replaceWith(other);
  }
}

/** Ask how far things are for as long as something runs. */
export function followProgress(place: HTMLElement): void {
  const ask = async (): Promise<void> => {
    if (!place.isConnected || !place.querySelector('[data-running="1"]')) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(place.dataset["progress"] ?? "", { credentials: "same-origin" });
        if (answer.ok) takeOver(place, new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch {
        // The network is away: the next round asks again.
      }
    }
    setTimeout(() => void ask(), ASK_MS);
  };
  setTimeout(() => void ask(), ASK_MS);
}
