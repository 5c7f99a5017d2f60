import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ordinary, self } from "../headless/program.ts";
import { doTask, type Row } from "./rig.ts";
import type { Task } from "./task.ts";
import { TASKS } from "./tasks.ts";

const isFull = process.env.RINGFENCE_FULL === "1";
const seed = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const wanted = process.env.RINGFENCE_TASK;
const FREE = TASKS.filter(({ questions }) => questions === 0);
const ASKING = TASKS.filter(({ questions }) => questions === 1);
/** As whom, and which: all of them as whoever runs the tests, and some of each kind as somebody ordinary. */
const RUNS = wanted
  ? [[ordinary(), TASKS.filter(({ name }) => name.includes(wanted))] as const]
  : isFull
    ? [[self(), TASKS] as const, [ordinary(), [...sample(FREE, 8), ...sample(ASKING, 2)]] as const]
    : [[ordinary(), [...sample(FREE, 3), ...sample(ASKING, 1)]] as const];

test("there are 40 tasks, each with a name of its own, and six of them ask exactly once", () => {
  assert.equal(TASKS.length, 40);
  assert.equal(new Set(TASKS.map(({ name }) => name)).size, 40);
  assert.equal(ASKING.length, 6);
  assert.equal(FREE.length, 34);
});

const rows: (Row & { readonly user: string })[] = [];
for (const [user, tasks] of RUNS)
  for (const task of tasks)
    test(`as ${user.name}, asked ${task.questions} times before the landing: ${task.name} (RINGFENCE_SEED=${seed})`, async (t) => {
      rows.push({ ...(await doTask(t, task, user)), user: user.name });
    });
after(() => process.stdout.write(`${tableOf(rows)}\n`));

/** Writes what came of the tasks that were done. */
function tableOf(done: typeof rows): string {
  const width = Math.max(...TASKS.map(({ name }) => name.length));
  const lines = done.map(({ name, questions, expected, held, ms, user }) =>
    [
      name.padEnd(width),
      ...[questions, expected, held, ms].map((number) => String(number).padStart(9)),
      ` ${user}`,
    ].join(""),
  );
  const head = [
    `${"task".padEnd(width)}`,
    ...["questions", "expected", "approved", "ms"].map((word) => word.padStart(9)),
    " user",
  ];
  const asked = done.reduce((sum, { questions }) => sum + questions, 0);
  return [head.join(""), ...lines, `${done.length} tasks landed, ${asked} questions before a landing`].join("\n");
}

/** Chooses some tasks by the seed. */
function sample(tasks: readonly Task[], count: number): Task[] {
  let state = seed;
  // A linear congruential generator is all the chance that choosing a sample needs.
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return tasks
    .map((task) => ({ task, order: next() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, count)
    .map(({ task }) => task);
}
