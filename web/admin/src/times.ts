/** Why: `<time data-ms="…">` is a point in time; it is shown in the reader's time zone and the page's language. */
export function localTimes(root: ParentNode): void {
  const format = new Intl.DateTimeFormat(document.documentElement.lang || "en", { dateStyle: "medium", timeStyle: "medium" });
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[data-ms]")) {
    const ms = Number(element.dataset["ms"]);
    if (!Number.isFinite(ms)) continue;
    element.dateTime = new Date(ms).toISOString();
    element.textContent = format.format(ms);
  }
}
