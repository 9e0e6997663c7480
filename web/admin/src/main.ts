/**
 * Why: the small things that the server's pages need beyond HTML: htmx, copying, asking before an action, local times.
 * Rules: pages work without any of it except where a browser interface is the feature (copying). No eval, no inline style.
 */
import htmx from "htmx.org";
import { confirmBefore } from "./confirm";
import { copyOnClick } from "./copy";
import { localTimes } from "./times";

htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.selfRequestsOnly = true;
htmx.config.historyCacheSize = 0;

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
  const { detail } = event as CustomEvent<{ headers: Record<string, string> }>;
  if (token) detail.headers["X-CSRFToken"] = token;
});

copyOnClick(document);
confirmBefore(document);
localTimes(document);
document.addEventListener("htmx:load", (event) => localTimes(event.target as HTMLElement));
