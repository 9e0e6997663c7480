/**
 * Why: the small things that the server's pages need beyond HTML: copying, asking before an action, local times.
 * Rules: pages work without any of it except where a browser interface is the feature (copying). No eval, no inline style.
 */
import { confirmBefore } from "./confirm";
import { copyOnClick } from "./copy";
import { localTimes } from "./times";

copyOnClick(document);
confirmBefore(document);
localTimes(document);
