import { closeSync, constants, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { causeOf, LedgerFailure } from "./failure.ts";

/** The right of one process to append to one ledger: an empty file beside it whose name says who holds it. */
export interface Lock {
  readonly path: string;
}

/**
 * Takes the lock of a ledger, and clears away those of processes that are gone.
 *
 * Every taker creates a name that no other process can have and only then looks for others, so of two that race at least
 * one sees the other and steps back; both may. Nobody ever removes a lock of the living, which a shared name could not
 * promise while a stale one is taken over. Processes are told apart by /proc: the folder must not be shared between
 * machines or PID namespaces.
 */
export function takeLock(file: string): Lock {
  const prefix = `${basename(file)}.lock-`;
  const own = `${prefix}${process.pid}-${startOf(process.pid) ?? noProc(file)}`;
  const lock = { path: join(dirname(file), own) };
  createLockFile(file, lock.path);
  try {
    refuseOthers(file, prefix, own);
  } catch (thrown) {
    releaseLock(lock);
    if (thrown instanceof LedgerFailure) throw thrown;
    throw new LedgerFailure(`cannot lock ledger ${file}: ${causeOf(thrown)}`);
  }
  return lock;
}

/** Says whether a process that lives may hold the lock of a ledger. */
export function isLocked(file: string): boolean {
  const prefix = `${basename(file)}.lock-`;
  return readdirSync(dirname(file)).some((name) => name.startsWith(prefix) && isHeld(name.slice(prefix.length)));
}

/** A process that lives, told apart from a later one with its number by when it started. */
export interface Living {
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly start: string;
}

/** Names the process that holds the lock of a ledger; null where none that lives does. */
export function lockHolder(file: string): Living | null {
  const prefix = `${basename(file)}.lock-`;
  for (const name of readdirSync(dirname(file))) {
    if (!name.startsWith(prefix)) continue;
    const [, pid, start] = /^(\d+)-(\d+)$/.exec(name.slice(prefix.length)) ?? [];
    if (pid !== undefined && start !== undefined && startOf(Number(pid)) === start) return { pid: Number(pid), start };
  }
  return null;
}

/** Whether it is that very process that lives. */
export function isAlive({ pid, start }: Living): boolean {
  return startOf(pid) === start;
}

/** Whether that very process stands still, so that it hears no signal but one. */
export function isStopped({ pid, start }: Living): boolean {
  const stat = statOf(pid);
  return stat?.start === start && (stat.state === "T" || stat.state === "t");
}

/** Sends a signal to that very process; false where it is gone, also where another has its number by now. */
export function signalTo(living: Living, signal: "SIGTERM" | "SIGKILL"): boolean {
  // Nothing is waited for between the look and the signal.
  if (!isAlive(living)) return false;
  try {
    return process.kill(living.pid, signal);
  } catch {
    return false;
  }
}

/** Lists the processes that a process started, and those that they did, as far as they are seen from here. */
export function descendantsOf({ pid }: Living): readonly Living[] {
  const all = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : []));
  const found: Living[] = [];
  for (let above = new Set([pid]); above.size > 0; ) {
    const below = all.filter(({ parent }) => above.has(parent));
    found.push(...below.map(({ pid, start }) => ({ pid, start })));
    above = new Set(below.map(({ pid }) => pid));
  }
  return found;
}

/** Gives the lock up. */
export function releaseLock(lock: Lock): void {
  rmSync(lock.path, { force: true });
}

function refuseOthers(file: string, prefix: string, own: string): void {
  for (const name of readdirSync(dirname(file))) {
    if (!name.startsWith(prefix) || name === own) continue;
    const holder = name.slice(prefix.length);
    if (isHeld(holder)) {
      const [pid = "?"] = /^\d+(?=-\d+$)/.exec(holder) ?? [];
      throw new LedgerFailure(
        `ledger ${file} is in use by process ${pid}; end that session first (its lock is ${name})`,
      );
    }
    rmSync(join(dirname(file), name), { force: true });
  }
}

// A name that no taker makes is left to the person: nothing tells whether its maker is alive.
function isHeld(holder: string): boolean {
  const [, pid, start] = /^(\d+)-(\d+)$/.exec(holder) ?? [];
  return pid === undefined || startOf(Number(pid)) === start;
}

function createLockFile(file: string, path: string): void {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  try {
    closeSync(openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  } catch (thrown) {
    const why = isExisting(thrown) ? "this process has it open already" : causeOf(thrown);
    throw new LedgerFailure(`cannot lock ledger ${file}: ${why}`);
  }
}

function isExisting(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST";
}

/** When a process started, in clock ticks since boot; null when there is none, or only its exit status is left. */
function startOf(pid: number): string | null {
  return statOf(pid)?.start ?? null;
}

function statOf(pid: number): (Living & { readonly state: string; readonly parent: number }) | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  // The command's name stands in parentheses and may hold any byte, so fields are counted from the last one: state is 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent, start] = [fields[0], Number(fields[4 - 3]), fields[22 - 3]];
  return state === "Z" || state === "X" || start === undefined ? null : { pid, start, state, parent };
}

function noProc(file: string): never {
  throw new LedgerFailure(`cannot lock ledger ${file}: /proc/${process.pid}/stat cannot be read; mount /proc`);
}
