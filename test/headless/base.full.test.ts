import assert from "node:assert/strict";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { makePlace, ordinary, type Place, play, ringfence, run, script, sh, start, until, users } from "./program.ts";

const RULES = "printf 'node_modules/\\n.venv/\\ndist/\\n*.log\\n' >.gitignore";

async function exec(
  place: Place,
  command: string,
): Promise<{ readonly stdout: string; readonly stderr: string; readonly status: number | null }> {
  const { stdout, stderr, status } = await ringfence(place, ["exec", "--", "sh", "-c", command]);
  return { stdout, stderr, status };
}

function workspaces(place: Place): string {
  return join(place.home, ".local/state/ringfence/workspaces");
}

for (const [who, user] of users()) {
  test(`what npm and venv install in the box is there next time, until the person's lockfile is another: as ${who}`, async (t) => {
    const place = makePlace(
      t,
      `${RULES}; echo '{"name":"app","version":"1.0.0"}' >package.json
       mkdir lib; echo '{"name":"lib","version":"1.0.0","bin":"bin.js"}' >lib/package.json; echo 'module.exports = "from lib"' >lib/index.js
       printf '#!/usr/bin/env node\\nconsole.log("bin of lib")\\n' >lib/bin.js; tar czf lib-1.0.0.tgz --transform 's/^lib/package/' lib; rm -r lib`,
      { user },
    );
    const installed = await exec(
      place,
      "npm install --offline --no-audit --no-fund ./lib-1.0.0.tgz && /usr/bin/python3 -m venv --without-pip .venv",
    );
    assert.equal(installed.status, 0, installed.stderr);
    const used = await exec(
      place,
      "node -p 'require(\"lib\")'; node_modules/.bin/lib; .venv/bin/python -c 'import sys; print(sys.prefix)'",
    );
    assert.deepEqual(used, { stdout: `from lib\nbin of lib\n${place.checkout}/.venv\n`, stderr: "", status: 0 });
    // The lockfile that it was installed by lands: it is the person's now, and nothing else is offered.
    const listed = JSON.parse((await ringfence(place, ["sessions", "--json"])).stdout) as readonly {
      readonly id: string;
      readonly state: string;
    }[];
    const session = listed.find(({ state }) => state === "changes")?.id ?? "";
    const { changes } = JSON.parse((await ringfence(place, ["diff", "--json", "--session", session])).stdout) as {
      readonly changes: readonly { readonly path: string; readonly hash: string; readonly class: string }[];
    };
    const files = changes.filter(({ path }) => path.startsWith("package"));
    assert.deepEqual(
      [files.map(({ path }) => path), changes.filter(({ path }) => path.startsWith("node_modules"))],
      [["package-lock.json", "package.json"], []],
    );
    const landed = await ringfence(place, [
      "land",
      "--session",
      session,
      ...files.flatMap(({ path, hash }) => ["--approve", `${path}=${hash}`]),
    ]);
    assert.match(landed.stdout, /landed {2}package-lock\.json\nlanded {2}package\.json/);
    assert.equal((await exec(place, "node -p 'require(\"lib\")'")).stdout, "from lib\n");
    assert.equal(sh(place, "ls -A"), ".git\n.gitignore\nlib-1.0.0.tgz\npackage-lock.json\npackage.json\n");
    sh(place, "echo >>package-lock.json");
    const pulled = await exec(place, "ls -d node_modules; ls -d .venv");
    assert.equal(pulled.stdout, ".venv\n");
    assert.match(
      pulled.stderr,
      /^ringfence: node_modules, which an earlier session made, is not shown: your lockfile is another one now$/m,
    );
  });

  test(`a session tells the person and the model what is dropped, and a session that is killed keeps its own: as ${who}`, async (t) => {
    const place = makePlace(t, RULES, { user });
    await exec(place, "mkdir node_modules dist; echo 1 >node_modules/v; echo 1 >dist/v");
    sh(place, "mkdir node_modules; echo 2 >node_modules/v");
    const played = await play(place, [run("cat node_modules/v dist/v"), { text: "ok" }]);
    const said = "node_modules, which an earlier session made, is not shown: you have one of your own now";
    assert.deepEqual(
      played.events.filter(({ subtype }) => subtype === "notice").map(({ text }) => text),
      [said],
    );
    assert.deepEqual(
      played.results.map(({ text }) => text),
      ["2\n1"],
    );
    assert.match((await ringfence(place, ["log", "show"])).stdout, new RegExp(`<ringfence>${said}</ringfence>`));
    const killed = start(place, ["exec", "--", "sh", "-c", "echo 3 >dist/v; echo up; exec sleep 300"]);
    await until("it is up", () => killed.seen().includes("up"));
    process.kill(-(killed.child.pid ?? 0), "SIGKILL");
    await killed.ended;
    assert.equal((await exec(place, "cat dist/v")).stdout, "1\n");
    assert.match((await ringfence(place, ["diff", "--stat"])).stdout, /dist\/v {2}\(ignored\)/);
  });
}

// To take over commits, commands run in the box right before.
const INSTALLS = [
  ["", ""],
  [" with a commit", "; git commit -q --allow-empty -m mine"],
] as const;
for (const [also, act] of drawn(INSTALLS, 1)) {
  test(`what the person installs between two tasks${also} takes the place of the box's, and the person and the model are told (RINGFENCE_SEED=${SEED})`, async (t) => {
    const place = makePlace(t, RULES);
    const turns = [
      run("mkdir node_modules dist; echo box >node_modules/v; echo d >dist/v"),
      { text: "first done" },
      run("cat node_modules/v"),
      { text: "second done" },
    ];
    const { child, ended, seen } = start(place, ["--model", script(place, turns)], { stdin: "pipe" });
    child.stdin?.write("first\n");
    await until("the first task is done", () => seen().includes("first done"));
    sh(place, `mkdir node_modules; echo person >node_modules/v${act}`);
    child.stdin?.end("second\n/exit\n");
    const { status, stderr } = await ended;
    assert.equal(status, 0);
    const said = "what this session had of node_modules is dropped: you changed yours";
    assert.match(stderr, new RegExp(`^note: ${said}$`, "m"));
    const log = (await ringfence(place, ["log", "show"])).stdout;
    assert.match(log, new RegExp(`<ringfence>${said}</ringfence>[\\s\\S]*"text":"person"`));
    assert.match(log, /"effect":\{"approvedBy":"person","kind":"forget","units":\["node_modules"\]\}/);
    // What the first of its turns made is kept as what the last did.
    assert.equal((await exec(place, "cat dist/v node_modules/v")).stdout, "d\nperson\n");
  });
}

test("a session of which all landed counts as landed, whatever ignored files it had deep in the checkout", async (t) => {
  const place = makePlace(t, `${RULES}; mkdir -p a/b; echo 1 >a/b/f`);
  const done = await play(
    place,
    [run("mkdir -p a/b/dist; echo o >a/b/dist/o; echo 2 >a/b/f"), { text: "ok" }],
    ["--land", "auto"],
  );
  assert.deepEqual(done.result.landed, ["a/b/f"]);
  const [session] = JSON.parse((await ringfence(place, ["sessions", "--json"])).stdout) as readonly {
    readonly state: string;
  }[];
  assert.equal(session?.state, "landed");
  assert.equal((await exec(place, "cat a/b/dist/o")).stdout, "o\n");
});

test("the base layer is shown, thrown away by its own option, and removed when it is old", async (t) => {
  const place = makePlace(t, RULES, { user: ordinary() });
  const make = "mkdir -p dist/shut; head -c 3000000 /dev/urandom >dist/shut/big; chmod 000 dist/shut";
  await exec(place, make);
  const line = /^base layer +0 min {2}kept +2\.9 MB {2}ignored files for the next session$/m;
  assert.match((await ringfence(place, ["sessions"])).stdout, line);
  assert.match((await ringfence(place, ["discard", "--ignored", "--session", "x"])).stderr, /--ignored or --session/);
  const thrown = await ringfence(place, ["discard", "--ignored"]);
  assert.deepEqual(
    [thrown.status, thrown.stdout],
    [0, "the ignored files that sessions kept for this checkout are thrown away\n"],
  );
  assert.equal((await exec(place, "ls")).stdout, "");
  assert.doesNotMatch((await ringfence(place, ["sessions"])).stdout, /base layer/);
  const [id = ""] = readdirSync(workspaces(place));
  assert.deepEqual(
    readdirSync(join(workspaces(place), id)).filter((name) => name.startsWith("part")),
    [],
  );
  await exec(place, make);
  assert.match((await ringfence(place, ["gc"])).stdout, /^kept {5}base layer .*\n0 removed, 1 kept/m);
  const then = Date.now() / 1000 - 20 * 86_400;
  utimesSync(join(workspaces(place), id, "current"), then, then);
  const removed = await ringfence(place, ["gc"]);
  assert.match(
    removed.stdout,
    new RegExp(`^removed {2}base layer .*${place.checkout} {2}\\(old, 2\\.9 MB freed\\)$`, "m"),
  );
  assert.equal((await exec(place, "ls")).stdout, "");
});
