/** Why: starts the console: language, then the snapshot, then the frame; a failure says so in words and tries again. */
import { mount, unmount } from "svelte";
import "../../design/tokens.css";
import "../../design/elements.css";
import { api } from "./api";
import { ClientScripts, commandOf } from "./clientscript";
import App from "./features/App.svelte";
import { sessionTools } from "./features/session/tools";
import Starting from "./features/Starting.svelte";
import { loadLanguage } from "./i18n";
import { EventSocket } from "./live/events";
import { backoff, Final } from "./live/socket";
import { Attention, pageOf } from "./live/attention";
import { Store, type Snapshot } from "./live/store";
import { seenIn } from "./live/teamchat";
import { isReload, keepPlace } from "./resume";
import { Workspace } from "./workspace";

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

/** The first snapshot; says why it takes long. Null when it will never come. */
async function firstSnapshot(say: (text: string) => void): Promise<Snapshot | null> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await api.snapshot();
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      if (error instanceof Final) return null;
      await pause(backoff(attempt, Math.random));
    }
  }
}

async function start(target: HTMLElement): Promise<void> {
  await loadLanguage(document.documentElement.lang);
  const starting = mount(Starting, { target });
  const snapshot = await firstSnapshot((text) => starting.say(text));
  if (!snapshot) return;
  const store = new Store();
  store.load(snapshot);
  const events = new EventSocket(store, api, snapshot.events_ticket);
  const tools = sessionTools();
  const seen = seenIn(localStorage, `farhand.team-chat.${snapshot.me.id}`);
  const workspace = new Workspace(store, api, tools, undefined, seen);
  const attention = new Attention(pageOf(window));
  const again = (): void => {
    events.retry();
    for (const open of workspace.open) open.leg.retry();
  };
  window.addEventListener("online", again);
  document.addEventListener("visibilitychange", () => {
    workspace.away = document.hidden;
    if (!document.hidden) again();
  });
  await unmount(starting);
  const scripts = new ClientScripts();
  mount(App, { target, props: { workspace, events, tools, scripts, attention } });
  const command = commandOf(location.search);
  if (command) {
    // A reload must not bring the command again.
    history.replaceState(null, "", location.pathname);
    void scripts.bring(command);
  }
  await keepPlace(workspace, sessionStorage, isReload());
}

const target = document.getElementById("app");
if (target) void start(target);
