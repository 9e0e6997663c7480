import { describe, expect, it } from "vitest";
import { ClientScripts, commandOf, type Wire } from "./clientscript";

/** Tabs of one browser: what one says, all others hear. */
function browser(): () => Wire {
  const wires: Wire[] = [];
  return () => {
    const wire: Wire = {
      onmessage: null,
      postMessage: (data) => {
        for (const other of wires) if (other !== wire) other.onmessage?.({ data } as MessageEvent);
      },
    };
    wires.push(wire);
    return wire;
  };
}

const QUERY = "type=web_console&operation=execute&action=start_jump_item_session&search_string=web";
const now = (): Promise<void> => Promise.resolve();

describe("a command that came by an address", () => {
  it("is the page's own parameters, when there is an action", () => {
    expect(commandOf(`?${QUERY}`)).toBe(QUERY);
    expect(commandOf("?signed-out")).toBe("");
    expect(commandOf("")).toBe("");
  });

  it("waits here when no console is open", async () => {
    const tab = new ClientScripts(browser()(), "new");
    await tab.bring(QUERY, now);
    expect(tab.command).toBe(QUERY);
    expect(tab.handedOver).toBe(false);
    tab.done();
    expect(tab.command).toBe("");
  });

  //
  it("goes to exactly one of the consoles that are open", async () => {
    const wire = browser();
    const open = ["first", "second"].map((name) => new ClientScripts(wire(), name));
    const tab = new ClientScripts(wire(), "new");
    await tab.bring(QUERY, now);
    expect(open.map((one) => one.command)).toEqual([QUERY, ""]);
    expect([tab.command, tab.handedOver]).toEqual(["", true]);
    tab.here();
    expect([tab.command, tab.handedOver]).toEqual([QUERY, false]);
  });

  it("is not offered to a tab that has a command of its own", async () => {
    const wire = browser();
    const one = new ClientScripts(wire(), "one");
    await one.bring(QUERY, now);
    const other = new ClientScripts(wire(), "other");
    await other.bring(`${QUERY}2`, now);
    expect([one.command, other.command]).toEqual([QUERY, `${QUERY}2`]);
    one.done();
    other.done();
    await other.bring(`${QUERY}3`, now);
    expect([one.command, other.command]).toEqual([`${QUERY}3`, ""]);
  });

  it("is not taken from a tab that was not asked", () => {
    const wire = browser();
    const tab = new ClientScripts(wire(), "tab");
    const stranger = wire();
    stranger.postMessage({ step: "run", id: "unasked", tab: "tab", query: QUERY });
    stranger.postMessage("nonsense");
    stranger.postMessage(null);
    expect(tab.command).toBe("");
  });
});
