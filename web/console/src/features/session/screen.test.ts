import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Clipboard } from "../../live/clipboard";
import { Grant } from "../../wire/channels";
import { SCREEN_OFF, type LegPort, type ScreenPort, type ScreenState } from "../../wire/port";
import { ScreenTool } from "./screen";

class FakeView implements ScreenPort {
  state = SCREEN_OFF;
  onstate: ((state: ScreenState) => void) | null = null;
  pastes = false;
  readonly calls: string[] = [];
  become(state: Partial<ScreenState>): void {
    this.state = { ...this.state, ...state };
    this.onstate?.(this.state);
  }
  start(): void {
    this.calls.push("start");
    this.become({ sharing: "asking" });
  }
  stop(): void {
    this.calls.push("stop");
    this.become({ sharing: "off" });
  }
  choose(colours: string): void {
    this.calls.push(colours);
  }
  block(on: boolean): void {
    this.become({ block: on ? "asking" : "none" });
  }
  requestControl(): void {
    this.become({ control: "asking" });
  }
  look(): void {
    this.calls.push("look");
  }
  openWindow(): void {
    this.calls.push("window");
  }
  draw(): void {
    this.calls.push("draw");
  }
  rates = () => ({ frames: 0, bytes: 0, delay: null });
  hold(): void {
    this.calls.push("hold");
  }
  typeSecret(): void {
    this.calls.push("typeSecret");
  }
  strike(): void {
    this.calls.push("strike");
  }
  releaseControl(): void {
    this.become({ control: "none" });
  }
  close(): void {
    this.calls.push("close");
  }
}

describe("screen sharing as a tool", () => {
  const canvas = {} as HTMLCanvasElement;
  let view: FakeView;
  let granted: (grants: number) => void;
  let load: ReturnType<typeof vi.fn<() => Promise<ScreenPort>>>;
  let tool: ScreenTool;

  beforeEach(() => {
    view = new FakeView();
    load = vi.fn(async () => view);
    const leg = { ongrants: (handler: typeof granted) => ((granted = handler), () => undefined) } as unknown as LegPort;
    tool = new ScreenTool(leg, load, { close: () => undefined } as Clipboard);
  });

  it("fetches its viewer once, when it is first started", async () => {
    tool.drawOn(canvas);
    const started = tool.start();
    expect([tool.loading, tool.state.sharing]).toEqual([true, "asking"]);
    await started;
    expect([tool.loading, tool.state.sharing, view.calls]).toEqual([false, "asking", ["video", "start"]]);
    tool.stop();
    await tool.start();
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("says when the viewer cannot be loaded, and tries again", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    load.mockRejectedValueOnce(new Error("away"));
    tool.drawOn(canvas);
    await tool.start();
    expect([tool.state.sharing, tool.state.text]).toEqual([
      "off",
      "The screen viewer could not be loaded. Reload the page and try again.",
    ]);
    await tool.start();
    expect(view.calls).toEqual(["video", "start"]);
  });

  it("asks for control and gives it back by one control", async () => {
    tool.drawOn(canvas);
    await tool.start();
    tool.toggleControl();
    expect([tool.controlling, tool.state.control]).toEqual([true, "asking"]);
    tool.toggleControl();
    expect(tool.controlling).toBe(false);
  });

  it("disables mouse and keyboard there and gives them back by one control", async () => {
    tool.drawOn(canvas);
    await tool.start();
    tool.toggleBlock();
    expect([tool.blocking, tool.state.block]).toEqual([true, "asking"]);
    view.become({ block: "mine" });
    tool.toggleBlock();
    expect([tool.blocking, tool.state.block]).toEqual([false, "none"]);
  });

  it("keeps the colours that were chosen, also for a viewer to come", async () => {
    const away = tool.drawOn(canvas);
    tool.choose("few");
    await tool.start();
    tool.choose("bw");
    away();
    tool.drawOn(canvas);
    await tool.start();
    expect(tool.colours).toBe("bw");
    expect(view.calls).toEqual(["few", "start", "bw", "close", "bw", "start"]);
  });

  it("stops when the permission for it is taken", async () => {
    tool.drawOn(canvas);
    await tool.start();
    view.become({ sharing: "on" });
    granted(Grant.SCREEN_VIEW);
    granted(Grant.SHELL);
    expect([view.calls, tool.state.sharing]).toEqual([["video", "start", "stop"], "off"]);
  });

  it("goes with its canvas and with its session", async () => {
    const away = tool.drawOn(canvas);
    await tool.start();
    away();
    expect([view.calls.at(-1), tool.state.sharing]).toEqual(["close", "off"]);
    tool.drawOn(canvas);
    const started = tool.start();
    tool.close();
    await started;
    expect([view.calls.filter((call) => call === "close").length, tool.loading]).toEqual([2, false]);
    await tool.start();
    expect(load).toHaveBeenCalledTimes(2);
  });
});
