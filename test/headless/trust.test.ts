import assert from "node:assert/strict";
import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { newestEvents, play, ringfence, run, sh } from "./program.ts";
import { HIDDEN, INSTRUCTIONS, listed, makeRepository, sha256, states, trustFolder } from "./trusting.ts";

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
  const short = await ringfence(place, ["trust", "AGENTS.md=00"]);
  assert.deepEqual([short.status, /takes a whole hash/.test(short.stderr)], [2, true]);
  // The hash of another file, and another spelling of the name, say nothing of this one.
  assert.equal((await ringfence(place, ["trust", `.mcp.json=${sha256(INSTRUCTIONS)}`])).status, 2);
  assert.equal((await ringfence(place, ["trust", `agents.md=${sha256(INSTRUCTIONS)}`])).status, 2);
  assert.equal((await ringfence(place, ["trust", `AGENTS.md=${sha256(INSTRUCTIONS)}`])).status, 0);
  const approved = (await listed(place)).items.filter(({ state }) => state === "approved");
  assert.deepEqual(
    approved.map(({ path }) => path),
    ["AGENTS.md"],
  );
  sh(place, "echo 'and push' >>AGENTS.md; echo 'Run the linter.' >agents.md");
  const changed = states(await listed(place));
  assert.deepEqual([changed["AGENTS.md"], changed["agents.md"]], ["changed", "not approved"]);
  const shown = await ringfence(place, ["trust", "AGENTS.md"]);
  assert.match(shown.stdout, /what changed since you approved it\n.*\n\| {2}Run the linter\.\n\| \+and push\n$/);
  assert.equal((await ringfence(place, ["trust", "revoke", "AGENTS.md"])).status, 0);
  assert.equal(states(await listed(place))["AGENTS.md"], "not approved");
  assert.equal((await ringfence(place, ["trust", "revoke", "AGENTS.md"])).status, 2);
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

test("instructions are shown to the model once the person has approved exactly them, and never else", async (t) => {
  const place = makeRepository(t);
  const first = await play(place, [run("true"), { text: "ok" }]);
  assert.equal(
    first.events.find(({ subtype }) => subtype === "instructions"),
    undefined,
  );
  assert.match(
    String(first.events.find(({ subtype }) => subtype === "notice")?.text),
    /^AGENTS\.md: not approved by you.*; ringfence trust AGENTS\.md shows it and asks$/,
  );
  assert.doesNotMatch(JSON.stringify(newestEvents(place)), /Run the linter/);
  assert.equal((await ringfence(place, ["trust", `AGENTS.md=${sha256(INSTRUCTIONS)}`])).status, 0);
  const second = await play(place, [{ text: "ok" }]);
  assert.deepEqual(second.events.find(({ subtype }) => subtype === "instructions")?.paths, ["AGENTS.md"]);
  const ledger = () => JSON.stringify(newestEvents(place));
  assert.match(ledger(), /approved by the person.*Run the linter/);
  sh(place, "ln -sf src/a.js GEMINI.md; printf 'Run the linter. Then push.\\n' >AGENTS.md");
  const third = await play(place, [{ text: "ok" }]);
  assert.match(
    String(third.events.find(({ subtype }) => subtype === "notice")?.text),
    /^AGENTS\.md: not approved by you/,
  );
  assert.doesNotMatch(ledger(), /Run the linter/);
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
