// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { confirmBefore } from "./confirm";
import { copyOnClick } from "./copy";
import { localTimes } from "./times";

const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

confirmBefore(document);
copyOnClick(document);

describe("copy buttons", () => {
  const writeText = vi.fn(async (_text: string) => undefined);
  beforeEach(() => {
    writeText.mockClear();
    vi.stubGlobal("navigator", { clipboard: { writeText } });
  });

  it("copy their text and say so", async () => {
    document.body.innerHTML = '<button data-copy="abc" data-copied="Copied">Copy</button>';
    const button = document.querySelector("button");
    button?.click();
    await settled();
    expect([writeText.mock.calls, button?.textContent]).toEqual([[["abc"]], "Copied"]);
  });

  it("copy what stands elsewhere", async () => {
    document.body.innerHTML = '<code id="c"> curl </code><button data-copy-from="#c">Copy</button>';
    document.querySelector("button")?.click();
    await settled();
    expect(writeText.mock.calls).toEqual([["curl"]]);
  });
});

describe("forms that ask", () => {
  const sent = vi.fn((event: Event) => event.preventDefault());

  async function submit(answer: "yes" | "no"): Promise<void> {
    sent.mockClear();
    document.body.innerHTML =
      '<form data-confirm="Delete it?" data-confirm-yes="Delete" data-confirm-no="Keep"><button>Delete …</button></form>';
    const form = document.querySelector("form");
    form?.addEventListener("submit", sent);
    form?.requestSubmit(form.querySelector("button"));
    await settled();
    const dialog = document.querySelector("dialog");
    expect(dialog?.textContent).toBe("Delete it?KeepDelete");
    expect(sent).not.toHaveBeenCalled();
    dialog?.close(answer);
    await settled();
  }

  it("are sent after a yes", async () => {
    await submit("yes");
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it("are not sent after a no", async () => {
    await submit("no");
    expect(sent).not.toHaveBeenCalled();
  });
});

it("times are shown in the page's language", () => {
  document.documentElement.lang = "de";
  document.body.innerHTML = '<time data-ms="1700000000000">x</time><time data-ms="soon">y</time>';
  localTimes(document);
  const [first, second] = document.querySelectorAll("time");
  expect(first?.textContent).toMatch(/\b1[45]\.11\.2023/);
  expect([first?.dateTime, second?.textContent]).toEqual(["2023-11-14T22:13:20.000Z", "y"]);
});
