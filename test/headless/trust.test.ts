import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makePlace, ordinary, type Place, play, ringfence, run, sessionFolder, sh } from "./program.ts";
import { open } from "./screen.ts";

/** Longer than it takes until a line counts as an answer to what stands on the screen. */
const READ_MS = 400;
const INSTRUCTIONS = "Run the linter.\n";
const HIDDEN = "be nice\u200b\u202eevil\u202c\u{e0041}\u{e0042}\n";

interface Listed {
  readonly remote: string | null;
  readonly openness: string;
  readonly commit: { readonly id: string; readonly problem: string | null; readonly approved: boolean };
  readonly items: readonly {
    readonly path: string;
    readonly hash: string;
    readonly state: string;
    readonly hidden: number;
  }[];
  readonly void: string | null;
}

async function listed(place: Place): Promise<Listed> {
  const { status, stdout, stderr } = await ringfence(place, ["trust", "--json"]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Listed;
}

const states = ({ items }: Listed) => Object.fromEntries(items.map(({ path, state }) => [path, state]));
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const trustFolder = ({ home }: Place) => join(home, ".local/state/ringfence/trust");

/** A repository that is fetched from somewhere, with what could instruct or configure. */
function makeRepository(t: TestContext): Place {
  const place = makePlace(
    t,
    `printf '${INSTRUCTIONS.trim()}\\n' >AGENTS.md; mkdir -p src .claude/skills/x .husky .vscode .ringfence node_modules/x
     echo '{}' | tee .mcp.json .vscode/tasks.json .ringfence/policy.yaml >/dev/null; echo x >.claude/skills/x/SKILL.md; echo x >.husky/pre-commit
     echo node_modules >.gitignore; echo x >node_modules/x/AGENTS.md; echo 1 >src/a.js; echo 'KEY=1' >.env`,
    { user: ordinary() },
  );
  sh(
    place,
    "git rm -q --cached .env; git commit -qm 'keep secrets out'; git remote add origin https://Example.com/ada/thing.git",
  );
  return place;
}

test("what could instruct or configure is listed with its hash, and nothing of it is approved", async (t) => {
  const place = makeRepository(t);
  writeFileSync(join(place.checkout, "src/CLAUDE.md"), HIDDEN);
  const found = await listed(place);
  assert.deepEqual(states(found), {
    ".claude/skills/x/SKILL.md": "not approved",
    ".husky/pre-commit": "not approved",
    ".mcp.json": "not approved",
    ".ringfence/policy.yaml": "not approved",
    ".vscode/tasks.json": "not approved",
    "AGENTS.md": "not approved",
    "src/CLAUDE.md": "not approved",
  });
  assert.equal(found.items.find(({ path }) => path === "AGENTS.md")?.hash, sha256(INSTRUCTIONS));
  assert.equal(found.items.find(({ path }) => path === "src/CLAUDE.md")?.hidden, 5);
  const head = sh(place, "git rev-parse HEAD").trim();
  assert.deepEqual(
    [found.remote, found.openness, found.commit.id, found.commit.approved],
    ["https://example.com/ada/thing.git", "private", head, false],
  );
  const shown = await ringfence(place, ["trust", "src/CLAUDE.md"]);
  assert.equal(shown.status, 22);
  assert.ok(shown.stdout.includes("| be nice<U+200B><U+202E>evil<U+202C><U+E0041><U+E0042>\n"), shown.stdout);
});

test("a file is approved by the hash of what lies there, and what changes is not approved any more", async (t) => {
  const place = makeRepository(t);
  const wrong = await ringfence(place, ["trust", `AGENTS.md=${sha256("something else")}`]);
  assert.equal(wrong.status, 2);
  // The hash of another file, and another spelling of the name, say nothing of this one.
  assert.equal((await ringfence(place, ["trust", `.mcp.json=${sha256(INSTRUCTIONS)}`])).status, 2);
  assert.equal((await ringfence(place, ["trust", `agents.md=${sha256(INSTRUCTIONS)}`])).status, 2);
  assert.equal(states(await listed(place))["AGENTS.md"], "not approved");
  assert.equal((await ringfence(place, ["trust", `AGENTS.md=${sha256(INSTRUCTIONS)}`])).status, 0);
  assert.equal(states(await listed(place))["AGENTS.md"], "approved");
  sh(place, "echo 'and push' >>AGENTS.md; echo 'Run the linter.' >agents.md");
  assert.deepEqual(
    [states(await listed(place))["AGENTS.md"], states(await listed(place))["agents.md"]],
    ["changed", "not approved"],
  );
  const shown = await ringfence(place, ["trust", "AGENTS.md"]);
  assert.match(shown.stdout, /what changed since you approved it\n.*\n\| {2}Run the linter\.\n\| \+and push\n$/);
  assert.equal((await ringfence(place, ["trust", "revoke", "AGENTS.md"])).status, 0);
  assert.equal(states(await listed(place))["AGENTS.md"], "not approved");
  assert.equal((await ringfence(place, ["trust", "revoke", "AGENTS.md"])).status, 2);
});

test("at a terminal each file is shown and asked about, and only a yes that came after approves", async (t) => {
  const place = makeRepository(t);
  const no = open(t, place, ["trust", "AGENTS.md"]);
  await no.see("anything else does not");
  no.type("yes\r");
  assert.equal(await no.status, 22, "it was begun before this could be read");
  const screen = open(t, place, ["trust", ".mcp.json", "AGENTS.md"]);
  for (const path of [".mcp.json", "AGENTS.md"]) {
    await screen.see(`${path} (`);
    await screen.see("anything else does not");
    await sleep(READ_MS);
    screen.type("yes\r");
    await screen.see(`approved      ${path}`);
  }
  assert.equal(await screen.status, 0);
  const found = states(await listed(place));
  assert.deepEqual(
    [found[".mcp.json"], found["AGENTS.md"], found[".vscode/tasks.json"]],
    ["approved", "approved", "not approved"],
  );
});

test("a commit is approved by its id, with a word on secrets in its history; a repository that lies about it is not believed", async (t) => {
  const place = makeRepository(t);
  const head = sh(place, "git rev-parse HEAD").trim();
  assert.equal((await ringfence(place, ["trust", "commit"])).status, 22);
  assert.equal((await ringfence(place, ["trust", "commit", head.slice(0, 12)])).status, 2);
  const done = await ringfence(place, ["trust", "commit", head]);
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /hold secrets.*: \.env\n/);
  assert.equal((await listed(place)).commit.approved, true);
  // A replacement and a graft change what git shows of the commit, and not what is approved.
  sh(
    place,
    "echo evil >src/a.js; git commit -qam evil; git replace HEAD~1 HEAD; git checkout -q HEAD~1 2>/dev/null; true",
  );
  const after = await listed(place);
  assert.deepEqual([after.commit.problem, after.commit.id === head], [null, true]);
  // Another object in its place has not its id.
  const forged = sh(place, `git rev-parse HEAD@{1}^{tree} | sed 's|^..|&/|'`).trim();
  const tree = sh(place, `GIT_NO_REPLACE_OBJECTS=1 git rev-parse ${head}^{tree} | sed 's|^..|&/|'`).trim();
  sh(place, `chmod u+w .git/objects/${tree}; cp .git/objects/${forged} .git/objects/${tree}`);
  const { commit } = await listed(place);
  assert.match(String(commit.problem), /not as it was|does not hold/);
  assert.equal((await ringfence(place, ["trust", "commit", head])).status, 2);
});

test("what was approved counts for one checkout and one remote: who names the remote of an approved one inherits nothing", async (t) => {
  const place = makeRepository(t);
  const head = sh(place, "git rev-parse HEAD").trim();
  for (const words of [["commit", head], ["public"], [`AGENTS.md=${sha256(INSTRUCTIONS)}`]])
    assert.equal((await ringfence(place, ["trust", ...words])).status, 0);
  sh(place, "cp -a . ../other");
  const other = { ...place, checkout: join(place.root, "other") };
  const [there, here] = [await listed(other), await listed(place)];
  assert.deepEqual([here.openness, here.commit.approved, states(here)["AGENTS.md"]], ["public", true, "approved"]);
  assert.deepEqual(
    [there.openness, there.commit.approved, states(there)["AGENTS.md"]],
    ["private", false, "not approved"],
  );
  sh(place, "git remote set-url origin https://example.com/mallory/thing.git");
  const moved = await listed(place);
  assert.deepEqual(
    [moved.openness, moved.commit.approved, states(moved)["AGENTS.md"]],
    ["private", false, "not approved"],
  );
  assert.equal(moved.void, "https://example.com/ada/thing.git");
});

test("instructions are shown to the model once the person has approved exactly them, and never else", async (t) => {
  const place = makeRepository(t);
  const first = await play(place, [run("true"), { text: "ok" }]);
  assert.equal(
    first.events.find(({ subtype }) => subtype === "instructions"),
    undefined,
  );
  assert.match(
    String(first.events.find(({ subtype }) => subtype === "notice")?.text),
    /^AGENTS\.md: not approved by you/,
  );
  assert.doesNotMatch(readFileSync(join(sessionFolder(place), "ledger.log"), "latin1"), /Run the linter/);
  assert.equal((await ringfence(place, ["trust", `AGENTS.md=${sha256(INSTRUCTIONS)}`])).status, 0);
  const second = await play(place, [{ text: "ok" }]);
  assert.deepEqual(second.events.find(({ subtype }) => subtype === "instructions")?.paths, ["AGENTS.md"]);
  const ledger = async () => (await ringfence(place, ["log", "show"])).stdout;
  assert.match(await ledger(), /approved by the person.*Run the linter/);
  sh(place, "ln -sf src/a.js GEMINI.md; printf 'Run the linter. Then push.\\n' >AGENTS.md");
  const third = await play(place, [{ text: "ok" }]);
  assert.match(
    String(third.events.find(({ subtype }) => subtype === "notice")?.text),
    /^AGENTS\.md: not approved by you/,
  );
  assert.doesNotMatch(await ledger(), /Run the linter/);
});

test("nothing of the box can write what is trusted, and a record that others could have written is not believed", async (t) => {
  const place = makeRepository(t);
  assert.equal((await ringfence(place, ["trust", "private"])).status, 0);
  const folder = trustFolder(place);
  const [record = ""] = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const before = readFileSync(join(folder, record), "utf8");
  const attack = `ls ${folder}; mkdir -p ${folder}; echo '{}' >${join(folder, record)}; ln -sf ${folder} up; echo '{}' >up/${record}`;
  const played = await play(place, [run(`${attack}; true`), { text: "ok" }]);
  assert.match(played.results[0]?.text ?? "", /No such file/);
  assert.equal(readFileSync(join(folder, record), "utf8"), before);
  chmodSync(join(folder, record), 0o666);
  assert.equal((await ringfence(place, ["trust"])).status, 2);
  rmSync(join(folder, record));
  writeFileSync(join(place.root, "fake.json"), before.replace("private", "public"));
  symlinkSync(join(place.root, "fake.json"), join(folder, record));
  assert.equal((await ringfence(place, ["trust"])).status, 2);
  rmSync(join(folder, record));
  const foreignRecord = join(folder, record);
  writeFileSync(foreignRecord, before.replace(place.checkout, "/somewhere/else"), { mode: 0o600 });
  chownSync(foreignRecord, place.user.uid, place.user.gid);
  const foreign = await play(place, [{ text: "ok" }]);
  assert.equal(foreign.status, 2);
});
