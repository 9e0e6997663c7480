/**
 * Why: a reload of the page must not cost a representative the place: the same sessions are opened again, each with its
 * tool, and the same one is shown.
 * Rules: the place is remembered for this tab only, and taken up only by a reload: a second tab with the same memory (the
 * browser copies it) would take the legs of the first. A session that is over, or not ours any more, is left out.
 */
import type { OpenSession, Workspace } from "./workspace";

const KEY = "farhand.place";

interface Place {
  readonly open: readonly { readonly id: string; readonly tool: string }[];
  readonly current: string;
}

/** Whether this page is the same one, loaded again. */
export function isReload(): boolean {
  const [entry] = performance.getEntriesByType("navigation");
  return entry instanceof PerformanceNavigationTiming && entry.type === "reload";
}

function remembered(storage: Storage): Place {
  try {
    const found = JSON.parse(storage.getItem(KEY) ?? "") as Partial<Place>;
    if (Array.isArray(found.open)) return { open: found.open, current: String(found.current ?? "") };
  } catch {
    // nothing was remembered, or nothing that we understand
  }
  return { open: [], current: "" };
}

/** Take up what was open before the reload, then remember the place at every change. */
export async function keepPlace(workspace: Workspace, storage: Storage, reload: boolean): Promise<void> {
  const place = reload ? remembered(storage) : { open: [], current: "" };
  for (const { id, tool } of place.open) {
    if (!workspace.running.some((session) => session.id === id)) continue;
    try {
      await workspace.goTo(id);
    } catch (error) {
      console.warn("a session could not be taken up again", error);
      continue;
    }
    const open = workspace.open.find((one) => one.id === id);
    open?.choose(tool);
  }
  const current = workspace.open.find((one) => one.id === place.current);
  if (current) await workspace.goTo(current.id);
  else if (place.open.length) workspace.show(workspace.tab);
  const watched = new WeakSet<OpenSession>();
  const remember = (): void => {
    for (const one of workspace.open) {
      if (watched.has(one)) continue;
      watched.add(one);
      one.onchange(remember);
    }
    const open = workspace.open.filter((one) => !one.leg.over).map(({ id, tool }) => ({ id, tool }));
    storage.setItem(KEY, JSON.stringify({ open, current: workspace.current?.id ?? "" } satisfies Place));
  };
  remember();
  workspace.onchange(remember);
}
