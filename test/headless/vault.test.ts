import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makePlace, type Place, play, recordedText, ringfence, run, self, sh, users } from "./program.ts";

const NPM = "npm_canaryCanary0123456789abcdefghijABCD";
const API = "key-canary-9f8e7d6c5b4a3210-ZYXWVUT";
const DOTENV = "dotenvCanary0123456789zyxwvuTSRQ";

/** A server that says which credential it was sent, and says the credential itself in its answer. */
async function serve(t: TestContext) {
  const sent: string[] = [];
  const server = createServer(({ headers, url }, answer) => {
    const credential = `${headers.authorization ?? ""}${headers["x-api-key"] ?? ""}`;
    sent.push(`${url} ${credential}`);
    answer.end(`you sent ${credential} ${Buffer.from(credential).toString("base64")}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { sent, port: (server.address() as AddressInfo).port };
}

function prepare(t: TestContext, user: ReturnType<typeof self>, port: number): Place {
  const made = makePlace(t, `printf 'API_TOKEN=%s\\n' ${DOTENV} >.env`, { user });
  const config = join(made.home, ".config/ringfence");
  mkdirSync(config, { recursive: true });
  writeFileSync(
    join(config, "config.yaml"),
    `net:\n  allow:\n    - {host: "http://127.0.0.1:${port}", methods: [GET, POST]}\n  credentials:\n    - {variable: EXAMPLE_KEY, at: "http://127.0.0.1:${port}/v1", as: x-api-key}\n`,
  );
  sh(
    made,
    `printf '%s\\n' 'registry=http://127.0.0.1:${port}/npm/' '//127.0.0.1:${port}/npm/:_authToken=${NPM}' >~/.npmrc; chmod 600 ~/.npmrc`,
  );
  return { ...made, env: { ...made.env, EXAMPLE_KEY: API } };
}

/** Every file below a folder that has one of the texts. */
function filesWith(folder: string, texts: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => texts.some((text) => readFileSync(file, "latin1").includes(text)));
}

const canaries = [NPM, API, DOTENV].flatMap((value) => [value, Buffer.from(value).toString("base64").slice(2, 30)]);

for (const [who, user] of users()) {
  test(`a credential is put on where it belongs, and its value is neither in the box nor in an answer, as ${who}`, async (t) => {
    const { sent, port } = await serve(t);
    const place = prepare(t, user, port);
    const at = `http://127.0.0.1:${port}`;
    const curl = "curl -sS --noproxy ''";
    const done = await ringfence(place, [
      "exec",
      "--",
      "bash",
      "-c",
      `T=$(sed -n 's/.*_authToken=//p' ~/.npmrc); cat ~/.npmrc .env; env;
       ${curl} -H "Authorization: Bearer $T" ${at}/npm/thing; ${curl} -H "x-api-key: $EXAMPLE_KEY" ${at}/v1/x`,
    ]);
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(sent, [`/npm/thing Bearer ${NPM}`, `/v1/x ${API}`]);
    for (const canary of canaries) assert.equal(`${done.stdout}${done.stderr}`.includes(canary), false, canary);
    // What stands for it has its shape, by which tools know it.
    assert.match(done.stdout, /_authToken=npm_[A-Za-z0-9]{36}\n/);
    assert.deepEqual(filesWith(join(place.home, ".local/state"), canaries), []);
    const log = recordedText(place);
    assert.match(log, /_authToken/);
    for (const canary of canaries) assert.equal(log.includes(canary), false, canary);
  });

  test(`a placeholder anywhere else is an alarm, and nothing of it leaves, as ${who}`, async (t) => {
    const { sent, port } = await serve(t);
    const place = prepare(t, user, port);
    const at = `http://127.0.0.1:${port}`;
    const curl = "curl -sS -o /dev/null -w '%{http_code} ' --noproxy ''";
    const done = await ringfence(place, [
      "exec",
      "--",
      "bash",
      "-c",
      `K=$EXAMPLE_KEY; B=$(printf %s "$K" | base64 -w0);
       ${curl} -H "x-api-key: $K" ${at}/v2/x; ${curl} -H "x-other: $K" ${at}/v1/x; ${curl} "${at}/v1/x?k=$K";
       ${curl} -H "Authorization: Bearer $K" ${at}/v1/x; ${curl} -H "x-api-key: my-own-key-0123456789" ${at}/v1/x;
       ${curl} -d "k=$K" ${at}/v1/x; ${curl} -d "k=$B" ${at}/v1/x; ${curl} -X POST -H "x-api-key: $K" ${at}/v1/x`,
    ]);
    assert.match(done.stdout, /^(?:403 ){5}(?:403|502|000) (?:403|502|000) 403 $/);
    assert.deepEqual(sent, []);
    assert.match(done.stderr, /alarm: the credential of env EXAMPLE_KEY stands/);
  });
}

test("a file that holds a placeholder, in whatever form, never lands, and what is beside it does", async (t) => {
  const place = prepare(t, self(), 1);
  const done = await ringfence(place, [
    "exec",
    "--",
    "bash",
    "-c",
    `K=$EXAMPLE_KEY; echo fine >fine.txt; echo "key: $K" >plain.txt; printf 'a%s' "$K" | base64 -w0 >packed.txt
     printf %s "$K" | xxd -p -c0 >hex.txt; printf %s "$K" | rev >back.txt; ln -s "../$K" link; echo fine >"name-$K"
     for at in 262100 262143 524288; do { head -c $at /dev/zero; printf %s "$K"; head -c 9 /dev/zero; } >border-$at; done
     sed 's/^/x/' .env >from-dotenv.txt; cat ~/.npmrc >from-home.txt; head -c 300000 /dev/zero >zeros`,
  ]);
  assert.equal(done.status, 0, done.stderr);
  const shown = await ringfence(place, ["diff", "--json"]);
  const { changes } = JSON.parse(shown.stdout) as { changes: { path: string; class: string; why: string }[] };
  const alarms = changes.filter(({ why }) => why?.startsWith("alarm: "));
  assert.equal(alarms.length, 11, shown.stdout);
  assert.ok(alarms.every(({ class: cls }) => cls === "outside"));
  const landed = await ringfence(place, ["land"]);
  assert.match(
    landed.stdout,
    /held +plain\.txt: .*alarm: it holds what stands in the box for the credential of env EXAMPLE_KEY/,
  );
  assert.equal(sh(place, "git status --porcelain"), "?? fine.txt\n?? zeros\n");
});

test("a commit that holds a placeholder, in a file, a name or its message, waits with all after it", async (t) => {
  const hold = async (work: string, landing: string) => {
    const place = prepare(t, self(), 1);
    const commits = `K=$EXAMPLE_KEY; c() { git add -A . ':!.env' && git commit -qm "$1"; }; echo 1 >one; c one; ${work}`;
    const done = await ringfence(place, ["exec", "--", "bash", "-c", commits]);
    assert.equal(done.status, 0, done.stderr);
    const landed = await ringfence(place, ["land"]);
    assert.match(landed.stdout, /waits +commit .*alarm: it holds what stands in the box/, work);
    assert.equal(sh(place, "git log --format=%s"), landing, work);
    assert.equal(sh(place, "git cat-file --batch-all-objects --batch").includes("key-"), false);
  };
  await hold('echo "$K" >two; c two; rm two; c three', "one\nstart\n");
  await hold('echo 2 >"$K"; c two; rm "$K"; c three', "start\n");
  await hold('echo 2 >two; c "two $K"', "one\nstart\n");
});

test("a model's session that greps, prints and encodes finds no value, and none is in its record", async (t) => {
  const { port } = await serve(t);
  const place = prepare(t, self(), port);
  const played = await play(place, [
    run(
      "env; cat .env ~/.npmrc; grep -rE 'anary' . ~ /run /tmp /etc 2>/dev/null; env | base64 -w0; cat ~/.npmrc | xxd -p",
    ),
    { text: "ok" },
  ]);
  const hex = Buffer.from(NPM).toString("hex");
  for (const canary of [...canaries, hex]) assert.equal(JSON.stringify(played).includes(canary), false, canary);
  assert.deepEqual(filesWith(join(place.home, ".local/state"), [...canaries, hex]), []);
  const log = recordedText(place);
  assert.match(log, /EXAMPLE_KEY/);
  for (const canary of [...canaries, hex]) assert.equal(log.includes(canary), false, canary);
});
