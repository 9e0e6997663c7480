/** Why: a tool puts its buttons into the session's one toolbar, which stands elsewhere in the page. */
export const into =
  (target: HTMLElement | null) =>
  (element: HTMLElement): (() => void) => {
    target?.append(element);
    return () => element.remove();
  };
