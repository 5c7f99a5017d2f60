import assert from "node:assert/strict";
import { test } from "node:test";
import { nameHunks, takeHunks } from "./hunks.ts";
import { makePlace, programs, read, type Session, sessionThat, sh, tree } from "./land.fixture.ts";
import { listLandings } from "./landing.ts";
import { patchFiles } from "./patch.ts";

/** Small random numbers that a seed gives again. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

function content(lines: readonly string[], hasEnd: boolean): string {
  return lines.join("\n") + (hasEnd && lines.length > 0 ? "\n" : "");
}

/** Two versions of a file, of lines that repeat, so that a hunk could be put in a wrong place. */
function versions(next: (below: number) => number): [string, string] {
  const before = Array.from({ length: 20 + next(60) }, () => `line ${next(6)}`);
  const after = before.flatMap((line) => {
    const roll = next(20);
    if (roll === 0) return [];
    if (roll === 1) return [line, `new ${next(6)}`];
    return roll === 2 ? [`edited ${next(6)}`] : [line];
  });
  return [content(before, next(4) > 0), content(after, next(4) > 0)];
}

async function hashesOf(session: Session, path: string): Promise<string[]> {
  const collected = await session.collect();
  const files = await patchFiles({ collected, programs, include: "source" });
  const file = files.find(({ newPath }) => newPath === path) ?? assert.fail(`no patch of ${path}`);
  return nameHunks(file).map(({ hash }) => hash);
}

async function landPart(session: Session, path: string, hashes: readonly string[]): Promise<string | null> {
  const part = await takeHunks(await session.collect(), path, hashes, programs);
  if (!part.ok) return part.why;
  const { landed } = await session.land(part.collected, [path]);
  assert.deepEqual(landed, [path]);
  return null;
}

test("any choice of hunks gives the base with just these; the rest still waits, lands, and all of it is undone", async () => {
  const seed = Number(process.env.RINGFENCE_SEED ?? Date.now() % 100_000);
  const next = generator(seed);
  const files = Array.from({ length: 8 }, (_, at) => ({ path: `f${at}.txt`, texts: versions(next) }));
  const quoted = (text: string) => `'${text}'`;
  const place = makePlace(files.map(({ path, texts }) => `printf %s ${quoted(texts[0])} >${path}`).join("\n"));
  const start = tree(place.checkout);
  const work = files.map(({ path, texts }) => `printf %s ${quoted(texts[1])} >${path}`).join("\n");
  const session = await sessionThat(place, work);
  let collected = await session.collect();
  const patch = await patchFiles({ collected, programs, include: "source" });
  const wanted = new Map(files.map(({ path, texts }) => [path, texts[1]]));
  for (const { path, texts } of files) {
    const file = patch.find(({ newPath }) => newPath === path);
    if (!file) continue;
    const numbers = file.hunks.flatMap((_, at) => (next(2) === 0 ? [at + 1] : []));
    const named = nameHunks(file);
    const part = await takeHunks(
      collected,
      path,
      numbers.map((number) => named[number - 1]?.hash ?? ""),
      programs,
    );
    assert.ok(part.ok, `seed ${seed}`);
    collected = part.collected;
    wanted.set(
      path,
      apply(
        texts[0],
        numbers.map((number) => file.hunks[number - 1] ?? assert.fail()),
      ),
    );
  }
  await session.land(collected);
  for (const [path, text] of wanted) assert.equal(read(place, path), text, `${path}, seed ${seed}`);
  assert.deepEqual((await session.land(await session.collect())).held, []);
  for (const { path, texts } of files) assert.equal(read(place, path), texts[1], `${path}, seed ${seed}`);
  while (listLandings(session.path).some(({ isUndone }) => !isUndone)) await session.undo();
  assert.equal(tree(place.checkout), start);
});

/** Puts hunks into a text from the last to the first, so that no line has moved yet. */
function apply(text: string, hunks: readonly { oldStart: number; oldCount: number; body: string }[]): string {
  const lines = text.split(/(?<=\n)/);
  for (const { oldStart, oldCount, body } of hunks.toReversed()) {
    const fresh = body.replace(/^-.*\n(?:\\.*\n)?/gm, "").replace(/\n\\.*\n/g, "");
    const kept = fresh.split(/(?<=\n)/).map((line) => line.slice(1));
    lines.splice(oldStart - (oldCount > 0 ? 1 : 0), oldCount, ...kept);
  }
  return lines.join("");
}

test("a number that was shown still means its hunk after others landed, and a hunk that changed is refused", async () => {
  const place = makePlace("seq 60 >a.txt");
  const session = await sessionThat(
    place,
    "sed -i '3s/$/ one/; 4i more' a.txt; sed -i '30s/$/ two/; 55s/$/ three/' a.txt",
  );
  const before = await hashesOf(session, "a.txt");
  const part = await takeHunks(await session.collect(), "a.txt", [before[0] ?? ""], programs);
  assert.ok(part.ok);
  await session.land(part.collected, ["a.txt"]);
  const after = before.map((hash) => part.after.get(hash) ?? "");
  assert.deepEqual([listLandings(session.path).at(-1)?.left, after[0], after[1] === before[1]], [1, "", false]);
  assert.deepEqual(await hashesOf(session, "a.txt"), after.slice(1));
  assert.equal(await landPart(session, "a.txt", [after[2] ?? ""]), null);
  assert.match((await landPart(session, "a.txt", [before[1] ?? ""])) ?? "", /not what was shown last/);
  assert.equal(sh(place, "git diff --numstat"), "3\t2\ta.txt\n");
  // The person takes out again what landed: only what never did is offered, and it has moved.
  sh(place, "git checkout -q a.txt");
  assert.match((await landPart(session, "a.txt", [after[1] ?? ""])) ?? "", /not what was shown last/);
  const [rest = "", ...more] = await hashesOf(session, "a.txt");
  assert.deepEqual([more, await landPart(session, "a.txt", [rest])], [[], null]);
  assert.equal(sh(place, "git diff -U0 a.txt | grep '^[-+][0-9]'"), "-29\n+29 two\n");
});

test("what is held, added, deleted, binary or only made executable does not land by hunk", async () => {
  const place = makePlace(
    "printf 'a\\0b' >blob; echo x >gone.txt; echo 'all:' >Makefile; seq 9 >tool; chmod 755 tool; echo s >was",
  );
  const session = await sessionThat(
    place,
    "printf 'a\\0c' >blob; rm gone.txt; echo 'all: ; evil' >Makefile; echo n >new.txt; chmod 644 tool; ln -sf blob was",
  );
  const collected = await session.collect();
  for (const [path, why] of [
    ["blob", /no hunks/],
    ["gone.txt", /only a source file/],
    ["Makefile", /it is held \(run-later: .*approved whole/],
    ["new.txt", /only a source file/],
    ["tool", /only its mode/],
    ["was", /only a source file/],
    ["never", /did not change it/],
  ] as const) {
    const part = await takeHunks(collected, path, ["0"], programs);
    assert.match(part.ok ? "" : part.why, why, path);
  }
});

test("hunks that are harmless together and not alone are judged by what would land", async () => {
  const scripts = '"scripts": {\\n "test": "true"\\n },\\n';
  const middle = Array.from({ length: 20 }, (_, at) => `"x${at}": 1,\\n`).join("");
  const place = makePlace(`printf '{\\n${scripts}${middle}"name": "n"\\n}\\n' >package.json`);
  // The same manifest with its scripts in another place: source as a whole, but not one half of it.
  const session = await sessionThat(place, `printf '{\\n${middle}${scripts}"name": "n"\\n}\\n' >package.json`);
  const collected = await session.collect();
  assert.deepEqual(
    collected.changes.map(({ cls }) => cls),
    ["source"],
  );
  const hashes = await hashesOf(session, "package.json");
  assert.equal(hashes.length, 2);
  const before = tree(place.checkout);
  assert.match((await landPart(session, "package.json", hashes.slice(0, 1))) ?? "", /these hunks alone are run-later/);
  assert.equal(tree(place.checkout), before);
  assert.equal(await landPart(session, "package.json", hashes), null);
});

test("a mode that the box changed stays the base's, and a draft never takes a name of the box's", async () => {
  const place = makePlace("seq 40 >tool; chmod 755 tool");
  const session = await sessionThat(
    place,
    "sed -i '2s/$/ x/; 38s/$/ y/' tool; chmod 644 tool; echo p >tool.part; echo p >part",
  );
  const hashes = await hashesOf(session, "tool");
  assert.equal(await landPart(session, "tool", hashes), null);
  assert.equal(sh(place, "stat -c %a tool; sed -n '2p;38p' tool"), "755\n2 x\n38 y\n");
  assert.deepEqual(
    (await session.collect()).changes.map(({ change }) => change.path),
    ["part", "tool", "tool.part"],
  );
});
