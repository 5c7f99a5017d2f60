import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { makePlace, ordinary, type Place, play, ringfence, run, self, sh } from "./program.ts";

/** How the person signs: a key of their own, and their git told of it. */
const WAYS = {
  "an ssh key":
    "mkdir -m 700 ~/.ssh; ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id; echo \"ada@example.test $(cat ~/.ssh/id.pub)\" >~/.ssh/allowed; git config --global gpg.format ssh; git config --global user.signingKey '~/.ssh/id.pub'; git config --global gpg.ssh.allowedSignersFile ~/.ssh/allowed",
  "an OpenPGP key":
    "mkdir -m 700 ~/.gnupg; gpg --batch -q --passphrase '' --quick-gen-key 'Ada Example <ada@example.test>' ed25519 sign 2>/dev/null",
};
const WORK =
  "echo 1 >>a.txt; git -c user.name=Box -c user.email=box@box commit -qam one; git checkout -qb side; echo s >s.txt; git add .; git commit -qm side; git checkout -q main; echo 2 >>a.txt; git commit -qam two --author='Ann <ann@x>'; git merge -q --no-ff side -m merged";
const COMMITS = "git log --format='%s|%an|%cn|%G?' --topo-order";
const MAKE = "umask 022; echo a >a.txt; echo b >b.txt";

const SIGNERS = [
  ["an ssh key", self()],
  ["an ssh key", ordinary()],
  ["an OpenPGP key", ordinary()],
] as const;

for (const [way, user] of drawn(SIGNERS, 1)) {
  test(`land --sign signs with ${way}, and every commit stays as it was but for that: as ${user.name} (RINGFENCE_SEED=${SEED})`, async (t) => {
    const place = makePlace(t, MAKE, { user });
    sh(place, WAYS[way]);
    await play(place, [run(WORK), { text: "ok" }]);
    const { status, stdout } = await ringfence(place, ["land", "--sign"]);
    assert.deepEqual(status, 0, stdout);
    assert.equal(
      sh(place, COMMITS),
      "merged|Ada Example|Ada Example|G\nside|Ada Example|Ada Example|G\ntwo|Ann|Ada Example|G\none|Box|Ada Example|G\nstart|Ada Example|Ada Example|N\n",
    );
    sh(place, "git verify-commit HEAD HEAD^1 HEAD^2 HEAD~2; gpgconf --kill gpg-agent");
    assert.equal(
      sh(place, "git status --porcelain; git fsck --strict --full --no-dangling 2>&1; cat a.txt"),
      "a\n1\n2\n",
    );
    const events = (await ringfence(place, ["log", "show"])).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly type: string; readonly effect?: { readonly kind: string } })
      // What signs the log stands between them.
      .filter(({ type }) => type !== "head");
    assert.deepEqual(
      events.slice(-6).map(({ type, effect }) => effect?.kind ?? type),
      ["sign-commits", "signed-commits", "land", "landed", "land-commits", "landed-commits"],
    );
    // The box's own commits have other ids, and must not be taken for news.
    const again = await ringfence(place, ["land"]);
    assert.match(again.stdout, /what may land of these commits landed before, signed/);
    assert.equal(sh(place, "git branch --format='%(refname:short)'"), "main\n");
  });
}

const refusals: readonly (readonly [string, string, readonly string[], RegExp])[] = [
  [
    "no ssh key is named",
    "git config --global gpg.format ssh",
    ["--sign"],
    /git config --global user\.signingKey PATH/,
  ],
  [
    "nobody is named",
    "rm ~/.gitconfig; git config --global user.signingKey ABC",
    ["--sign"],
    /git config --global user\.name/,
  ],
  [
    "the key is none",
    "git config --global gpg.format ssh; git config --global user.signingKey /nowhere",
    ["--sign"],
    /signed nothing: .*\/nowhere.*; nothing landed/,
  ],
  [
    "the program is gone",
    "git config --global gpg.program /nowhere/gpg",
    ["--sign"],
    /\/nowhere\/gpg is not a program/,
  ],
  [
    "the program lies in the checkout",
    "cp /bin/true t; git config --global gpg.program $PWD/t",
    ["--sign"],
    /lies in the checkout/,
  ],
  ["a path is named", "true", ["--sign", "a.txt"], /leave the PATH out/],
];

test("where no commit can be signed nothing lands, and the message says what to set", async (t) => {
  const place = makePlace(t, MAKE);
  await play(place, [run(WORK), { text: "ok" }]);
  const config = sh(place, "cat ~/.gitconfig");
  for (const [what, setUp, words, why] of refusals) {
    writeFileSync(join(place.home, ".gitconfig"), config);
    sh(place, setUp);
    const { status, stderr } = await ringfence(place, ["land", ...words]);
    assert.deepEqual([what, status, why.test(stderr)], [what, 2, true], stderr);
    assert.equal(sh(place, "git log --format=%s; cat a.txt"), "start\na\n");
  }
});

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

test("commits of others that the box merged keep their ids and signatures", async (t) => {
  const place = makePlace(t, MAKE);
  sh(
    place,
    `${WAYS["an ssh key"]}; git checkout -qb dev; echo d >d.txt; git add .; git commit -qm dev; git checkout -q main; git update-ref refs/remotes/origin/dev dev; git branch -qD dev`,
  );
  const dev = sh(place, "git rev-parse origin/dev");
  await play(place, [
    run("echo 1 >>a.txt; git commit -qam one; git merge -q --no-ff origin/dev -m merged"),
    { text: "ok" },
  ]);
  assert.equal((await ringfence(place, ["land", "--sign"])).status, 0);
  assert.equal(sh(place, "git rev-parse HEAD^2"), dev);
  assert.equal(
    sh(place, COMMITS),
    "merged|Ada Example|Ada Example|G\ndev|Ada Example|Ada Example|N\none|Ada Example|Ada Example|G\nstart|Ada Example|Ada Example|N\n",
  );
});

test("commits of other branches of the box are signed too, and what two of them share stays shared", async (t) => {
  const place = makePlace(t, MAKE);
  sh(place, WAYS["an ssh key"]);
  const other = "git checkout -qb extra; echo x >x.txt; git add .; git commit -qm extra; git checkout -q main";
  await play(place, [
    run(`echo 1 >>a.txt; git commit -qam one; ${other}; echo 2 >>a.txt; git commit -qam two`),
    { text: "ok" },
  ]);
  const { status, stdout } = await ringfence(place, ["land", "--sign"]);
  assert.equal(status, 0, stdout);
  const seen = () => sh(place, "git log --all --topo-order --format='%s %G? %D' | sort; git rev-parse main^ extra^");
  const before = seen();
  assert.match(before, /^extra G extra\none G \nstart N \ntwo G HEAD -> main\n(\w+)\n\1\n$/);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal(seen(), before);
});
