import { type Glance, GlanceFold } from "../core/top.ts";
import { lockHolder } from "../ledger/lock.ts";
import { Tail } from "../ledger/tail.ts";
import { listSessions, type StoredSession } from "./config-sessions.ts";

/** A session that a program works on now. */
export interface LiveSession extends Glance {
  readonly id: string;
  readonly checkout: string;
  readonly pid: number;
  /** Why its log cannot be looked into; null where it can. */
  readonly trouble: string | null;
}

interface Watched {
  readonly tail: Tail | null;
  readonly fold: GlanceFold;
  trouble: string | null;
}

/** Looks at the sessions that run, of every checkout, again and again; of each log it reads only what is new. */
export class LiveSessions {
  readonly #state: string;
  readonly #watched = new Map<string, Watched>();

  constructor(state: string) {
    this.#state = state;
  }

  /** The sessions that run now, newest first. */
  look(): readonly LiveSession[] {
    const live = listSessions(this.#state, null).flatMap((session) => this.#lookAt(session) ?? []);
    const ids = new Set(live.map(({ id }) => id));
    for (const [id, { tail }] of this.#watched) {
      if (ids.has(id)) continue;
      tail?.close();
      this.#watched.delete(id);
    }
    return live;
  }

  close(): void {
    for (const { tail } of this.#watched.values()) tail?.close();
    this.#watched.clear();
  }

  #lookAt({ path, facts: { id, checkout } }: StoredSession): LiveSession | null {
    const program = lockHolder(`${path}/ledger.log`);
    if (program === null) return null;
    const watched = this.#watched.get(id) ?? watch(`${path}/ledger.log`);
    this.#watched.set(id, watched);
    readOn(watched);
    return { id, checkout, pid: program.pid, trouble: watched.trouble, ...watched.fold.glance() };
  }
}

/** Says whether a question of a session that runs waits for the person's answer. */
export function isAsking({ path }: StoredSession): boolean {
  const watched = watch(`${path}/ledger.log`);
  readOn(watched);
  watched.tail?.close();
  return watched.fold.glance().waiting > 0;
}

function readOn(watched: Watched): void {
  try {
    for (const { event } of watched.tail?.read() ?? []) watched.fold.add(event);
  } catch (error) {
    watched.trouble = messageOf(error);
  }
}

function watch(file: string): Watched {
  try {
    return { tail: new Tail(file), fold: new GlanceFold(), trouble: null };
  } catch (error) {
    return { tail: null, fold: new GlanceFold(), trouble: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
