import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { accessSync, chownSync, constants, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compileCache } from "../../src/box/compile-cache.fixture.ts";
import { type Place, type User, who } from "../headless/program.ts";
import type { Played } from "./play.ts";
import { read, type Task } from "./task.ts";
import { EXTERNAL_MARK, fill, makeWorld, PRIVATE_MARK } from "./world.ts";

/** What came of a task, for the table. */
export interface Row {
  readonly name: string;
  readonly questions: number;
  readonly expected: number;
  readonly held: number;
  readonly ms: number;
}

const PLAY = fileURLToPath(new URL("play.ts", import.meta.url));
const PLAY_MS_MAX = 120_000;
const OUTPUT_BYTES_MAX = 64 << 20;
const OPENING = [read("inbox/issue.md"), read("inbox/customers.csv")];

/** Does a task as a user and lands it; throws unless it is done, at the third column, with as many questions as it may ask. */
export async function doTask(t: TestContext, task: Task, user: User): Promise<Row> {
  const { place, address, arrived } = await makeWorld(t, task, user);
  assert.deepEqual(missing(task, place), [], "programs are missing");
  const check = () => checked(place, fill(task.check, address), arrived());
  assert.notEqual((await check()).status, 0, "the check succeeds before anything is done, so it can prove nothing");
  const turns = task.turns.map((steps, index) => (index === 0 ? [...OPENING, ...steps] : steps));
  const played = await play(place, fill(JSON.stringify(turns), address));
  const wrong = turns
    .flat()
    .map((step, index) => ({ step, result: played.results[index] }))
    .filter(({ step, result }) => result?.ok === step.fails);
  assert.deepEqual(wrong, [], "calls that came out otherwise than expected");
  const [issue, customers] = played.results;
  assert.ok(issue?.text.includes(EXTERNAL_MARK) && customers?.text.includes(PRIVATE_MARK));
  assert.deepEqual([...new Set(played.labels)], ["external private"]);
  assert.deepEqual(played.warnings, []);
  assert.equal(played.questions.length, task.questions, played.questions.join("\n"));
  assert.deepEqual([...played.approved].sort(), [...task.held].sort());
  assert.deepEqual(played.left, []);
  assert.deepEqual(played.alarms, [], "the monitor raised alarms about ordinary work");
  assert.deepEqual(
    played.ends.filter((end) => !end.startsWith("done: ")),
    [],
  );
  const done = await check();
  assert.equal(done.status, 0, done.text);
  const { length: questions } = played.questions;
  return { name: task.name, questions, expected: task.questions, held: task.held.length, ms: played.ms };
}

async function play(place: Place, turns: string): Promise<Played> {
  const answer = join(place.root, "played.json");
  writeFileSync(answer, "");
  chownSync(answer, place.user.uid, place.user.gid);
  await promisify(execFile)(process.execPath, [PLAY, turns, answer], {
    ...who(place.user),
    cwd: place.checkout,
    env: { ...place.env, ...compileCache(place.user) },
    timeout: PLAY_MS_MAX,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  return JSON.parse(readFileSync(answer, "utf8")) as Played;
}

/** Runs a check of a task in the checkout, as the person; `$ARRIVED` holds what the server beside the checkout got. */
export function checked(
  place: Place,
  program: string,
  arrived: string,
): Promise<{ readonly status: unknown; readonly text: string }> {
  const env = { ...place.env, ARRIVED: arrived };
  const how = { ...who(place.user), cwd: place.checkout, env, timeout: PLAY_MS_MAX };
  // The server is of this process, which must go on meanwhile.
  return new Promise((resolve) =>
    execFile("/bin/bash", ["--norc", "-euc", program], how, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : error.code, text: `${stdout}${stderr}` }),
    ),
  );
}

function missing({ needs }: Task, { env }: Place): string[] {
  const folders = (env.PATH ?? "").split(":");
  return needs.filter((program) => !folders.some((folder) => isExecutable(join(folder, program))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
