import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BEFORE } from "./git-server.ts";
import { ordinary, play, ringfence, run, sessionFolder, sh } from "./program.ts";
import { inBox, makeSshPlace, othersCommit } from "./ssh-server.ts";

test("git in the box fetches over the person's ssh in one conversation, and key and ssh's files are not inside", async (t) => {
  const place = await makeSshPlace(t, { user: ordinary() });
  othersCommit(place, "theirs");
  place.served("git branch new main");
  const done = await inBox(
    place,
    "git pull -q && git log --format=%s && cat theirs.txt && git rev-parse --abbrev-ref origin/new; ls -a ~ ~/.ssh; env; set",
  );
  assert.match(done.stdout, /^theirs\nstart\ntheirs\norigin\/new\n/, done.stderr);
  const folder = place.served("pwd").trim();
  assert.deepEqual(place.asked(), [`git-upload-pack '${folder}'`]);
  const [secret = ""] = /\n[^\n]{70}/.exec(readFileSync(place.key, "utf8")) ?? [];
  const log = readFileSync(join(sessionFolder(place), "ledger.log"), "utf8");
  for (const text of [done.stdout, done.stderr, log]) {
    assert.equal(text.includes(secret), false);
    assert.doesNotMatch(text, /SSH_AUTH_SOCK|known_hosts/);
  }
  assert.match(log, new RegExp(`"host":"127\\.0\\.0\\.1","kind":"request".*?"port":${place.port},"protocol":"ssh"`));
});

test("ringfence net says that the tracked remote is reached by ssh, or that its address is none", async (t) => {
  const place = await makeSshPlace(t);
  assert.match((await ringfence(place, ["net"])).stdout, new RegExp(`^fetches  ${place.url}, .* by your own ssh`, "m"));
  sh(place, "git remote set-url origin git@-oProxyCommand=x:thing");
  assert.match((await ringfence(place, ["net"])).stdout, /^note {5}git@-oProxyCommand=x:thing, .* is no address/m);
});

test("a commit is pushed by ssh once it landed and a rule names its branch, by the person's own command alone", async (t) => {
  const place = await makeSshPlace(t);
  const head = () => place.served("git log --format=%s main");
  const first = await inBox(place, "echo two >b.txt; git add .; git commit -qm two; git push origin main");
  const absent = "the commit is not on your own branch main: land it first";
  assert.match(first.stderr, new RegExp(`! \\[remote rejected\\] main -> main \\(${absent}\\)`));
  assert.equal((await ringfence(place, ["land"])).status, 0);
  sh(place, `printf 'net:\\n  push:\\n    - {at: "${place.url}", branch: "main"}\\n' >~/.config/ringfence/config.yaml`);
  const played = await play(place, [run(`${BEFORE}git push origin main`), { text: "ok" }]);
  assert.match(played.results[0]?.text ?? "", /external text was seen: a person looks at what is pushed/);
  assert.equal(head(), "start\n");
  sh(place, "git branch other");
  const second = await inBox(place, "git push origin main:other; git push origin main; git push origin main");
  const line = `add {at: "${place.url}", branch: "other"} to net.push in config.yaml`;
  assert.ok(second.stderr.includes(`no rule of net.push names other: ${line}\n`), second.stderr);
  assert.match(second.stderr, /main -> main\nEverything up-to-date\n/);
  assert.equal(head(), "two\nstart\n");
  place.served("git fsck --strict");
});
