import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BEFORE, inBox, makeGitPlace, othersCommit, PASSWORD } from "./git-server.ts";
import { ordinary, play, ringfence, run, script, sh } from "./program.ts";
import { open } from "./screen.ts";

/** Longer than it takes until a line counts as an answer. */
const READ_MS = 1200;

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
  assert.match(
    played.results[0]?.text ?? "",
    /external text was seen: a person looks at what is pushed: ringfence exec -- git push does it/,
  );
  assert.equal(head(), "start\n");
  const third = await inBox(place, "git push origin main; git push origin main");
  assert.match(third.stderr, /main -> main\nEverything up-to-date\n/);
  assert.equal(head(), "two\nstart\n");
  place.served("git fsck --strict");
  // What a push or a fetch writes down of the remote's is no change that waits.
  othersCommit(place, "theirs");
  await inBox(place, "git fetch -q; git log --format=%s origin/main");
  const left = await ringfence(place, ["sessions", "--json"]);
  const states = JSON.parse(left.stdout) as { state: string; task: string }[];
  assert.deepEqual(
    states.filter(({ task }) => /git (?:fetch|push)/.test(task) && !task.includes("commit")).map(({ state }) => state),
    ["discarded", "discarded", "discarded"],
  );
});

test("a model's push is put to the person at the terminal with its commits and files, and goes once when they say y", async (t) => {
  const place = await makeGitPlace(t, { make: "echo two >b.txt; git add .; git commit -qm two" });
  const push = `${BEFORE}git push origin main 2>&1 | tail -1`;
  const screen = open(t, place, ["--model", script(place, [run(push), { text: "Done." }])]);
  await screen.see("> ");
  screen.type("push it\r");
  await screen.see("ringfence asks: may this leave the box?");
  await screen.see("  | no rule of net.push names main");
  await screen.see(/ {2}\| [0-9a-f]{7} Ada Example: two/);
  await screen.see("b.txt | 1 +");
  await screen.see(`  | commits to the branch main of ${place.url}`);
  await screen.see("y or N?");
  assert.equal(place.served("git log --format=%s main"), "start\n");
  await sleep(READ_MS);
  screen.type("y\r");
  await screen.see("(sent once)");
  await screen.see("Done.");
  await screen.see("> ");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  assert.equal(place.served("git log --format=%s main"), "two\nstart\n");
});
