import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHANGES, LARGE, makeLarge, type Size, SMALL } from "./large.ts";
import type { Subject } from "./launch.ts";
import { type Measured, median, rounded } from "./report.ts";

/** A session that waits with its changes, in a repository of its own. */
interface Waiting {
  readonly subject: Subject;
  readonly diffMs: number[];
  readonly landMs: number[];
}

const PROGRAM_MS_MAX = 120_000;
/** What `CHANGES` makes of tracked and new paths. */
const CHANGED_MIN = 190;

/** Times `diff --stat` and `land` of the same changes in a large repository and a small one, in turns. */
export function measureChanges(work: string, program: Subject, rounds: number): Measured[] {
  const [large, small] = [waiting(work, "large", LARGE, program), waiting(work, "small", SMALL, program)];
  for (let round = -1; round < rounds; round++) {
    for (const { subject, diffMs, landMs } of [large, small]) {
      const diff = time(subject, "diff", "--stat");
      const land = time(subject, "land");
      time(subject, "undo");
      // The first of each fills the caches of the disk.
      if (round < 0) checkLines(diff.lines);
      else diffMs.push(diff.ms);
      if (round >= 0) landMs.push(land.ms);
    }
  }
  const checkpoints = checkpointTimes(work, large.subject, rounds);
  const beside = (times: (side: Waiting) => readonly number[]) =>
    `${rounded(median(times(large)))}:${rounded(median(times(small)))} ms; ${rounds} times`;
  const [diffs, lands] = [({ diffMs }: Waiting) => diffMs, ({ landMs }: Waiting) => landMs];
  const difference = median(large.diffMs) - median(small.diffMs);
  const note = `what ${LARGE.tracked} files cost over ${SMALL.tracked}, 200 changes in each`;
  return [
    { key: "diff_list_50k_ms", value: difference, note },
    { key: "diff_50k_ratio", value: median(large.diffMs) / median(small.diffMs), note: beside(diffs) },
    { key: "checkpoint_50k_ms", value: median(checkpoints), note: `${checkpoints.length} turns, each with changes` },
    { key: "land_50k_ratio", value: median(large.landMs) / median(small.landMs), note: beside(lands) },
  ];
}

function waiting(work: string, name: string, size: Size, { command, environment }: Subject): Waiting {
  const [folder, home] = [join(work, `repository-${name}`), join(work, `home-${name}`)];
  mkdirSync(home, { mode: 0o700 });
  makeLarge(folder, size);
  const subject = { name, command, folder, environment: { ...environment, HOME: home } };
  const script = join(work, `script-${name}.json`);
  const turns = [{ calls: [{ tool: "run", input: { command: CHANGES } }] }, { text: "Done." }];
  writeFileSync(script, JSON.stringify({ turns }));
  time(subject, "run", "Make the changes.", "--model", `scripted:${script}`);
  return { subject, diffMs: [], landMs: [] };
}

/** Takes from the log of an interactive session how long each checkpoint after a turn that changed files took. */
function checkpointTimes(work: string, subject: Subject, rounds: number): number[] {
  const turns = Array.from({ length: rounds + 1 }, (_, turn) => [
    { calls: [{ tool: "run", input: { command: `${CHANGES}; echo ${turn} >turn.txt` } }] },
    { text: "Done." },
  ]);
  const script = join(work, "script-turns.json");
  writeFileSync(script, JSON.stringify({ turns: turns.flat() }));
  const input = `${turns.map((_, turn) => `Make the changes of turn ${turn}.\n`).join("")}/exit\n`;
  time({ ...subject, input }, "--model", `scripted:${script}`);
  const events = time(subject, "log", "show").text.split("\n");
  const times = events.flatMap((line) => {
    const event = line === "" ? {} : (JSON.parse(line) as { type?: string; number?: number; ms?: number });
    return event.type === "checkpoint" && (event.number ?? 0) > 1 ? [event.ms ?? Number.NaN] : [];
  });
  if (times.length !== rounds) throw new Error(`the log has ${times.length} checkpoints, not ${rounds}`);
  return times;
}

function time(
  { command, folder, environment, input = "" }: Subject & { readonly input?: string },
  ...args: readonly string[]
) {
  const [program = "", ...first] = command;
  const startedAt = performance.now();
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], {
    cwd: folder,
    env: environment,
    input,
    encoding: "utf8",
    timeout: PROGRAM_MS_MAX,
  });
  const ms = performance.now() - startedAt;
  if (status !== 0) throw new Error(`${args[0]} ended with status ${status}: ${stdout.slice(-2000)}${stderr}`);
  return { ms, text: stdout, lines: stdout.split("\n").length };
}

function checkLines(lines: number): void {
  if (lines < CHANGED_MIN) throw new Error(`the listing has ${lines} lines, not ${CHANGED_MIN}: it measures nothing`);
}
