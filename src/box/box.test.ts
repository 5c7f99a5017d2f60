import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makePlace, sh, VIEW } from "./land.fixture.ts";
import { openBox, processesWith, readEffect, until } from "./open.fixture.ts";
import { permitFor } from "./permit.fixture.ts";
import { BoxUnavailable } from "./programs.ts";

let marks = 0;

/** A number of seconds that no other process on this machine sleeps for. */
function mark(): string {
  marks += 1;
  return `8${process.pid}${marks}.75`;
}

test("the working directory is kept between calls, also when a call fails; variables are not", async (t) => {
  const { run, text, place } = await openBox(t, "mkdir -p a/b");
  await text("cd a; X=1; export Y=2");
  assert.equal(await text("pwd; echo $X$Y; cd b"), `${place.checkout}/a`);
  await run("cd ..; false");
  assert.equal(await text("pwd"), `${place.checkout}/a`);
  await text("mkdir gone; cd gone; rmdir ../gone");
  assert.equal(await text("pwd"), place.checkout);
});

test("both outputs of a command come as one, in order, and so does the status", async (t) => {
  const { run } = await openBox(t);
  assert.deepEqual(await run("echo one; echo two >&2; echo three; exit 3"), {
    ok: false,
    code: "exit",
    text: "one\ntwo\nthree\nexit status 3",
  });
  assert.deepEqual(await run("true"), { ok: true, text: "(no output)" });
});

test("what is too long to show is readable whole in the box", async (t) => {
  const { text, perform } = await openBox(t);
  const shown = await text("seq 1 100000");
  const path = /in (\/tmp\/ringfence\/output-\d+\.txt)\)$/.exec(shown)?.[1] ?? "";
  assert.ok(shown.length < 31_000 && shown.startsWith("1\n2\n"));
  assert.equal(await text(`seq 1 100000 | cmp - ${path} && wc -l <${path}`), "100000");
  assert.deepEqual(await perform(readEffect(path, 54_321, 1)), {
    ok: true,
    text: " 54321\t54321\n(more follows: read with offset 54322)",
  });
});

test("a permit is spent once, and what it holds is what runs", async (t) => {
  const { box, text } = await openBox(t);
  const permit = permitFor({
    kind: "run",
    command: "echo x >>log",
    timeoutMs: 1000,
    background: false,
    profile: "net",
  });
  await box.perform(permit, { signal: new AbortController().signal });
  // Spending throws before anything is awaited.
  assert.throws(() => box.perform(permit, { signal: new AbortController().signal }), /bug: permit spent twice/);
  assert.throws(() => box.perform({ seq: 1 }, { signal: new AbortController().signal }), /bug: permit/);
  assert.equal(await text("cat log"), "x");
});

test("the checkout is not changed by anything that the box does to it", async (t) => {
  const { text, perform, place } = await openBox(t, "mkdir d; echo one >a; echo two >d/b; chmod 600 a");
  const before = sh(place, "find . -printf '%p %m %T@ %s %l\\n' | sort; cat a d/b");
  await text(
    "echo more >>a; rm -rf d; mkdir d; chmod 777 a; ln -s /etc/passwd link; git commit -qam x; rm -rf .git/refs; mv a renamed",
  );
  await perform({ kind: "write", path: "d/b", content: "box" });
  assert.equal(sh(place, "find . -printf '%p %m %T@ %s %l\\n' | sort; cat a d/b"), before);
  assert.equal(await text("ls; cat renamed"), "d\nlink\nrenamed\none\nmore");
});

test("files in /tmp, /var/tmp and the home are kept between calls, and are not the machine's", async (t) => {
  const { text } = await openBox(t);
  await text(
    'for d in /tmp /var/tmp /dev/shm ~; do [ -z "$(ls -A $d)" ] || [ $d = /tmp ] || echo $d; echo x >$d/ringfence-test; done',
  );
  assert.equal(
    await text("cat /tmp/ringfence-test /var/tmp/ringfence-test /dev/shm/ringfence-test ~/ringfence-test | wc -l"),
    "4",
  );
});

test("the home is the box's own: nothing of the person's is in it", async (t) => {
  const person = makePlace(
    "mkdir -p .ssh .config/gh; echo canary >.ssh/id_rsa; echo canary >notes.txt; echo canary >.config/gh/hosts.yml",
  );
  const { text } = await openBox(t, "", { environment: { ...process.env, HOME: person.checkout } });
  assert.equal(
    await text(`[ $HOME = ${person.checkout} ] && cd ~ && find . -name id_rsa -o -name notes.txt -o -name hosts.yml`),
    "(no output)",
  );
  await text("echo box >~/notes.txt; rm -rf ~/.ssh");
  assert.equal(sh(person, "cat notes.txt .ssh/id_rsa"), "canary\ncanary\n");
});

test("git knows the person, and a folder can be moved and committed", async (t) => {
  const home = makePlace("").checkout;
  const unsafe = "[core]\n\tpager = touch /tmp/ran\n[alias]\n\tst = status --short\n\tevil = !touch /tmp/ran\n";
  writeFileSync(join(home, ".gitconfig"), `[user]\n\tname = Ada Example\n\temail = ada@example.test\n${unsafe}`);
  const place = makePlace("mkdir -p src/deep; echo x >src/deep/f; echo y >src/g");
  sh(place, "git config --remove-section user");
  const { text } = await openBox(t, "", { environment: { ...process.env, HOME: home }, place });
  const commands = "git mv src lib && git commit -qm moved && git log -1 --format='%an <%ae>' && git st";
  assert.equal(await text(commands), "Ada Example <ada@example.test>");
  assert.equal(await text("git show -M --name-status --format= | cut -f1"), "R100\nR100");
  assert.equal(
    await text("git evil 2>/dev/null; ls /tmp/ran 2>/dev/null; find lib -type f | sort"),
    "lib/deep/f\nlib/g",
  );
});

test("secrets of the checkout are masked, and one that appears later stays hidden", async (t) => {
  const { text, perform, place, box } = await openBox(
    t,
    "echo 'KEY=canary-1' >.env; mkdir app; echo 'TOKEN=canary-2' >app/.env.local; echo canary-3 >id_rsa; echo plain >a.txt",
  );
  assert.deepEqual([...box.masked].sort(), [".env", "app/.env.local", "id_rsa"]);
  sh(place, "echo 'KEY=canary-4' >.env.production; echo 'KEY=canary-5' >app/.env.test");
  const found = await text(
    "cat .env app/.env.local id_rsa; cat .env.production app/.env.test 2>&1 | grep -c 'No such'; git stash list; grep -r canary . --exclude-dir=.git || echo none",
  );
  assert.doesNotMatch(found, /canary/);
  assert.match(found, /KEY=/);
  assert.match(found, /^none$/m);
  const outcome = await perform(readEffect(".env"));
  assert.ok(outcome.ok && !outcome.text.includes("canary"));
  assert.equal(readFileSync(join(place.checkout, ".env"), "utf8"), "KEY=canary-1\n");
});

test("a command that outlives its time is killed with all its processes", async (t) => {
  const { run } = await openBox(t);
  const seconds = mark();
  assert.deepEqual(await run(`(setsid sleep ${seconds} &); trap '' TERM; sleep ${seconds}`, { timeoutMs: 1000 }), {
    ok: false,
    code: "timeout",
    text: "killed after 1000 ms",
  });
  await until("nothing of it lives", () => processesWith(seconds).length === 0);
});

test("a command is stopped by its signal, before and while it runs", async (t) => {
  const { run, text } = await openBox(t);
  const seconds = mark();
  const controller = new AbortController();
  const running = run(`echo started; sleep ${seconds}`, { signal: controller.signal });
  await until("it runs", () => processesWith(seconds).length > 0);
  controller.abort();
  assert.deepEqual(await running, { ok: false, code: "cancelled", text: "started\nstopped by the person" });
  const late = await run("echo x >ran", { signal: controller.signal });
  assert.deepEqual([late.ok, late.ok || late.code], [false, "cancelled"]);
  assert.equal(await text("echo on"), "on");
});

test("what a command leaves running is listed, and ends with the box", async (t) => {
  const { text, box } = await openBox(t);
  const seconds = mark();
  assert.match(
    await text(`setsid nohup sleep ${seconds} >/dev/null 2>&1 & echo left`),
    /^left\n\(still running in the background as bg1\)$/,
  );
  assert.deepEqual(
    box.background.running().map(({ id }) => id),
    ["bg1"],
  );
  await box.close();
  await until("nothing of it lives", () => processesWith(seconds).length === 0);
});

test("a server started in one call answers in the next, on a loopback that the machine does not see", async (t) => {
  const { run, text } = await openBox(t);
  const serve =
    'perl -MIO::Socket -e \'$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 47123, Listen => 5, ReuseAddr => 1) or die; $| = 1; print "up\\n"; while ($c = $s->accept) { print $c "served\\n"; close $c }\'';
  await run(serve, { background: true });
  await until("it is up", async () => (await run("exec 3<>/dev/tcp/127.0.0.1/47123")).ok);
  assert.equal(await text("exec 3<>/dev/tcp/127.0.0.1/47123; cat <&3"), "served");
  assert.throws(() => sh(makePlace(""), "exec 3<>/dev/tcp/127.0.0.1/47123"));
});

test("killing one background command leaves the others", async (t) => {
  const { run, perform, box } = await openBox(t);
  const seconds = mark();
  await run(`echo a; sleep ${seconds}`, { background: true });
  await run(`echo b; sleep ${seconds}`, { background: true });
  await until("both run", () => processesWith(`sleep ${seconds}`).length === 2);
  assert.deepEqual(await perform({ kind: "kill", id: "bg1" }), { ok: true, text: "bg1 killed" });
  assert.deepEqual(
    box.background.running().map(({ id }) => id),
    ["bg2"],
  );
  assert.deepEqual(await perform({ kind: "output", id: "bg2" }), { ok: true, text: "b\n(bg2: running)" });
});

test("while the box is frozen nothing in it moves, and it goes on when thawed", async (t) => {
  const { run, text, box } = await openBox(t);
  await run("while :; do echo x >>ticks; sleep 0.01; done", { background: true });
  await until("it ticks", async () => Number(await text("cat ticks 2>/dev/null | wc -l")) > 2);
  await box.freeze();
  const layer = join(box.folder.path, VIEW === "copy" ? "layer/copy/tree/ticks" : "layer/upper/ticks");
  const frozen = readFileSync(layer, "utf8").length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(readFileSync(layer, "utf8").length, frozen);
  await box.thaw();
  await until("it ticks again", () => readFileSync(layer, "utf8").length > frozen);
});

test("after a remount a file that was replaced or removed outside is seen as it is, and the layer is kept", async (t) => {
  const { text, box, place } = await openBox(t, "echo old >a; echo old >gone; echo old >mine");
  await text("cat a gone; echo box >>mine");
  writeFileSync(join(place.checkout, "a.new"), "new\n");
  renameSync(join(place.checkout, "a.new"), join(place.checkout, "a"));
  sh(place, "rm gone");
  await box.remount();
  assert.equal(await text("cat a; ls; cat mine"), "new\na\nmine\nold\nbox");
});

test("the layer tells whether anything changed", async (t) => {
  const { text, box } = await openBox(t, "echo a >a");
  assert.equal(await box.hasChanges(), false);
  await text("cat a; ls -R >/dev/null; echo x >/tmp/x");
  const afterReading = await box.hasChanges();
  await text("touch b");
  assert.deepEqual([afterReading, await box.hasChanges()], [false, true]);
});

test("a file tool names what it cannot do, and does nothing", async (t) => {
  const { perform, text } = await openBox(
    t,
    "mkdir d; mkfifo pipe; ln -s /nonexistent dangling; echo a >a; chmod 444 a",
  );
  for (const [effect, message] of [
    [readEffect("absent"), /^read: absent does not exist; use list or search to find it$/],
    [readEffect("d"), /^read: d is a folder; use list$/],
    [readEffect("pipe"), /^read: pipe is not a regular file$/],
    [readEffect("dangling"), /^read: dangling does not exist/],
    [{ kind: "write", path: "d", content: "x" }, /^write: d is a folder/],
    [{ kind: "write", path: "a/b", content: "x" }, /^write: .*a/],
    [{ kind: "write", path: "/usr/x", content: "x" }, /Read-only file system/],
    [{ kind: "list", path: "absent", glob: null }, /^list: /],
    [{ kind: "search", pattern: "(", path: "", glob: null }, /^search: .*regex parse error/s],
    [{ kind: "output", id: "bg9" }, /no background command "bg9"; running: none/],
    [{ kind: "kill", id: "__proto__" }, /no background command "__proto__"/],
  ] as const) {
    const outcome = await perform(effect);
    assert.ok(!outcome.ok && message.test(outcome.text), outcome.text);
  }
  assert.equal(await text("git status --short"), "(no output)");
});

test("a link out of the checkout leads into the box, for a read and for a write", async (t) => {
  const outside = makePlace("echo canary >secret");
  const { perform, text } = await openBox(t, `ln -s ${outside.checkout} out; ln -s ${outside.checkout}/secret secret`);
  for (const path of ["out/secret", "secret", `${outside.checkout}/secret`]) {
    const outcome = await perform(readEffect(path));
    assert.deepEqual([outcome.ok, outcome.text.includes("canary")], [false, false]);
  }
  await perform({ kind: "write", path: "out/planted", content: "x" });
  await text(`mkdir -p ${outside.checkout} && echo x >${outside.checkout}/planted; true`);
  assert.equal(sh(outside, "ls; cat secret"), "secret\ncanary\n");
});

test("a box that is closed at once, while its first command waits, leaves nobody waiting and no process", async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const { run, box } = await openBox(t);
    const waiting = run("sleep 300").catch((error: unknown) => error);
    await box.close();
    const end = await waiting;
    assert.ok(end instanceof BoxUnavailable || (end instanceof Object && "ok" in end && !end.ok), String(end));
    await assert.rejects(run("true"), BoxUnavailable);
    assert.deepEqual(processesWith(box.folder.path), []);
  }
});

test("when the holder of a box is killed, its calls end with a reason and its processes with it", async (t) => {
  const { run, box } = await openBox(t);
  const seconds = mark();
  const running = run(`sleep ${seconds}`).catch((error: unknown) => error);
  await until("it runs", () => processesWith(seconds).length > 0);
  for (const pid of processesWith(`holder.pl ${box.folder.path}`)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It went with the one before it.
    }
  }
  const end = await running;
  assert.ok(end instanceof BoxUnavailable || (end instanceof Object && "ok" in end && !end.ok), String(end));
  await until("nothing of it lives", () => processesWith(seconds).length === 0);
  await assert.rejects(run("true"), BoxUnavailable);
});

test("a command cannot see the holder, the program or another command's processes", async (t) => {
  const { run, text } = await openBox(t);
  const seconds = mark();
  await run(`sleep ${seconds}`, { background: true });
  await until("it runs", () => processesWith(`sleep ${seconds}`).length > 0);
  const seen = await text("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; ps -e -o args=");
  assert.doesNotMatch(seen, new RegExp(`holder|ringfence\\.js|${seconds}`));
});

test("the environment of a command comes from the allowlist", async (t) => {
  const environment = {
    ...process.env,
    SECRET_TOKEN: "canary",
    AWS_SECRET_ACCESS_KEY: "canary",
    LD_PRELOAD: "",
    BASH_ENV: "/nonexistent",
    LANG: "C.UTF-8",
    TZ: "Asia/Tokyo",
  };
  const { text } = await openBox(t, "", { environment });
  const seen = await text("env; cat /proc/1/environ /proc/self/environ | tr '\\0' '\\n'");
  assert.doesNotMatch(seen, /canary|BASH_ENV|LD_PRELOAD|RINGFENCE_COMMAND|XDG_/);
  assert.match(seen, /^TZ=Asia\/Tokyo$/m);
  assert.match(seen, /^RINGFENCE=1$/m);
});

test("git moves folders of the checkout and leaves nothing beside them", async (t) => {
  const { text } = await openBox(t, "mkdir -p d e dst; echo 1 >d/f; echo 2 >e/g; chmod 750 d; echo 3 >dst/keep");
  assert.equal(
    await text("git mv d/ dst/ && git mv -f e new; git status --short; stat -c %a dst/d; ls -A . dst"),
    ["R  d/f -> dst/d/f", "R  e/g -> new/g", "750", ".:", ".git", "dst", "new", "", "dst:", "d", "keep"].join("\n"),
  );
});

test("a folder that holds a mask keeps the mode and the time that it has outside", async (t) => {
  const look = "stat -c '%n %a %Y' . p p/q r";
  const { text, place } = await openBox(
    t,
    "mkdir -p p/q r; echo A=1 >p/q/.env; echo '{}' >r/package.json; chmod 751 p p/q; chmod 775 r; touch -d @1000000000 p/q r",
  );
  assert.equal(await text(look), sh(place, look).trim());
});

test("many calls at once each get their own answer", async (t) => {
  const { text } = await openBox(t);
  const numbers = Array.from({ length: 12 }, (_, index) => String(index));
  assert.deepEqual(await Promise.all(numbers.map((number) => text(`sleep 0.0${number}; echo ${number}`))), numbers);
});

test("where the folder to start in is not in the box, a command of the model starts at the root, the person's not at all", async (t) => {
  const { box, place, text } = await openBox(t, "mkdir sub", { below: "sub/" });
  assert.equal(await text("pwd"), `${place.checkout}/sub`);
  assert.equal(await text("rmdir ../sub; cd /tmp"), "(no output)");
  assert.equal(await text("pwd"), "/tmp");
  let said = "";
  const effect = { kind: "run", command: "touch ran", timeoutMs: 30_000, background: false, profile: "net" } as const;
  const done = await box.stream(permitFor(effect), {
    stdin: null,
    terminal: null,
    signal: new AbortController().signal,
    onOutput: (_stream, bytes) => {
      said += Buffer.from(bytes).toString("utf8");
    },
  });
  assert.deepEqual(
    [done.status, said],
    [2, "ringfence: sub/ is hidden in the box, or gone: start in another folder\n"],
  );
  const gone = await openBox(t, "", { below: "sub/" });
  assert.equal(await gone.text("pwd; ls"), gone.place.checkout);
});
