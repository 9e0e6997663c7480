/**
 * Why: a line that says how something stands (`data-state`) asks the server again until it stands still.
 * Rules: the address in its `data-follow` answers `{"state", "text"}`; what goes wrong is tried again at the next turn.
 */
const POLL_MS = 3000;

export interface Standing {
  readonly state: string;
  readonly text: string;
}

/** Keep `line` up to date until its state is one of `still`; returns that state. */
export async function follow(line: HTMLElement, still: readonly string[], pause = POLL_MS): Promise<string> {
  let state = line.dataset["state"] ?? "";
  while (!still.includes(state)) {
    await new Promise((done) => setTimeout(done, pause));
    const now = await ask(line.dataset["follow"] ?? "");
    if (!now) continue;
    if (line.textContent !== now.text) line.textContent = now.text;
    line.dataset["state"] = state = now.state;
  }
  return state;
}

async function ask(address: string): Promise<Standing | null> {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) return null;
    const { state, text } = (await answer.json()) as { state?: unknown; text?: unknown };
    return typeof state === "string" && typeof text === "string" ? { state, text } : null;
  } catch {
    return null; // The network is away; the next turn asks again.
  }
}
