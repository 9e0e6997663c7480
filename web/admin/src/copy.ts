/**
 * Why: `<button data-copy="text">` or `<button data-copy-from="#id">` copies, and says so: the words of `data-copied`
 * stand on the button for a moment, where a screen reader hears them too.
 */
const SHOWN_MS = 2000;

function textOf(button: HTMLElement): string {
  const from = button.dataset["copyFrom"];
  if (!from) return button.dataset["copy"] ?? "";
  const source = document.querySelector(from);
  return source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement
    ? source.value
    : (source?.textContent ?? "").trim();
}

export function copyOnClick(root: Document): void {
  root.addEventListener("click", async (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-copy], [data-copy-from]");
    if (!button) return;
    event.preventDefault();
    try {
      await navigator.clipboard.writeText(textOf(button));
    } catch {
      return; // The text stays selectable on the page.
    }
    if (button.dataset["busy"] || !button.dataset["copied"]) return;
    const before = button.textContent;
    button.dataset["busy"] = "1";
    button.setAttribute("aria-live", "polite");
    button.textContent = button.dataset["copied"];
    setTimeout(() => {
      button.textContent = before;
      delete button.dataset["busy"];
    }, SHOWN_MS);
  });
}
