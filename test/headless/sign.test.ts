import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { HOOK } from "./crash.ts";
import { makePlace, type Place, play, ringfence, run, sh } from "./program.ts";
import { MAKE, WAYS, WORK } from "./signing.ts";

test("a repository names neither the program that signs nor the key, and nothing of it runs", async (t) => {
  const place = makePlace(t, MAKE);
  sh(place, WAYS["an ssh key"]);
  const evil = join(place.root, "evil");
  writeFileSync(evil, `#!/bin/sh\ntouch ${place.root}/ran\ncat\n`, { mode: 0o755 });
  const plant = (program: string) =>
    `for key in gpg.program gpg.ssh.program gpg.openpgp.program core.fsmonitor core.editor filter.x.clean filter.x.smudge; do git config $key ${program}; done; git config gpg.format openpgp; git config user.signingKey evil; git config commit.gpgSign true; git config core.hooksPath .git/evil; mkdir -p .git/evil; for name in pre-commit post-commit commit-msg reference-transaction post-index-change; do cp ${program} .git/evil/$name 2>/dev/null || cp a.txt .git/evil/$name; chmod +x .git/evil/$name; done; echo '* filter=x' >.git/info/attributes`;
  sh(place, plant(evil));
  await play(place, [
    run(
      `${plant(evil)}; export GIT_CONFIG_KEY_2=commit.gpgSign GIT_CONFIG_VALUE_2=false GIT_CONFIG_KEY_3=core.hooksPath GIT_CONFIG_VALUE_3=/x GIT_CONFIG_COUNT=4; ${WORK}`,
    ),
    { text: "ok" },
  ]);
  assert.ok(provesThatItFires(place), "planted as it is, it must run: else this proves nothing");
  const { status, stdout } = await ringfence(place, ["land", "--sign"]);
  assert.deepEqual([status, existsSync(`${place.root}/ran`)], [0, false], stdout);
  sh(place, "rm .git/config .git/info/attributes; git config core.bare false; git verify-commit HEAD HEAD^2 HEAD~2");
});

test("killed before its record, a landing of signed commits is known as one all the same", async (t) => {
  const place = makePlace(t, MAKE);
  sh(place, WAYS["an ssh key"]);
  await play(place, [run(WORK), { text: "ok" }]);
  const hook = { NODE_OPTIONS: `--import=file://${HOOK}?type=landed-commits&how=before` };
  assert.equal((await ringfence(place, ["land", "--sign"], { env: hook })).signal, "SIGKILL");
  // The box's own commits have other ids, and must not be taken for news.
  const { stdout } = await ringfence(place, ["land"]);
  assert.match(stdout, /what may land of these commits landed before, signed/);
  assert.equal(sh(place, "git branch --format='%(refname:short)'; git verify-commit HEAD"), "main\n");
});

/** The same repository, copied, runs what was planted as soon as git commits in it. */
function provesThatItFires(place: Place): boolean {
  sh(
    place,
    "cp -a . ../copy; cd ../copy; (echo x >>b.txt; git commit -qam x) >/dev/null 2>&1 </dev/null || true; rm -rf ../copy",
  );
  const hasRun = existsSync(`${place.root}/ran`);
  sh(place, "rm -f ../ran");
  return hasRun;
}
