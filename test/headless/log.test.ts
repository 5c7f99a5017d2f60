import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makePlace, ordinary, type Place, recordedText, ringfence, run, script, users } from "./program.ts";

interface Shown {
  readonly seq: number;
  readonly type: string;
  readonly before?: string;
}

async function shown(place: Place, ...args: string[]): Promise<Shown[]> {
  const { stdout } = await ringfence(place, ["log", "show", ...args]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Shown);
}

/** A log comes out the same, and a policy is tried on it. */
async function replays(place: Place): Promise<void> {
  const same = await ringfence(place, ["log", "replay"]);
  assert.match(same.stdout, /^session \S+: (\d+) decisions, \1 identical, 0 different, 0 not replayed\n$/);
  assert.equal(same.status, 0);
  const policy = join(place.root, "tried.yaml");
  writeFileSync(policy, 'rules:\n  - deny: {land: "*.txt"}\n    because: quiet\n');
  const tried = await ringfence(place, ["log", "replay", "--policy", policy, "--all"]);
  assert.match(
    tried.stdout,
    /event \d+: allow -> deny {2}land b.txt\n.*\n.*now deny: user tried.yaml:2 denies it: quiet\n/,
  );
  assert.match(tried.stdout, /by that policy 1 decision is otherwise/);
  assert.equal(tried.status, 1);
  const now = await ringfence(place, ["log", "replay", "--policy", "current", "--json"]);
  assert.deepEqual((JSON.parse(now.stdout) as { otherwise: unknown }).otherwise, []);
  assert.equal(now.status, 0);
}

for (const [who, user] of users()) {
  test(`${who} has a signed log, of which cut events are missed, and whose events others can be shown one by one`, async (t) => {
    const place = makePlace(t, "echo a >a.txt", { user });
    const spec = script(place, [run("echo b >b.txt"), { text: "ok" }]);
    await ringfence(place, ["run", "write b", "--model", spec]);
    const first = await shown(place);
    const verified = await ringfence(place, ["log", "verify"]);
    assert.match(verified.stdout, /chain whole.*\nSigned up to event \d+, by ringfence\+/s);
    assert.equal(first.at(-1)?.type, "head");
    assert.equal(verified.status, 0);
    assert.equal((await ringfence(place, ["land"])).status, 0);
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
    await replays(place);

    const key = /by (ringfence\S+)/.exec(verified.stdout)?.[1] ?? assert.fail();
    const decision = first.find(({ type }) => type === "decision") ?? assert.fail();
    const proof = join(place.checkout, "proof.json");
    const proved = await ringfence(place, ["log", "prove", String(decision.seq)]);
    writeFileSync(proof, proved.stdout);
    const checked = await ringfence(place, ["log", "check", "proof.json", "--key", key]);
    assert.match(checked.stdout, new RegExp(`event ${decision.seq} of \\d+ signed ones of session .*\\n.*"decision"`));
    assert.equal(checked.status, 0);
    writeFileSync(proof, proved.stdout.replace("decision", "precision"));
    const refused = await ringfence(place, ["log", "check", "proof.json", "--key", key]);
    assert.match(refused.stdout, /proves nothing: the event is not in the signed tree/);
    assert.equal(refused.status, 1);

    await ringfence(place, ["exec", "--", "true"]);
    const [start] = await shown(place);
    assert.match(start?.before ?? "", /^ringfence\/session\/\S+\n\d+\n/);
  });
}

test("the end of a log cannot be taken away unnoticed, and nothing in the box sees what signs it", async (t) => {
  const place = makePlace(t, "echo a >a.txt", { user: ordinary(), isReplayed: false });
  const seals = join(place.home, ".local/state/ringfence/seals");
  const look = run(`echo b >b.txt; cat ${seals}/* ~/.local/state/ringfence/seals/*; ls -la ${seals}`);
  const spec = script(place, [look, { text: "ok" }]);
  await ringfence(place, ["run", "look", "--model", spec]);
  assert.equal(statSync(join(seals, "key.pem")).mode & 0o777, 0o600);
  const key = readFileSync(join(seals, "key.pem"), "utf8").split("\n")[1] ?? assert.fail();
  const [id = ""] = readdirSync(join(place.home, ".local/state/ringfence/sessions"));
  const file = join(place.home, ".local/state/ringfence/sessions", id, "ledger.log");
  const bytes = readFileSync(file);
  assert.equal(bytes.includes(key), false);
  assert.equal(recordedText(place).includes(key), false);
  assert.equal(recordedText(place).includes("No such file"), true, "the box looked");

  // As whole frames, which no checksum in the file can miss.
  const ends = [...frames(bytes)];
  truncateSync(file, ends.at(-4));
  const verified = await ringfence(place, ["log", "verify"]);
  assert.match(verified.stdout, /damaged at event \d+: \d+ events were signed, and those from here on are gone/);
  assert.equal(verified.status, 1);
  const landing = await ringfence(place, ["land"]);
  assert.match(landing.stderr, /was changed at event \d+/);
  assert.equal(landing.status, 1);
  assert.deepEqual(readdirSync(place.checkout).includes("b.txt"), false);
});

function* frames(bytes: Buffer): Generator<number> {
  for (let at = bytes.indexOf("\n") + 1; at < bytes.length; ) {
    at += 36 + bytes.readUInt32BE(at);
    yield at;
  }
}
