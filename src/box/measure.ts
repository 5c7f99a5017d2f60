import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Programs } from "./programs.ts";
import { askScript } from "./script.ts";

/** What a session's folder holds. */
export interface Measure {
  /** On the disk, ledger and all. */
  readonly bytes: number;
  /** When a file of the layer changed last, in milliseconds since 1970; 0 without a layer. */
  readonly layerChangedAt: number;
}

export interface Measured {
  readonly path: string;
  /** A session that goes on is measured anew each time. */
  readonly isRunning: boolean;
}

const FILE = "size.json";
const BEFORE = "changed.json";
const UNNOTICED_MS_MAX = 60_000;

/** Measures session folders of one state folder, in their order; one that was measured since its last event is not walked again. */
export async function measureSessions(
  sessions: readonly Measured[],
  programs: Programs,
  timeoutMs: number,
): Promise<Measure[]> {
  const known = sessions.map(({ path, isRunning }) => (isRunning ? null : readMeasure(path)));
  const asked = sessions.filter((_, at) => known[at] === null);
  const found = await walk(asked, programs, timeoutMs);
  for (const [at, session] of asked.entries()) {
    const measure = found[at];
    if (measure && !session.isRunning) tryToWrite(session.path, measure);
  }
  return known.map((measure) => measure ?? found.shift() ?? { bytes: 0, layerChangedAt: 0 });
}

async function walk(sessions: readonly Measured[], programs: Programs, timeoutMs: number): Promise<Measure[]> {
  const [first] = sessions;
  if (!first) return [];
  const reader = await askScript({
    programs,
    mode: "measure",
    args: [programs.find],
    binds: [{ source: dirname(first.path), target: "/sessions", access: "read" }],
    input: sessions.map(({ path }) => path.slice(dirname(path).length + 1)),
    timeoutMs,
  });
  return sessions.map(({ path }) => {
    if (reader.text() !== "Z" || !path.endsWith(`/${reader.path()}`)) throw reader.broken("a record");
    const [bytes, layerChangedAt] = [reader.number(), reader.number()];
    const before = readBefore(path);
    // To take ignored files out of a layer is no change of the box's.
    const isOurs = before !== null && layerChangedAt <= before.until;
    return { bytes, layerChangedAt: isOurs ? before.layerChangedAt : layerChangedAt };
  });
}

/** Does something to the layer of a session that is not to count as a change of the box's. */
export async function actUnnoticed(path: string, programs: Programs, act: () => Promise<void>): Promise<void> {
  const [measure] = await measureSessions([{ path, isRunning: true }], programs, UNNOTICED_MS_MAX);
  await act();
  const before = { until: Date.now(), layerChangedAt: measure?.layerChangedAt ?? 0 };
  writeFileSync(join(path, BEFORE), JSON.stringify(before), { mode: 0o600 });
}

function readBefore(path: string): { readonly until: number; readonly layerChangedAt: number } | null {
  const file = join(path, BEFORE);
  if (!existsSync(file)) return null;
  return JSON.parse(readFileSync(file, "utf8")) as { readonly until: number; readonly layerChangedAt: number };
}

function readMeasure(path: string): Measure | null {
  const file = join(path, FILE);
  if (!existsSync(file)) return null;
  const { at, ...measure } = JSON.parse(readFileSync(file, "utf8")) as Measure & { readonly at: number };
  return at === lastEventAt(path) ? measure : null;
}

// What is not kept is measured again; a full disk is when people look at sizes.
function tryToWrite(path: string, measure: Measure): void {
  const file = join(path, FILE);
  try {
    writeFileSync(`${file}.new`, JSON.stringify({ ...measure, at: lastEventAt(path) }), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch {
    rmSync(`${file}.new`, { force: true });
  }
}

/** When the ledger of a session was written last, in milliseconds since 1970; 0 when it has none. */
export function lastEventAt(path: string): number {
  return statSync(join(path, "ledger.log"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
