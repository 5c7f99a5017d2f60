import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type GitPlaceOptions, inBox, makeGitPlace, othersCommit, PASSWORD } from "./git-server.ts";
import { ordinary, ringfence, sh } from "./program.ts";

const RULE = '  push: [{at: "URL", branch: main}, {at: "URL", branch: topic}]\n';

function open(t: TestContext, options: GitPlaceOptions = {}) {
  return makeGitPlace(t, { user: ordinary(), net: RULE, ...options });
}

test("git in the box clones, fetches in both versions, and deepens a shallow history", async (t) => {
  const place = await open(t);
  for (const name of ["b", "c", "d"]) othersCommit(place, name);
  const done = await inBox(
    place,
    `git clone -q ${place.url} /tmp/whole && git -C /tmp/whole log --format=%s && git -C /tmp/whole fsck --strict 2>/dev/null
     git -c protocol.version=0 fetch -q && git log -1 --format=%s origin/main
     git clone -q --depth 1 ${place.url} /tmp/part && git -C /tmp/part log --format=%s && git -C /tmp/part fetch -q --unshallow && git -C /tmp/part log --format=%s
     git -c protocol.version=0 clone -q --depth 2 ${place.url} /tmp/old && git -C /tmp/old log --format=%s`,
  );
  assert.equal(done.stdout, "d\nc\nb\nstart\nd\nd\nd\nc\nb\nstart\nd\nc\n", done.stderr);
});

test("a fetch finds what both sides have, over many rounds, without a word of what only the box has", async (t) => {
  const place = await open(t);
  const many = (name: string, count: number) =>
    `for i in $(seq ${count}); do git commit -q --allow-empty -m "${name} $i"; done`;
  sh(place, many("mine", 40));
  place.served(
    `git -C ../../.. clone -q served/group/thing.git theirs; cd ../../../theirs; ${many("theirs", 60)}; git push -q origin main`,
  );
  for (const version of [0, 2]) {
    place.got.splice(0);
    const done = await inBox(
      place,
      `${many("box", 300)}; git -c protocol.version=${version} pull -q --no-rebase --no-edit && git log --format=%s | sort | uniq -w4 -c | sort -n; git rev-list --grep '^box' HEAD | head -300`,
    );
    assert.match(done.stdout, /^ +1 Merge.*\n +1 start\n +40 mine.*\n +60 their.*\n +300 box/, done.stderr);
    const ids = done.stdout.match(/^[0-9a-f]{40}$/gm) ?? [];
    assert.equal(ids.length, 300);
    const sent = place.got.map(({ body }) => body.toString("latin1")).join("");
    assert.ok(sent.includes(`have ${sh(place, "git rev-parse main").trim()}`));
    assert.equal(
      ids.some((id) => sent.includes(id)),
      false,
    );
  }
});

test("what the box merges with others' commits lands and is pushed, and a large push goes too", async (t) => {
  const place = await open(t);
  sh(place, "echo mine >mine.txt; git add .; git commit -qm mine");
  othersCommit(place, "theirs");
  const merged = await inBox(
    place,
    "git pull -q --no-rebase --no-edit && head -c 3000000 /dev/urandom >large.bin && git add . && git commit -qm large",
  );
  assert.equal(merged.status, 0, merged.stderr);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  const pushed = await inBox(place, "git push");
  assert.equal(pushed.status, 0, pushed.stderr);
  assert.match(
    place.served("git log --format=%s main; git fsck --strict"),
    /^large\nMerge branch.*\n(?:theirs\nmine|mine\ntheirs)\nstart\n$/,
  );
  assert.equal(place.served("git rev-parse main:large.bin"), sh(place, "git rev-parse main:large.bin"));
});

test("git is refused a forced push, a branch that no rule names, a tag, a deletion, two at once, options and another repository", async (t) => {
  const place = await open(t, {
    make: "git commit -q --allow-empty -m mine; git branch other; git branch topic; git tag v1",
  });
  place.served("git config receive.advertisePushOptions true");
  othersCommit(place, "theirs");
  const before = place.served("git for-each-ref; git -C ../other.git for-each-ref");
  const other = place.url.replace("thing.git", "other.git");
  const done = await inBox(
    place,
    `for what in '--force origin main' 'origin other' 'origin v1' 'origin :main' '--force origin main topic' '-o x origin topic' '${other} main'; do git push $what; echo "$? $what"; done`,
  );
  assert.deepEqual(
    [...done.stdout.matchAll(/^(\d+) (.*)$/gm)].map(([, status, what]) => [status !== "0", what?.startsWith("https:")]),
    [...Array(6).fill([true, false]), [true, true]],
  );
  assert.equal(place.served("git for-each-ref; git -C ../other.git for-each-ref"), before);
  for (const reason of [
    /rejected\] main -> main \(main on the remote has commits that yours has not: pull and land first\)/,
    /rejected\] other -> other \(no rule of net\.push names other: add .*\)/,
    /only a branch is pushed, no tag/,
    /nothing is deleted on the remote/,
    /more than one branch or tag at once/,
    /no options go with a push/,
    /only the repository that your branch tracks is pushed to/,
  ])
    assert.match(done.stderr, reason);
  // A branch that is new there goes where a rule names it.
  assert.equal((await inBox(place, "git push origin topic")).status, 0);
  assert.equal(place.served("git rev-parse topic"), sh(place, "git rev-parse topic"));
});

test("the layer's own word for the remote, and for what is on a branch, counts for nothing", async (t) => {
  const place = await open(t);
  const other = place.url.replace("thing.git", "other.git");
  const done = await inBox(
    place,
    `git remote set-url origin ${other}; git config branch.main.merge refs/heads/x; printf '[url "${other}"]\\n\\tinsteadOf = ${place.url}\\n' >~/.gitconfig
     git commit -q --allow-empty -m box; git update-ref refs/heads/main HEAD; cp .git/refs/heads/main .git/refs/heads/topic
     git fetch; git push origin main; git push ${place.url} main`,
  );
  assert.notEqual(done.status, 0);
  assert.equal(
    place.got.some(({ line }) => line.includes("other.git")),
    false,
  );
  assert.equal(
    place.got.some(({ line }) => line.includes("POST") && line.includes("receive-pack")),
    false,
  );
  const rm = await inBox(place, `rm ~/.gitconfig; git push ${place.url} HEAD:main`);
  assert.match(`${done.stderr}${rm.stderr}`, /only the repository that your branch tracks is pushed to|not listed/);
});

test("a linked worktree's branch is fetched and pushed", async (t) => {
  const place = await open(t, {
    make: "git worktree add -q ../tree -b topic; git config branch.topic.remote origin; git config branch.topic.merge refs/heads/topic",
  });
  const tree = { ...place, checkout: `${place.root}/tree` };
  sh(tree, "git commit -q --allow-empty -m here");
  othersCommit(place, "theirs");
  const done = await inBox(
    tree,
    "git fetch -q origin main && git log -1 --format=%s FETCH_HEAD && git push origin topic",
  );
  assert.equal(done.stdout, "theirs\n", done.stderr);
  assert.equal(place.served("git log -1 --format=%s topic"), "here\n");
});

for (const [title, options] of [
  ["git's own store", { login: { file: ".git-credentials", text: `https://person:${PASSWORD}@HOST\n` } }],
  [
    "a helper that the person's own git names",
    {
      login: {
        file: "bin/helper",
        text: `#!/bin/sh\n[ "$1" = get ] && printf 'username=person\\npassword=${PASSWORD}\\n'\n`,
      },
      make: "git config --global credential.helper '!sh ~/bin/helper'",
    },
  ],
  [
    "the address itself",
    {
      login: null,
      make: `git remote set-url origin "$(git remote get-url origin | sed 's,//,//person:${PASSWORD}@,')"`,
    },
  ],
  [
    "a header of a CI system",
    {
      login: null,
      make: `git config http.https://127.0.0.1/.extraheader x; git config "http.$(git remote get-url origin | sed 's,group.*,,').extraheader" "AUTHORIZATION: basic $(printf person:${PASSWORD} | base64)"`,
    },
  ],
  [
    "an address that the person's own git writes otherwise",
    {
      login: null,
      make: `U=$(git remote get-url origin); git config --global url."$(echo "$U" | sed 's,//,//person:${PASSWORD}@,; s,thing.git,,')".insteadOf g:; git remote set-url origin g:thing.git`,
    },
  ],
] as const)
  test(`the login is found in ${title}`, async (t) => {
    const place = await open(t, options);
    othersCommit(place, "theirs");
    const done = await inBox(
      place,
      "git fetch -q && git log -1 --format=%s origin/main; cat ~/.netrc .git/config; env",
    );
    assert.match(done.stdout, /^theirs\n/, done.stderr);
    assert.equal(done.stdout.includes(PASSWORD), false);
  });

test("no helper that only the repository names is asked", async (t) => {
  const place = await open(t, {
    login: null,
    make: `git config credential.helper '!touch ../asked; printf "username=person\\npassword=${PASSWORD}\\n"; #'`,
  });
  const done = await inBox(place, "git fetch -q");
  assert.notEqual(done.status, 0);
  assert.equal(sh(place, "ls .."), sh(place, "ls .. | grep -vx asked"));
  assert.equal(
    place.got.some(({ headers }) => /authorization/i.test(headers)),
    false,
  );
});
