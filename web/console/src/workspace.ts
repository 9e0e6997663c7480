/**
 * Why: what this tab works on: the store, the running sessions that are open here, what is shown now, and news that a
 * person has not seen. Plain state without a framework; the views watch it.
 * Rules: a session that is open keeps its leg, chat and tools while another one is shown. News are marks of this tab
 * only; the server keeps nothing for them. Each open session tells of its own changes, and each of its tools too; the
 * workspace tells of what the frame around them shows.
 */
import type { Api, SessionTicket } from "./api";
import { Actions } from "./live/actions";
import { Deploy } from "./live/deploy";
import { LegSocket } from "./live/leg";
import { Scripts } from "./live/scripts";
import { Handlers, type Surroundings } from "./live/socket";
import type { Invitation, JumpItem, Session, Store } from "./live/store";
import { forgetful, type Seen, TeamChat } from "./live/teamchat";
import type { Tool, ToolKind } from "./live/tool";
import { Party } from "./wire/channels";
import type { Entry } from "./wire/messages";

export type Tab = "sessions" | "jump";

function byDue(a: Session, b: Session): number {
  const waiting = Number(b.state === "waiting") - Number(a.state === "waiting");
  if (waiting || a.state !== "waiting") return waiting || a.created_ms - b.created_ms;
  return a.priority - b.priority || (a.queued_ms ?? a.created_ms) - (b.queued_ms ?? b.created_ms);
}

/** What waits in a queue: a session, or an invitation into one. */
export interface Waiting {
  readonly id: string;
  readonly queue: string;
  readonly name: string;
  /** Somebody asks this person into a running session, or to take it over. */
  readonly invitation: boolean;
  /** It is this person who put it there: no news. */
  readonly own: boolean;
}

export class OpenSession {
  readonly id: string;
  readonly leg: LegSocket;
  /** One of each kind, from the beginning to the end. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly actions: Actions;
  readonly scripts: Scripts;
  readonly deploy: Deploy;
  readonly #changed = new Handlers<[]>();
  #session: Session;
  #tool = "";
  #chatShown = true;
  #unread = 0;
  #looking = false;

  constructor(start: SessionTicket, leg: LegSocket, kinds: readonly ToolKind[], api: Api) {
    this.id = start.session.id;
    this.#session = start.session;
    this.leg = leg;
    this.tools = new Map(kinds.map((kind) => [kind.id, kind.make(leg, start.session.id)]));
    this.actions = new Actions(leg);
    this.scripts = new Scripts(leg, leg.journal, api, this.id);
    this.deploy = new Deploy(leg, leg.journal);
    leg.onchange(() => this.#changed.call());
    leg.journal.onentries((entry) => this.#count(entry));
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  get session(): Session {
    return this.#session;
  }

  set session(session: Session) {
    if (session === this.#session) return;
    this.#session = session;
    this.#changed.call();
  }

  /** The tool that was chosen; empty: the first one that may be used. */
  get tool(): string {
    return this.#tool;
  }

  choose(tool: string): void {
    this.#tool = tool;
    this.#changed.call();
  }

  get chatShown(): boolean {
    return this.#chatShown;
  }

  toggleChat(): void {
    this.#chatShown = !this.#chatShown;
    if (this.#looking && this.#chatShown) this.#unread = 0;
    this.#changed.call();
  }

  /** Chat lines of others that came since the last look. */
  get unread(): number {
    return this.#unread;
  }

  /** A person looks at this session now, or away. */
  set looking(looking: boolean) {
    this.#looking = looking;
    if (!looking || !this.#chatShown || !this.#unread) return;
    this.#unread = 0;
    this.#changed.call();
  }

  close(): void {
    for (const tool of this.tools.values()) tool.close();
    this.actions.close();
    this.scripts.close();
    this.deploy.close();
    this.leg.close();
  }

  #count({ kind, leg, party }: Entry): void {
    const fromOthers = kind === "rep-chat" || (kind === "chat" && party !== Party.CONSOLE);
    if (!fromOthers || leg === this.leg.leg) return;
    if (this.#looking && this.#chatShown) return;
    this.#unread++;
    this.#changed.call();
  }
}

export class Workspace {
  readonly store: Store;
  readonly api: Api;
  readonly teamChat: TeamChat;
  tab: Tab = "sessions";
  queue = "";
  /** The entry of the queue whose details are shown. */
  selected = "";
  /** The Jump Client whose password is being asked for. */
  unlocking: JumpItem | null = null;
  #current: OpenSession | null = null;
  /** Sessions and invitations that wait and that this person has not looked at, by id. */
  fresh: ReadonlySet<string> = new Set();
  /** The newest of them, until it is looked at or put aside. */
  announced: Waiting | null = null;
  readonly #kinds: readonly ToolKind[];
  readonly #around: Surroundings | undefined;
  readonly #changed = new Handlers<[]>();
  #open: readonly OpenSession[] = [];
  #known = new Set<string>();
  #started = false;
  #away = false;

  constructor(store: Store, api: Api, kinds: readonly ToolKind[], around?: Surroundings, seen: Seen = forgetful) {
    this.store = store;
    this.api = api;
    this.teamChat = new TeamChat(store, api, seen);
    this.teamChat.onchange(() => this.#changed.call());
    this.#kinds = kinds;
    this.#around = around;
    store.onchange(() => this.#storeChanged());
    this.#storeChanged();
    this.#started = true;
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  get current(): OpenSession | null {
    return this.#current;
  }

  get open(): readonly OpenSession[] {
    return this.#open;
  }

  /** Sessions in which this person is, open in this tab or not. */
  get running(): readonly Session[] {
    const { me, sessions } = this.store;
    const own = sessions.filter((session) => session.members.some((member) => member.id === me.id));
    const here = this.#open.filter((open) => !open.leg.over && !own.some((session) => session.id === open.id));
    return [...own, ...here.map((open) => open.session)];
  }

  get permitted(): { newSession: boolean; nextSession: boolean } {
    const next = this.store.may("perm_next_session_button") && this.store.may("perm_support_allowed");
    return { newSession: this.store.may("perm_generate_session_key"), nextSession: next };
  }

  /** How many sessions and invitations wait in the personal queue. */
  get waitingForMe(): number {
    const own = `user:${this.store.me.id}`;
    return this.#waiting().filter((one) => one.queue === own).length;
  }

  /** How many things this person has not looked at: what waits, and teams with new messages. */
  get unseen(): number {
    return this.fresh.size + this.teamChat.unreadQueues.length;
  }

  /** Give a team's queue a star, or take it away. */
  async favourite(queue: string): Promise<void> {
    await this.api.favourite(queue.replace("team:", ""), !this.store.favourites.has(queue));
  }

  /** Open invitations that stand in a queue, the oldest first. */
  queueInvitations(queue: string): readonly Invitation[] {
    return this.store.invitations
      .filter((one) => one.queue === queue)
      .sort((a, b) => a.created_ms - b.created_ms);
  }

  /** Sessions of a queue: those that wait first, the one that is due next at the top. */
  queueSessions(queue: string): readonly Session[] {
    return this.store.sessions.filter((session) => session.queue === queue).sort(byDue);
  }

  freshIn(queue: string): boolean {
    return this.#waiting().some((one) => one.queue === queue && this.fresh.has(one.id));
  }

  show(tab: Tab): void {
    this.tab = tab;
    this.#look(null);
    if (tab === "sessions") this.#seen();
    this.#changed.call();
  }

  showQueue(queue: string, selected = ""): void {
    this.queue = queue;
    this.selected = selected;
    this.show("sessions");
  }

  select(session: string): void {
    this.selected = session;
    this.#changed.call();
  }

  /** Show the details of what was announced. */
  view(waiting: Waiting): void {
    this.announced = null;
    this.showQueue(waiting.queue, waiting.id);
  }

  dismiss(): void {
    this.announced = null;
    this.#changed.call();
  }

  /** Take the session that is due next in the queues of this person. */
  async next(): Promise<void> {
    this.#enter(await this.api.next());
  }

  async accept(id: string): Promise<void> {
    this.#enter(await this.api.accept(id));
  }

  /** Come in by an invitation, or take a session over. Who is in it already stays with the same leg. */
  async acceptInvitation({ id, session_id: session }: Invitation): Promise<void> {
    this.#enter(await this.api.acceptInvitation(session, id));
  }

  async declineInvitation({ id, session_id: session }: Invitation): Promise<void> {
    await this.api.declineInvitation(session, id);
  }

  /** Start a Jump; one that needs a password and has none asks for it first (`unlocking`). */
  async jump(id: string, password = ""): Promise<void> {
    const item = this.store.jumpItems.find((one) => one.id === id);
    if (item?.password && !password) this.unlock(item);
    else this.#enter(await this.api.jump(id, password));
  }

  /** Ask for the password of a Jump Client, or no longer. */
  unlock(item: JumpItem | null): void {
    this.unlocking = item;
    this.#changed.call();
  }

  /** Go to a running session; one that is not open in this tab is joined. */
  async goTo(id: string): Promise<void> {
    const open = this.#open.find((one) => one.id === id);
    if (open) this.#show(open);
    else this.#enter(await this.api.ticket(id));
  }

  /** Close the session for everybody. */
  async end(open: OpenSession): Promise<void> {
    if (!open.leg.over) await this.api.endSession(open.id);
    this.leave(open);
  }

  /** The owner goes; the session waits in the own queue. */
  async pause(open: OpenSession): Promise<void> {
    await this.api.pause(open.id);
    this.leave(open);
  }

  /** Go out of a session that goes on for the others. */
  async goOut(open: OpenSession): Promise<void> {
    await this.api.leaveSession(open.id);
    this.leave(open);
  }

  /** Take a session out of this tab. */
  leave(open: OpenSession): void {
    open.close();
    this.#open = this.#open.filter((one) => one !== open);
    if (this.#current === open) this.show("sessions");
    else this.#changed.call();
  }

  async logout(): Promise<string> {
    const { redirect } = await this.api.logout();
    for (const open of this.#open) open.close();
    return redirect;
  }

  #enter(start: SessionTicket): void {
    const known = this.#open.find((one) => one.id === start.session.id);
    if (known && !known.leg.over) {
      this.#show(known);
      return;
    }
    if (known) this.leave(known);
    const tickets = async (): Promise<string> => (await this.api.ticket(start.session.id)).ticket;
    const leg = new LegSocket(start.ticket, tickets, this.#around);
    leg.grants = start.grants;
    const open = new OpenSession(start, leg, this.#kinds, this.api);
    this.#watch(open);
    this.#open = [...this.#open, open];
    this.#show(open);
  }

  /** Of an open session, the frame around it shows whether it is over and whether there are unread messages. */
  #watch(open: OpenSession): void {
    let before = "";
    open.onchange(() => {
      const now = `${open.leg.over} ${open.unread}`;
      if (now === before) return;
      before = now;
      this.#changed.call();
    });
  }

  #show(open: OpenSession): void {
    this.#look(open);
    this.announced = this.announced?.id === open.id ? null : this.announced;
    this.#changed.call();
  }

  #look(open: OpenSession | null): void {
    if (this.#current) this.#current.looking = false;
    this.#current = open;
    if (open) open.looking = true;
    this.#lookAtTeam();
  }

  /** The page is hidden, or shown again: what comes to a team meanwhile is not seen. */
  set away(away: boolean) {
    this.#away = away;
    this.#lookAtTeam();
  }

  #lookAtTeam(): void {
    const shown = !this.#away && !this.#current && this.tab === "sessions";
    this.teamChat.look(shown ? this.queue : "");
  }

  /** What waits in the queues of this person. */
  #waiting(): readonly Waiting[] {
    const { invitations, me, queues, sessions } = this.store;
    const seen = new Set(queues.map((queue) => queue.id));
    const waiting = sessions.filter((one) => one.state === "waiting" && seen.has(one.queue));
    return [
      ...waiting.map((one) => ({ ...one, invitation: false, own: one.owner_id === me.id })),
      ...invitations.map((one) => ({ ...one, invitation: true, own: one.sender_id === me.id })),
    ];
  }

  #storeChanged(): void {
    const { sessions, queues } = this.store;
    const waiting = this.#waiting().filter((one) => !one.own);
    if (this.#started) {
      const come = waiting.filter((one) => !this.#known.has(one.id));
      if (come.length) {
        this.fresh = new Set([...this.fresh, ...come.map((one) => one.id)]);
        this.announced = come.at(-1) ?? null;
      }
    }
    this.#known = new Set(waiting.map((one) => one.id));
    this.fresh = new Set([...this.fresh].filter((id) => this.#known.has(id)));
    if (this.announced && !this.#known.has(this.announced.id)) this.announced = null;
    if (!queues.some((queue) => queue.id === this.queue)) {
      this.queue = (queues.find((queue) => queue.kind === "personal") ?? queues[0])?.id ?? "";
    }
    for (const open of this.#open) open.session = sessions.find((one) => one.id === open.id) ?? open.session;
    this.#changed.call();
  }

  /** The chosen queue's sessions have been seen now. */
  #seen(): void {
    const seen = new Set(this.#waiting().flatMap((one) => (one.queue === this.queue ? [one.id] : [])));
    this.fresh = new Set([...this.fresh].filter((id) => !seen.has(id)));
    if (this.announced && seen.has(this.announced.id)) this.announced = null;
  }
}
