import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { writePackets } from "../../src/core/git-packet.ts";
import { type GitPlace, makeGitPlace, PASSWORD } from "./git-server.ts";
import { ringfence, sh } from "./program.ts";

const CANARY = "canary-of-the-box-01";
const HEX = Buffer.from(CANARY).toString("hex");
/** Of the server's own address, in a way that says something. */
const SPELLING = "0x7f.1";
const UPLOAD = "/group/thing.git/git-upload-pack";
const RECEIVE = "/group/thing.git/git-receive-pack";
const FEATURES = " report-status side-band-64k object-format=sha1";

/** A request that carries the canary out, or moves what it must not. */
interface Attack {
  readonly name: string;
  readonly path: string;
  readonly headers?: readonly string[];
  /** Without one it is a GET. */
  readonly body?: Buffer | string;
  /** In the place of the login in the netrc. */
  readonly login?: string;
}

const packet = (text: string) => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
const fetch2 = (...lines: readonly string[]) =>
  writePackets(["command=fetch", "object-format=sha1", "delimiter", ...lines, "flush"]);
const V2 = ["Git-Protocol: version=2"];

function fetches(tip: string, url: string): Attack[] {
  const call = (name: string, body: string | Buffer, headers: readonly string[] = V2): Attack => {
    return { name, path: UPLOAD, body, headers: ["Content-Type: application/x-git-upload-pack-request", ...headers] };
  };
  const refs = (name: string, more: Partial<Attack>): Attack => {
    return { name, path: "/group/thing.git/info/refs?service=git-upload-pack", ...more };
  };
  return [
    call("a have of version 2", fetch2(`want ${tip}`, `have ${HEX}`, "done")),
    call("a have, packed", gzipSync(fetch2(`want ${tip}`, `have ${HEX}`, "done")), [...V2, "Content-Encoding: gzip"]),
    call("a shallow line", fetch2(`want ${tip}`, `shallow ${HEX}`, "done")),
    call("a want", fetch2(`want ${tip}`, `want ${HEX}`, "done")),
    call("an agent", fetch2(`want ${tip}`, "done").replace("0001", `${packet(`agent=${CANARY}`)}0001`)),
    call(
      "an option for the server",
      fetch2(`want ${tip}`, "done").replace("0001", `${packet(`server-option=${CANARY}`)}0001`),
    ),
    call("a ref by name", fetch2(`want ${tip}`, `want-ref refs/heads/${CANARY}`, "done")),
    call("a filter", fetch2(`want ${tip}`, `filter sparse:oid=${HEX}`, "done")),
    call(
      "a prefix",
      writePackets(["command=ls-refs", "object-format=sha1", "delimiter", `ref-prefix ${CANARY}`, "flush"]),
    ),
    call("an unknown command", writePackets(["command=object-info", "delimiter", `oid ${HEX}`, "flush"])),
    call("bytes behind the end", `${fetch2(`want ${tip}`, "done")}${CANARY}`),
    call("no protocol at all", CANARY),
    call("a have of version 0", writePackets([`want ${tip} ofs-delta`, "flush", `have ${HEX}`, "done"]), []),
    call("a capability of version 0", writePackets([`want ${tip} ofs-delta agent=${CANARY}`, "flush", "done"]), []),
    call("a header", fetch2(`want ${tip}`, "done"), [...V2, `X-Leak: ${CANARY}`, `User-Agent: ${CANARY}`]),
    call("a version", fetch2(`want ${tip}`, "done"), [`Git-Protocol: version=2:x=${CANARY}`]),
    refs("a query", { path: `/group/thing.git/info/refs?service=git-upload-pack&x=${CANARY}` }),
    refs("a header for the refs", { headers: [`Accept-Language: ${CANARY}`, `Cookie: ${CANARY}`] }),
    refs("a login of another", { login: `me:${CANARY}` }),
    refs("a user beside the password", { login: `${CANARY}:$WORD` }),
    refs("a user beside a token", { login: `${CANARY}:$GITLAB_TOKEN` }),
    refs("a spelling of the host", { headers: [`Host: ${SPELLING}:${new URL(url).port}`] }),
    refs("another repository", { path: `/group/${CANARY}.git/info/refs?service=git-upload-pack` }),
  ];
}

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

/** Writes the bodies beside a program that sends all of them, and says what was answered. */
function prepare(place: GitPlace, attacks: readonly Attack[]): void {
  const folder = join(place.checkout, "attacks");
  mkdirSync(folder);
  const lines = attacks.map(({ name, path, headers = [], body, login }, at) => {
    if (body !== undefined) writeFileSync(join(folder, String(at)), body);
    const told = headers.map((header) => ` -H '${header}'`).join("");
    const sent = body === undefined ? "" : ` --data-binary @attacks/${at}`;
    const who = login === undefined ? "$LOGIN" : `-u "${login}"`;
    return `curl -sS ${who}${told}${sent} -o out -w '%{http_code} ${name}\\n' '${new URL(place.url).origin}${path}'; grep -aq 'ng refs' out && echo ng ${name}`;
  });
  writeFileSync(join(folder, "send"), `${lines.join("\n")}\ntrue\n`);
}

/** What of the canary the server was sent, in its own words or as an id. */
function leaks(place: GitPlace): string[] {
  const texts = place.got.map(({ line, headers, body }) => `${line}\n${headers}\n${body.toString("latin1")}`);
  return texts.filter((text) =>
    [CANARY, HEX, SPELLING, btoa(`me:${CANARY}`), btoa(CANARY).slice(0, -4)].some((one) => text.includes(one)),
  );
}

/** With a token that goes with whatever name. */
function withToken(place: GitPlace): GitPlace {
  return { ...place, env: { ...place.env, GITLAB_TOKEN: "glpat-Canary0123456789abcd", GITLAB_HOST: "127.0.0.1" } };
}

async function unprotected(place: GitPlace): Promise<void> {
  const env = {
    ...place.env,
    WORD: PASSWORD,
    LOGIN: `-u person:${PASSWORD}`,
    CURL_CA_BUNDLE: join(place.home, "roots.pem"),
  };
  const child = spawn("/bin/bash", ["attacks/send"], { cwd: place.checkout, env, stdio: "ignore" });
  await new Promise((resolve) => child.on("close", resolve));
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

test("nothing that the box composed reaches the tracked remote in a fetch; unprotected it does, in every one", async (t) => {
  const bare = withToken(await makeGitPlace(t));
  const attacksOn = (on: GitPlace) => fetches(sh(on, "git rev-parse main").trim(), on.url);
  const attacks = attacksOn(bare);
  prepare(bare, attacks);
  await unprotected(bare);
  assert.deepEqual([bare.got.length, leaks(bare).length], [attacks.length, attacks.length]);
  const place = withToken(await makeGitPlace(t));
  prepare(place, attacksOn(place));
  const done = await ringfence(place, [
    "exec",
    "--",
    "bash",
    "-c",
    "export no_proxy= NO_PROXY= LOGIN=-n WORD=$(sed 's,.* ,,' ~/.netrc); git ls-remote -q origin >/dev/null; . attacks/send",
  ]);
  assert.deepEqual(leaks(place), []);
  const refused = [...done.stdout.matchAll(/^403 (.*)$/gm)].map(([, name]) => name);
  assert.deepEqual(refused, [
    ...[
      "a want",
      "an option for the server",
      "a ref by name",
      "a filter",
      "an unknown command",
      "bytes behind the end",
    ],
    ...["no protocol at all", "a version", "a query", "a login of another", "a user beside the password"],
    ...["a user beside a token", "another repository"],
  ]);
  assert.equal(done.stdout.match(/^200 /gm)?.length, attacks.length - refused.length, done.stdout);
});

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
