import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type GitPlace, makeGitPlace } from "./git-server.ts";
import { ringfence, sh } from "./program.ts";
import { type Attack, CANARY, HEX, leaks, packet, prepare, unprotected } from "./remote-leaks.ts";

const RECEIVE = "/group/thing.git/git-receive-pack";

const FEATURES = " report-status side-band-64k object-format=sha1";

function pushes(ids: { readonly [name: string]: string }, pack: Buffer): Attack[] {
  const { start = "", one = "", two = "", loose = "" } = ids;
  const call = (name: string, head: string, more: Partial<Attack> = {}): Attack => {
    const headers = ["Content-Type: application/x-git-receive-pack-request"];
    return { name, path: RECEIVE, headers, body: Buffer.concat([Buffer.from(head, "latin1"), pack]), ...more };
  };
  const command = (ref: string, old: string, id: string, features = FEATURES) =>
    packet(`${old} ${id} ${ref}\0${features}`);
  const none = "0".repeat(40);
  return [
    call("another branch", `${command("refs/heads/other", none, one)}0000`),
    call("a branch by a telling name", `${command(`refs/heads/${CANARY}`, none, one)}0000`),
    call("a tag", `${command(`refs/tags/${CANARY}`, none, one)}0000`),
    call("a deletion", `${command("refs/heads/main", start, none)}0000`),
    call("two branches", `${command("refs/heads/main", start, one)}${packet(`${none} ${one} refs/heads/b`)}0000`),
    call(
      "options",
      `${command("refs/heads/main", start, one, `${FEATURES} push-options`)}0000${packet(`${CANARY}\n`)}0000`,
    ),
    call("a commit that did not land", `${command("refs/heads/main", start, loose)}0000`),
    call("an old id that is none", `${command("refs/heads/main", HEX, one)}0000`),
    call("a login of another", `${command("refs/heads/main", start, one)}0000`, { login: `me:${CANARY}` }),
    call("another repository", `${command("refs/heads/main", start, one)}0000`, {
      path: "/group/other.git/git-receive-pack",
    }),
    call("another spelling", `${command(`refs/heads/spelled-${CANARY}`, none, one)}0000`, {
      path: "/group/thing.git/git%2Dreceive-pack",
    }),
    // What is left of these two may go: the commit landed.
    call("a capability", `${command("refs/heads/main", start, one, `${FEATURES} agent=${CANARY}`)}0000`),
    call("a pack with more in it", `${command("refs/heads/main", one, two)}0000`),
  ];
}

/** A checkout whose branch is two commits ahead, with a commit that is on no branch, and a pack with a file that is in none. */
async function ahead(t: TestContext) {
  const place = await makeGitPlace(t, {
    net: '  push: [{at: "URL", branch: main}]\n  allow: [{host: "HOST", methods: [GET, POST], paths: [/group]}]\n',
    make: `git tag start; git commit -q --allow-empty -m one; git tag one; echo two >two.txt; git add .; git commit -qm two; git tag two
      git commit -q --allow-empty -m '${CANARY}'; git tag loose; git reset -q --hard two
      (git rev-parse one two; git rev-parse two^{tree} two:two.txt loose; echo '${CANARY}' | git hash-object -w --stdin) | git pack-objects -q --stdout >../pack`,
  });
  const ids = Object.fromEntries(
    ["start", "one", "two", "loose"].map((name) => [name, sh(place, `git rev-parse ${name}`).trim()]),
  );
  const pack = Buffer.from(sh(place, "cat ../pack"), "latin1");
  sh(place, "git tag -d loose >/dev/null");
  return { place, ids, pack };
}

const stored = (place: GitPlace) =>
  place.served(
    "git cat-file --batch-all-objects --batch | tr -d '\\0'; for name in thing other; do git -C ../$name.git for-each-ref --format='%(refname) %(objectname)'; done",
  );

test("a push moves the branch that the rule names to what landed and brings nothing else; unprotected it does", async (t) => {
  const bare = await ahead(t);
  prepare(bare.place, pushes(bare.ids, bare.pack));
  await unprotected(bare.place);
  const harmed = stored(bare.place);
  assert.match(harmed, new RegExp(CANARY));
  for (const ref of ["thing", "other"]) assert.ok(harmed.includes(`refs/heads/${ref === "thing" ? CANARY : "main"} `));
  const { place, ids, pack } = await ahead(t);
  prepare(place, pushes(ids, pack));
  const before = stored(place);
  const done = await ringfence(place, [
    "exec",
    "--",
    "bash",
    "-c",
    "export no_proxy= NO_PROXY= LOGIN=-n WORD=$(sed 's,.* ,,' ~/.netrc); git ls-remote -q origin >/dev/null; . attacks/send",
  ]);
  assert.equal(stored(place).includes(CANARY), false);
  assert.deepEqual(leaks(place), []);
  assert.equal(place.served("git rev-parse main").trim(), ids.two, `${done.stdout}${done.stderr}${before}`);
  assert.equal(
    place.served("git for-each-ref --format='%(refname)'; git -C ../other.git rev-parse main"),
    `refs/heads/main\n${ids.start}\n`,
  );
  place.served("git fsck --strict");
});
