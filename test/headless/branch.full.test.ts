import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Branch, checkoutOf, DONE, filesOf, MAKE, onBranch } from "./branching.ts";
import {
  makePlace,
  type Place,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  sh,
  start,
  until,
} from "./program.ts";

/** What the layer has at a path. */
const inLayer = (place: Place, path: string) =>
  sh(place, `cat $HOME/.local/state/ringfence/sessions/*/layer/{upper,sealed/*}/${path} 2>/dev/null || true`);

/** Whether a command of the box has made the file that says that it runs. */
const hasIgnored = (place: Place) => inLayer(place, "out") !== "";

test("two runs at the same time on one checkout, while the person works there too", async (t) => {
  const place = makePlace(t, MAKE);
  sh(place, "git branch two");
  const runs = ["one", "two"].map((name) => {
    const turns = [
      run(`cat a.ts; echo ${name} >>a.ts; git commit -qam ${name}; touch ../started 2>/dev/null; sleep 1`),
      run(`echo more >${name}.ts`),
      DONE,
    ];
    const file = join(place.root, `${name}.json`);
    writeFileSync(file, JSON.stringify({ turns }));
    return start(place, runArguments(`scripted:${file}`, ["--branch", name]));
  });
  await until("both work", () => runs.every(({ seen }) => seen().includes('"tool_use"')));
  sh(place, "echo me >>b.ts; git commit -qam mine; echo me >>c.ts; git checkout -qb elsewhere");
  const results = await Promise.all(runs.map(async ({ ended }) => readPlayed(await ended)));
  assert.deepEqual(
    results.map(({ result, status }) => [status, (result.branch as Branch).name]),
    [
      [0, "one"],
      [0, "two"],
    ],
  );
  for (const name of ["one", "two"]) {
    assert.equal(sh(place, `git show ${name}:a.ts`), `a\n${name}\n`);
    assert.equal(filesOf(place, `main~1 ${name}`), `M\ta.ts\nA\t${name}.ts\n`);
  }
  assert.equal(sh(place, "git log --format=%s; git status --porcelain; cat a.ts"), "mine\nstart\n M c.ts\na\n");
  assert.equal(sh(place, "git fsck --strict --full --no-dangling 2>&1"), "");
});

test("a branch that is there is gone on with; one that moved meanwhile, or was switched to, stays as it is", async (t) => {
  const place = makePlace(t, MAKE);
  sh(place, "git checkout -qb work; echo w >w.ts; git rm -q c.ts; git add -A; git commit -qm w; git checkout -q main");
  const first = await onBranch(place, "work", [run("ls; echo 1 >>w.ts"), DONE]);
  assert.deepEqual([first.results[0]?.text, first.branch.name], ["a.ts\nb.ts\nd\nw.ts", "work"]);
  assert.equal(
    sh(place, "git show work:w.ts; git log --format=%s work; ls"),
    "w\n1\na task\nw\nstart\na.ts\nb.ts\nc.ts\nd\n",
  );
  const meanwhile = {
    "git update-ref refs/heads/work main": /^your branch work has moved meanwhile, so it stays$/,
    "git checkout -q work": /^the branch is in use: it is checked out in this checkout$/,
  };
  for (const [act, note] of Object.entries(meanwhile)) {
    const model = script(place, [run("touch started; sleep 1.5; echo 2 >>a.ts"), DONE]);
    const { ended, seen } = start(place, runArguments(model, ["--branch", "work"]));
    await until("it works", () => seen().includes('"tool_use"'));
    sh(place, act);
    const before = sh(place, "git rev-parse work; git status --porcelain");
    const branch = readPlayed(await ended).result.branch as Branch;
    assert.match(branch.note ?? "", note);
    assert.match(branch.name ?? "", /^ringfence\/work-[0-9a-f]{7}$/);
    assert.equal(sh(place, "git rev-parse work; git status --porcelain"), before);
    assert.equal(sh(place, `git show ${branch.name}:a.ts`), "a\n2\n");
  }
});

test("what cannot be a branch of its own is refused before anything starts, with what to do", async (t) => {
  const place = makePlace(t, MAKE);
  sh(place, "git worktree add -q ../tree -b inTree");
  const model = script(place, [run("touch z"), DONE]);
  const main = await ringfence(place, ["run", "a task", "--model", model, "--branch", "main"]);
  assert.deepEqual(
    [main.status, main.stderr],
    [
      2,
      "ringfence: --branch main: it is in use: it is checked out in this checkout; give another name, or switch there first\n",
    ],
  );
  const land = await ringfence(place, ["run", "a task", "--model", model, "--branch", "z", "--land", "auto"]);
  assert.deepEqual([land.status, /does not go with --land/.test(land.stderr)], [2, true]);
  const unborn = makePlace(t, "git init -q .", { git: false });
  const bare = makePlace(t, MAKE, { git: false });
  for (const [where, cwd, why] of [
    [unborn, unborn.checkout, /no commit yet: git commit first/],
    [bare, bare.checkout, /no git repository: git init and commit first/],
    [place, join(place.root, "tree"), /start in the main checkout/],
  ] as const) {
    const { status, stderr } = await ringfence(where, ["run", "a task", "--model", model, "--branch", "z"], { cwd });
    assert.deepEqual([status, why.test(stderr)], [2, true], stderr);
  }
  assert.equal(sh(place, "ls $HOME/.local/state/ringfence/sessions 2>/dev/null | wc -l").trim(), "0");
});

test("what the person writes in the middle of a command may be committed, and is named then", async (t) => {
  const place = makePlace(t, MAKE);
  const wait =
    "date >out; until grep -q meanwhile b.ts; do sleep 0.05; done; echo box >>b.ts; echo box >>a.ts; git commit -qam both";
  const { ended } = start(place, runArguments(script(place, [run(wait), DONE]), ["--branch", "feat"]));
  await until("it works", () => hasIgnored(place));
  sh(place, "echo new >new.ts; echo more >>c.ts; sleep 0.05; echo meanwhile >>b.ts");
  const { result } = readPlayed(await ended);
  const branch = result.branch as Branch;
  assert.deepEqual([branch.name, branch.changed_meanwhile], ["feat", ["b.ts", "c.ts"]]);
  const text = await ringfence(place, [
    "run",
    "a task",
    "--model",
    script(place, [run("echo x >>a.ts"), DONE]),
    "--branch",
    "feat",
  ]);
  assert.equal(text.stderr.split("\n").at(-2), "branch feat: 1 commit; look: git log -p HEAD..feat");
});

test("what the person saves while a background command lives is not written into the view, nor committed", async (t) => {
  const place = makePlace(t, MAKE);
  const wait = "date >out; until grep -q meanwhile b.ts; do sleep 0.05; done; sleep 1; echo box >>a.ts; sleep 1";
  const turns = [run("sleep 60", { background: true }), run(wait), run("echo more >>a.ts"), DONE];
  const { ended } = start(place, runArguments(script(place, turns), ["--branch", "feat"]));
  await until("it works", () => hasIgnored(place));
  sh(place, "echo me >>c.ts; echo me >new.ts; echo meanwhile >>b.ts");
  await until("it has seen that", () => inLayer(place, "a.ts") === "a\nbox\n");
  assert.equal(inLayer(place, "{b,c,new}.ts"), "");
  const branch = readPlayed(await ended).result.branch as Branch;
  assert.deepEqual([branch.name, branch.changed_meanwhile], ["feat", []]);
  assert.equal(filesOf(place, "main feat"), "M\ta.ts\n");
});

test("other branches that the agent made become new ones beside the session's own", async (t) => {
  const place = makePlace(t, MAKE);
  const { branch, status } = await onBranch(place, "feat", [
    run("git checkout -qb side; echo s >s.ts; git add .; git commit -qm side; git checkout -q feat; echo x >>a.ts"),
    DONE,
  ]);
  assert.deepEqual([status, branch.name, branch.note], [0, "feat", "new branch side: 1 commit"]);
  assert.deepEqual(
    branch.commits.map(({ subject, state }) => `${subject} ${state}`),
    ["a task lands"],
  );
  assert.equal(filesOf(place, "main feat") + filesOf(place, "main side"), "M\ta.ts\nA\ts.ts\n");
  const alone = await onBranch(place, "idle", [
    run("git checkout -qb only main; echo o >o.ts; git add .; git commit -qm o; git checkout -q idle"),
    DONE,
  ]);
  assert.deepEqual([alone.status, alone.branch.name, alone.branch.note], [0, null, "new branch only: 1 commit"]);
  assert.equal(filesOf(place, "main only"), "A\to.ts\n");
  assert.equal(sh(place, "ls -d $HOME/.local/state/ringfence/sessions/*/layer 2>/dev/null | wc -l").trim(), "0");
});

test("a secret file in a commit holds it, and the session is kept: its commits land when they can, never its files", async (t) => {
  const place = makePlace(t, `${MAKE}; echo TOKEN=abc >.env`);
  const { branch, status, result } = await onBranch(place, "feat", [
    run(
      "echo x >>a.ts; git commit -qam good; git update-index --no-skip-worktree .env; git commit -qm secret .env; echo y >>a.ts",
    ),
    DONE,
  ]);
  assert.deepEqual(
    [status, branch.name, branch.commits.map(({ state }) => state)],
    [21, "feat", ["lands", "waits", "waits"]],
  );
  assert.match(branch.commits[1]?.why ?? "", /^\.env: it may hold a secret/);
  assert.equal(sh(place, "git log --format=%s feat; git show feat:.env"), "good\nstart\nTOKEN=abc\n");
  const before = checkoutOf(place);
  for (const words of [
    ["land", "a.ts"],
    ["diff", "a.ts"],
  ]) {
    const { status: code, stderr } = await ringfence(place, words);
    assert.deepEqual([code, /never land by themselves.*git merge feat/.test(stderr)], [2, true], stderr);
  }
  const diff = await ringfence(place, ["diff"]);
  assert.match(
    diff.stdout,
    new RegExp(`^session ${String(result.session_id)} works on the branch feat\nwaits commit \\w+ secret: `),
  );
  assert.deepEqual(Object.keys(JSON.parse((await ringfence(place, ["diff", "--json"])).stdout)), [
    "branch",
    "commits",
    "commits_note",
  ]);
  assert.deepEqual([(await ringfence(place, ["land"])).status, checkoutOf(place)], [21, before]);
  assert.equal((await ringfence(place, ["discard"])).status, 0);
});

test("after kill -9 in the middle of a run, land puts the commits on the branch", async (t) => {
  const place = makePlace(t, MAKE);
  const model = script(place, [run("echo x >>a.ts; git commit -qam one; date >out; sleep 60"), DONE]);
  const { child, ended } = start(place, runArguments(model, ["--branch", "feat"]));
  await until("it has committed", () => hasIgnored(place));
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await ended;
  const { status, stdout } = await ringfence(place, ["land"]);
  assert.deepEqual([status, stdout.split("\n")[0]], [0, "branch feat: 1 commit; look: git log -p HEAD..feat"]);
  assert.equal(sh(place, "git show feat:a.ts; cat a.ts"), "a\nx\na\n");
  assert.equal((await ringfence(place, ["land"])).stdout, "branch feat: nothing landed\n");
});
