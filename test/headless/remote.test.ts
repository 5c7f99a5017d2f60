import assert from "node:assert/strict";
import { test } from "node:test";
import { BEFORE, inBox, makeGitPlace, othersCommit, PASSWORD } from "./git-server.ts";
import { ordinary, play, ringfence, run, sh } from "./program.ts";

test(`git in the box fetches and pulls from the tracked remote with the person's login, which is not inside`, async (t) => {
  const place = await makeGitPlace(t, { user: ordinary() });
  othersCommit(place, "theirs");
  const done = await inBox(
    place,
    "git pull -q && git log --format=%s && cat theirs.txt ~/.netrc ~/.gitconfig; env; set",
  );
  assert.match(done.stdout, /^theirs\nstart\ntheirs\nmachine 127\.0\.0\.1 login person password (?!gitCanary)\S+\n/);
  assert.equal(`${done.stdout}${done.stderr}`.includes(PASSWORD), false);
  assert.equal(sh(place, "git log --all --format=%s"), "start\n");
  // A model's session may as well, whatever it has read.
  const played = await play(place, [run(`${BEFORE}git fetch -q; git log --format=%s origin/main`), { text: "ok" }]);
  assert.equal(played.results[0]?.text, "theirs\nstart");
});

test(`a commit is pushed once it landed and a rule names its branch, by the person's own command alone`, async (t) => {
  const place = await makeGitPlace(t);
  const head = () => place.served("git log --format=%s main");
  const first = await inBox(place, "echo two >b.txt; git add .; git commit -qm two; git push origin main");
  assert.match(
    first.stderr,
    /! \[remote rejected\] main -> main \(the commit is not on your own branch main: land it first\)/,
  );
  assert.match(
    first.stderr,
    /^ringfence: no answer from the network: POST .*: the commit is not on your own branch main: land it first$/m,
  );
  assert.equal((await ringfence(place, ["land"])).status, 0);
  const second = await inBox(place, "git push origin main");
  const line = `add {at: "${place.url}", branch: "main"} to net.push in config.yaml`;
  assert.ok(second.stderr.includes(`no rule of net.push names main: ${line}\n`), second.stderr);
  sh(place, `printf 'net:\\n  push:\\n    - {at: "${place.url}", branch: "main"}\\n' >~/.config/ringfence/config.yaml`);
  const played = await play(place, [run(`${BEFORE}git push origin main`), { text: "ok" }]);
  assert.match(played.results[0]?.text ?? "", /external text was seen: a person looks at what is pushed/);
  assert.equal(head(), "start\n");
  const third = await inBox(place, "git push origin main; git push origin main");
  assert.match(third.stderr, /main -> main\nEverything up-to-date\n/);
  assert.equal(head(), "two\nstart\n");
  place.served("git fsck --strict");
});
