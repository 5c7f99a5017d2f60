import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BEFORE } from "./git-server.ts";
import { ordinary, play, recordedText, ringfence, run, sh } from "./program.ts";
import { giveToAgent, inBox, makeSshPlace, othersCommit } from "./ssh-server.ts";

test("git in the box fetches over the person's ssh in one conversation, and neither key nor agent is in its reach", async (t) => {
  const place = await makeSshPlace(t, { user: ordinary() });
  assert.match((await ringfence(place, ["net"])).stdout, new RegExp(`^fetches  ${place.url}, .* by your own ssh`, "m"));
  const secret = readFileSync(place.key, "utf8").split("\n")[2] ?? "";
  assert.equal(secret.length, 70);
  const env = { SSH_AUTH_SOCK: await giveToAgent(t, place) };
  othersCommit(place, "theirs");
  place.served("git branch new main");
  const ask = `python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("${env.SSH_AUTH_SOCK}"); s.sendall(b"\\0\\0\\0\\1\\x0b"); print("agent", s.recv(9))'`;
  // Without the box the agent answers.
  assert.match(sh(place, ask), /^agent b/);
  const done = await inBox(
    place,
    `git pull -q && git log --format=%s && cat theirs.txt && git rev-parse --abbrev-ref origin/new; ls -a ~ ~/.ssh; ${ask}; env; set; grep -rs PRIVATE ~ /tmp`,
    { env },
  );
  assert.match(done.stdout, /^theirs\nstart\ntheirs\norigin\/new\n/, done.stderr);
  const folder = place.served("pwd").trim();
  assert.deepEqual(place.asked(), [`git-upload-pack '${folder}'`]);
  const log = recordedText(place);
  for (const text of [done.stdout, done.stderr, log]) {
    assert.equal(text.includes(secret), false);
    assert.doesNotMatch(text, /SSH_AUTH_SOCK|known_hosts|^agent b|PRIVATE KEY/m);
  }
  assert.match(log, new RegExp(`"host":"127\\.0\\.0\\.1","kind":"request".*?"port":${place.port},"protocol":"ssh"`));
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
