import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { shownOf, THREE } from "./choosing.ts";
import { makePlace, type Place, PROGRAM, play, ringfence, run, script, sh, users } from "./program.ts";

for (const [who, user] of users()) {
  test(`hunks land by the numbers that were shown; the rest waits, lands and is undone: as ${who}`, async (t) => {
    const place = makePlace(t, "seq 40 >a.txt; seq 40 >b.txt", { user });
    await play(place, [run(`${THREE}; echo more >>b.txt`), { text: "ok" }]);
    const unseen = await ringfence(place, ["land", "a.txt", "--hunks", "1"]);
    assert.deepEqual([unseen.status, unseen.stdout], [21, ""]);
    assert.match(
      unseen.stderr,
      /^refused a\.txt: its hunks were not shown yet; ringfence diff numbers them\nnothing landed$/m,
    );
    const diff = await ringfence(place, ["diff"]);
    assert.deepEqual(diff.stdout.match(/^@@.*$/gm), [
      "@@ -1,6 +1,6 @@ (hunk 1)",
      "@@ -17,7 +17,7 @@ (hunk 2)",
      "@@ -34,7 +34,7 @@ (hunk 3)",
      "@@ -38,3 +38,4 @@ (hunk 1)",
    ]);
    const landed = await ringfence(place, ["land", "a.txt", "--hunks", "3,1"]);
    assert.deepEqual([landed.status, landed.stdout], [0, "landed  a.txt (hunks 1, 3)\n"]);
    assert.equal(sh(place, "git diff -U0 | grep '^+[0-9]'"), "+3 one\n+37 three\n");
    const again = await ringfence(place, ["land", "a.txt", "--hunks", "1"]);
    assert.match(again.stderr, /refused a\.txt: hunk 1 has landed already/);
    assert.match((await ringfence(place, ["sessions"])).stdout, /has changes/);
    const rest = await ringfence(place, ["land", "a.txt", "--hunks", "2"]);
    assert.deepEqual([rest.status, rest.stdout], [0, "landed  a.txt (hunk 2)\n"]);
    assert.equal(sh(place, "git diff -U0 | grep '^+[0-9]'"), "+3 one\n+20 two\n+37 three\n");
    await ringfence(place, ["undo"]);
    assert.equal(sh(place, "git diff -U0 | grep '^+[0-9]'"), "+3 one\n+37 three\n");
    await ringfence(place, ["undo"]);
    assert.equal(sh(place, "git status --porcelain"), "");
    assert.deepEqual(
      [(await ringfence(place, ["land"])).status, sh(place, "git diff --numstat")],
      [0, "3\t3\ta.txt\n1\t0\tb.txt\n"],
    );
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
  });
}

test("a renamed file is shown as one in every form, and the patch is one that git apply takes", async (t) => {
  const place = makePlace(t, "mkdir d; seq 30 >d/old; seq 50 80 >same; seq 90 99 >notes; cp -r . ../twin");
  await play(place, [
    run('name=$\'n\\303\\251w\\377 name\'; mv d/old "$name"; echo more >>"$name"; mv same d/; mv notes Makefile'),
    { text: "ok" },
  ]);
  const diff = await ringfence(place, ["diff"]);
  assert.match(diff.stdout, /^similarity index 9\d%\nrename from d\/old\nrename to "n\\303\\251w\\377 name"$/m);
  assert.match(diff.stdout, /^similarity index 100%\nrename from same\nrename to d\/same$/m);
  writeFileSync(join(place.root, "patch"), diff.stdout);
  const files = "find . -path ./.git -prune -o -type f -print | sort; cat $(find d -type f) n*";
  sh(place, "cd ../twin; git init -q . 2>/dev/null; git apply --whitespace=nowarn ../patch");
  const stat = (await ringfence(place, ["diff", "--stat"])).stdout;
  assert.match(stat, /^rename {8}\+0 -0 {2}same => d\/same$/m);
  assert.match(stat, /^rename {8}\+1 -0 {2}d\/old => néw<U\+DCFF> name$/m);
  // One half of it is held, so each half says its own.
  assert.match(stat, /^add .* Makefile {2}\(run-later\)$[\s\S]*^delete .* notes$/m);
  const { changes } = await shownOf(place);
  const at = (path: string) => changes.find((change) => change.path === path);
  assert.deepEqual(
    [at("d/same")?.renamed_from, at("same")?.renamed_to, at("d/same")?.renamed_to],
    ["same", "d/same", null],
  );
  assert.equal((await ringfence(place, ["land"])).status, 21);
  const landed = sh(place, files);
  assert.equal(sh(place, `cd ../twin; ${files}`), landed);
  const { patch } = (await play(makeTwin(place), [run("mv d/same again"), { text: "ok" }])).result;
  assert.match(sh(place, `cat '${String(patch)}'`), /^rename from d\/same\nrename to again$/m);
});

/** The same checkout once more, for another session. */
function makeTwin(place: Place): Place {
  return { ...place, checkout: join(place.root, "twin") };
}

test("diff and land name their session, and say when it is not the newest", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const first = (await play(place, [run("echo two >>a.txt"), { text: "ok" }])).result.session_id;
  const one = await ringfence(place, ["diff", "--stat"]);
  assert.equal(one.stderr, `session ${first}, 0 min ago\n`);
  const second = (await play(place, [run("true"), { text: "ok" }])).result.session_id;
  const older = `older session ${first}, 0 min ago; the newest is ${second}\n`;
  assert.equal((await ringfence(place, ["diff", "--stat"])).stderr, older);
  assert.equal((await shownOf(place)).session.id, first);
  assert.deepEqual([(await ringfence(place, ["land"])).stderr, sh(place, "cat a.txt")], [older, "one\ntwo\n"]);
});

test("what landed whole, or only asked git, stands before no older session whose changes wait", async (t) => {
  const place = makePlace(t, "echo one >a.txt; echo dist >.gitignore");
  const first = (await play(place, [run("echo two >>a.txt"), { text: "ok" }])).result.session_id;
  await play(place, [run("echo c >c.txt; git add c.txt; git commit -qm c"), { text: "ok" }]);
  assert.match((await ringfence(place, ["land"])).stdout, /^landed {2}commit \w+ c$/m);
  assert.match((await ringfence(place, ["diff", "--stat"])).stderr, new RegExp(`^older session ${first},`));
  // git writes its index anew where a file has another time than it knows.
  for (const command of ["git status", "mkdir dist; echo o >dist/o; git status"]) {
    sh(place, "touch -d '1 hour ago' a.txt");
    await ringfence(place, ["exec", "--", "sh", "-c", command]);
  }
  const states = (await ringfence(place, ["sessions"])).stdout.match(/no changes|has changes|landed/g);
  assert.deepEqual(states, ["no changes", "no changes", "landed", "has changes"]);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal(sh(place, "cat a.txt; git status --short"), "one\ntwo\n M a.txt\n");
  // Where nothing waits, the newest that has a layer is named.
  const none = await ringfence(place, ["land"]);
  assert.doesNotMatch(none.stdout, /landed/);
});

test("classes are shown alone, and a patch says what it leaves out", async (t) => {
  const place = makePlace(t, "echo one >a.txt; echo dist >.gitignore");
  await play(place, [
    run("echo two >>a.txt; echo all: >Makefile; echo obey >AGENTS.md; mkdir dist; echo o >dist/o.pem; mkfifo p"),
    { text: "ok" },
  ]);
  const patch = await ringfence(place, ["diff"]);
  assert.doesNotMatch(patch.stdout, /Makefile|AGENTS/);
  assert.match(patch.stderr, /^3 held changes are not in this patch: ringfence diff --stat lists them$/m);
  const classed = await ringfence(place, ["diff", "--class", "run-later", "--class", "instruction"]);
  assert.deepEqual(classed.stdout.match(/^\+\+\+ .*$/gm), ["+++ b/AGENTS.md", "+++ b/Makefile"]);
  assert.doesNotMatch(classed.stderr, /not in this patch/);
  for (const [cls, paths] of [
    ["source", ["a.txt"]],
    ["instruction", ["AGENTS.md"]],
    // What may be a secret does not move out of the layer at the end of a session.
    ["ignored", ["dist", "dist/o.pem"]],
    ["outside", ["p"]],
  ] as const) {
    const { changes } = await shownOf(place, "--class", cls);
    assert.ok(changes.every((change) => change.class === cls && paths.some((path) => path === change.path)));
    assert.ok(changes.length > 0, cls);
  }
  const landed = await ringfence(place, ["land", "--class", "source"]);
  assert.deepEqual([landed.status, sh(place, "git status --porcelain")], [21, " M a.txt\n"]);
});

test("names count from the root or from where the person stands, with dots or absolute, and never from outside", async (t) => {
  const place = makePlace(
    t,
    "mkdir -p src/deep; for f in a src/a src/b src/deep/c; do echo x >$f; done; echo out.pem >src/.gitignore",
  );
  await play(place, [
    run("for f in a src/a src/b src/deep/c; do echo y >>$f; done; echo o >src/out.pem"),
    { text: "ok" },
  ]);
  const cwd = join(place.checkout, "src");
  const named = async (...names: string[]) =>
    (await ringfence(place, ["diff", "--stat", ...names], { cwd })).stdout.match(/(?<=(?:-\d+|file) {2})[^ \n]+/g);
  const cases = [
    [["."], ["src/a", "src/b", "src/deep/c", "src/out.pem"]],
    [["./a"], ["src/a"]],
    [["a"], ["a"]],
    [
      ["b", "src/a"],
      ["src/a", "src/b"],
    ],
    [["../a"], ["a"]],
    [[join(cwd, "deep/")], ["src/deep/c"]],
  ] as const;
  assert.deepEqual(
    await Promise.all(cases.map(([names]) => named(...names))),
    cases.map(([, paths]) => paths),
  );
  const outside = ["../..", "/etc/passwd", "../../repo-other", "nothing"];
  for (const refused of await Promise.all(outside.map((name) => ringfence(place, ["diff", name], { cwd })))) {
    assert.deepEqual([refused.status, refused.stdout], [2, ""]);
    assert.match(refused.stderr, /the session did not change/);
  }
  // Build output below a folder that is named is not what was meant.
  const landed = await ringfence(place, ["land", "."], { cwd });
  assert.deepEqual([landed.status, sh(place, "git status --porcelain")], [0, " M src/a\n M src/b\n M src/deep/c\n"]);
});

test("the end of a run names what landed, the commits that wait, and how a held file lands", async (t) => {
  const place = makePlace(t, "seq 9 >a.txt; echo x >tool; chmod 644 tool");
  const work = run("echo two >>a.txt; git commit -qam 'add two'; chmod +x tool; echo new >b.txt");
  const spec = script(place, [work, { text: "ok" }]);
  const { stderr, status } = await ringfence(place, ["run", "x", "--model", spec, "--land", "auto"]);
  assert.equal(status, 21);
  assert.match(stderr, /^landed: 2 files\nlanded {2}a\.txt\nlanded {2}b\.txt$/m);
  assert.match(stderr, /^1 commit waits: ringfence land lands files and commits$/m);
  assert.match(
    stderr,
    /^held: tool \(run-later: made executable\)\nto land a held one, look at it with ringfence diff; /m,
  );
  const json = await play(place, [run("git commit -q --allow-empty -m next"), { text: "ok" }]);
  assert.deepEqual(
    (json.result.commits as { subject: string; state: string }[]).map(({ subject, state }) => [subject, state]),
    [["next", "lands"]],
  );
});

test(`each command prints its own help, and nothing of it runs (RINGFENCE_SEED=${SEED})`, async (t) => {
  const place = makePlace(t);
  const whole = (await ringfence(place, ["--help"])).stdout;
  const all = ["run", "exec", "diff", "land", "undo", "discard", "sessions", "gc", "log", "doctor", "demo"];
  const commands = drawn(all, 4);
  const helps = await Promise.all(commands.map((command) => ringfence(place, [command, "--help"])));
  for (const [at, { stdout, status }] of helps.entries()) {
    const command = commands[at] ?? "";
    assert.equal(status, 0);
    assert.ok(stdout.startsWith(`ringfence ${command} `), stdout);
    assert.ok(stdout.length < whole.length / 2, command);
    for (const line of stdout.split("\n")) assert.ok(whole.includes(line), line);
    assert.equal(stdout.includes("--session ID"), ["diff", "land", "undo", "discard", "log"].includes(command));
  }
  assert.equal((await ringfence(place, ["nonsense", "--help"])).stdout, whole);
});

test("a folder that is gone is named, not a stack, and -C leads elsewhere", async (t) => {
  const place = makePlace(t, "mkdir gone");
  const inGone = (args: string) =>
    sh(
      place,
      `mkdir -p gone; cd gone; rmdir ../gone; '${process.execPath}' '${PROGRAM}' ${args} 2>&1 || echo "status $?"`,
    );
  assert.equal(
    inGone("sessions"),
    "ringfence: the folder that you stand in was deleted: change into one that is there, or name one by -C\nstatus 2\n",
  );
  assert.equal(inGone(`sessions -C '${place.checkout}'`), "no sessions\n");
});

test("a memory limit in which no box fits is refused with the least that works", async (t) => {
  const place = makePlace(t);
  mkdirSync(join(place.home, ".config/ringfence"), { recursive: true });
  const set = (mb: number) =>
    writeFileSync(join(place.home, ".config/ringfence/config.yaml"), `limits: {memory_mb: ${mb}}\n`);
  set(1);
  const refused = await ringfence(place, ["exec", "--", "true"]);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /"limits\.memory_mb" must be at least 16: with less the box itself cannot start/);
  set(16);
  assert.equal((await ringfence(place, ["exec", "--", "true"])).status, 0);
});

test("no variable of the box is a setting that npm warns of", async (t) => {
  const { stdout } = await ringfence(makePlace(t), ["exec", "--", "env"]);
  assert.match(stdout, /^RINGFENCE=1$/m);
  assert.doesNotMatch(stdout, /^npm_config_(?!cafile=|update_notifier=)/im);
});

test("dependencies that git does not ignore are one line with what to do, and not one line a file", async (t) => {
  const place = makePlace(t);
  const many =
    "mkdir -p node_modules/a node_modules/b; for n in 1 2 3; do echo x >node_modules/a/$n.js; done; echo y >node_modules/b/package.json";
  await play(place, [run(`${many}; echo z >own.txt`), { text: "ok" }]);
  const landed = await ringfence(place, ["land"]);
  const line =
    /^held {4}node_modules\/ \(4 files\): git does not ignore it; with node_modules\/ in \.gitignore it stays in the box/m;
  assert.match(landed.stdout, line);
  assert.match(landed.stdout, /^landed {2}own\.txt$/m);
  assert.equal(landed.stdout.includes("node_modules/a/1.js"), false);
});
