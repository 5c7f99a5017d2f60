import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { makePlace, ordinary, play, ringfence, run, self, sh } from "./program.ts";
import { MAKE, WAYS, WORK } from "./signing.ts";

const COMMITS = "git log --format='%s|%an|%cn|%G?' --topo-order";

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
