import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { makePlace, type Place, play, ringfence, run, sh } from "./program.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const NODE = `node_modules/node-linux-${process.arch}`;

/** A clone of this project as a new user has it, with the Node that its tests need. */
const CLONE = `git clone -q --no-hardlinks '${PROJECT}' .; git checkout -q -B main; mkdir -p node_modules; cp -a '${PROJECT}${NODE}' node_modules`;

/** What an agent does in an hour: edits, a new file with its test, a rename, a deletion, documents, and what waits. */
const WORK = `umask 022
sed -i '1i // A note of the agent.' src/core/approval.ts src/box/*.ts
printf 'export const double = (n: number): number => 2 * n;\\n' >src/core/double.ts
printf 'import assert from "node:assert/strict";\\nimport { test } from "node:test";\\nimport { double } from "./double.ts";\\ntest("doubles", () => assert.equal(double(2), 4));\\n' >src/core/double.test.ts
mkdir -p src/new/er; mv src/core/outcome.ts src/new/er/outcome.ts; cp -a docs docs-copy; rm -r examples/demo/src
echo more >>README.md; ln -s README.md READ; : >bench/report.ts`;
const HELD = `sed -i 's/"scripts": {/"scripts": { "pretest": "touch evil",/' package.json; echo evil >>AGENTS.md; echo '{}' >biome.json`;
const TEST = `${NODE}/bin/node --test src/core/approval.test.ts src/core/double.test.ts | grep -E '^# (pass|fail)|^. (pass|fail)'`;

const look = (place: Place, folder = ".") =>
  sh(
    place,
    `cd ${folder}; find . \\( -path ./.git -o -path ./node_modules \\) -prune -o -type f -printf '%p %m %T@ ' -exec sha256sum {} \\; -o -type l -printf '%p -> %l\\n' | sort`,
  );
/** Without the times: what landed was written now. */
const withoutTimes = (text: string) => text.replace(/ \d+\.\d+ /g, " ");

test("in a clone of this project, an agent's work and its tests land, are undone and land again", async (t) => {
  const place = makePlace(t, CLONE);
  sh(place, `cp -a . ../twin; cd ../twin; ${WORK}`);
  const before = look(place);
  const played = await play(place, [run(`${WORK}\n${HELD}`), run(TEST), { text: "Done." }]);
  assert.match(played.results[1]?.text ?? "", /pass [1-9][\s\S]*fail 0/);
  assert.equal(look(place), before);
  const wanted = withoutTimes(look(place, "../twin"));
  for (const _ of [1, 2]) {
    const landed = await ringfence(place, ["land"]);
    assert.equal(landed.status, 21, landed.stdout + landed.stderr);
    assert.deepEqual(landed.stdout.match(/^held {4}\S+(?=: )/gm), [
      "held    AGENTS.md",
      "held    biome.json",
      "held    package.json",
    ]);
    assert.equal(withoutTimes(look(place)), wanted);
    assert.equal((await ringfence(place, ["undo"])).status, 0);
    assert.equal(look(place), before);
  }
  assert.equal(sh(place, "git status --porcelain; git fsck --no-dangling 2>&1"), "");
});

test("in a clone of this project, an agent's commits land as they are and leave nothing to commit", async (t) => {
  const place = makePlace(t, CLONE);
  const start = sh(place, "git rev-parse HEAD");
  await play(place, [
    run(`${WORK}\ngit add -A; git commit -qm one; sed -i 1d src/core/approval.ts; git commit -qam two`),
    { text: "Done." },
  ]);
  const landed = await ringfence(place, ["land"]);
  assert.equal(landed.status, 0, landed.stdout + landed.stderr);
  assert.equal(sh(place, `git log --format=%s ${start.trim()}..`), "two\none\n");
  assert.equal(sh(place, "git status --porcelain; git fsck --no-dangling 2>&1"), "");
});
