/**
 * Why: small pictures are made by a job some seconds after a session; who opens its report at once gets them without a
 * reload. Rules: they are asked for again a while; nothing else waits for them, and without them there is no strip.
 */
export interface Thumbnails {
  made: boolean;
  times_ms: number[];
}

const AGAIN_MS = 2000;
const TIMES = 150;

/** Their times, once they are made; none when that takes too long or they cannot be had. */
export async function whenMade(
  ask: () => Promise<Thumbnails>,
  pause: (milliseconds: number) => Promise<void> = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
): Promise<number[]> {
  for (let n = 0; n < TIMES; n++) {
    if (n) await pause(AGAIN_MS);
    // The network may be away for a moment; the next time will tell.
    const found = await ask().catch(() => null);
    if (found?.made) return found.times_ms;
  }
  return [];
}
