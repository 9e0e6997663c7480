/**
 * Why: full screen with the keys that the computer here keeps to itself (Windows key, Alt-Tab, Esc), where the browser
 * can pass them on. Rules: Ctrl-Alt-Del is not among them; holding Esc always leads back.
 */

interface Lockable {
  readonly keyboard?: { lock(keys?: readonly string[]): Promise<void>; unlock(): void };
}

/** Fill the screen with an element. Says whether special keys are passed on; throws when the browser does not allow it. */
export async function enter(element: HTMLElement): Promise<boolean> {
  await element.requestFullscreen({ navigationUI: "hide" });
  const { keyboard } = navigator as Lockable;
  if (!keyboard?.lock) return false;
  try {
    await keyboard.lock();
    return true;
  } catch {
    return false;
  }
}

export async function leave(): Promise<void> {
  (navigator as Lockable).keyboard?.unlock();
  if (document.fullscreenElement) await document.exitFullscreen();
}
