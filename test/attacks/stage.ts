// Runs inside a stage: plays the cases of a job one after the other, and prints one line of JSON for each.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { alarmsIn } from "../monitor/alarms.ts";
import { replayAll } from "../replayed.ts";
import { CANNOT_FIRE, type Case, readAllCases } from "./cases.ts";
import { dayCases } from "./days.ts";
import { type Landing, playDefended } from "./defended.ts";
import { type Evidence, findHarm } from "./harm.ts";
import { makePlace, makeShared, prepare, type Shared, showTools } from "./place.ts";
import { playUndefended } from "./undefended.ts";
import { playWrapped } from "./wrapped.ts";

export interface Job {
  readonly ids: readonly string[];
  readonly play: "undefended" | "wrapped" | Landing;
  readonly path: string;
  /** How many cases are played at a time. */
  readonly atOnce: number;
}

export interface Verdict {
  readonly id: string;
  readonly play: Job["play"];
  readonly harm: string | null;
  /** A program that is missing: the case was not run. */
  readonly missing: string | null;
  /** Why the play proves nothing. */
  readonly problem: string | null;
  /** Kinds of the alarms that the monitor raised in its sessions; none of an undefended play. */
  readonly alarms: readonly string[];
  readonly ms: number;
  /** Logs of the play, and the decisions in them, that came out the same when they were made again. */
  readonly replayed?: Awaited<ReturnType<typeof replayAll>>;
}

const POLL_MS = 50;
const HARM_MS_MAX = 3000;
/** A race is not won each time: the check is silent only where it stays so. */
const UNDEFENDED_PLAYS_MAX = 5;
/** So that each play has a place of its own. */
const PLACES_APART = 10_000;

/** Cases that are this process's own: all others go on with a stage that has been fought over. */
async function main(): Promise<void> {
  const job = JSON.parse(readFileSync(0, "utf8")) as Job;
  const cases = [...readAllCases(), ...dayCases()];
  showTools();
  const shared = await makeShared();
  const queue = job.ids.map((id, index) => ({ attack: cases.find((one) => one.id === id), index }));
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (!next.attack) throw new Error("no case has that name");
      process.stdout.write(`${JSON.stringify(await judgeOften(next.attack, next.index, job, shared))}\n`);
    }
  };
  await Promise.all(Array.from({ length: job.atOnce }, work));
}

/** A defended play is played once: nothing that happened there is passed over. */
async function judgeOften(attack: Case, number: number, job: Job, shared: Shared): Promise<Verdict> {
  const plays = job.play === "undefended" && !(attack.id in CANNOT_FIRE) ? UNDEFENDED_PLAYS_MAX : 1;
  for (let played = 1; ; played += 1) {
    const verdict = await judge(attack, number + (played - 1) * PLACES_APART, job, shared);
    if (verdict.harm !== null || verdict.missing !== null || played >= plays) return verdict;
  }
}

async function judge(attack: Case, number: number, job: Job, shared: Shared): Promise<Verdict> {
  const startedAt = Date.now();
  const verdict = (harm: string | null, missing: string | null, problem: string | null): Verdict => ({
    id: attack.id,
    play: job.play,
    harm,
    missing,
    problem,
    alarms: [],
    ms: Date.now() - startedAt,
  });
  const missing = attack.needs.find((program) => !isThere(program, job.path));
  if (missing !== undefined) return verdict(null, missing, null);
  const place = await makePlace(number, shared, job.path);
  try {
    const filled = prepare(attack, place);
    if (job.play === "undefended")
      return verdict(await awaitHarm(filled.harm, await playUndefended(filled, place)), null, null);
    const { evidence, problem } =
      job.play === "wrapped" ? await playWrapped(filled, place) : await playDefended(filled, place, job.play);
    const harm = findHarm(filled.harm, evidence);
    const state = join(place.home, ".local/state/ringfence");
    return { ...verdict(harm, null, problem), replayed: await replayAll(state), alarms: alarmsIn(state) };
  } catch (error) {
    return verdict(null, null, error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    place.close();
  }
}

/** What an attack left running may do its harm a little later, as what it sent may arrive later. */
async function awaitHarm(harm: Case["harm"], evidence: Evidence): Promise<string | null> {
  for (let tried = 0; ; tried += 1) {
    const seen = findHarm(harm, evidence);
    if (seen !== null || tried >= HARM_MS_MAX / POLL_MS) return seen;
    await sleep(POLL_MS);
  }
}

function isThere(program: string, path: string): boolean {
  return spawnSync("bash", ["-c", 'command -v -- "$1"', "bash", program], { env: { PATH: path } }).status === 0;
}

await main();
process.exit(0);
