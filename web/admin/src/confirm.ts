/**
 * Why: a form or button with `data-confirm="Question?"` asks before it does anything. `data-confirm-yes` and
 * `data-confirm-no` are the words on the buttons; the server gives them in the page's language.
 */
function ask(question: string, yes: string, no: string): Promise<boolean> {
  const dialog = document.createElement("dialog");
  dialog.className = "confirm";
  const text = document.createElement("p");
  text.id = "confirm-text";
  text.textContent = question;
  dialog.setAttribute("aria-labelledby", text.id);
  const form = document.createElement("form");
  form.method = "dialog";
  for (const [value, words, style] of [["no", no, "button"], ["yes", yes, "button danger"]] as const) {
    const button = document.createElement("button");
    button.value = value;
    button.textContent = words;
    button.className = style;
    form.append(button);
  }
  dialog.append(text, form);
  document.body.append(dialog);
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      answer(dialog.returnValue === "yes");
      dialog.remove();
    });
    dialog.showModal();
  });
}

export function confirmBefore(root: Document): void {
  root.addEventListener(
    "submit",
    async (event) => {
      const form = event.target as HTMLFormElement;
      const submitter = event.submitter;
      const asks = submitter?.dataset["confirm"] ? submitter : form;
      const question = asks.dataset["confirm"];
      if (!question || form.dataset["confirmed"]) {
        delete form.dataset["confirmed"];
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      const yes = asks.dataset["confirmYes"] || submitter?.textContent?.trim() || "OK";
      if (!(await ask(question, yes, asks.dataset["confirmNo"] || "Cancel"))) return;
      form.dataset["confirmed"] = "1";
      form.requestSubmit(submitter);
    },
    { capture: true },
  );
}
