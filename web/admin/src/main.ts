/**
 * Why: the small things that the server's pages need beyond HTML: copying, asking before an action, local times, lines
 * that say how something stands.
 * Rules: pages work without any of it except where a browser interface is the feature (copying). No eval, no inline style.
 */
import { confirmBefore } from "./confirm";
import { copyOnClick } from "./copy";
import { follow } from "./follow";
import { localTimes } from "./times";

copyOnClick(document);
confirmBefore(document);
localTimes(document);

const test = document.getElementById("mail-test");
if (test)
  void follow(test, ["sent", "failed", "none"], 1000).then((state) => test.classList.toggle("error", state === "failed"));
