/** Why: the screen tool with its decoders is the heaviest part of the console: it is fetched when it is first used. */
import type { LegPort, ScreenPort } from "../../wire/port";

export async function loadScreen(leg: LegPort, canvas: HTMLCanvasElement): Promise<ScreenPort> {
  const { ScreenView } = await import("../../live/screen");
  return new ScreenView(leg, canvas);
}
