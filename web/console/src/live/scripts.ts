/**
 * Why: canned scripts of one session: which there are, the one that runs, what it writes, and how it ended.
 * Rules: the site orders a run, this page only hands the order on. Which scripts there are is asked each time a person
 * looks. The end of the output is kept, up to a bound; a gap in it is marked. How a run ended is read from the session's
 * log as well, which misses nothing when the connection was away. One run is shown at a time.
 */
import { t } from "../i18n";
import type { Context } from "../wire/actions";
import { channelOf, Kind, Scripts as Frame, UNSUPPORTED } from "../wire/channels";
import { decodeJson, type Entry } from "../wire/messages";
import type { LegPort } from "../wire/port";
import { decodeOutput, decodeRun, decodeScriptDone, encodeCancel, encodeRunScript, type OrderedScript, type ScriptDone } from "../wire/scripts";
import type { Journal } from "./journal";
import { Handlers } from "./socket";
import type { Tool } from "./tool";

const CHANNEL = channelOf(Kind.SCRIPTS);
/** Where output is missing. */
export const GAP = "\n…\n";
/** Characters of output that are kept. */
export const MAX_SHOWN = 262_144;

export interface Parameter {
  readonly name: string;
  readonly label: string;
  readonly default: string;
  readonly required: boolean;
}

export interface CannedScript {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly contexts: readonly Context[];
  readonly parameters: readonly Parameter[];
  readonly time_limit_s: number;
}

/** The commands of the site that this needs. */
export interface ScriptsApi {
  scripts(session: string): Promise<readonly CannedScript[]>;
  orderScript(session: string, script: string, context: Context, parameters: Readonly<Record<string, string>>): Promise<OrderedScript>;
}

/** One run as it is shown. */
export interface Run {
  readonly id: string;
  readonly name: string;
  readonly started: boolean;
  readonly output: string;
  readonly done: ScriptDone | null;
}

export class Scripts implements Tool {
  readonly #leg: LegPort;
  readonly #api: ScriptsApi;
  readonly #session: string;
  readonly #changed = new Handlers<[]>();
  readonly #off: readonly (() => void)[];
  #list: readonly CannedScript[] | null = null;
  #problem = "";
  #run: Run | null = null;
  /** Characters of the output that have been sent, as the endpoint counts them: by code points. */
  #expected = 0;
  #asked = 0;

  constructor(leg: LegPort, journal: Pick<Journal, "onentries">, api: ScriptsApi, session: string) {
    this.#leg = leg;
    this.#api = api;
    this.#session = session;
    this.#off = [
      leg.on(Kind.SCRIPTS, (type, _channel, payload) => this.#frame(type, payload)),
      journal.onentries((entry) => this.#entry(entry)),
    ];
  }

  onchange = (handler: () => void): (() => void) => this.#changed.add(handler);

  /** The scripts that may be run here, once the site has answered. */
  get list(): readonly CannedScript[] | null {
    return this.#list;
  }

  /** Why the site did not say which there are. */
  get problem(): string {
    return this.#problem;
  }

  get run(): Run | null {
    return this.#run;
  }

  async look(): Promise<void> {
    try {
      this.#list = await this.#api.scripts(this.#session);
      this.#problem = "";
    } catch (error) {
      this.#list = [];
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    this.#changed.call();
  }

  /** Have the site order a run and hand it to the endpoint. What is dismissed meanwhile is not begun. */
  async start(script: CannedScript, context: Context, parameters: Readonly<Record<string, string>>): Promise<void> {
    const mine = ++this.#asked;
    const ordered = await this.#api.orderScript(this.#session, script.id, context, parameters);
    if (mine !== this.#asked) return;
    if (!this.#leg.open) throw new Error(t("The connection is away just now. Run the script again."));
    this.#expected = 0;
    this.#show({ id: ordered.run, name: script.name, started: false, output: "", done: null });
    this.#leg.send(Frame.RUN, CHANNEL, encodeRunScript(ordered));
  }

  cancel(): void {
    if (this.#run) this.#leg.send(Frame.CANCEL, CHANNEL, encodeCancel(this.#run.id));
  }

  /** Show the run no longer; it goes on. */
  dismiss(): void {
    this.#asked++;
    this.#show(null);
  }

  close(): void {
    for (const off of this.#off) off();
  }

  #frame(type: number, payload: Uint8Array): void {
    const run = this.#run;
    if (!run || run.done) return;
    if (type === Frame.STARTED) {
      if (decodeRun(payload) === run.id) this.#show({ ...run, started: true });
    } else if (type === Frame.OUTPUT) {
      const { run: id, offset, text } = decodeOutput(payload);
      if (id !== run.id) return;
      const gap = offset > this.#expected ? GAP : "";
      this.#expected = offset + [...text].length;
      this.#show({ ...run, started: true, output: joined(run.output, gap + text) });
    } else if (type === Frame.DONE) {
      const done = decodeScriptDone(payload);
      if (done.run === run.id || !done.run) this.#over(run, done);
    } else if (type === UNSUPPORTED) {
      const text = decodeJson(payload)["text"];
      this.#over(run, refused(run, typeof text === "string" ? text : ""));
    }
  }

  #entry(entry: Entry): void {
    const run = this.#run;
    if (!run || run.done || entry.data["run"] !== run.id) return;
    if (entry.kind === "script-started") this.#show({ ...run, started: true });
    else if (entry.kind === "script-refused") this.#over(run, refused(run, entry.text));
    else if (entry.kind === "script-ended") {
      const { status, reason } = entry.data;
      const failed = reason === "failed";
      this.#over(run, {
        run: run.id,
        ran: !failed,
        status: typeof status === "number" ? status : null,
        reason: typeof reason === "string" ? reason : "",
        text: failed ? entry.text : "",
        tail: failed ? "" : entry.text,
      });
    }
  }

  /** It has ended: the end of its output is known now, whatever was lost or left out before. */
  #over(run: Run, done: ScriptDone): void {
    const tail = visible(done.tail);
    const complete = run.output.endsWith(tail);
    const output = complete ? run.output : joined(run.output, run.output ? GAP + tail : tail);
    this.#show({ ...run, output, done });
  }

  #show(run: Run | null): void {
    this.#run = run;
    this.#changed.call();
  }
}

const visible = (text: string): string => text.replaceAll("\0", "\ufffd");

function joined(before: string, more: string): string {
  const all = before + visible(more);
  return all.length > MAX_SHOWN ? GAP.trimStart() + all.slice(-MAX_SHOWN) : all;
}

const refused = (run: Run, text: string): ScriptDone => ({
  run: run.id,
  ran: false,
  status: null,
  reason: "refused",
  text,
  tail: "",
});
