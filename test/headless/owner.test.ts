import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  call,
  makePlace,
  ordinary,
  play,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  self,
  sh,
  start,
} from "./program.ts";

const isRoot = process.getuid?.() === 0;
const owner = ordinary();
const homeOf = (uid: number) =>
  readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find((fields) => Number(fields[2]) === uid)?.[5] ?? "";

// Who is not root cannot become somebody else: then the promise is that they stay who they are.
test("started by root in somebody's checkout, the program is that person: files, groups, state and what the box sees", async (t) => {
  const place = makePlace(t, "echo one >a.txt; mkdir -p sub", { user: owner });
  const spec = script(place, [
    run("id -u; grep -E '^(Uid|Gid|Groups)' /proc/self/status | tr '\\t\\n' '  '; echo $HOME $USER"),
    call("write", { path: "new/b.txt", content: "b\n" }),
    run("echo two >>a.txt; mkdir sub/dir; echo c >sub/dir/c.txt"),
    { text: "ok" },
  ]);
  const state = `${isRoot ? homeOf(owner.uid) : place.home}/.local/state/ringfence/sessions`;
  const played = readPlayed(await start({ ...place, user: self() }, runArguments(spec, ["--land", "auto"])).ended);
  assert.deepEqual([played.status, played.results.map(({ ok }) => ok)], [0, [true, true, true]]);
  assert.equal(
    sh(place, "stat -c '%U:%G %a %n' a.txt new new/b.txt sub/dir/c.txt"),
    `${owner.name}:${owner.name} 644 a.txt
${owner.name}:${owner.name} 755 new
${owner.name}:${owner.name} 644 new/b.txt
${owner.name}:${owner.name} 644 sub/dir/c.txt
`,
  );
  const id = String(played.result.session_id);
  t.after(() => rmSync(`${state}/${id}`, { recursive: true }));
  const stat = statSync(`${state}/${id}`);
  assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o777], [owner.uid, owner.gid, 0o700]);
  assert.match(played.results[0]?.text ?? "", new RegExp(` ${owner.name}$`));
  // The state is in the owner's own home, not in the home that root had at hand.
  if (isRoot) assert.equal(readdirSync(place.home).includes(".local"), false);
  const later = await ringfence({ ...place, user: self() }, ["log", "verify", "--session", id]);
  assert.equal(later.status, 0);
});

test("what root may read and the owner may not stays unread, in the program and in the box", async (t) => {
  const place = makePlace(t, "echo one >a.txt", { user: owner });
  sh({ ...place, user: self() }, "echo canary-root >root-only; chmod 600 root-only");
  const spec = script(place, [
    run("cat root-only || echo refused"),
    call("read", { path: "root-only" }),
    { text: "ok" },
  ]);
  const played = readPlayed(await start({ ...place, user: self() }, runArguments(spec)).ended);
  const id = String(played.result.session_id);
  if (isRoot) {
    t.after(() => rmSync(`${homeOf(owner.uid)}/.local/state/ringfence/sessions/${id}`, { recursive: true }));
    assert.doesNotMatch(JSON.stringify(played.events), /canary-root/);
  }
  assert.equal(played.status, 0);
});

test("root in root's own checkout stays root", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const played = await play(place, [run("echo two >>a.txt"), { text: "ok" }], ["--land", "auto"]);
  assert.equal(played.status, 0);
  assert.equal(statSync(`${place.checkout}/a.txt`).uid, self().uid);
});

test("a command line that is wrong is told so before the program becomes anybody", async (t) => {
  const place = makePlace(t, "", { user: owner });
  const ended = await ringfence({ ...place, user: self() }, ["run", "x", "--nonsense"]);
  assert.deepEqual([ended.status, ended.stdout], [2, ""]);
});

if (isRoot) {
  test("a program that the owner of the checkout cannot read says so, and where to install it", (t) => {
    const place = makePlace(t, "", { user: owner });
    const project = fileURLToPath(new URL("../../", import.meta.url));
    sh({ ...place, user: self() }, "mkdir -m 700 ../closed; mkdir ../closed/project");
    const inside = `${place.root}/closed/project`;
    const command = `mount --bind "$1" "$2" && exec "$3" "$2/bin/ringfence.js" run x --output-format json`;
    const ended = spawnSync(
      "unshare",
      ["-m", "--propagation", "private", "sh", "-c", command, "sh", project, inside, process.execPath],
      { cwd: place.checkout, env: place.env, encoding: "utf8" },
    );
    const { exit_code: exitCode, result } = JSON.parse(ended.stdout);
    assert.deepEqual([ended.status, exitCode], [2, 2]);
    assert.match(
      result,
      new RegExp(`belongs to ${owner.name}, who cannot read this program .*closed.*: install it where`),
    );
  });
}
