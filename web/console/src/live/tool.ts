/**
 * Why: what every tool of a session is to the session that holds it. Screen, shell and those to come are made, watched and
 * closed in one way; what they do with their channels is their own matter.
 * Rules: a tool lives as long as its session is open in this tab, shown or not. It tells of its own changes only to whoever
 * watches it: what moves ten times a second must not redraw the rest of the page.
 */
import type { LegPort } from "../wire/port";

export interface Tool {
  /** Call `handler` when anything that a person sees of this tool changed. */
  onchange(handler: () => void): () => void;
  /** The session is not open in this tab any more. */
  close(): void;
}

/** A kind of tool: its name in this page, the grants of which one opens it, and how one is made for a leg. */
export interface ToolKind<Made extends Tool = Tool> {
  readonly id: string;
  readonly grant: number;
  make(leg: LegPort, session: string): Made;
}
