/**
 * Why: the console's commands and reads over HTTP (`/api/console/*`), with one kind of error.
 * Rules: an error's text is the server's sentence for people. Answers below 500 that say no are final (`Final`), except
 * those that pass by themselves; a sign-in that is over leads to the sign-in page.
 */
import type { EventsApi } from "./live/events";
import type { CannedScript, ScriptsApi } from "./live/scripts";
import { Final } from "./live/socket";
import type { JumpItem, Session, Snapshot } from "./live/store";
import { t } from "./i18n";
import type { Context } from "./wire/actions";
import type { OrderedScript } from "./wire/scripts";

export interface SessionTicket {
  readonly session: Session;
  readonly ticket: string;
  readonly leg: number;
  readonly grants: number;
}

export interface SessionKey {
  readonly key: string;
  readonly shown: string;
  readonly url: string;
  readonly expires_ms: number;
  readonly portal: string;
  readonly token: string;
  readonly mail: KeyMail;
}

/** How a session key may be mailed, and what the message says, by language code. */
export interface KeyMail {
  readonly local: boolean;
  readonly server: boolean;
  readonly texts: Readonly<Record<string, { readonly subject: string; readonly body: string }>>;
}

/** To whom a session can be given, or with whom it can be shared. */
export interface Choices {
  readonly teams: readonly { readonly id: string; readonly name: string; readonly own: boolean }[];
  readonly representatives: readonly {
    readonly id: string;
    readonly name: string;
    readonly teams: readonly string[];
    /** Is at no console, and is told by a message. */
    readonly by_mail: boolean;
  }[];
}

export interface Targets {
  readonly transfer: Choices;
  readonly share: Choices & { readonly issues: readonly { readonly id: string; readonly name: string }[] };
}

/** A Jump Group to which this person can pin. */
export interface PinGroup {
  readonly id: string;
  readonly name: string;
}

/** The Jump Client that a session's computer is to become. */
export interface PinWish {
  readonly group_id: string;
  readonly name: string;
  readonly comments: string;
  readonly tag: string;
  readonly password: string;
}

/** One page load is one console tab: its legs are its own. */
const TAB = crypto.randomUUID();

/** The time zone of who sits here: in it an invitation says until when it holds. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const JUST_LOADED_MS = 3000;
const PASSING = new Set([408, 425, 429]);

function csrfToken(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
  if (meta) return meta;
  const cookie = document.cookie.split("; ").find((part) => /^(__Host-|__Secure-)?csrftoken=/.test(part));
  return cookie ? decodeURIComponent(cookie.slice(cookie.indexOf("=") + 1)) : "";
}

async function errorText(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: { text?: unknown } };
    if (typeof body.error?.text === "string" && body.error.text) return body.error.text;
  } catch {
    // Not our JSON: the sentence below stands in.
  }
  return t("The appliance answered with an error ({status}). Try again in a moment.", { status: response.status });
}

async function request<Answer>(method: "GET" | "POST", path: string, body?: object): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`/api/console/${path}`, {
      method,
      credentials: "same-origin",
      redirect: "manual",
      headers: {
        Accept: "application/json",
        ...(method === "POST" ? { "Content-Type": "application/json", "X-CSRFToken": csrfToken() } : {}),
      },
      body: method === "POST" ? JSON.stringify(body ?? {}) : undefined,
    });
  } catch {
    throw new Error(t("The appliance cannot be reached. Check the network; this page tries again by itself."));
  }
  // A snapshot that is refused means that this console is closed to its user: the page says which way out there is.
  const closed = response.status === 403 && path === "snapshot";
  if (closed || response.status === 401 || response.type === "opaqueredirect") {
    // The page signs in by itself. One that has just been loaded says so instead of turning in a circle.
    if (performance.now() > JUST_LOADED_MS) location.assign("/console");
    throw new Final(closed ? await errorText(response) : t("You are signed out. Sign in again."));
  }
  if (!response.ok) {
    const text = await errorText(response);
    throw response.status < 500 && !PASSING.has(response.status) ? new Final(text) : new Error(text);
  }
  return (await response.json()) as Answer;
}

const post = <Answer>(path: string, body?: object): Promise<Answer> => request<Answer>("POST", path, body);

export const api = {
  snapshot: () => request<Snapshot>("GET", "snapshot"),
  sessionKey: (lifetimeSeconds: number, portal: string) =>
    post<SessionKey>("session-keys", { lifetime_s: lifetimeSeconds, zone: ZONE, ...(portal ? { portal_id: portal } : {}) }),
  /** Let the appliance send a key; the answer is the id of the message (collection `mails`). */
  mailSessionKey: async ({ key, token }: SessionKey, portal: string, to: string, language: string) =>
    (
      await post<{ mail: string }>("session-keys/mail", {
        ...{ key, token, to, language, zone: ZONE },
        ...(portal ? { portal_id: portal } : {}),
      })
    ).mail,
  next: () => post<SessionTicket>("sessions/next", { tab: TAB }),
  accept: (id: string) => post<SessionTicket>(`sessions/${id}/accept`, { tab: TAB }),
  ticket: (id: string) => post<SessionTicket>(`sessions/${id}/ticket`, { tab: TAB }),
  scriptMatches: async (query: string) =>
    (await request<{ items: readonly JumpItem[] }>("GET", `script-matches?${query}`)).items,
  jump: (id: string, password = "") =>
    post<SessionTicket>(`jump-items/${id}/jump`, { tab: TAB, ...(password ? { password } : {}) }),
  pinGroups: async (id: string) => (await request<{ groups: readonly PinGroup[] }>("GET", `sessions/${id}/pin`)).groups,
  pin: async (id: string, wish: PinWish) => (await post<{ order: string }>(`sessions/${id}/pin`, { tab: TAB, ...wish })).order,
  unpin: async (id: string, client: string) =>
    (await post<{ order: string }>(`sessions/${id}/unpin`, { tab: TAB, client_id: client })).order,
  scripts: async (id: string) => (await request<{ scripts: CannedScript[] }>("GET", `sessions/${id}/scripts`)).scripts,
  orderScript: (id: string, script: string, context: Context, parameters: Readonly<Record<string, string>>) =>
    post<OrderedScript>(`sessions/${id}/scripts`, { tab: TAB, script_id: script, context, parameters }),
  endSession: (id: string) => post<object>(`sessions/${id}/end`),
  pause: (id: string) => post<object>(`sessions/${id}/pause`),
  leaveSession: (id: string) => post<object>(`sessions/${id}/leave`),
  targets: (id: string) => request<Targets>("GET", `sessions/${id}/targets`),
  transfer: (id: string, target: string) => post<object>(`sessions/${id}/transfer`, { target }),
  share: (id: string, target: string) => post<object>(`sessions/${id}/share`, { target }),
  requestHelp: (id: string, issue: string) => post<object>(`sessions/${id}/share`, { issue_id: issue }),
  disconnectCustomer: (id: string) => post<object>(`sessions/${id}/disconnect-customer`),
  requestClient: (id: string) => post<object>(`sessions/${id}/request-client`),
  removeMember: (id: string, user: string) => post<object>(`sessions/${id}/remove-member`, { user_id: user }),
  acceptInvitation: (id: string, invitation: string) =>
    post<SessionTicket>(`sessions/${id}/invitations/${invitation}/accept`, { tab: TAB }),
  declineInvitation: (id: string, invitation: string) =>
    post<object>(`sessions/${id}/invitations/${invitation}/decline`),
  cancelInvitation: (id: string, invitation: string) => post<object>(`sessions/${id}/invitations/${invitation}/cancel`),
  teamMessage: (team: string, text: string, id: string) =>
    post<object>(`teams/${team}/messages`, { text, post: id }),
  favourite: (team: string, favourite: boolean) => post<object>(`teams/${team}/favourite`, { favourite }),
  logout: () => post<{ redirect: string }>("logout"),
} satisfies EventsApi & ScriptsApi & Record<string, unknown>;

export type Api = typeof api;
