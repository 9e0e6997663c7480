/**
 * Why: what a queue lists: sessions, and invitations into sessions of others, as rows of one form and with the words
 * of their details.
 */
import { currentLanguage, t } from "../i18n";
import type { Invitation, Session } from "../live/store";
import { dateTime } from "../time";
import type { Workspace } from "../workspace";

export interface QueueEntry {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  /** Colour of the status: `on`, `busy` or none. */
  readonly dot: "on" | "busy" | "";
  readonly assignee: string;
  /** Of a support session. */
  readonly priority: string;
  /** Since when it waits in its queue; null: it does not. */
  readonly queued: number | null;
  /** Since when it goes on. */
  readonly since: number;
  /** What its details say: asked for one entry, while hundreds are listed. */
  readonly facts: () => readonly (readonly [string, string])[];
  readonly session: Session | null;
  readonly invitation: Invitation | null;
}

const kindOf = (kind: "jump" | "support"): string => (kind === "jump" ? t("Jump Client") : t("Support"));

const typeOf = (session: Session): string => (session.click_to_chat ? t("Click-to-Chat") : kindOf(session.kind));

const filled = (facts: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] =>
  facts.filter(([, value]) => value !== "");

const priorityOf = ({ kind, priority }: Session): string =>
  kind === "support" ? ({ 1: t("High"), 2: t("Medium"), 3: t("Low") }[priority] ?? String(priority)) : "";

const languageName = (code: string | undefined): string =>
  code ? (new Intl.DisplayNames([currentLanguage()], { type: "language" }).of(code) ?? code) : "";

function sessionEntry(session: Session): QueueEntry {
  const waiting = session.state === "waiting";
  const status = waiting ? t("Waiting") : session.customer_connected ? t("Active") : t("Disconnected");
  const transfer = session.invitations.find((one) => one.kind === "transfer");
  return {
    id: session.id,
    name: session.name,
    type: typeOf(session),
    status,
    dot: waiting ? "busy" : session.customer_connected ? "on" : "",
    assignee: session.owner_name ?? "",
    priority: priorityOf(session),
    queued: session.queued_ms,
    since: session.started_ms ?? session.created_ms,
    facts: () => filled([
      [t("Status"), status],
      [t("Type"), typeOf(session)],
      [t("Issue"), session.request["issue"] ?? ""],
      [t("Priority"), priorityOf(session)],
      [t("Description"), session.request["details"] ?? ""],
      [t("Company"), session.request["company"] ?? ""],
      [t("Mail address"), session.request["email"] ?? ""],
      [t("Language"), languageName(session.request["language"])],
      [t("Computer"), session.hostname],
      [t("Operating system"), session.os_name],
      [t("User"), session.details.user ?? ""],
      [t("Public IP"), session.details.public_ip ?? ""],
      [t("Private IP"), session.details.private_ip ?? ""],
      [t("Assignee"), session.owner_name ?? ""],
      [t("Members"), session.members.map((member) => member.name).join(", ")],
      [t("Being transferred to"), transfer?.target_name ?? ""],
      [t("Created"), dateTime(session.created_ms)],
    ]),
    session,
    invitation: null,
  };
}

function invitationEntry(invitation: Invitation): QueueEntry {
  const status = invitation.kind === "transfer" ? t("Transfer") : t("Invitation");
  return {
    id: invitation.id,
    name: invitation.name,
    type: kindOf(invitation.session_kind),
    status,
    dot: "busy",
    assignee: invitation.sender_name,
    priority: "",
    queued: invitation.created_ms,
    since: invitation.started_ms ?? invitation.created_ms,
    facts: () => filled([
      [t("Status"), status],
      [t("Type"), kindOf(invitation.session_kind)],
      [t("From"), invitation.sender_name],
      [t("Issue"), invitation.issue],
      [t("Computer"), invitation.hostname],
      [t("Operating system"), invitation.os_name],
      [t("Invited"), dateTime(invitation.created_ms)],
    ]),
    session: null,
    invitation,
  };
}

/** What a queue lists: invitations, then sessions, what is due next at the top. */
export function entriesOf(workspace: Workspace, queue: string): readonly QueueEntry[] {
  return [
    ...workspace.queueInvitations(queue).map(invitationEntry),
    ...workspace.queueSessions(queue).map(sessionEntry),
  ];
}
