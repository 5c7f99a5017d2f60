import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { call, makePlace, play, readPlayed, ringfence, run, runArguments, script, sh, start } from "./program.ts";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** A command that waits for a file; the call's own limit ends it. */
function untilThere(file: string): string {
  return `until [ -e ${file} ]; do sleep 0.02; done`;
}

test("a file of 2 GB is read in part, searched past and not edited", async (t) => {
  const place = makePlace(t);
  sh(place, "truncate -s 2G zeros; { yes line | head -c 100000000; } >lines");
  const played = await play(place, [
    call("read", { path: "zeros" }),
    call("read", { path: "lines", offset: 10_000_000, limit: 2 }),
    call("read", { path: "lines" }),
    call("edit", { path: "zeros", old_string: "a", new_string: "b" }),
    { text: "ok" },
  ]);
  const texts = played.results.map(({ text }) => text);
  assert.match(texts[0] ?? "", /^binary file/);
  assert.match(texts[1] ?? "", /^10000000\tline\n10000001\tline\n\(more follows: read with offset 10000002\)$/);
  assert.match(texts[2] ?? "", /\n {2}2000\tline\n\(more follows: read with offset 2001\)$/);
  assert.match(texts[3] ?? "", /^edit: zeros is larger than \d+ bytes; use run with sed$/);
  assert.deepEqual(played.result.held, []);
});

test("an edit keeps line ends, byte order mark and a missing last newline, and says why it cannot be made", async (t) => {
  const place = makePlace(
    t,
    "printf 'a\\r\\nb\\r\\nc' >crlf; printf '\\xef\\xbb\\xbfone\\ntwo' >bom; printf 'same\\nsame\\n' >twice; chmod 755 twice",
  );
  const played = await play(
    place,
    [
      call("edit", { path: "crlf", old_string: "a\nb\n", new_string: "a\nB\nnew\n" }),
      call("edit", { path: "bom", old_string: "one", new_string: "1" }),
      call("edit", { path: "twice", old_string: "same", new_string: "x" }),
      call("edit", { path: "twice", old_string: "absent", new_string: "x" }),
      call("edit", { path: "twice", old_string: "same", new_string: "x", replace_all: true }),
      call("edit", { path: "absent", old_string: "a", new_string: "b" }),
      call("edit", { path: ".git", old_string: "a", new_string: "b" }),
      { text: "ok" },
    ],
    ["--land", "auto"],
  );
  assert.deepEqual(
    played.results.map(({ ok }) => ok),
    [true, true, false, false, true, false, false],
  );
  assert.match(played.results[2]?.text ?? "", /2 times/);
  assert.equal(readFileSync(join(place.checkout, "crlf"), "utf8"), "a\r\nB\r\nnew\r\nc");
  assert.equal(readFileSync(join(place.checkout, "bom"), "utf8"), "\ufeff1\ntwo");
  assert.equal(sh(place, "cat twice; stat -c %a twice"), "x\nx\n755\n");
});

test("an image is read as an image by its bytes; a text of that name is a text", async (t) => {
  const place = makePlace(t, `echo ${PIXEL} | base64 -d >a.png; echo text >b.png; cp a.png c.txt; : >empty.gif`);
  const played = await play(place, [
    ...["a.png", "b.png", "c.txt", "empty.gif"].map((path) => call("read", { path })),
    { text: "ok" },
  ]);
  const texts = played.results.map(({ text }) => text);
  assert.deepEqual(
    [texts[0], texts[1], texts[3]],
    [`image, ${Buffer.from(PIXEL, "base64").length} bytes`, "     1\ttext", "(empty file)"],
  );
  assert.match(texts[2] ?? "", /^binary file/);
});

test("the calls of one reply are answered in order, each seeing what the one before did", async (t) => {
  const place = makePlace(t);
  const calls = Array.from({ length: 12 }, (_, index) => ({
    tool: "run",
    input: { command: `sleep 0.0${index % 3}; echo ${index} >>log; tail -n 1 log` },
  }));
  const played = await play(place, [{ calls }, { text: "ok" }]);
  assert.deepEqual(
    played.results.map(({ text }) => text),
    calls.map((_, index) => String(index)),
  );
});

test("background commands are listed, read, and ended; a daemon that a call left is one of them", async (t) => {
  const place = makePlace(t);
  const played = await play(place, [
    run(`echo first; ${untilThere("/tmp/go")}; echo second; touch /tmp/done; sleep 300`, { background: true }),
    run(`touch /tmp/go; ${untilThere("/tmp/done")}`),
    call("output", { id: "bg1" }),
    call("output", { id: "bg1" }),
    run("setsid nohup sleep 300 >/dev/null 2>&1 & echo left"),
    call("kill", { id: "bg2" }),
    call("kill", { id: "bg1" }),
    call("output", { id: "bg1" }),
    call("output", { id: "bg7" }),
    run("exit 4", { background: true }),
    // No command sees that another ended.
    run("sleep 2"),
    call("output", { id: "bg3" }),
    { text: "ok" },
  ]);
  const texts = played.results.map(({ text }) => text);
  assert.match(texts[0] ?? "", /started in the background as bg1/);
  assert.deepEqual(texts.slice(2, 9), [
    "first\nsecond\n(bg1: running)",
    "(no new output)\n(bg1: running)",
    "left\n(still running in the background as bg2)",
    "bg2 killed",
    "bg1 killed",
    "(no new output)\n(bg1: ended with status unknown)",
    'no background command "bg7"; running: none',
  ]);
  assert.equal(texts[11], "(no new output)\n(bg3: ended with status 4)");
});

test("searching and listing pass .git over, also where a glob would match it", async (t) => {
  const place = makePlace(
    t,
    "mkdir -p src; echo needle >src/a.ts; echo needle >.hidden; echo needle >ignored; echo ignored >.gitignore",
  );
  const played = await play(place, [
    call("list", { glob: "*" }),
    call("list", { glob: "**/*.ts" }),
    call("search", { pattern: "needle|refs/heads", glob: "*" }),
    call("search", { pattern: "needle" }),
    call("list", { glob: "*.nothing" }),
    { text: "ok" },
  ]);
  const texts = played.results.map(({ text }) => text);
  assert.doesNotMatch(texts.join("\n"), /\.git\//);
  assert.deepEqual(texts.slice(1, 2).concat(texts.slice(3)), [
    "./src/a.ts",
    "./.hidden:1:needle\n./src/a.ts:1:needle",
    "no file matches *.nothing",
  ]);
});

test(`an empty prompt, an unknown option and an unknown command are refused with what to type (RINGFENCE_SEED=${SEED})`, async (t) => {
  const place = makePlace(t);
  const refused = [
    [["run"], /run needs a task: ringfence run "fix/],
    [["run", "x", "--nonsense"], /Unknown option '--nonsense'/],
    [
      ["run", "x", "--max-turns", "-3"],
      /^ringfence: Option '--max-turns' argument is ambiguous; ringfence --help shows the options\n$/,
    ],
    [["run", "x", "--max-agents", "1.5"], /--max-agents takes a whole number, not "1\.5"\n$/],
    [["nonsense"], /^ringfence: "nonsense" is not a command; ringfence --help shows them\n$/],
    [["exec"], /exec needs a command: ringfence exec -- npm test/],
    [
      ["exec", "ls", "-la"],
      /^ringfence: Unknown option '-l'; put -- before the command, as in ringfence exec -- npm test\n$/,
    ],
    [["demo", "--model", "foo"], /foo/],
    [
      ["log"],
      /type ringfence log show \[--json\], log monitor, log verify \[--key KEY\].*, log prove NUMBER of an event/,
    ],
    [["log", "nonsense"], /type ringfence log show/],
    [["discard", "a.txt"], /discard throws all changes of a session away and takes no path; nothing was thrown away/],
    [["land", "--stat"], /land does not take --stat; ringfence --help/],
    [["discard", "--json"], /discard does not take --json/],
    [["diff", "--approve", "x"], /diff does not take --approve/],
    [["exec", "--session", "x", "--", "true"], /exec does not take --session/],
    [["log", "show", "x"], /log show takes no "x"; for a session: ringfence log show --session ID\n$/],
    [["log", "verify", "--json"], /--json is for ringfence log show and log replay/],
    [["land"], /no session of .* has changes that wait/],
    [["diff", "--session", "../../etc"], /there is no session "\.\.\/\.\.\/etc"; see ringfence sessions --all/],
  ] as const;
  for (const [args, message] of drawn(refused, 5)) {
    const { status, stdout, stderr } = await ringfence(place, args);
    assert.deepEqual([status, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

test("in a folder below the root of the repository, the repository is the checkout and the nearest instructions come last", async (t) => {
  const place = makePlace(
    t,
    "mkdir -p deep/er; echo top >AGENTS.md; echo near >deep/CLAUDE.md; echo no >deep/GEMINI.md",
  );
  const spec = script(place, [run("pwd"), { text: "ok" }]);
  const played = readPlayed(await start(place, runArguments(spec), { cwd: join(place.checkout, "deep/er") }).ended);
  const told = played.events.find(({ subtype }) => subtype === "notice");
  const [init] = played.events;
  assert.match(String(told?.text), /^AGENTS\.md, deep\/CLAUDE\.md: not approved by you/);
  assert.equal(init?.cwd, place.checkout);
});

test("a reader that stops early is no error", async (t) => {
  const { child, ended } = start(makePlace(t), ["--help"]);
  child.stdout?.destroy();
  const { status, stderr } = await ended;
  assert.deepEqual([status, stderr], [0, ""]);
});

for (const name of drawn(["deep/er", "-", 'it\'s "$(x)"\n\u001b[31m'], 1)) {
  test(`started in ${JSON.stringify(name)}, commands start there and go on from there, and file tools start at the root`, async (t) => {
    const place = makePlace(t, "echo root >a.txt");
    const cwd = join(place.checkout, name);
    mkdirSync(cwd, { recursive: true });
    writeFileSync(join(cwd, "a.txt"), "below\n");
    const spec = script(place, [
      run("cat a.txt; cd ..; mkdir -p next; cd next"),
      run('echo "${PWD##*/}"'),
      call("read", { path: "a.txt" }),
      call("list", { glob: "a.txt" }),
      { text: "ok" },
    ]);
    const [played, exec, dashC] = await Promise.all([
      start(place, runArguments(spec), { cwd }).ended.then(readPlayed),
      ringfence(place, ["exec", "--", "cat", "a.txt"], { cwd }),
      ringfence(place, ["exec", "-C", cwd, "--", "pwd"]),
    ]);
    const texts = played.results.map(({ text }) => text);
    assert.deepEqual(
      [...texts.slice(0, 3), exec.stdout, dashC.stdout],
      ["below", "next", "     1\troot", "below\n", `${cwd}\n`],
    );
    assert.match(texts[3] ?? "", /^\.\/a\.txt$/m);
  });
}
