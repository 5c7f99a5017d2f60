import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { landWithCommits } from "../../src/box/commits.fixture.ts";
import { makePlace, type Place, type Session, sh, startSession } from "../../src/box/land.fixture.ts";
import { readInBox, sync } from "../../src/box/sync-git.fixture.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const [RUNS, STEPS] = IS_FULL ? [42, 40] : [1, 16];
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 5);

const BRANCH = "$(git branch --format='%(refname:short)' | grep -v '^(' | sort | head -N | tail -1)";
const some = (number: number) => BRANCH.replace("N", String(number));

/** What the person does; `N` is a number of the step. Whatever cannot be done leaves things as they were. */
const adding = [
  "echo N >p-N.txt; git add -A; git commit -qm 'person N'",
  "echo N >>p.txt; git commit -qam 'person N'",
  "echo N >>p.txt",
  "echo N >p-N.txt; git add p-N.txt",
  "git switch -qc person-N",
  "echo N >>p.txt; git stash push -qm 'person N'",
  "git stash pop -q || { git checkout -qf; git reset -q --hard; }",
  "echo amended-N >>p-first.txt; git commit -qa --amend --no-edit",
  "git tag tag-N; git pack-refs --all",
  "git gc -q",
];

/** What takes content out of the person's working tree: while a turn goes on, the box's working files lose it with theirs. */
const takingAway = [
  "git rm -q \"$(git ls-files 'p-*' | head -1)\" && git commit -qm 'person N removes'",
  `git switch -q "${some(1)}"`,
  `git switch -q "${some(2)}"`,
  `git switch -q "${some(3)}"`,
  "git rebase -q --onto HEAD~1 HEAD~1 HEAD || git rebase --abort",
  `git merge -q --no-edit "${some(1)}" || git merge --abort`,
  `git merge -q "${some(2)}"`,
  `git rebase -q "${some(1)}" || git rebase --abort`,
  "git reset -q --hard HEAD~1",
  "git reset -q --soft HEAD~1",
  `git branch -D "${some(2)}"`,
];

/** What the agent does. It never takes away a line of the person's. */
const agent = [
  "git status --short; git stash list",
  "echo N >b-N.txt; git add -A; git commit -qm 'box N'",
  "echo N >>b.txt; git commit -qam 'box N'",
  "echo N >>b.txt; git add -A",
  "echo N >b-N.txt; git commit -qam 'box N'",
  "git commit -qam 'box all N'",
  "git add -A; git commit -qm 'box all N'",
  "git switch -qc box-N",
  `git switch -q "${some(1)}"`,
  `git switch -q "${some(2)}"`,
  "echo N >>b.txt; git stash push -qm 'box N'",
  "git stash pop -q || git reset -q --hard",
  "git reset -q",
  "git reset -q --soft HEAD~1; git commit -qam 'box again N'",
  "git reset -q --hard",
  "git tag box-tag-N; git pack-refs --all",
  `git merge -q --no-edit "${some(1)}" || git merge --abort`,
  `git rebase -q "${some(2)}" || git rebase --abort`,
  `git merge -q --no-commit --no-ff "${some(2)}"`,
  "git gc -q",
];

interface Step {
  readonly who: "person" | "away" | "box" | "turn" | "land";
  readonly program: string;
}

const stepsOf = (who: Step["who"], programs: readonly string[]) =>
  fc.constantFrom(...programs).map((program): Step => ({ who, program }));

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: stepsOf("person", adding) },
    { weight: 3, arbitrary: stepsOf("away", takingAway) },
    { weight: 6, arbitrary: stepsOf("box", agent) },
    { weight: 2, arbitrary: stepsOf("turn", [""]) },
    { weight: 1, arbitrary: stepsOf("land", [""]) },
  ),
  { minLength: STEPS, maxLength: STEPS },
);

test(`whatever the person and the agent do with git in turns, neither loses a commit or a stash, and no commit of the box's takes back the person's work (RINGFENCE_SEED=${SEED})`, async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const place = makePlace("echo p >p.txt; echo first >p-first.txt; echo b >b.txt");
      const session = await startSession(place);
      const world: World = {
        place,
        session,
        gone: new Set(),
        withdrawn: new Set(),
        excused: new Set(),
        landed: new Set(),
      };
      try {
        for (const { who, programs } of grouped(list)) {
          if (who === "person" || who === "away") act(world, programs);
          if (who === "box") await session.run(`${quietly(programs)}; true`);
          if (who === "land") await landNow(world);
          if (who === "turn" || who === "away") await newTurn(world);
        }
        await newTurn(world);
      } finally {
        await session.close();
      }
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  t.diagnostic(`${RUNS * STEPS} random steps`);
});

/** Steps of the same kind that follow each other are done in one go; each has a number. */
function grouped(list: readonly Step[]): { readonly who: Step["who"]; readonly programs: readonly string[] }[] {
  const groups: { who: Step["who"]; programs: string[] }[] = [];
  for (const [number, { who, program }] of list.entries()) {
    const numbered = program.replaceAll("N", String(number + 100));
    const last = groups.at(-1);
    if (last?.who === who) last.programs.push(numbered);
    else groups.push({ who, programs: [numbered] });
  }
  return groups;
}

interface World {
  readonly place: Place;
  readonly session: Session;
  /** Lines that the person took out of their files themselves, committed or not, and did not bring back. */
  readonly gone: Set<string>;
  /** Those that were gone at any time since the last look: a commit that the box made meanwhile may hold that too. */
  readonly withdrawn: Set<string>;
  /** Which commit of the box's took which line while it was gone; that stays right when the person brings it back. */
  readonly excused: Set<string>;
  /** Commits that the person's repository has had: they may take them away again. */
  readonly landed: Set<string>;
}

function quietly(programs: readonly string[]): string {
  return programs.map((program) => `{ ${program}; } >/dev/null 2>&1`).join("\n");
}

function act(world: World, programs: readonly string[]): void {
  const { place } = world;
  const before = takenBy(place);
  spawnSync("/bin/bash", ["--norc", "-c", quietly(programs)], { cwd: place.checkout });
  withdraw(
    world,
    takenBy(place).filter((line) => !before.includes(line)),
  );
}

/** Lines that the person's files lack of their HEAD's, and those that commits of theirs take away. */
function takenBy(place: Place): string[] {
  const looks =
    "git diff --no-renames HEAD -- 'p*.txt'; git log --all --format= --grep='^person' --no-renames -p -- 'p*.txt'";
  return [...sh(place, looks).matchAll(/^-(?!--)(.*)$/gm)].map(([, line = ""]) => line);
}

function withdraw({ place, gone, withdrawn }: World, lines: readonly string[]): void {
  for (const line of lines) {
    gone.add(line);
    withdrawn.add(line);
  }
  for (const line of linesOf(place)) gone.delete(line);
}

function linesOf(place: Place): string[] {
  return sh(place, "cat p*.txt 2>/dev/null || true").split("\n");
}

/** A landing moves branches forward and makes some, and that is all. */
async function landNow(world: World): Promise<void> {
  const { place, session, landed } = world;
  const [before, lines] = [refsOf(place), linesOf(place)];
  await landWithCommits(session);
  const after = refsOf(place);
  // A branch that the agent switched to may lack them: the person landed that it takes them out of their files.
  const there = new Set(linesOf(place));
  withdraw(
    world,
    lines.filter((line) => !there.has(line)),
  );
  for (const id of sh(place, "git rev-list --all").split("\n")) landed.add(id);
  for (const [name, id] of before)
    assert.equal(sh(place, `git merge-base ${id} ${after.get(name) ?? "none"}`).trim(), id, name);
  assert.equal(sh(place, "git fsck --strict --no-dangling 2>&1 | grep -v '^notice' || true"), "");
  await session.box.remount();
}

async function newTurn({ place, session, gone, withdrawn, excused, landed }: World): Promise<void> {
  const before = await look(session);
  const seen = stateOf(place);
  const news = await sync(session, place);
  assert.equal(news?.problem ?? null, null);
  assert.equal(stateOf(place), seen);
  // A model that reads what it is told of a file that both changed takes the person's, which the box edits never here.
  for (const path of news?.overtaken ?? [])
    await session.run(`git checkout -q HEAD -- ${path} || git rm -qf ${path} || rm -f ${path}`);
  const now = news === null ? before : await look(session);
  const theirs = new Set(sh(place, "git rev-list --all").split("\n"));
  for (const id of before.boxCommits)
    assert.ok(now.held.has(id) || (landed.has(id) && !theirs.has(id)), `no ref holds the box's commit ${id} any more`);
  const { plan = null } = news ?? {};
  // The core's tests say what the plan holds of the person's; here it has come about.
  if (plan !== null)
    assert.deepEqual(
      [now.head, now.refs, now.stash],
      [plan.head, [...plan.refs].sort(), plan.stash.map(({ id }) => id).reverse()],
    );
  const taken = [...before.taken, ...now.taken];
  for (const { line, taker } of taken) if (withdrawn.has(line)) excused.add(`${taker} ${line}`);
  assert.deepEqual(
    taken.filter(({ line, taker }) => !excused.has(`${taker} ${line}`)),
    [],
    now.text,
  );
  withdrawn.clear();
  for (const line of gone) withdrawn.add(line);
}

interface Look {
  /** Every commit that a ref, HEAD or a stash holds, and those of them that the box made. */
  readonly held: ReadonlySet<string>;
  readonly boxCommits: readonly string[];
  readonly head: string;
  readonly refs: readonly (readonly [string, string])[];
  /** Newest first. */
  readonly stash: readonly string[];
  /** Lines of the person's that a commit of the box's takes away from what it is based on. */
  readonly taken: readonly Taken[];
  readonly text: string;
}

interface Taken {
  readonly line: string;
  readonly giver: string;
  readonly taker: string;
}

async function look(session: Session): Promise<Look> {
  const output = await readInBox(
    session,
    `exec 2>/dev/null; cat .git/HEAD; git for-each-ref --format='%%%(objectname) %(refname)'; git log --all HEAD --format='@%H %s'; git log --all HEAD --format='^%H %P'; git log -g --format='@%H stash' refs/stash --
     git log --all HEAD --no-merges --format='=%H %s' -p --no-renames -- 'p*.txt'; true`,
  );
  const text = output.toString("latin1");
  const commits = [...text.matchAll(/^@(\w+) (\w*)/gm)].map(([, id = "", by = ""]) => ({ id, by }));
  return {
    held: new Set(commits.map(({ id }) => id)),
    boxCommits: commits.filter(({ by }) => by === "box").map(({ id }) => id),
    head: text.slice(0, text.indexOf("\n")),
    refs: [...text.matchAll(/^%(\w+) (.*)$/gm)]
      .map(([, id = "", name = ""]) => [name, id] as const)
      .filter(([name]) => name !== "refs/stash")
      .sort(),
    stash: commits.filter(({ by }) => by === "stash").map(({ id }) => id),
    taken: linesTaken(text.split("\n")),
    text,
  };
}

/**
 * Lines of a commit of the person's that a commit of the box's after it takes away. What the person had not committed they
 * may take back themselves, also from what the box took in.
 */
function linesTaken(lines: readonly string[]): Taken[] {
  const parents = new Map<string, readonly string[]>();
  const given = new Map<string, string[]>();
  const taken: [line: string, by: string][] = [];
  let [id, by] = ["", ""];
  for (const line of lines) {
    const [, child = "", all = ""] = /^\^(\w+) ?(.*)$/.exec(line) ?? [];
    if (child !== "") parents.set(child, all.split(" "));
    [, id = id, by = by] = /^=(\w+) (\w+)/.exec(line) ?? [];
    const text = line.slice(1);
    if ((by === "person" || by === "first") && /^\+(?!\+\+)/.test(line))
      given.set(text, [...(given.get(text) ?? []), id]);
    if (by === "box" && /^-(?!--)/.test(line)) taken.push([text, id]);
  }
  const isBefore = (before: string, after: string) => ancestorsOf(after, parents).has(before);
  return taken.flatMap(([line, taker]) =>
    (given.get(line) ?? []).filter((giver) => isBefore(giver, taker)).map((giver) => ({ line, giver, taker })),
  );
}

function ancestorsOf(id: string, parents: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set<string>();
  const todo = [id];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    todo.push(...(parents.get(next) ?? []));
  }
  return found;
}

function refsOf(place: Place): Map<string, string> {
  const lines = sh(place, "git for-each-ref --format='%(refname) %(objectname)' refs/heads refs/tags").split("\n");
  return new Map(lines.filter((line) => line !== "").map((line) => line.split(" ") as [string, string]));
}

/** All that is the person's: refs, HEAD, stash, index and files. */
function stateOf(place: Place): string {
  return sh(
    place,
    "git for-each-ref; cat .git/HEAD; git stash list; git ls-files -s; GIT_OPTIONAL_LOCKS=0 git status --short; cat p*.txt || true",
  );
}
