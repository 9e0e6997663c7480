/** Why: arrow keys on a row of tabs, the same everywhere: the focus moves, and the tab is chosen with it. */
export function tabKeys(event: KeyboardEvent): void {
  const tabs = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role="tab"]')];
  const at = tabs.findIndex((tab) => tab === document.activeElement);
  const to: Record<string, number> = {
    ArrowRight: (at + 1) % tabs.length,
    ArrowLeft: (at - 1 + tabs.length) % tabs.length,
    Home: 0,
    End: tabs.length - 1,
  };
  const next = tabs[to[event.key] ?? -1];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
  next.click();
}
