import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import {
  call,
  makePlace,
  ordinary,
  type Place,
  play,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  sh,
  start,
  users,
} from "./program.ts";

const RESULT_CHARS_MAX = 61_000;
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** A command that waits for a file; the call's own limit ends it. */
function untilThere(file: string): string {
  return `until [ -e ${file} ]; do sleep 0.02; done`;
}

function configure(place: Place, text: string): void {
  mkdirSync(join(place.home, ".config/ringfence"), { recursive: true });
  writeFileSync(join(place.home, ".config/ringfence/config.yaml"), text);
}

for (const [, user] of users()) {
  test(`as ${user.name}: an empty folder, without git, simply works`, async (t) => {
    const place = makePlace(t, "", { git: false, user });
    const played = await play(
      place,
      [
        call("list", {}),
        call("search", { pattern: "x" }),
        call("write", { path: "a/b.txt", content: "hi\n" }),
        run("cat a/b.txt; pwd"),
        { text: "ok" },
      ],
      ["--land", "auto"],
    );
    const texts = ["(empty folder)", "no match for x", "wrote 3 bytes to a/b.txt", `hi\n${place.checkout}`];
    assert.deepEqual(
      played.results.map(({ text }) => text),
      texts,
    );
    assert.equal(sh(place, "cat a/b.txt; stat -c %U a/b.txt"), `hi\n${user.name}\n`);
  });

  test(`as ${user.name}: endless output, a command that never ends and one that ignores signals are ended, the next call works`, async (t) => {
    const place = makePlace(t, "", { user });
    const played = await play(place, [
      run("yes", { timeout_ms: 1500 }),
      run("trap '' TERM INT HUP; while :; do sleep 300; done", { timeout_ms: 1000 }),
      run("setsid bash -c 'trap \"\" TERM; sleep 300' & disown; exec sleep 300", { timeout_ms: 1000 }),
      run("ps -e -o comm= | grep -cE 'sleep|yes'; true"),
      { text: "ok" },
    ]);
    const [endless, ignoring, daemon, after] = played.results.map(({ text }) => text);
    assert.match(
      endless ?? "",
      /^y\ny\n[\s\S]*cut; the output of \d+ bytes is in \/tmp\/ringfence\/output-\d+\.txt[\s\S]*\nkilled after 1500 ms$/,
    );
    assert.ok((endless ?? "").length < RESULT_CHARS_MAX);
    assert.deepEqual([ignoring, daemon, after], ["killed after 1000 ms", "killed after 1000 ms", "0"]);
    assert.equal(played.status, 0);
  });

  test(`as ${user.name}: memory past its limit is refused, and the session goes on`, async (t) => {
    const place = makePlace(t, "", { user });
    configure(place, "limits: {memory_mb: 200}");
    const hog =
      'perl -e \'my @a; for (1 .. 100) { push @a, "x" x (16 << 20); select undef, undef, undef, 0.01 } sleep 20; print "all"\'';
    const played = await play(place, [run(hog), run("echo still here"), { text: "ok" }]);
    const [hit, after] = played.results;
    assert.equal(hit?.ok, false);
    assert.match(hit?.text ?? "", /memory/);
    assert.doesNotMatch(hit?.text ?? "", /^all/);
    assert.deepEqual(after, { ok: true, text: "still here" });
  });

  test(`as ${user.name}: a disk that is full in the layer loses nothing of the checkout, and deleting makes room`, async (t) => {
    const place = makePlace(t, "head -c 3000000 /dev/urandom >precious; echo one >a.txt", { user });
    configure(place, "limits: {disk_mb: 24}");
    const before = sh(place, "sha256sum precious a.txt");
    const fill = "for n in $(seq 1 200); do head -c 4000000 /dev/zero >fill$n || break; sleep 0.02; done; echo over";
    const played = await play(place, [
      run(fill),
      run("sha256sum precious a.txt"),
      run("rm -f fill*; echo two >>a.txt; sleep 0.3; cat a.txt"),
      { text: "ok" },
    ]);
    const [hit, inside, after] = played.results;
    assert.equal(hit?.ok, false);
    assert.match(
      hit?.text ?? "",
      /stopped by a limit of the box: disk: the layer holds \d+ MiB, 24 allowed; delete files first/,
    );
    assert.deepEqual([inside?.text, after?.text], [before.trimEnd(), "one\ntwo"]);
    assert.equal(sh(place, "sha256sum precious a.txt"), before);
    assert.deepEqual(
      (played.result.held as { path: string }[]).map(({ path }) => path),
      ["a.txt"],
    );
  });
}

test("one file past the disk limit ends the command that writes it", async (t) => {
  const place = makePlace(t);
  configure(place, "limits: {disk_mb: 16}");
  const played = await play(place, [
    run("head -c 64000000 /dev/zero >big; ls -l big | cut -d' ' -f5; rm big"),
    run("echo fine"),
    { text: "ok" },
  ]);
  assert.match(played.results[0]?.text ?? "", /16777216|disk/);
  assert.deepEqual(played.results[1], { ok: true, text: "fine" });
});

test("more processes than allowed are refused to the command alone, and the next call works", async (t) => {
  const place = makePlace(t);
  configure(place, "limits: {processes: 40}");
  const played = await play(place, [
    run("perl -e 'for (1 .. 200) { my $pid = fork; defined $pid or exit 7; $pid or exec qw(sleep 10) }'"),
    run("echo fine"),
    { text: "ok" },
  ]);
  assert.equal(played.results[0]?.ok, false);
  assert.deepEqual(played.results[1], { ok: true, text: "fine" });
});

test("file names with newlines, quotes, spaces and bytes that are no UTF-8 are listed, changed and landed", async (t) => {
  const place = makePlace(
    t,
    `echo 1 >$'new\\nline'; echo 1 >'quo"te'\\'; echo 1 >' -rf'; echo 1 >$'no\\xffutf8'; echo 1 >'$(touch hacked)'`,
  );
  const played = await play(
    place,
    [
      call("list", {}),
      call("read", { path: "new\nline" }),
      call("edit", { path: "quo\"te'", old_string: "1", new_string: "2" }),
      call("read", { path: " -rf" }),
      call("write", { path: "$(touch hacked)", content: "2\n" }),
      call("search", { pattern: "1", glob: "new*" }),
      run('for f in *; do echo more >>"$f"; done; ls -A | wc -l'),
      { text: "ok" },
    ],
    ["--land", "auto"],
  );
  assert.deepEqual(
    played.results.map(({ ok }) => ok),
    Array(7).fill(true),
  );
  assert.equal(played.results[1]?.text, "     1\t1");
  assert.equal(
    sh(place, "cat $'new\\nline' 'quo\"te'\\' ' -rf' $'no\\xffutf8' '$(touch hacked)' | tr '\\n' ,; ls -A | wc -l"),
    "1,more,2,more,1,more,1,more,2,more,7\n",
  );
  assert.equal(played.status, 0);
});

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

test("binary output and terminal escapes reach the model without a terminal's language", async (t) => {
  const place = makePlace(t);
  const played = await play(place, [
    run("printf '\\033]0;evil\\007\\033[31mred\\033[0m\\n10%%\\r100%%\\n'"),
    run("head -c 200000 /dev/urandom"),
    { text: "ok" },
  ]);
  assert.equal(played.results[0]?.text, "\\x1b]0;evil\\x07red\n100%");
  assert.ok((played.results[1]?.text ?? "").length < RESULT_CHARS_MAX);
});

test("a call that cannot be understood is answered with what to send, and nothing of it is done", async (t) => {
  const place = makePlace(t);
  const deep = "[".repeat(200_000);
  const played = await play(place, [
    call("write", '{"path":"a.txt","content":"x"'),
    call("bash", { command: "touch a.txt" }),
    call("__proto__", { command: "touch a.txt" }),
    call("run", { command: "touch a.txt", sudo: true }),
    call("run", { cmd: "touch a.txt" }),
    call("run", { command: "touch a.txt\0" }),
    call("run", { command: "touch a.txt", timeout_ms: 0 }),
    call("write", deep + deep.replaceAll("[", "]")),
    call("write", deep),
    call("write", { path: "a.txt", content: '"\\'.repeat(5 << 20) }),
    call("run", { command: `touch a.txt; : ${"x".repeat(70_000)}` }),
    call("read", { path: "x".repeat(70_000) }),
    call("write", { path: `a.txt${"x".repeat(70_000)}`, content: "touch a.txt\0" }),
    run("ls -A"),
    { text: "ok" },
  ]);
  const refused = played.results.slice(0, -1);
  assert.deepEqual(
    refused.filter(({ ok, text }) => ok || !/; send |there are read|NUL|must be|nested|allowed/.test(text)),
    [],
  );
  assert.ok(refused.every(({ text }) => text.length < 1000));
  assert.deepEqual([played.results.at(-1)?.text, played.status], [".git", 0]);
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

test("a reply larger than an event of the log may be is recorded by digest, and the session goes on", async (t) => {
  // What is past the limit cannot be replayed, and the replay says so.
  const place = makePlace(t, "true", { isReplayed: false });
  const played = await play(place, [
    { text: "\u0001".repeat(5 << 19), calls: [{ tool: "run", input: { command: "echo on" } }] },
    { text: '"'.repeat(9 << 20) },
  ]);
  assert.deepEqual([played.status, played.results], [0, [{ ok: true, text: "on" }]]);
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
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
    [["log", "show", "x"], /type ringfence log show \[--json\], log monitor/],
    [["land"], /no session of .* has changes that wait/],
    [["diff", "--session", "../../etc"], /there is no session "\.\.\/\.\.\/etc"; see ringfence sessions --all/],
  ] as const;
  for (const [args, message] of drawn(refused, 5)) {
    const { status, stdout, stderr } = await ringfence(place, args);
    assert.deepEqual([status, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

test("a folder that is a file, is not readable, or holds the home or the state is refused before anything is made", async (t) => {
  const user = ordinary();
  const place = makePlace(t, "touch file; mkdir closed; chmod 000 closed", { git: false, user });
  const spec = script(place, [{ text: "never said" }]);
  for (const [folder, message] of [
    [`${place.checkout}/file`, /is not a folder/],
    [`${place.checkout}/closed`, /cannot be opened \(EACCES\)/],
    [place.home, /is or contains your home folder/],
    [place.root, /is or contains your home folder/],
    ["/", /the whole file system cannot be a checkout/],
    ["/usr/lib", /lies in \/usr/],
  ] as const) {
    const played = readPlayed(await ringfence(place, runArguments(spec, ["-C", folder])));
    assert.deepEqual([played.status, played.result.session_id], [2, null], folder);
    assert.match(String(played.result.result), message);
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
