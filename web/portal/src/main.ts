/**
 * Why: what the public portal needs beyond HTML: a key in the URL's fragment is sent, and the help page shows how the
 * session stands. Without this script the form with the twelve digits works all the same.
 * Rules: a fragment never reaches a server by itself, so it is posted and then taken out of the address bar.
 */
import { copyOnClick } from "../../admin/src/copy";

const POLL_MS = 3000;

/** The token of `/#k=TOKEN` or `/s#TOKEN`, "" when the fragment is none. */
export function tokenOf(fragment: string): string {
  const match = /^#(?:k=)?([0-9A-Za-z_-]{16,128})$/.exec(fragment);
  return match?.[1] ?? "";
}

function sendToken(): void {
  const form = document.getElementById("session-token-form");
  const token = tokenOf(location.hash);
  const field = form?.querySelector<HTMLInputElement>("input[name=token]");
  if (!(form instanceof HTMLFormElement) || !field || !token) return;
  history.replaceState(null, "", "/");
  field.value = token;
  form.submit();
}

async function follow(line: HTMLElement): Promise<void> {
  while (line.dataset["state"] !== "ended") {
    await new Promise((done) => setTimeout(done, POLL_MS));
    try {
      const answer = await fetch(line.dataset["address"] ?? "", { headers: { Accept: "application/json" } });
      if (!answer.ok) continue;
      const now = (await answer.json()) as { state?: unknown; text?: unknown };
      if (typeof now.state !== "string" || typeof now.text !== "string") continue;
      if (line.textContent !== now.text) line.textContent = now.text;
      if (now.state === "ended") location.reload();
      line.dataset["state"] = now.state;
    } catch {
      // The network is away; the next turn asks again.
    }
  }
}

if (typeof document !== "undefined") {
  copyOnClick(document);
  sendToken();
  addEventListener("hashchange", sendToken);
  const line = document.getElementById("session-state");
  if (line) void follow(line);
}
