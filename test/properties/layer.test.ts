import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { flattenLayer } from "../../src/box/flatten.ts";
import {
  landAll,
  makePlace,
  PROJECT,
  programs,
  sessionThat,
  startSession,
  TREE,
  tree,
} from "../../src/box/land.fixture.ts";
import { permitFor } from "../../src/box/permit.fixture.ts";
import { rewindPermitted } from "../../src/box/permitted.ts";

const RUNS = process.env.RINGFENCE_FULL === "1" ? 60 : 3;
const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));

const names = fc.constantFrom(
  "a.ts",
  "b.ts",
  "d",
  "d/1",
  "gone",
  "gone/a",
  "gone/a/b/3",
  "src/a.ts",
  "src/deep",
  "src/deep/er/x",
  "blob",
  "was-empty",
  "new",
  "new/er",
  "x y",
  "quo'te",
);
const texts = fc.constantFrom("", "one", "two\nlines", "caf\u00e9");
const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** One change, written so that it does the same in the box and outside, also where it cannot be made. */
const changes = fc.oneof(
  fc
    .tuple(names, texts)
    .map(
      ([name, text]) =>
        `[ -d ${shell(name)} ] || { mkdir -p "$(dirname ${shell(name)})" && printf %s ${shell(text)} >${shell(name)}; }`,
    ),
  fc.tuple(names, texts).map(([name, text]) => `[ -f ${shell(name)} ] && printf %s ${shell(text)} >>${shell(name)}`),
  names.map((name) => `rm -rf -- ${shell(name)}`),
  names.map((name) => `mkdir -p -- ${shell(name)}`),
  fc.tuple(names, names).map(([from, to]) => `[ -e ${shell(to)} ] || mv -T -- ${shell(from)} ${shell(to)}`),
  // What a copy into itself copies depends on the order of names in a folder.
  fc
    .tuple(names, names)
    .filter(([from, to]) => !to.startsWith(`${from}/`))
    .map(([from, to]) => `cp -aT -- ${shell(from)} ${shell(to)}`),
  fc
    .tuple(names, names)
    .map(([to, name]) => `[ -e ${shell(name)} ] || ln -s -- "$(basename ${shell(to)})" ${shell(name)}`),
  fc
    .tuple(names, names)
    .map(
      ([a, b]) =>
        `[ -f ${shell(a)} ] && [ -f ${shell(b)} ] && { mv ${shell(a)} swap; mv ${shell(b)} ${shell(a)}; mv swap ${shell(b)}; }`,
    ),
);

const scriptOf = (list: readonly string[]) =>
  `umask 022; set +e\n${list.map((change) => `{ ${change}; } 2>/dev/null`).join("\n")}\ntrue`;

test(`a rewind gives back exactly what the box saw before any turn, and what all turns left lands as from one (RINGFENCE_SEED=${SEED})`, async () => {
  const turns = fc.array(fc.array(changes, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(turns, fc.infiniteStream(fc.nat(4)), async (lists, visits) => {
      const place = makePlace(PROJECT);
      const twin = `${place.checkout}-twin`;
      execFileSync("cp", ["-a", place.checkout, twin]);
      const session = await startSession(place);
      try {
        // What the files of the box are, seen from inside.
        const look = () => session.run(TREE);
        const states = new Map<number, string>();
        for (const list of lists) {
          const { number } = await session.box.checkpoint("turn", "");
          states.set(number, await look());
          await session.run(scriptOf(list));
        }
        const last = await look();
        let present = 0;
        for (const [visit] of [0, 1, 2].map(() => [...visits.take(1)])) {
          const number = [...states.keys()][(visit ?? 0) % states.size] ?? 1;
          const permit = permitFor({ kind: "rewind", checkpoint: number, approvedBy: "person" });
          const left = await rewindPermitted(permit, session.box, Date.now(), programs);
          present ||= left.number;
          assert.equal(await look(), states.get(number));
        }
        const back = permitFor({ kind: "rewind", checkpoint: present, approvedBy: "person" });
        await rewindPermitted(back, session.box, Date.now(), programs);
        assert.equal(await look(), last);
        // One layer of the same content in the place of the stack shows the same, and lands as it.
        if ([...visits.take(1)][0] !== 0)
          await session.box.renew(async () => void (await flattenLayer(session.path, programs)));
        assert.equal(await look(), last);
      } finally {
        await session.close();
      }
      for (const list of lists) execFileSync("/bin/bash", ["--norc", "-c", scriptOf(list)], { cwd: twin });
      const landed = await landAll(session);
      fc.pre(!landed.held.some(({ cls }) => cls === "run-later"));
      assert.deepEqual([landed.held, landed.failed], [[], []]);
      assert.equal(tree(place.checkout), tree(twin));
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
});

test(`whatever changes a session makes, landing them gives the tree that they would have given outside, before that and after an undo the checkout is as it was (RINGFENCE_SEED=${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 14 }), async (list) => {
      const script = scriptOf(list);
      const place = makePlace(PROJECT);
      const twin = `${place.checkout}-twin`;
      execFileSync("cp", ["-a", place.checkout, twin]);
      const before = tree(place.checkout);
      execFileSync("/bin/bash", ["--norc", "-c", script], { cwd: twin });
      const session = await sessionThat(place, script);
      assert.equal(tree(place.checkout), before);
      const landed = await landAll(session);
      // A link in the place of a folder waits for a person, and that is tested elsewhere.
      fc.pre(!landed.held.some(({ cls }) => cls === "run-later"));
      assert.deepEqual([landed.held, landed.failed], [[], []]);
      assert.equal(tree(place.checkout), tree(twin));
      if (landed.landed.length === 0) return;
      const undone = await session.undo();
      assert.deepEqual([undone.held, undone.failed], [[], []]);
      assert.equal(tree(place.checkout), before);
      assert.deepEqual((await landAll(session)).held, []);
      assert.equal(tree(place.checkout), tree(twin));
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
});

test(`whatever a person does after a landing, its undo changes nothing that they touched (RINGFENCE_SEED=${SEED})`, async () => {
  const lists = fc.tuple(
    fc.array(changes, { minLength: 4, maxLength: 14 }),
    fc.array(changes, { minLength: 1, maxLength: 6 }),
  );
  await fc.assert(
    fc.asyncProperty(lists, async ([box, person]) => {
      const place = makePlace(PROJECT);
      const before = filesOf(place.checkout);
      const session = await sessionThat(place, scriptOf(box));
      fc.pre((await landAll(session)).landed.length > 0);
      const landed = filesOf(place.checkout);
      execFileSync("/bin/bash", ["--norc", "-c", scriptOf(person)], { cwd: place.checkout });
      const left = filesOf(place.checkout);
      const { held, failed } = await session.undo();
      assert.deepEqual(failed, []);
      const after = filesOf(place.checkout);
      const named = new Set(held.map(({ path }) => path));
      for (const path of new Set([before, landed, left, after].flatMap((files) => [...files.keys()]))) {
        const isTouched = left.get(path) !== landed.get(path);
        const wanted = isTouched || named.has(path) ? left : before;
        assert.equal(after.get(path), wanted.get(path), `${path}, touched: ${isTouched}`);
      }
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
});

/** The files and links of a tree, with all that landing and undoing may change of each. */
function filesOf(folder: string): Map<string, string> {
  const list = `find . -path ./.git -prune -o ! -type d -printf '%P\\t%y %m %l ' -exec sh -c '[ -L "$1" ] || sha256sum <"$1"' sh {} \\; -printf '\\n'`;
  const text = execFileSync("/bin/bash", ["--norc", "-c", list], { cwd: folder, encoding: "latin1" });
  const files = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [path = "", facts = ""] = line.split("\t");
    if (path !== "") files.set(path, facts);
  }
  return files;
}
