// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { type Around, eventList } from "./events";

const event = (t_ms: number, group = "chat", text = `at ${t_ms}`) => ({ t_ms, group, by: group === "chat" ? "Rep" : "", text });

function setUp(answer: (at: number, groups: readonly string[]) => Around) {
  const fetch = vi.fn(async (at: number, groups: readonly string[]) => answer(at, groups));
  const [jump, failed] = [vi.fn(), vi.fn()];
  const list = eventList(fetch, jump, failed);
  const lines = (): string[] => [...list.root.querySelectorAll("li")].map((line) => line.textContent ?? "");
  const button = (name: string): HTMLElement =>
    [...list.root.querySelectorAll("button")].find((one) => one.textContent === name) as HTMLElement;
  return { list, fetch, jump, failed, lines, button };
}

describe("list of events", () => {
  it("jumps to the event before and behind the moment, and to any by its time", async () => {
    const { list, jump, lines, button } = setUp(() => ({ events: [event(1000), event(5000), event(9000)], before: false, behind: false }));
    await vi.waitFor(() => expect(lines()).toHaveLength(3));
    list.update(5100);
    expect(list.root.querySelector("[aria-current]")?.textContent).toContain("at 5000");
    button("Next event").click();
    button("Previous event").click();
    list.update(0);
    button("Previous event").click();
    (list.root.querySelectorAll<HTMLElement>("button.at")[1] as HTMLElement).click();
    expect(jump.mock.calls.map(([at]) => at)).toEqual([9000, 1000, 5000]);
  });

  it("asks for the chosen kinds, and for others when the moment leaves what is here", async () => {
    const { list, fetch, lines } = setUp((at) => ({ events: [event(at + 10), event(at + 20)], before: at > 0, behind: true }));
    await vi.waitFor(() => expect(lines()).toHaveLength(2));
    list.update(15);
    expect(fetch).toHaveBeenCalledTimes(1);
    list.update(60_000);
    list.update(60_001);
    await vi.waitFor(() => expect(lines()[0]).toContain("at 60010"));
    expect(fetch).toHaveBeenCalledTimes(2);
    list.update(3);
    await vi.waitFor(() => expect(lines()[0]).toContain("at 13"));
    const boxes = [...list.root.querySelectorAll("input")];
    for (const box of boxes.slice(1)) {
      box.checked = false;
      box.dispatchEvent(new Event("change"));
    }
    await vi.waitFor(() => expect(fetch.mock.lastCall).toEqual([3, ["chat"]]));
    boxes[0]!.checked = false;
    boxes[0]!.dispatchEvent(new Event("change"));
    await vi.waitFor(() => expect(lines()).toEqual([]));
  });

  it("shows hostile texts as text, and says when nothing could be had", async () => {
    const { lines, list } = setUp(() => ({ events: [event(1, "chat", "<img src=x>")], before: false, behind: false }));
    await vi.waitFor(() => expect(lines()[0]).toContain("<img src=x>"));
    expect(list.root.querySelector("img")).toBeNull();
    const other = setUp(() => {
      throw new Error("503");
    });
    await vi.waitFor(() => expect(other.failed).toHaveBeenCalledTimes(1));
  });
});
