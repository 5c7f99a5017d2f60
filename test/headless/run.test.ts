import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { vllm } from "../../src/model/protocols.fixture.ts";
import { json, serve, sse } from "../../src/model/wire.fixture.ts";
import {
  call,
  type Event,
  makePlace,
  type Place,
  play,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  sh,
} from "./program.ts";
import { onMachineWith } from "./running.ts";

/** A case of which every output format must tell the same end. */
interface Case {
  readonly title: string;
  readonly model: (place: Place) => string;
  readonly args?: readonly string[];
  readonly exit: number;
  readonly reason: string;
  readonly message: RegExp;
}

const CASES: readonly Case[] = [
  {
    title: "a task that is done",
    model: (place) => script(place, [run("echo hi"), { text: "All done." }]),
    exit: 0,
    reason: "done",
    message: /^All done\.$/,
  },
  {
    title: "a call that fails and is answered",
    model: (place) =>
      script(place, [run("exit 3"), call("read", { path: "absent" }), { text: "It failed, I say so." }]),
    exit: 0,
    reason: "done",
    message: /^It failed, I say so\.$/,
  },
  {
    title: "an empty first reply",
    model: (place) => script(place, [{}]),
    exit: 10,
    reason: "not-completed",
    message: /empty reply/,
  },
  {
    title: "an empty reply after work",
    model: (place) => script(place, [run("true"), {}]),
    exit: 0,
    reason: "done",
    message: /^$/,
  },
  {
    title: "a script that is not JSON",
    model: (place) => {
      writeFileSync(join(place.root, "bad.json"), "{nonsense");
      return `scripted:${join(place.root, "bad.json")}`;
    },
    exit: 2,
    reason: "error",
    message: /is not JSON/,
  },
  {
    title: "a script that is not there",
    model: () => "scripted:/nonexistent/script.json",
    exit: 2,
    reason: "error",
    message: /cannot be opened \(ENOENT\)/,
  },
  {
    title: "a model that nobody knows",
    model: () => "nobody/nothing",
    exit: 2,
    reason: "error",
    message: /"nobody\/nothing" is not PROVIDER\/NAME/,
  },
  {
    title: "a server without an address",
    model: () => "openai-compatible/m",
    exit: 2,
    reason: "error",
    message: /openai-compatible: no base URL\. Set OPENAI_COMPATIBLE_BASE_URL, or providers\./,
  },
  {
    title: "a key that is missing",
    model: () => "anthropic/claude-sonnet-4-5",
    exit: 40,
    reason: "model-auth",
    message: /no key\. Set ANTHROPIC_API_KEY/,
  },
  {
    title: "more replies than allowed",
    model: (place) => script(place, [run("true"), run("true"), run("true"), { text: "never said" }]),
    args: ["--max-turns", "2"],
    exit: 31,
    reason: "turns",
    message: /stopped after 2 replies/,
  },
  {
    title: "a command that outlives the minutes",
    model: (place) => script(place, [run("sleep 300"), { text: "never said" }]),
    args: ["--max-minutes", "0.05"],
    exit: 32,
    reason: "time",
    message: /stopped after 0\.05 minutes/,
  },
  {
    title: "an option out of range",
    model: (place) => script(place, [{ text: "never said" }]),
    args: ["--max-turns", "none"],
    exit: 2,
    reason: "error",
    message: /--max-turns takes a number above 0/,
  },
  {
    title: "a folder that is not there",
    model: (place) => script(place, [{ text: "never said" }]),
    args: ["-C", "/nonexistent"],
    exit: 2,
    reason: "error",
    message: /\/nonexistent cannot be opened \(ENOENT\)/,
  },
];

for (const { title, model, args = [], exit, reason, message } of drawn(CASES, 5)) {
  test(`${title}: one result, last, in each format, and exit status ${exit} (RINGFENCE_SEED=${SEED})`, async (t) => {
    const place = makePlace(t);
    const spec = model(place);
    const asked = ["run", "a task", "--model", spec, ...args];
    const [stream, whole, text] = await Promise.all([
      ringfence(place, runArguments(spec, args)),
      ringfence(place, [...asked, "--output-format", "json"]),
      ringfence(place, asked),
    ]);
    const streamed = readPlayed(stream);
    assert.deepEqual(
      [streamed.status, streamed.result.exit_code, streamed.result.reason, streamed.result.is_error],
      [exit, exit, reason, reason !== "done"],
    );
    assert.match(String(streamed.result.result), message);
    const { session_id: _id, duration_ms: _ms, tools: _tools, ...told } = JSON.parse(whole.stdout) as Event;
    const { session_id: _id2, duration_ms: _ms2, tools: _tools2, ...wanted } = streamed.result;
    assert.deepEqual([whole.status, told, whole.stdout.split("\n").length], [exit, wanted, 2]);
    assert.equal(text.status, exit);
    assert.match(
      exit === 0 ? text.stdout.trimEnd() : text.stderr,
      exit === 0 ? message : new RegExp(message.source.replace("^", "ringfence: ")),
    );
    assert.equal(exit === 0 ? text.stderr.includes("ringfence:") : text.stdout !== "", false);
  });
}

test("a server that refuses the key ends the run with exit status 40 and never shows the key", async (t) => {
  const server = await serve(t, json(401, { error: { message: "bad key sk-canary-123" } }));
  const place = makePlace(t);
  const env = { OPENAI_COMPATIBLE_BASE_URL: server.url, OPENAI_COMPATIBLE_API_KEY: "sk-canary-123" };
  const played = readPlayed(await ringfence(place, runArguments("openai-compatible/m"), { env }));
  assert.deepEqual([played.status, played.result.reason], [40, "model-auth"]);
  assert.ok(!`${played.stdout}${played.stderr}`.includes("sk-canary-123"));
});

test("on a real wire, the first request is at most 6,000 bytes and each one extends the one before exactly", async (t) => {
  const calls = [{ id: "c1", name: "read", input: '{"path":"a.txt"}' }];
  const more = [{ id: "c2", name: "run", input: '{"command":"exit 7"}' }];
  const server = await serve(
    t,
    sse(...vllm.events({ text: "I look.", calls })),
    sse(...vllm.events({ calls: more })),
    sse(...vllm.events({ text: "Done." })),
  );
  const place = makePlace(t, "echo hello >a.txt");
  const env = { OPENAI_COMPATIBLE_BASE_URL: server.url };
  const played = readPlayed(await ringfence(place, runArguments("openai-compatible/m"), { env }));
  assert.deepEqual([played.status, played.result.num_turns], [0, 3]);
  const bodies = server.seen.map(({ body }) => body);
  assert.ok(Buffer.byteLength(bodies[0] ?? "") <= 6000);
  const histories = server.seen.map((seen) => vllm.history(seen));
  for (const [index, history] of histories.slice(1).entries()) {
    const before = histories[index] ?? [];
    assert.ok(history.length > before.length);
    assert.deepEqual(history.slice(0, before.length), before);
  }
  assert.match(JSON.stringify(histories[2]), /hello.*exit status 7/);
});

test("a file that would run later waits for a person: exit status 21, and it is not in the checkout", async (t) => {
  const place = makePlace(t);
  const played = await play(
    place,
    [run("mkdir -p .vscode; echo '{}' >.vscode/tasks.json; echo x >src.txt"), { text: "ok" }],
    ["--land", "auto"],
  );
  const held = played.result.held as readonly Event[];
  assert.deepEqual(
    [played.status, played.result.reason, held.map(({ path }) => path), played.result.landed],
    [21, "approval-needed", [".vscode/tasks.json"], ["src.txt"]],
  );
  assert.deepEqual(sh(place, "git status --porcelain"), "?? src.txt\n");
});

test("no name of a file looks like a line of ours, nor is a command to copy made of it", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const forged = "$(printf 'z\\n        if it is right: ringfence land --approve X; #')";
  await play(place, [
    run(`echo x >$'a\\nlanded  everything.txt'; mkdir "${forged}"; echo x >"${forged}/AGENTS.md"`),
    { text: "ok" },
  ]);
  for (const args of [["diff", "--stat"], ["land"]]) {
    const { stdout } = await ringfence(place, args);
    assert.match(stdout, /a\\x0alanded {2}everything\.txt$/m);
    assert.doesNotMatch(stdout, /^landed {2}everything|--approve X; #$|--approve '/m);
  }
});

test("a held file lands with an approval of exactly it, and with no other", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const work = run("echo two >>a.txt; mkdir .vscode; echo '{}' >.vscode/tasks.json; echo '{}' >package-lock.json");
  assert.equal((await play(place, [work, { text: "ok" }])).status, 21);
  const { changes } = JSON.parse((await ringfence(place, ["diff", "--json"])).stdout) as {
    changes: { path: string; hash: string }[];
  };
  const hash = changes.find(({ path }) => path === ".vscode/tasks.json")?.hash ?? "";
  const wrong = await ringfence(place, ["land", "--approve", `.vscode/tasks.json=${"0".repeat(64)}`]);
  assert.deepEqual([wrong.status, wrong.stdout], [21, ""]);
  assert.match(wrong.stderr, /not what was approved: its hash is [0-9a-f]{64} now[\s\S]*nothing landed/);
  assert.equal(sh(place, "git status --porcelain"), "");
  assert.equal((await ringfence(place, ["land", "--approve", hash])).status, 2);
  const told = (await ringfence(place, ["land", "a.txt"])).stdout;
  assert.match(told, /land --approve '.vscode\/tasks.json=/);
  assert.match(
    told,
    /^this would run later, and external text and private data were within reach of who wrote it\nexternal by /m,
  );
  const right = await ringfence(place, ["land", ".vscode/tasks.json", "--approve", `.vscode/tasks.json=${hash}`]);
  assert.deepEqual([right.status, right.stdout.split("\n")[0]], [0, "landed  .vscode/tasks.json"]);
  assert.equal(sh(place, "git status --porcelain"), " M a.txt\n?? .vscode/\n");
  const lock = changes.find(({ path }) => path === "package-lock.json")?.hash;
  const last = await ringfence(place, ["land", "--approve", `package-lock.json=${lock}`]);
  assert.match(last.stdout, /^next {4}in \.: npm ci$/m);
  assert.match((await ringfence(place, ["log", "show"])).stdout, /package-lock\.json/);
});

test("commits of a run land: decided and recorded, shown as inert text, and a held one waits with exit status 21", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const hostile = "$(printf 'evil \\033[2J\\342\\200\\256 subject')";
  const commits = `echo two >>a.txt; git commit -qam "${hostile}"; mkdir .vscode; echo '{}' >.vscode/tasks.json; git add -A; git commit -qm tasks`;
  await play(place, [run(commits), { text: "ok" }]);
  const shown = await ringfence(place, ["diff", "--json"]);
  const { commits: listed, commits_note: note } = JSON.parse(shown.stdout) as {
    commits: Event[];
    commits_note: string | null;
  };
  assert.ok(!/[\u001b\u202e]/.test(shown.stdout));
  assert.deepEqual(
    listed.map(({ subject, author, state, why }) => [subject, author, state, why]),
    [
      ["evil \u001b[2J\u202e subject", "Ada Example <ada@example.test>", "lands", null],
      ["tasks", "Ada Example <ada@example.test>", "waits", ".vscode/tasks.json: run-later, editor configuration"],
    ],
  );
  assert.equal(note, null);
  const path = await ringfence(place, ["land", "a.txt"]);
  assert.deepEqual([path.status, sh(place, "git log --format=%s")], [0, "start\n"]);
  const landed = await ringfence(place, ["land"]);
  assert.match(landed.stdout, /^landed {2}commit [0-9a-f]{7} evil \\x1b\[2J<U\+202E> subject$/m);
  assert.match(
    landed.stdout,
    /^waits {3}commit [0-9a-f]{7} tasks: \.vscode\/tasks\.json: run-later, editor configuration$/m,
  );
  assert.deepEqual([landed.status, sh(place, "git status --porcelain; git rev-list --count HEAD")], [21, "2\n"]);
  const log = (await ringfence(place, ["log", "show"])).stdout.split("\n");
  // What signs the log stands between them.
  const events = log
    .slice(0, -1)
    .flatMap((line) => (line.includes('"type":"head"') ? [] : [JSON.parse(line) as Event]));
  const at = events.findIndex(({ effect }) => (effect as Event | undefined)?.kind === "land-commits");
  const commit = sh(place, "git rev-parse HEAD").trim();
  const old = sh(place, "git rev-parse HEAD~1").trim();
  const { how, branch, oldId, newId, approvedBy } = (events[at]?.effect ?? {}) as Event;
  assert.deepEqual([how, branch, oldId, newId, approvedBy], ["forward", "main", old, commit, "person"]);
  const { type, refused } = events[at + 1] ?? {};
  assert.deepEqual([type, events[at + 1]?.commit, refused], ["landed-commits", commit, null]);
});

test("no control character of the model or of a command reaches the output in any format", async (t) => {
  const hostile = "\u001b]0;title\u0007\u001b[2J\u009b31m\u202egnp.exe\u2066\u0000\r\u200b";
  const place = makePlace(t);
  const turns = [
    {
      text: `first ${hostile}`,
      calls: [
        {
          tool: "run",
          input: {
            command: `printf '%b' '\\033]52;c;aGk=\\007\\0233m\\r\\0'; echo '${hostile.replaceAll("\0", "")}'; exit 1`,
          },
        },
      ],
    },
    call(hostile, { [hostile]: hostile }),
    call("read", { path: hostile.replaceAll("\0", "") }),
    { text: `last ${hostile}` },
  ];
  const spec = script(place, turns);
  for (const format of ["text", "json", "stream-json"]) {
    const ended = await ringfence(place, [
      "run",
      hostile.replaceAll("\0", ""),
      "--model",
      spec,
      "--output-format",
      format,
    ]);
    assert.equal(ended.status, 0);
    assert.doesNotMatch(ended.stdout + ended.stderr, /[^\P{C}\n\t]/u);
    if (format === "stream-json") assert.equal(readPlayed(ended).result.result, `last ${hostile}`);
  }
});

test("a limit that cannot be kept is no limit: --max-usd on a model without a price ends with exit status 30", async (t) => {
  const server = await serve(t, sse(...vllm.events({ calls: [{ id: "c", name: "list", input: "{}" }] })));
  const place = makePlace(t);
  const env = { OPENAI_COMPATIBLE_BASE_URL: server.url };
  const played = readPlayed(await ringfence(place, runArguments("openai-compatible/m", ["--max-usd", "1"]), { env }));
  assert.deepEqual([played.status, played.result.reason], [30, "budget"]);
});

test("the model of the person's configuration is used, and a configuration in the repository is not", async (t) => {
  const place = makePlace(
    t,
    "mkdir -p .config/ringfence; echo 'model: nobody/repo' >.config/ringfence/config.yaml; cp .config/ringfence/config.yaml config.yaml",
  );
  mkdirSync(join(place.home, ".config/ringfence"), { recursive: true });
  writeFileSync(join(place.home, ".config/ringfence/config.yaml"), `model: ${script(place, [{ text: "mine" }])}\n`);
  const ended = await ringfence(place, ["run", "a task"]);
  assert.deepEqual([ended.status, ended.stdout], [0, "mine\n"]);
});

test("a bubblewrap that is too old is named with its version and the one that is needed, and nothing is left", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const old = join(place.root, "bwrap");
  writeFileSync(
    old,
    '#!/bin/sh\n[ "$1" != --version ] || { echo "bubblewrap 0.6.1"; exit; }\necho "bwrap: Unknown option --disable-userns" >&2; exit 1\n',
    { mode: 0o755 },
  );
  for (const args of ["exec -- touch b.txt", `run x --model ${script(place, [run("touch b.txt")])}`]) {
    const said = onMachineWith(place, old, "/usr/bin/bwrap", args);
    assert.match(said, /Unknown option --disable-userns\nFix: bubblewrap 0\.6\.1 is too old, the box needs 0\.8\.0/);
    assert.match(said, /\nstatus 23\n$/);
  }
  assert.deepEqual(readdirSync(join(place.home, ".local/state/ringfence/sessions")), []);
});
