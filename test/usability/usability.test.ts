import assert from "node:assert/strict";
import { after, test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { ordinary, self } from "../headless/program.ts";
import { doTask, type Row } from "./rig.ts";
import { TASKS } from "./tasks.ts";

const isFull = process.env.RINGFENCE_FULL === "1";
const wanted = process.env.RINGFENCE_TASK;
const FREE = TASKS.filter(({ questions }) => questions === 0);
const ASKING = TASKS.filter(({ questions }) => questions === 1);
/** As whom, and which: all of them as whoever runs the tests and as somebody ordinary, or some of each kind as the latter. */
const RUNS = wanted
  ? [[ordinary(), TASKS.filter(({ name }) => name.includes(wanted))] as const]
  : isFull
    ? [[self(), TASKS] as const, [ordinary(), TASKS] as const]
    : [[ordinary(), [...drawn(FREE, 3), ...drawn(ASKING, 1)]] as const];

test("there are 40 tasks, each with a name of its own, and six of them ask exactly once", () => {
  assert.equal(TASKS.length, 40);
  assert.equal(new Set(TASKS.map(({ name }) => name)).size, 40);
  assert.equal(ASKING.length, 6);
  assert.equal(FREE.length, 34);
});

const rows: (Row & { readonly user: string })[] = [];
for (const [user, tasks] of RUNS)
  for (const task of tasks)
    test(`as ${user.name}, asked ${task.questions} times before the landing: ${task.name} (RINGFENCE_SEED=${SEED})`, async (t) => {
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
