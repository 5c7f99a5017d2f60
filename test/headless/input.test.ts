import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  configure,
  makePlace,
  ordinary,
  play,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  sh,
  users,
} from "./program.ts";

const RESULT_CHARS_MAX = 61_000;

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
