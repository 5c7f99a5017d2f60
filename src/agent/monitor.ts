import type { SessionEvent } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import type { Monitor, watch } from "../core/monitor.ts";
import type { AlarmLevel, AlarmLevels, tightenedAll } from "../core/monitor-level.ts";
import type { Alarm } from "../core/monitor-reducer.ts";
import type { Policy } from "../core/policy-rules.ts";
import type { Ledger } from "../ledger/append.ts";
import type { WatchedBefore } from "./resume.ts";
import type { TurnEnd } from "./turn.ts";

export interface MonitorPlan {
  readonly ledger: Ledger;
  /** What the person wants done about each kind of alarm. */
  readonly levels: AlarmLevels;
  readonly now: () => number;
  /** Tells the person in a line. */
  readonly tell: (text: string) => void;
  /** Ends the session and all that runs in its box, at once. */
  readonly kill: (why: string) => void;
  /** Of a session that goes on: what was seen of it before. */
  readonly before: WatchedBefore | null;
}

interface WatchedPlan {
  readonly before: { readonly watched: WatchedBefore } | null;
  readonly alarms: AlarmLevels;
  readonly now: () => number;
  readonly show: (event: SessionEvent) => void;
}

interface Core {
  readonly watch: typeof watch;
  readonly tightenedAll: typeof tightenedAll;
}

/** Events of before that are looked at in one go between other things: some milliseconds. */
const SLICE = 200;
/** After opening, so that the prompt stands there first. */
const LOOK_BACK_MS = 50;

/**
 * Watches what a session records, as it is recorded, and does what the person wants done about an alarm.
 *
 * It only ever tightens: an alarm stands in the record before anything comes of it, and nothing that it does grants.
 */
export class SessionMonitor {
  readonly #plan: MonitorPlan;
  #core: Core | null = null;
  #monitor: Monitor | null = null;
  /** Events that were not looked at yet, the next one first. */
  #behind: Behind[] = [];
  #at = 0;
  #isOpening = true;
  /** Why every request asks; null while none has to. */
  #asksAll: string | null = null;
  #tightened: { readonly of: Policy; readonly policy: Policy } | null = null;
  #pause = new AbortController();
  #end: TurnEnd | null = null;

  constructor(plan: MonitorPlan) {
    this.#plan = plan;
    this.#asksAll = plan.before?.asksAll ?? null;
    // Taken out, so that a session that goes on does not hold all of its record till its end.
    this.#behind = plan.before?.events.splice(0).map((event, seq) => ({ seq, event, isPast: true })) ?? [];
    plan.ledger.watch((seq, event) => {
      this.#behind.push({ seq, event, isPast: false });
      if (!this.#isOpening) this.#catchUp();
    });
  }

  /** Makes the monitor of a session; `kill` ends it. */
  static of(session: WatchedPlan, ledger: Ledger, kill: MonitorPlan["kill"]): SessionMonitor {
    const { alarms: levels, now, show } = session;
    const tell = (text: string) => show({ type: "notice", text });
    return new SessionMonitor({ ledger, levels, now, kill, tell, before: session.before?.watched ?? null });
  }

  /** Loads what looks at the events. */
  async load(): Promise<void> {
    const [{ UNWATCHED, watch }, { tightenedAll }] = await Promise.all([
      import("../core/monitor.ts"),
      import("../core/monitor-level.ts"),
    ]);
    this.#core = { watch, tightenedAll };
    this.#monitor = UNWATCHED;
  }

  /**
   * Begins to look at each event as it is written, once loaded. What a session that goes on was before is looked at between
   * other things, so that nobody waits for it, but before anything new is.
   */
  begin(): void {
    this.#isOpening = false;
    if (this.#behind[0]?.isPast) setTimeout(() => this.#lookBack(), LOOK_BACK_MS).unref();
    else this.#catchUp();
  }

  /** Whether an alarm has every request ask. */
  get isAskingAll(): boolean {
    return this.#asksAll !== null;
  }

  /** Gives a policy as strict as the alarms so far want it. */
  tighten(policy: Policy): Policy {
    if (this.#asksAll === null || this.#core === null) return policy;
    if (this.#tightened?.of !== policy)
      this.#tightened = { of: policy, policy: this.#core.tightenedAll(policy, this.#verdict(), this.#asksAll) };
    return this.#tightened.policy;
  }

  /** Begins a turn: whoever goes on has seen why the one before was paused. Aborts when an alarm ends it. */
  beginTurn(): AbortSignal {
    if (this.#end?.reason === "paused") {
      this.#end = null;
      this.#pause = new AbortController();
    }
    // After it: of what is found only now nobody has seen anything.
    if (!this.#isOpening) this.#catchUp();
    return this.#pause.signal;
  }

  /** Why the turn cannot go on; null while it can. */
  ended(): TurnEnd | null {
    return this.#end;
  }

  #lookBack(): void {
    try {
      for (let left = SLICE; left > 0 && this.#behind[this.#at]?.isPast; left -= 1) this.#lookAtNext();
    } catch {
      // Thrown from a timer it would end the program. Whoever goes on meets it, since nothing new is looked at before.
      return;
    }
    if (this.#behind[this.#at]?.isPast) setImmediate(() => this.#lookBack());
  }

  #catchUp(): void {
    while (this.#at < this.#behind.length) this.#lookAtNext();
  }

  #lookAtNext(): void {
    const next = this.#behind[this.#at];
    if (next === undefined || this.#core === null || this.#monitor === null) throw new Error("bug: nothing to look at");
    const { monitor, alarms } = this.#core.watch(this.#monitor, next.seq, next.event);
    this.#monitor = monitor;
    this.#at += 1;
    if (this.#at === this.#behind.length) [this.#behind, this.#at] = [[], 0];
    // The alarms of before stand in the record already.
    if (!next.isPast) for (const alarm of alarms) this.#raise(alarm);
  }

  #raise({ kind, seqs, words }: Alarm): void {
    const level = this.#plan.levels[kind];
    this.#plan.ledger.append({ type: "alarm", at: this.#plan.now(), kind, level, seqs: [...seqs], words });
    this.#plan.tell(`${LEVEL_WORDS[level]}, ${kind}: ${words}`);
    const why = `the monitor raised an alarm, ${kind}: ${words}`;
    switch (level) {
      case "note":
        return;
      case "ask":
        this.#askAll(why);
        return;
      case "pause":
        this.#askAll(why);
        this.#stop({ reason: "paused", message: `paused: ${why}` });
        return;
      case "kill":
        this.#plan.kill(why);
    }
  }

  /** Notes that the session is killed, whoever did it: no turn goes on, and nothing leaves any more, whatever was allowed. */
  end(why: string): void {
    this.#stop({ reason: "killed", message: `killed: ${why}` });
    this.#asksAll = `the session is killed: ${why}`;
    this.#tightened = null;
  }

  #verdict(): "ask" | "deny" {
    return this.#end?.reason === "killed" ? "deny" : "ask";
  }

  #askAll(why: string): void {
    this.#asksAll ??= why;
  }

  #stop(end: TurnEnd): void {
    if (this.#end?.reason !== "killed") this.#end = end;
    this.#pause.abort();
  }
}

interface Behind {
  readonly seq: number;
  readonly event: JsonObject;
  /** Of the session before it went on. */
  readonly isPast: boolean;
}

const LEVEL_WORDS: Readonly<Record<AlarmLevel, string>> = {
  note: "monitor",
  ask: "monitor: every request asks from here on",
  pause: "monitor: the turn is paused",
  kill: "monitor: the session is killed",
};
