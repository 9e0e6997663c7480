/**
 * Why: the kinds of system entries, the mirror of protocol/entries.py. Names only; the words stand in features/journal.
 */
export const ENTRY_KINDS = [
  "leg-joined",
  "leg-left",
  "session-ended",
  "recording-started",
  "recording-gap",
  "screen-requested",
  "screen-started",
  "screen-refused",
  "screen-stopped",
  "control-requested",
  "control-granted",
  "control-refused",
  "control-released",
  "shell-requested",
  "shell-opened",
  "shell-refused",
  "shell-closed",
  "action-requested",
  "action-run",
  "action-refused",
  "action-failed",
  "power-requested",
  "power-started",
  "power-refused",
  "power-failed",
  "power-returned",
  "customer-ended",
  "entries-dropped",
] as const;

export type EntryKind = (typeof ENTRY_KINDS)[number];
