import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type GitSides, type GitState, type OvertakenFile, planGitSync, questionsOf, settleFile } from "./git-sync.ts";

const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = 1000;

// Commits are numbers; one is an ancestor of all that it divides.
const ids = fc.integer({ min: 1, max: 24 }).map((number) => number.toString(16).padStart(40, "0"));
const isAncestor = (a: string, b: string) => Number.parseInt(b, 16) % Number.parseInt(a, 16) === 0;
const names = fc.constantFrom(
  ...["main", "topic", "topic/deep", "box", "box/main", "box/detached", "a/b/c", "a/b"].map(
    (name) => `refs/heads/${name}`,
  ),
  "refs/tags/v1",
  "refs/tags/box/v1",
  "refs/remotes/origin/main",
);
const stashes = fc.uniqueArray(
  ids.map((id) => ({ id, message: id })),
  { maxLength: 4, selector: ({ id }) => id },
);
const states: fc.Arbitrary<GitState> = fc.record({
  head: fc.oneof(
    names.filter((name) => name.startsWith("refs/heads/")).map((name) => `ref: ${name}`),
    ids,
  ),
  refs: fc.array(fc.tuple(names, ids), { maxLength: 8 }).map((list) => {
    const refs = new Map<string, string>();
    for (const [name, id] of list) if (!clashes(name, refs)) refs.set(name, id);
    return refs;
  }),
  stash: stashes,
  operation: fc.subarray(["MERGE_HEAD", "rebase-merge"]),
});
/** Most often each side is near the base. */
const sides: fc.Arbitrary<GitSides> = fc
  .record({ base: states, box: states, person: states })
  .chain(({ base, box, person }) =>
    fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()).map(([boxNear, personNear, sameHead]) => ({
      base,
      box: near(base, boxNear ? box : { ...box, refs: base.refs }, sameHead),
      person: near(base, personNear ? person : { ...person, refs: base.refs }, sameHead),
    })),
  );

function near(base: GitState, side: GitState, sameHead: boolean): GitState {
  return sameHead ? { ...side, head: base.head } : side;
}

function clashes(name: string, refs: ReadonlyMap<string, string>): boolean {
  return [...refs.keys()].some(
    (other) => other !== name && (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)),
  );
}

const check = (law: (given: GitSides, plan: ReturnType<typeof planGitSync>) => void) =>
  fc.assert(
    fc.property(sides, (given) => law(given, planGitSync(given, isAncestor))),
    { numRuns: RUNS, seed: SEED },
  );

test(`every commit that a ref of the box's alone held is held by a ref still (RINGFENCE_SEED=${SEED})`, () => {
  check(({ base, box }, { refs }) => {
    const held = [...refs.values()];
    for (const [name, id] of box.refs)
      if (base.refs.get(name) !== id)
        assert.ok(
          held.some((other) => isAncestor(id, other)),
          `${name} ${id}`,
        );
  });
});

test("every ref of the person's stands as they have it, further on, or as the box alone left it", () => {
  check(({ base, box, person }, { refs }) => {
    for (const [name, id] of person.refs) {
      const now = refs.get(name);
      const isBoxes = base.refs.get(name) === id && now === box.refs.get(name);
      assert.ok(now === id || isBoxes || (now !== undefined && isAncestor(id, now)), `${name}: ${id}, now ${now}`);
    }
  });
});

test("what nobody but the person changed is as they have it, and what nobody but the box changed is as the box has it", () => {
  check((given) => {
    const mine = planGitSync({ ...given, box: given.base }, isAncestor);
    assert.deepEqual([mine.refs, mine.head, mine.aside], [given.person.refs, given.person.head, []]);
    assert.deepEqual(mine.stash, given.person.stash);
  });
});

test("the names of all refs fit beside each other, and HEAD is the person's, or on what the box has", () => {
  check(({ base, box, person }, { refs, head, aside }) => {
    for (const name of refs.keys()) assert.ok(!clashes(name, refs), name);
    if (box.head === base.head) assert.equal(head, person.head);
    else assert.ok(head === person.head || head === box.head || aside.some(({ to }) => head === `ref: ${to}`), head);
  });
});

test("no stash of the person's or of the box's is lost, unless one of them took it off", () => {
  check(({ base, box, person }, plan) => {
    const has = (state: Pick<GitState, "stash">, id: string) => state.stash.some((one) => one.id === id);
    for (const { id } of [...person.stash, ...box.stash])
      assert.equal(has(plan, id), !has(base, id) || (has(box, id) && has(person, id)), id);
  });
});

test("where the person went back, what the box built on the rest is set aside", () => {
  const at = (number: number): GitState => ({
    head: "ref: refs/heads/main",
    refs: new Map([["refs/heads/main", number.toString(16).padStart(40, "0")]]),
    stash: [],
    operation: [],
  });
  const plan = planGitSync({ base: at(4), box: at(8), person: at(2) }, isAncestor);
  assert.equal(plan.refs.get("refs/heads/main"), at(2).refs.get("refs/heads/main"));
  assert.deepEqual(plan.aside, [{ from: "refs/heads/main", to: "refs/heads/box/main" }]);
  assert.deepEqual(planGitSync({ base: at(2), box: at(8), person: at(4) }, isAncestor).aside, []);
});

test("a second look at the same changes changes nothing", () => {
  check(({ person }, plan) => {
    const box: GitState = { ...plan, operation: [] };
    const again = planGitSync({ base: person, box, person }, isAncestor);
    assert.deepEqual([again.refs, again.aside], [plan.refs, []]);
  });
});

test("all that the plan asks of ancestors is asked before", () => {
  check((given) => {
    const asked = new Set(questionsOf(given).map((pair) => pair.join()));
    planGitSync(given, (a, b) => {
      assert.ok(asked.has([a, b].join()), `${a} ${b}`);
      return isAncestor(a, b);
    });
  });
});

test("a file gives way only where it is a committed version that nobody edited", () => {
  const file: OvertakenFile = { path: "f", before: "1", after: "2", index: "2", shown: "1", isInLayer: true };
  const cases: [Partial<OvertakenFile>, boolean, string][] = [
    [{}, false, "write"],
    [{ isInLayer: false }, false, "leave"],
    [{ shown: "edited" }, false, "tell"],
    [{ shown: "edited", isInLayer: false }, false, "leave"],
    [{ shown: undefined }, false, "tell"],
    [{ after: null, index: null }, false, "remove"],
    [{ index: "own", shown: "2", isInLayer: false }, true, "write"],
    [{ index: "own", shown: null, after: null, isInLayer: false }, true, "write"],
    [{ before: null, index: null, shown: "2", isInLayer: false }, true, "leave"],
    [{ index: "own", shown: "edited" }, true, "leave"],
  ];
  for (const [change, isOwn, wanted] of cases) assert.equal(settleFile({ ...file, ...change }, isOwn), wanted);
});
