/**
 * Why: what the public portal needs beyond HTML: a key in the URL's fragment is sent, and the help page shows how the
 * session stands. Without this script the form with the twelve digits works all the same.
 * Rules: a fragment never reaches a server by itself, so it is posted and then taken out of the address bar.
 */
import { copyOnClick } from "../../admin/src/copy";
import { follow } from "../../admin/src/follow";

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

if (typeof document !== "undefined") {
  copyOnClick(document);
  sendToken();
  addEventListener("hashchange", sendToken);
  const line = document.getElementById("session-state");
  if (line && line.dataset["state"] !== "ended") void follow(line, ["ended"]).then(() => location.reload());
}
