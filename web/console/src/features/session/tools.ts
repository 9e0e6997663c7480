/**
 * Why: the tools that a session can have, in the order of the drop-down at its top left. A new tool is one line here, a
 * class (`live/tool`) and a pane. What has no pane of its own is not here: control and clipboard belong to the screen,
 * special actions and canned scripts to `OpenSession`.
 */
import type { Component } from "svelte";
import { t } from "../../i18n";
import { Disk } from "../../live/files/disk";
import { Files } from "../../live/files/files";
import type { Words } from "../../live/abilities";
import { Shells } from "../../live/shells";
import type { Tool, ToolKind } from "../../live/tool";
import { Grant } from "../../wire/channels";
import type { OpenSession } from "../../workspace";
import type { IconName } from "../icons";
import FilesPane from "./FilesPane.svelte";
import { ScreenTool } from "./screen";
import ScreenPane from "./ScreenPane.svelte";
import ShellPane from "./ShellPane.svelte";

/** What a tool's pane is given. */
export interface PaneProps<Made extends Tool = Tool> {
  open: OpenSession;
  tool: Made;
  /** The remote computer is there: the tool can be used. */
  ready: boolean;
  /** Why an endpoint cannot do something, in the language of the page. */
  words: Words;
  /** The pane is on the page now; all others stay alive. */
  shown: boolean;
  /** Where the tool's buttons go: the session's toolbar. */
  toolbar: HTMLElement | null;
}

export interface SessionTool extends ToolKind {
  readonly label: string;
  readonly icon: IconName;
  readonly Pane: Component<PaneProps>;
}

/** One tool: its pane takes what `make` makes. */
function tool<Made extends Tool>(
  kind: Omit<SessionTool, "make" | "Pane"> & { make: ToolKind<Made>["make"]; Pane: Component<PaneProps<Made>> },
): SessionTool {
  return kind as unknown as SessionTool;
}

/** All tools; made once the language is known. */
export const sessionTools = (): readonly SessionTool[] => [
  tool({
    id: "screen",
    label: t("Screen Sharing"),
    icon: "screen",
    grant: Grant.SCREEN_VIEW,
    make: (leg) => new ScreenTool(leg),
    Pane: ScreenPane,
  }),
  tool({
    id: "shell",
    label: t("Command Shell"),
    icon: "shell",
    grant: Grant.SHELL,
    make: (leg) => new Shells(leg),
    Pane: ShellPane,
  }),
  tool({
    id: "files",
    label: t("File Transfer"),
    icon: "folder",
    grant: Grant.FILES_READ | Grant.FILES_WRITE | Grant.FILES_DELETE,
    make: (leg, session) => new Files(leg, new Disk(), session),
    Pane: FilesPane,
  }),
];
