// @vitest-environment happy-dom
/** What the view answers to the endpoint. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { channelOf, Kind, Screen } from "../../wire/channels";
import type { FrameHandler, LegPort } from "../../wire/port";
import { ScreenView } from "./view";

/** A leg that keeps what is sent. */
class Leg implements LegPort {
  readonly leg = 2;
  readonly grants = 0;
  readonly open = true;
  readonly buffered = 0;
  readonly sent: { type: number; payload: Uint8Array }[] = [];
  readonly #handlers = new Map<number, FrameHandler>();
  readonly onopen = (): (() => void) => () => undefined;
  readonly onclose = this.onopen;
  readonly onaway = this.onopen;
  readonly ongrants = this.onopen;

  send(type: number, _channel: number, payload = new Uint8Array()): void {
    this.sent.push({ type, payload });
  }

  on(kind: number, handler: FrameHandler): () => void {
    this.#handlers.set(kind, handler);
    return () => undefined;
  }

  update(seq: number, ...rect: number[]): void {
    const payload = Uint8Array.of(seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, ...rect);
    this.#handlers.get(Kind.SCREEN)?.(Screen.UPDATE, channelOf(Kind.SCREEN), payload, 1);
  }

  get acknowledged(): number[] {
    return this.sent.filter(({ type }) => type === Screen.ACK).map(({ payload }) => payload[0] ?? 0);
  }
}

const LIKENESS = [0, 0, 0, 0, 16, 0, 16, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9];
const SOLID = [32, 0, 0, 0, 16, 0, 16, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 0];
const turn = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

describe("ScreenView", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it("acknowledges in the order of the updates what is drawn in another one", async () => {
    const context = { fillRect: vi.fn(), drawImage: vi.fn(), fillStyle: "" };
    const canvas = document.createElement("canvas");
    canvas.getContext = (() => context) as unknown as typeof canvas.getContext;
    document.body.append(canvas);
    let finish: (image: unknown) => void = () => undefined;
    vi.stubGlobal("createImageBitmap", () => new Promise((resolve) => (finish = resolve)));
    const leg = new Leg();
    const view = new ScreenView(leg, canvas);
    leg.update(1, ...LIKENESS);
    leg.update(2, ...SOLID);
    await turn();
    expect(context.fillRect).toHaveBeenCalledOnce();
    expect(leg.acknowledged).toEqual([]);
    finish({ close: vi.fn() });
    await turn();
    expect(context.drawImage).toHaveBeenCalledOnce();
    expect(leg.acknowledged).toEqual([1, 2]);
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    leg.update(3, ...SOLID.slice(0, -1)); // cut off: answered all the same
    await turn();
    expect(leg.acknowledged).toEqual([1, 2, 3]);
    view.close();
  });
});
