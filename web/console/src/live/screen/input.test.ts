// @vitest-environment happy-dom
/** Keys, text and pointer as the protocol wants them. */
import { beforeEach, describe, expect, it } from "vitest";
import { Keyboard } from "./keyboard";
import { keysymOfKey, keysymsOfText } from "./keysyms";
import { buttonMask, mapPoint, WheelClicks } from "./pointer";

describe("keysyms", () => {
  it.each([
    ["a", 0, 0x61],
    ["A", 0, 0x41],
    ["ü", 0, 0xfc],
    ["ñ", 0, 0xf1],
    ["€", 0, 0x010020ac],
    ["日", 0, 0x010065e5],
    ["😀", 0, 0x0101f600],
    [" ", 0, 0x20],
    ["Enter", 0, 0xff0d],
    ["Enter", 3, 0xff8d],
    ["Shift", 1, 0xffe1],
    ["Shift", 2, 0xffe2],
    ["Alt", 2, 0xffea],
    ["AltGraph", 2, 0xfe03],
    ["ArrowUp", 0, 0xff52],
    ["F1", 0, 0xffbe],
    ["F12", 0, 0xffc9],
    ["F24", 0, 0xffd5],
    ["Delete", 0, 0xffff],
    ["7", 3, 0x37],
  ])("%s at %i is %i", (key, location, keysym) => {
    expect(keysymOfKey({ key, location })).toBe(keysym);
  });

  it.each(["Dead", "Process", "Unidentified", "F99", "Fn"])("%s means nothing by itself", (key) => {
    expect(keysymOfKey({ key, location: 0 })).toBeNull();
  });

  it("types text by code point and leaves control characters out", () => {
    expect(keysymsOfText("é\r\n\t😀\u0007\u007f")).toEqual([0xe9, 0xff0d, 0xff09, 0x0101f600]);
  });
});

describe("Keyboard", () => {
  let keyboard: Keyboard;
  let sent: string[];
  const press = (type: string, key: string, code: string, more: object = {}): KeyboardEvent => {
    const event = new KeyboardEvent(type, { key, code, bubbles: true, cancelable: true, ...more });
    keyboard.field.dispatchEvent(event);
    return event;
  };

  beforeEach(() => {
    document.body.innerHTML = '<canvas aria-label="Remote screen"></canvas><input>';
    sent = [];
    keyboard = new Keyboard(document.querySelector("canvas")!, (keysym, down) =>
      sent.push(`${down ? "+" : "-"}${keysym.toString(16)}`),
    );
  });

  const paste = (...files: File[]): void => {
    const event = new Event("paste", { bubbles: true, cancelable: true });
    keyboard.field.dispatchEvent(Object.assign(event, { clipboardData: { files } }));
  };

  it("sends the keys of a paste at once where no files may come", () => {
    press("keydown", "Control", "ControlLeft", { ctrlKey: true });
    expect(press("keydown", "v", "KeyV", { ctrlKey: true }).defaultPrevented).toBe(true);
    expect(sent).toEqual(["+ffe3", "+76"]);
  });

  it("keeps the keys of a paste back until it is known whether files are pasted here", async () => {
    keyboard.pastes = true;
    press("keydown", "Control", "ControlLeft", { ctrlKey: true });
    expect(press("keydown", "v", "KeyV", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(sent).toEqual(["+ffe3"]);
    paste();
    expect(sent).toEqual(["+ffe3", "+76"]);
    press("keyup", "v", "KeyV", { ctrlKey: true });
    press("keydown", "v", "KeyV", { ctrlKey: true });
    paste(new File(["x"], "one"));
    press("keyup", "v", "KeyV", { ctrlKey: true });
    press("keyup", "Control", "ControlLeft");
    expect(sent).toEqual(["+ffe3", "+76", "-76", "-ffe3"]);
    press("keydown", "Insert", "Insert", { shiftKey: true });
    expect(sent).toHaveLength(4);
    await new Promise((done) => setTimeout(done, 100)); // a browser that says nothing
    expect(sent.at(-1)).toBe("+ff63");
    press("keydown", "v", "KeyV", { ctrlKey: true });
    press("keydown", "x", "KeyX", { ctrlKey: true });
    expect(sent.slice(-2)).toEqual(["+76", "+78"]);
  });

  it("never passes Ctrl-Alt-Del on", () => {
    press("keydown", "Control", "ControlLeft");
    press("keydown", "Alt", "AltLeft", { ctrlKey: true });
    expect(press("keydown", "Delete", "Delete", { ctrlKey: true, altKey: true }).defaultPrevented).toBe(true);
    press("keyup", "Delete", "Delete", { ctrlKey: true, altKey: true });
    expect(sent).toEqual(["+ffe3", "+ffe9"]);
  });

  it("releases the keysym that was pressed, whatever the key means by then", () => {
    press("keydown", "Shift", "ShiftLeft");
    press("keydown", "A", "KeyA");
    press("keyup", "Shift", "ShiftLeft");
    press("keyup", "a", "KeyA");
    expect(sent).toEqual(["+ffe1", "+41", "-ffe1", "-41"]);
  });

  it("keeps the browser from acting and drops repeats", () => {
    expect(press("keydown", "Tab", "Tab").defaultPrevented).toBe(true);
    press("keydown", "Tab", "Tab", { repeat: true });
    expect(sent).toEqual(["+ff09"]);
  });

  it("leaves dead keys and input methods alone", () => {
    expect(press("keydown", "Dead", "Quote").defaultPrevented).toBe(false);
    expect(press("keydown", "Process", "KeyA").defaultPrevented).toBe(false);
    expect(press("keydown", "a", "KeyA", { isComposing: true }).defaultPrevented).toBe(false);
    expect(sent).toEqual([]);
  });

  it("types what an input method composed, once", () => {
    const field = keyboard.field;
    field.dispatchEvent(new InputEvent("input", { inputType: "insertCompositionText", data: "に", isComposing: true }));
    field.dispatchEvent(Object.assign(new Event("compositionend"), { data: "日本" }));
    field.dispatchEvent(new InputEvent("input", { inputType: "insertText", data: "ñ" }));
    expect(sent).toEqual(["+10065e5", "-10065e5", "+100672c", "-100672c", "+f1", "-f1"]);
  });

  it("releases everything when the focus goes", () => {
    press("keydown", "Control", "ControlLeft");
    press("keydown", "x", "KeyX");
    keyboard.field.dispatchEvent(new FocusEvent("blur"));
    press("keyup", "x", "KeyX");
    expect(sent).toEqual(["+ffe3", "+78", "-78", "-ffe3"]);
  });

  it("takes the Control off that some systems press with AltGr", () => {
    press("keydown", "Control", "ControlLeft");
    press("keydown", "AltGraph", "AltRight");
    press("keydown", "@", "KeyQ");
    expect(sent).toEqual(["+ffe3", "-ffe3", "+fe03", "+40"]);
  });

  it("takes no keys from other inputs", () => {
    const event = new KeyboardEvent("keydown", { key: "a", code: "KeyA", bubbles: true, cancelable: true });
    document.querySelector("input")!.dispatchEvent(event);
    expect([event.defaultPrevented, sent.length]).toEqual([false, 0]);
  });

  it("shares the picture's accessible name", () => {
    expect(keyboard.field.getAttribute("aria-label")).toBe("Remote screen");
  });
});

describe("pointer", () => {
  const picture = { width: 1920, height: 1080 };

  it("maps a fitted picture, bars left out", () => {
    const box = { left: 10, top: 20, width: 960, height: 740 };
    expect(mapPoint({ clientX: 10, clientY: 120 }, box, picture)).toEqual({ x: 0, y: 0 });
    expect(mapPoint({ clientX: 490, clientY: 390 }, box, picture)).toEqual({ x: 960, y: 540 });
    expect(mapPoint({ clientX: 5000, clientY: 5000 }, box, picture)).toEqual({ x: 1919, y: 1079 });
    expect(mapPoint({ clientX: 0, clientY: 30 }, box, picture)).toEqual({ x: 0, y: 0 });
  });

  it("orders buttons as the protocol does", () => {
    expect([1, 2, 4, 8, 16, 31].map(buttonMask)).toEqual([1, 4, 2, 8, 16, 31]);
  });

  it("makes clicks of wheel distances and keeps the rest", () => {
    const wheel = new WheelClicks();
    const turn = (deltaY: number, deltaMode = 0): number => wheel.turn({ deltaX: 0, deltaY, deltaMode })[1];
    expect([turn(100), turn(60), turn(60), turn(-100), turn(3, 1), turn(1e9)]).toEqual([1, 0, 1, -1, 1, 16]);
  });
});
