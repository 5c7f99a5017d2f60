import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BEFORE } from "./git-server.ts";
import { ordinary, processesWith, ringfence, run, script, self, sh, start, until } from "./program.ts";
import { open as openScreen } from "./screen.ts";
import { inBox, makeSshPlace, othersCommit, type SshPlaceOptions } from "./ssh-server.ts";

/** Longer than it takes until a line counts as an answer. */
const READ_MS = 1200;
const RULE = '  push: [{at: "URL", branch: main}, {at: "URL", branch: topic}]\n';

function open(t: TestContext, options: SshPlaceOptions = {}) {
  return makeSshPlace(t, { user: ordinary(), net: RULE, ...options });
}

for (const [user, name] of [
  [self(), "the user of the tests"],
  [ordinary(), "an ordinary user"],
] as const)
  for (const isVersion2 of [true, false]) {
    const server = isVersion2 ? "both versions" : "version 0 alone";
    test(`as ${name}, of a server with ${server}, git clones, fetches, deepens, and finds what both have over many rounds`, async (t) => {
      const place = await open(t, { user, isVersion2 });
      for (const each of ["b", "c", "d"]) othersCommit(place, each);
      const many = (who: string, count: number) =>
        `for i in $(seq ${count}); do git commit -q --allow-empty -m "${who} $i"; done`;
      const done = await inBox(
        place,
        `git clone -q ${place.url} /tmp/whole && git -C /tmp/whole log --format=%s && git -C /tmp/whole fsck --strict 2>/dev/null
         git -c protocol.version=0 fetch -q && git log -1 --format=%s origin/main
         git clone -q --depth 1 ${place.url} /tmp/part && git -C /tmp/part log --format=%s && git -C /tmp/part fetch -q --unshallow && git -C /tmp/part log --format=%s
         git -c protocol.version=0 clone -q --depth 2 ${place.url} /tmp/old && git -C /tmp/old log --format=%s`,
      );
      assert.equal(done.stdout, "d\nc\nb\nstart\nd\nd\nd\nc\nb\nstart\nd\nc\n", done.stderr);
      sh(place, many("mine", 40));
      place.served(`cd ../d; ${many("theirs", 60)}; git push -q origin HEAD:main`);
      for (const version of [0, 2]) {
        const merged = await inBox(
          place,
          `${many("box", 300)}; git -c protocol.version=${version} pull -q --no-rebase --no-edit && git log --format=%s | sort | uniq -w4 -c | sort -n`,
        );
        assert.match(merged.stdout, /^(?: +1 .*\n){5} +40 mine.*\n +60 their.*\n +300 box/, merged.stderr);
      }
    });
  }

test("what the box merges with others' commits lands and is pushed, and a large push goes too", async (t) => {
  const place = await open(t);
  sh(place, "echo mine >mine.txt; git add .; git commit -qm mine");
  othersCommit(place, "theirs");
  const merged = await inBox(
    place,
    "git pull -q --no-rebase --no-edit && head -c 30000000 /dev/urandom >large.bin && git add . && git commit -qm large",
  );
  assert.equal(merged.status, 0, merged.stderr);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  const pushed = await inBox(place, "git push");
  assert.equal(pushed.status, 0, pushed.stderr);
  assert.equal(
    place.served("git rev-parse main:large.bin; git fsck --strict"),
    sh(place, "git rev-parse main:large.bin"),
  );
});

test("git is refused a forced push, a branch that no rule names, a tag, a deletion, two at once, options and another repository", async (t) => {
  const place = await open(t, {
    make: "git commit -q --allow-empty -m mine; git branch other; git branch topic; git tag v1",
  });
  place.served("git config receive.advertisePushOptions true");
  othersCommit(place, "theirs");
  const before = place.served("git for-each-ref; git -C ../other.git for-each-ref");
  const other = place.url.replace("thing.git", "other.git");
  const done = await inBox(
    place,
    `for what in '--force origin main' 'origin other' 'origin v1' 'origin :main' '--force origin main topic' '-o x origin topic' '${other} main'; do git push $what; echo "$? $what"; done`,
  );
  assert.deepEqual(
    [...done.stdout.matchAll(/^(\d+) (.*)$/gm)].map(([, status]) => status !== "0"),
    Array(7).fill(true),
  );
  assert.equal(place.served("git for-each-ref; git -C ../other.git for-each-ref"), before);
  for (const reason of [
    /rejected\] main -> main \(main on the remote has commits that yours has not: pull and land first\)/,
    /rejected\] other -> other \(no rule of net\.push names other: add .*\)/,
    /only a branch is pushed, no tag/,
    /nothing is deleted on the remote/,
    /more than one branch or tag at once/,
    /no options go with a push/,
  ])
    assert.match(done.stderr, reason);
  assert.equal((await inBox(place, "git push origin topic")).status, 0);
  assert.equal(place.served("git rev-parse topic"), sh(place, "git rev-parse topic"));
});

test("a key with a passphrase, an unknown host, a host that is gone and a denied one are refused with what to do, and nobody is asked", async (t) => {
  const place = await open(t);
  const fetched = async (make: string) => {
    sh(place, make);
    const done = await inBox(place, "git fetch");
    assert.notEqual(done.status, 0);
    return done.stderr;
  };
  const hint = `run "ssh -T -p ${place.port} ${ordinary().name}@127.0.0.1" outside the box, then try again`;
  const locked = await fetched("ssh-keygen -q -p -P '' -N word -f ~/.ssh/id");
  assert.ok(locked.includes(`no passphrase is asked for here (ssh-add keeps one): ${hint}`), locked);
  const unknown = await fetched("ssh-keygen -q -p -P word -N '' -f ~/.ssh/id; mv ~/.ssh/known_hosts ~/.ssh/known");
  assert.ok(unknown.includes(`your ssh does not know the key of that host: ${hint}`), unknown);
  const loose = await fetched("echo 'StrictHostKeyChecking accept-new' >>~/.ssh/config");
  assert.ok(loose.includes("does not know the key"), loose);
  assert.equal(sh(place, "ls ~/.ssh/known_hosts 2>/dev/null || echo none"), "none\n");
  const changed = await fetched(
    `printf '[127.0.0.1]:${place.port} %s\\n' "$(cut -d' ' -f1,2 ~/.ssh/id.pub)" >~/.ssh/known_hosts`,
  );
  assert.ok(changed.includes(`the key of that host is another one than your ssh knows: ${hint}`), changed);
  const wrapped = await fetched(
    "mv ~/.ssh/known ~/.ssh/known_hosts; git config --global core.sshCommand 'env X=1 ssh'",
  );
  assert.ok(wrapped.includes("core.sshCommand of your git configuration is more than ssh"), wrapped);
  const gone = await fetched(
    `git config --global core.sshCommand 'ssh -F ~/.ssh/config'; git remote set-url origin ${place.url.replace(`:${place.port}`, ":1")}`,
  );
  assert.ok(gone.includes("that host does not answer your ssh"), gone);
  const denied = await fetched(
    `git remote set-url origin ${place.url}; rm -f ~/.config/ringfence/config.yaml; printf 'net:\\n  deny: ["127.0.0.1"]\\n' >~/.config/ringfence/config.yaml`,
  );
  assert.ok(denied.includes("net.deny[0] denies it"), denied);
  assert.deepEqual(place.asked(), []);
  sh(place, "git remote set-url origin git@-oProxyCommand=x:thing");
  assert.match((await ringfence(place, ["net"])).stdout, /^note {5}git@-oProxyCommand=x:thing, .* is no address/m);
});

test("a jump host and a name of the person's own ssh configuration lead to the remote", async (t) => {
  const place = await open(t);
  const path = new URL(place.url.replace("ssh:", "http:")).pathname;
  sh(
    place,
    `printf 'Host work jump\\n\\tHostName 127.0.0.1\\n\\tPort ${place.port}\\n\\tUser ${ordinary().name}\\nHost work\\n\\tProxyJump jump\\n' >>~/.ssh/config
     git remote set-url origin work:${path}`,
  );
  othersCommit(place, "theirs");
  const done = await inBox(place, `git pull -q && git log --format=%s; git ls-remote work:${path} main`);
  assert.match(done.stdout, /^theirs\nstart\n[0-9a-f]{40}\trefs\/heads\/main\n$/, done.stderr);
});

for (const signal of [null, "SIGKILL"] as const)
  test(`ssh ends with the session${signal === null ? "" : " that is killed"}, whatever the far side does`, async (t) => {
    const place = await open(t, { program: "trap '' HUP PIPE TERM; sleep 600" });
    const begun = start(place, [
      "exec",
      "--",
      "bash",
      "-c",
      `export no_proxy= NO_PROXY=; git fetch & sleep ${signal === null ? 4 : 60}`,
    ]);
    const mine = () => processesWith(`-p ${place.port}`);
    await until("ssh runs", () => mine().length > 0 && place.asked().length > 0);
    if (signal !== null) begun.child.kill(signal);
    await begun.ended;
    await until("ssh has ended", () => mine().length === 0);
  });

test("a far side that breaks off, floods or writes to the terminal is git's error, and no byte of it a command to the terminal", async (t) => {
  for (const [program, expected] of [
    ["printf '\\033]0;x\\007Welcome'; sleep 60", /what it says is not git's/],
    [
      "printf '\\033[2J\\033]52;c;eA==\\007no repository\\n' >&2; exit 1",
      /ended before it had answered: \\x1b\[2J\\x1b\]52;c;eA==\\x07no repository/,
    ],
    ["exec yes", /what it says is not git's/],
    ["yes '\x1b[2J' >&2", /ended before it had answered|it said nothing/],
  ] as const) {
    const place = await open(t, { program: `timeout 5 bash -c '${program.replaceAll("'", `'\\''`)}'` });
    const done = await inBox(place, "git fetch");
    assert.match(done.stderr, expected);
    assert.equal(`${done.stdout}${done.stderr}`.includes("\x1b"), false);
  }
});

test("a model's push by ssh is put to the person at the terminal, and goes once when they say y", async (t) => {
  const place = await makeSshPlace(t, { make: "echo two >b.txt; git add .; git commit -qm two" });
  const push = `${BEFORE}git push origin main 2>&1 | tail -1`;
  const screen = openScreen(t, place, ["--model", script(place, [run(push), { text: "Done." }])]);
  await screen.see("> ");
  screen.type("push it\r");
  await screen.see("ringfence asks: may this leave the box?");
  await screen.see(/ {2}\| [0-9a-f]{7} Ada Example: two/);
  await screen.see(`  | commits to the branch main of ssh://127.0.0.1:${place.port}/tmp/`);
  await screen.see("y or N?");
  assert.equal(place.served("git log --format=%s main"), "start\n");
  await sleep(READ_MS);
  screen.type("y\r");
  await screen.see("(sent once)");
  await screen.see("Done.");
  await screen.see("> ");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  assert.equal(place.served("git log --format=%s main"), "two\nstart\n");
});
