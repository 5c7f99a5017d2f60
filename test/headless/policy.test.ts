import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { call, type Ended, makePlace, ordinary, type Place, PROGRAM, play, ringfence, run, users } from "./program.ts";

/** Writes the person's own policy, or another file outside the checkout. */
function write(place: Place, text: string, name = "home/.config/ringfence/policy.yaml"): string {
  const file = join(place.root, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  for (const folder of ["home/.config", "home/.config/ringfence"])
    if (existsSync(join(place.root, folder))) chownSync(join(place.root, folder), place.user.uid, place.user.gid);
  chownSync(file, place.user.uid, place.user.gid);
  return file;
}

async function serve(t: TestContext): Promise<number> {
  const server = createServer((_, answer) => answer.end("reached\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** The start of the last session, and its event about the checkout's own policy. */
async function recorded(place: Place) {
  const { stdout } = await ringfence(place, ["log", "show"]);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { start: events.find(({ type }) => type === "start"), policy: events.find(({ type }) => type === "policy") };
}

const FILES =
  "mkdir -p secrets src vendor; echo hush >secrets/key; ln -s secrets/key link; echo a >src/a; echo v >vendor/v; echo f >free";
const RULES = `rules:
  - deny: {read: secrets}
  - ask: {land: "src/**"}
  - deny: {write: vendor}
    because: it is copied from elsewhere
  - deny: {run: [npm, publish]}
`;

for (const [, user] of users()) {
  test(`as ${user.name}: what a policy hides nobody in the box reads, and what it says of landing holds after the session`, async (t) => {
    const place = makePlace(t, FILES, { user });
    const undefended = await ringfence(place, ["exec", "--", "cat", "secrets/key", "link"]);
    assert.equal(undefended.stdout, "hush\nhush\n");
    write(place, RULES);
    const turns = [
      run("cat secrets/key link; echo read"),
      call("read", { path: "secrets/key" }),
      call("write", { path: "vendor/v", content: "mine" }),
      run("npm publish"),
      run("echo x >>src/a; echo x >>vendor/v; echo x >>free; echo hers >secrets/key"),
      { text: "done" },
    ];
    const { results } = await play(place, turns);
    assert.deepEqual(
      results.map(({ ok }) => ok),
      [true, false, false, false, true],
    );
    assert.equal(results[0]?.text.trim(), "read");
    assert.match(results[2]?.text ?? "", /user policy\.yaml:4 denies it: it is copied from elsewhere/);
    // The rules are those of the session, not of the moment of landing.
    write(place, "rules: []");
    const landed = await ringfence(place, ["land"]);
    assert.match(landed.stdout, /landed {2}free/);
    assert.deepEqual(
      ["free", "src/a", "vendor/v", "secrets/key"].map((path) => readFileSync(join(place.checkout, path), "utf8")),
      ["f\nx\n", "a\n", "v\n", "hush\n"],
    );
    const [approval = ""] = /src\/a=[0-9a-f]{64}/.exec(landed.stdout) ?? [];
    await ringfence(place, ["land", "--approve", approval]);
    assert.equal(readFileSync(join(place.checkout, "src/a"), "utf8"), "a\nx\n");
  });
}

test("a policy of the checkout takes away, grants nothing, and the record names what a session went by", async (t) => {
  const port = await serve(t);
  const url = `http://127.0.0.1:${port}/`;
  const place = makePlace(
    t,
    `mkdir .ringfence; printf 'rules:\\n  - allow: {net: "${url}"}\\n' >.ringfence/policy.yaml`,
  );
  const curl = ["exec", "--", "curl", "-s", "--fail", "--noproxy", "", url];
  const refused = await ringfence(place, curl);
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /\.ringfence\/policy\.yaml is the checkout's: 1 rule in it would allow/);
  write(place, `rules:\n  - allow: {net: "${url}"}\n`);
  assert.equal((await ringfence(place, curl)).stdout, "reached\n");
  const { start, policy } = await recorded(place);
  assert.match(start.policy, /^[0-9a-f]{64}$/);
  assert.deepEqual([policy.path, policy.isApproved], [".ringfence/policy.yaml", false]);
  writeFileSync(join(place.checkout, ".ringfence/policy.yaml"), `rules:\n  - deny: {net: 127.0.0.1}\n`);
  const denied = await ringfence(place, curl);
  assert.notEqual(denied.status, 0);
  assert.match(denied.stderr, /project policy\.yaml:2 denies it/);
  writeFileSync(join(place.checkout, ".ringfence/policy.yaml"), "budgets: {turns: 1}\n");
  const { status } = await play(place, [run("true"), run("true"), { text: "done" }], ["--max-turns", "3"]);
  assert.equal(status, 31);
});

test("a session goes by what it loaded: what the box writes of policies changes nothing, and does not land unseen", async (t) => {
  const port = await serve(t);
  const url = `http://127.0.0.1:${port}/`;
  const place = makePlace(t);
  write(place, `rules:\n  - deny: {net: "*"}\n`);
  const rules = `rules:\\n  - allow: {net: "${url}"}\\n`;
  const plant = `mkdir -p .ringfence ~/.config/ringfence; printf '${rules}' | tee .ringfence/policy.yaml >~/.config/ringfence/policy.yaml`;
  const { results } = await play(place, [run(`${plant}; curl -s --fail --noproxy '' ${url}`), { text: "done" }]);
  assert.equal(results[0]?.ok, false);
  assert.doesNotMatch(results[0]?.text ?? "", /reached/);
  const landed = await ringfence(place, ["land"]);
  assert.match(landed.stdout, /held {4}\.ringfence\/policy\.yaml: instruction/);
  assert.equal(existsSync(join(place.checkout, ".ringfence")), false);
});

test("a policy that is wrong, has an example that fails, or lies in the checkout stops everything and names the line", async (t) => {
  const place = makePlace(t);
  const fails = async (text: string, said: RegExp) => {
    const file = write(place, text);
    const { status, stderr, stdout } = await ringfence(place, ["exec", "--", "echo", "ran"]);
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, said);
    assert.match(stderr, new RegExp(file));
  };
  await fails(
    "rules:\n  - deny: {run: [npm]}\n  - deny: {read: a}\n    examples: {match: [read b]}\n",
    /policy\.yaml:3: the example "read b" does not fall/,
  );
  write(place, "rules: []");
  writeFileSync(join(place.checkout, "mine.yaml"), "rules: []\n");
  const inside = await ringfence(place, ["exec", "--policy", "mine.yaml", "--", "true"]);
  assert.deepEqual([inside.status, /lies in the checkout/.test(inside.stderr)], [2, true]);
  const named = write(place, "rules:\n  - deny: {run: [echo]}\n", "mine.yaml");
  const denied = await ringfence(place, ["exec", "--policy", named, "--", "echo", "ran"]);
  assert.deepEqual([denied.status, denied.stdout], [20, ""]);
});

test("policy show, explain, test and diff say what holds, from where, and what another policy would loosen", async (t) => {
  const place = makePlace(
    t,
    "mkdir .ringfence; printf 'rules:\\n  - allow: {net: a.example}\\n' >.ringfence/policy.yaml",
  );
  write(place, `${RULES}  - allow: {net: "https://api.example.com/v1", methods: [GET, POST]}\nbudgets: {usd: 2}\n`);
  const json = async (...words: readonly string[]) =>
    JSON.parse((await ringfence(place, ["policy", ...words, "--json"])).stdout);
  const shown = await json("show");
  assert.deepEqual(
    shown.rules.map(({ id, verdict, text }: Record<string, string>) => `${id} ${verdict} ${text}`),
    [
      "user policy.yaml:2 deny read secrets",
      "user policy.yaml:3 ask land src/**",
      "user policy.yaml:4 deny write vendor",
      "user policy.yaml:6 deny run npm publish …",
      "user policy.yaml:7 allow GET, POST to api.example.com:443 below /v1",
    ],
  );
  assert.deepEqual([shown.waiting.length, shown.ceilings.usd, shown.ceilings.agents], [1, 2, null]);
  const { columns } = await json("explain", "run: npm publish --tag next");
  assert.deepEqual(
    columns.map(({ verdict }: Record<string, string>) => verdict),
    ["deny", "deny", "deny"],
  );
  const a = write(
    place,
    'rules:\n  - deny: {net: example.com}\n    examples: {match: ["GET https://example.com/x"]}\n',
    "a.yaml",
  );
  const b = write(place, "rules:\n  - allow: {net: example.com}\n  - deny: {run: [npm, test]}\n", "b.yaml");
  const looser = await ringfence(place, ["policy", "diff", a, b]);
  assert.equal(looser.status, 1);
  assert.match(looser.stdout, /looser {3}GET https:\/\/example\.com\/ {2}\(repo.*\): deny, then allow/);
  assert.match(looser.stdout, /stricter run: npm test/);
  const broken = write(place, "rules:\n  - deny: {read: a}\n    examples: {not: [read a]}\n", "c.yaml");
  const tried = await ringfence(place, ["policy", "test", a, broken]);
  assert.deepEqual([tried.status, /c\.yaml:2: the example "read a" falls/.test(tried.stderr)], [1, true]);
});

/** Runs the program where the machine's own policy is this, in a private view of the file system. */
function managed(place: Place, text: string, owner: number, args: readonly string[]): Promise<Ended> {
  const over = join(place.root, "over");
  mkdirSync(join(over, "upper/ringfence"), { recursive: true });
  mkdirSync(join(over, "work"), { recursive: true });
  const file = join(over, "upper/ringfence/policy.yaml");
  writeFileSync(file, text);
  if (process.getuid?.() === 0) chownSync(file, owner, owner);
  const mount = `mount -t overlay overlay -o lowerdir=/etc,upperdir=${over}/upper,workdir=${over}/work /etc && exec "$@"`;
  const flags = process.getuid?.() === 0 ? ["-m"] : ["-Urm"];
  const words = [...flags, "sh", "-c", mount, "sh", process.execPath, PROGRAM, ...args];
  const options = { cwd: place.checkout, env: { ...place.env }, timeout: 60_000 };
  return new Promise((resolve) => {
    const child = execFile("unshare", words, options, (_, stdout, stderr) =>
      resolve({ status: child.exitCode, signal: child.signalCode, stdout, stderr }),
    );
  });
}

test("the machine's own policy bounds what everybody else allows, and stops everything where others could write it", async (t) => {
  const port = await serve(t);
  const url = `http://127.0.0.1:${port}/`;
  const place = makePlace(t);
  write(place, `rules:\n  - allow: {net: "${url}"}\n`);
  const curl = ["exec", "--", "curl", "-s", "--fail", "--noproxy", "", url];
  assert.equal((await ringfence(place, curl)).stdout, "reached\n");
  const bounded = await managed(place, "rules:\n  - allow: {net: other.example}\n", 0, curl);
  assert.notEqual(bounded.status, 0);
  assert.match(bounded.stderr, /the managed policy allows requests of its own list alone/);
  assert.equal((await managed(place, `rules:\n  - allow: {net: "${url}"}\n`, 0, curl)).stdout, "reached\n");
  if (process.getuid?.() !== 0) return;
  const theirs = await managed(place, "rules: []\n", ordinary().uid, curl);
  assert.deepEqual([theirs.status, theirs.stdout], [2, ""]);
  assert.match(theirs.stderr, /as root, chown root:root \/etc\/ringfence\/policy\.yaml/);
});

test("what a checkout's policy allows counts once the person approved that very content, and no longer when it changes", async (t) => {
  const port = await serve(t);
  const url = `http://127.0.0.1:${port}/`;
  const place = makePlace(
    t,
    `mkdir .ringfence; printf 'rules:\\n  - allow: {net: "${url}"}\\n' >.ringfence/policy.yaml`,
  );
  const curl = ["exec", "--", "curl", "-s", "--fail", "--noproxy", "", url];
  const sha256 = createHash("sha256")
    .update(readFileSync(join(place.checkout, ".ringfence/policy.yaml")))
    .digest("hex");
  const approved = await ringfence(place, ["trust", `.ringfence/policy.yaml=${sha256}`]);
  assert.equal(approved.status, 0, approved.stderr);
  assert.equal((await ringfence(place, curl)).stdout, "reached\n");
  writeFileSync(join(place.checkout, ".ringfence/policy.yaml"), `rules:\n  - allow: {net: "${url}"}\n# more\n`);
  assert.notEqual((await ringfence(place, curl)).status, 0);
});
