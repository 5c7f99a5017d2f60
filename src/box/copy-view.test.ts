import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { collectChanges } from "./collect.ts";
import { drawn, SEED } from "./drawn.fixture.ts";
import { readFacts } from "./folder.ts";
import { asOrdinaryUser, makePlace, type Place, programs, sh, startSession, VIEW } from "./land.fixture.ts";
import { until } from "./open.fixture.ts";
import { permitFor } from "./permit.fixture.ts";

const LOOK =
  "find . -path ./.git -prune -o ! -type d -printf '%y %m %s %P -> %l\\n' | LC_ALL=C sort | cat -v; find . -path ./.git -prune -o -type f -printf '%T@ %P\\n' | LC_ALL=C sort | cat -v";

/** One of each: land, rewind, a background command, the person's saves, ignored files, commits, masks. */
const CORE =
  "every kind of source change lands|a rewind gives back all|a checkpoint is a copy|is merged into the layer|" +
  "what a session did to ignored files|secrets of the checkout are masked|commits of every everyday kind|" +
  "is not changed by anything that the box does|after a remount";

// Whoever runs these tests runs all of them with a copy; root has the ordinary user run them once more.
if (VIEW !== "copy") {
  runWithCopy([beside("copy-view")], null, "what a copy of the view holds to alone");
  if (process.env.RINGFENCE_FULL === "1") {
    const names =
      "box land undo layers discard collect flatten flatten.full sync sync-git follow mask repository keep commits commits.full branch";
    for (const name of names.split(" ")) runWithCopy([beside(name)], null, `${name}.test.ts holds with a copy`);
    runWithCopy([beside("users")], null, "and for an ordinary user", { RINGFENCE_FULL: "1" });
    for (const name of ["git", "layer", "meanwhile", "mutations"])
      runWithCopy([`../../test/properties/${name}.test.ts`], null, `the property ${name} holds with a copy`);
  } else
    runWithCopy(
      drawn(["box", "land", "layers", "sync", "keep", "commits"], 1).map(beside),
      CORE,
      `a sixth of the core of the box's tests holds with a copy (RINGFENCE_SEED=${SEED})`,
    );
} else {
  if (process.getuid?.() === 0)
    test("all of this holds for an ordinary user", () => asOrdinaryUser(fileURLToPath(import.meta.url)));
  testCopy();
}

function beside(name: string): string {
  return `./${name}.test.ts`;
}

function runWithCopy(
  files: readonly string[],
  pattern: string | null,
  title: string,
  more: Readonly<Record<string, string>> = {},
): void {
  test(title, () => {
    const flags = pattern === null ? [] : [`--test-name-pattern=${pattern}`];
    const paths = files.map((file) => fileURLToPath(new URL(file, import.meta.url)));
    // As a test's child it would report to this one in a language of its own; and the files' own long run is their own.
    const { NODE_TEST_CONTEXT: _, RINGFENCE_FULL: __, ...environment } = process.env;
    // A test that fails leaves its box open, which would be waited for to the time limit.
    const child = spawnSync(
      process.execPath,
      ["--test", "--test-force-exit", "--test-reporter=spec", ...flags, ...paths],
      {
        env: { ...environment, ...more, RINGFENCE_TEST_VIEW: "copy" },
        encoding: "utf8",
        timeout: 1_800_000,
      },
    );
    assert.equal(child.status, 0, child.stdout.slice(-8000) + child.stderr);
    assert.match(child.stdout, /^ℹ pass [1-9]/m);
  });
}

function testCopy(): void {
  test("a copy shows what the checkout holds, whatever its names and modes, and follows no link", async (t) => {
    const place = makePlace(
      `mkdir -p a/b shut; echo 1 >a/b/c; echo 2 >shut/in; chmod 0 shut; echo 3 >none; chmod 0 none; echo 4 >run; chmod 755 run
      ln -s /etc/passwd out; ln -s a/b in; ln -s nowhere gone; : >$'new\\nline'; : >$'not\\xffutf8'; : >' -rf '; touch -d 1950-01-01 old
      mkfifo pipe; d=$PWD; for n in $(seq 60); do mkdir -p deep/er; cd deep/er; done; echo 5 >f; cd $d`,
    );
    const session = await startSession(place);
    t.after(() => session.close());
    assert.deepEqual(session.box.view, { kind: "copy", why: "" });
    const look = `chmod 700 shut; ${LOOK}; chmod 0 shut`;
    assert.equal(await session.run(look), sh(place, look).trim());
    const { changes } = await session.collect();
    assert.deepEqual(changes, []);
  });

  test("what did not change is not copied again, and what the person changed is", async (t) => {
    const place = makePlace(
      "mkdir d; echo same >d/same; echo old >edited; echo old >gone; echo old >swapped; echo old >box",
    );
    const session = await startSession(place);
    t.after(() => session.close());
    const inodes = () => session.run("stat -c '%n %i' d/same box made 2>/dev/null; true");
    await session.run("echo box >box; echo made >made");
    const before = await inodes();
    sh(place, "echo new >edited; rm gone; echo new >swapped~; mv swapped~ swapped; echo new >d/new");
    await session.box.remount();
    assert.equal(await inodes(), before);
    assert.equal(
      await session.run("cat edited swapped d/new box made; ls"),
      "new\nnew\nnew\nbox\nmade\nbox\nd\nedited\nmade\nswapped",
    );
  });

  test("what the box moves, links, replaces and makes anew is the same change that an overlay makes of it", async () => {
    const steps = [
      "mv d moved; rm -r f; mkdir f; echo new >f/new; cp four copied; echo more >>four; rm five; mkdir five; echo in >five/in; mkdir new",
      "mv moved d; rm -r d/e; rm d/1; chmod 600 copied; rm -r h/*; cp -a g h; mv six six2; ln -sfn four l; mv h/g new",
      "rm -r new; echo again >new; mkdir f/f; echo f >f/f/f; mkdir d/e; sed -i s/7/8/ seven; mv seven f; mv five/in five2; rmdir five",
    ];
    const listed = ["auto", "copy"].map(async (view) => {
      const place = makePlace(
        "mkdir -p d/e f g h/i; echo 1 >d/1; echo 2 >d/e/2; echo 3 >f/3; for n in four five six seven g/g h/h h/i/i; do echo $n 7 >$n; done",
      );
      const session = await startSession(place, { view: view as "auto" | "copy" });
      const found: unknown[] = [];
      for (const step of steps) {
        await session.run(step);
        found.push((await session.collect()).changes.map(({ change }) => change));
        await session.box.checkpoint("turn", step);
      }
      sh(place, "rm -r six seven h g/g; echo person >four");
      found.push((await session.collect()).changes.map(({ change, conflict }) => [change.path, conflict]));
      await session.close();
      assert.equal(existsSync(join(session.path, "layer/copy")), false);
      const { changes } = await session.collect();
      return [...found, changes.map(({ change, conflict }) => [change, conflict])];
    });
    const [overlay, copy] = await Promise.all(listed);
    assert.deepEqual(copy, overlay);
  });

  test("what the person makes while the box makes the same hides nothing of theirs", async (t) => {
    const place = makePlace("mkdir d; echo 1 >d/1");
    const session = await startSession(place);
    t.after(() => session.close());
    sh(place, "mkdir both; echo theirs >both/theirs; echo theirs >file");
    await session.run("mkdir both; echo ours >both/ours; echo ours >file; rm -r d; mkdir d");
    await session.box.remount();
    assert.equal(await session.run("ls both d; cat file"), "both:\nours\ntheirs\n\nd:\nours");
    const { changes } = await session.collect();
    const found = changes.map(({ change, conflict }) => `${change.action} ${change.path} ${conflict}`);
    assert.deepEqual(found, ["add both/ours null", "delete d/1 null", "edit file appeared"]);
  });

  test("no mark of the layer can be made in the box, and a device is no more than a deletion", async () => {
    const place = makePlace("mkdir d; echo 1 >d/1; echo a >a; echo b >b");
    const session = await startSession(place);
    const calls = {
      x64: { mknod: 133, setxattr: 188 },
      arm64: { mknod: null, setxattr: 5 },
    }[process.arch as "x64" | "arm64"];
    await session.run(
      `rm a; perl -e 'syscall(${calls.mknod ?? 33}, ${calls.mknod === null ? "-100, " : ""}my $p = "a", 020000, 0) == 0 or warn $!' 2>&1
      perl -e 'for (qw(d b)) { syscall(${calls.setxattr}, my $p = $_, my $n = "user.overlay.opaque", my $v = "y", 1, 0) == 0 or die $! }'
      perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0) and bind($s, pack_sockaddr_un("sock"))'; echo 2 >>b`,
    );
    await session.close();
    const { changes } = await session.collect();
    assert.deepEqual(
      changes.map(({ change }) => `${change.action} ${change.path}`),
      ["delete a", "edit b"],
    );
    assert.equal(sh({ ...place, checkout: join(session.path, "layer") }, "find . -type s"), "");
  });

  test("a link that the box puts in place of a folder again and again gives it nothing of the holder's", async () => {
    // In the holder's root the checkout lies, without masks, in /lower.
    const place = makePlace("mkdir d; echo KEY=canary-71 >d/.env; echo KEY=canary-71 >.env; echo x >d/x");
    const session = await startSession(place);
    const swap = "while :; do mv d aside; ln -s /lower/d d; touch s; rm d; mv aside d; done";
    const effect = { kind: "run", command: swap, timeoutMs: 60_000, background: true, profile: "net" } as const;
    await session.box.perform(permitFor(effect), { signal: new AbortController().signal });
    for (let round = 0; round < 60; round += 1) {
      await session.run(`echo ${round} >>round`);
      await session.box.hasChanges();
    }
    await session.close();
    const found = spawnSync("grep", ["-rl", "canary-71", join(session.path, "layer")], { encoding: "utf8" });
    assert.equal(found.stdout, "");
  });

  test("killed with all that it had, a session has in its layer what the box wrote last", async () => {
    const place = makePlace("echo 1 >a; echo 2 >b");
    const fixture = JSON.stringify(fileURLToPath(new URL("./land.fixture.ts", import.meta.url)));
    const script = `const { startSession } = await import(${fixture});
      const session = await startSession(${JSON.stringify(place)});
      await session.run("echo one >>a");
      await session.box.hasChanges();
      await session.run("rm b; echo late >c; ln -s c l");
      console.log(session.path);
      process.kill(process.pid, "SIGKILL");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let path = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      path += text;
    });
    await once(child, "close");
    const sessionPath = path.trim();
    const collect = () => collectChanges({ sessionPath, facts: readFacts(sessionPath), programs });
    // The holder follows its program a moment later.
    await until("the copy is carried over", async () => {
      await collect();
      return !existsSync(join(sessionPath, "layer/copy"));
    });
    const { changes } = await collect();
    assert.deepEqual(
      changes.map(({ change }) => `${change.action} ${change.path}`),
      ["edit a", "delete b", "add c", "add l"],
    );
  });

  test("where commands may make no unix socket, nothing is covered, and the box works all the same", async (t) => {
    const place = makePlace("echo 1 >a");
    const first = await startSession(place);
    await first.close();
    const [known = ""] = readdirSync(place.state).filter((name) => name.startsWith("sockets-"));
    writeFileSync(join(place.state, known), "no");
    const session = await startSession(place);
    t.after(() => session.close());
    assert.equal(
      await session.run("findmnt -t overlay; cat a; [ -s /etc/passwd ] && sed --version | head -c3"),
      "1\nsed",
    );
    assert.match(
      await session.run(
        "perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0) or print $!'; touch /usr/x /etc/x 2>&1 || true",
      ),
      /^(?:Permission denied|Operation not permitted)touch: .*Read-only file system\ntouch: .*Read-only file system$/,
    );
  });

  test("where something is mounted below the checkout, the view is a copy that shows it, masks and all", () => {
    const place = makePlace("mkdir volume; echo 1 >a");
    const { view, notes, seen, landed, volume } = inMount(place);
    assert.equal(view.kind, "copy");
    assert.match(notes.join("\n"), /the view is a copy of the checkout, since the kernel refuses an overlay here: ./);
    assert.equal(seen, "KEY=ringfence-masked\nin\n1");
    assert.deepEqual([landed, volume], [["a", "volume/in"], "in\nbox\n"]);
  });
}

/** Has a session on a checkout with a folder of another disk in it, in mount namespaces of their own. */
function inMount(place: Place) {
  const fixture = JSON.stringify(fileURLToPath(new URL("./land.fixture.ts", import.meta.url)));
  const script = `const { landAll, startSession, sh } = await import(${fixture});
    const session = await startSession(${JSON.stringify(place)}, { view: "auto" });
    const seen = await session.run("cat volume/.env volume/in a; echo box | tee -a volume/in >>a");
    const { landed } = await landAll(session);
    await session.close();
    const { view, notes } = session.box;
    console.log(JSON.stringify({ view, notes, seen, landed, volume: sh(${JSON.stringify(place)}, "cat volume/in") }));`;
  const prepare = `mount -t tmpfs none volume && echo in >volume/in && echo KEY=canary >volume/.env && cd / && exec "$@"`;
  const node = [process.execPath, "--input-type=module", "-e", script];
  const flags = process.getuid?.() === 0 ? "-m" : "-Urm";
  const child = spawnSync("unshare", [flags, "/bin/bash", "--norc", "-euc", prepare, "bash", ...node], {
    cwd: place.checkout,
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout) as {
    readonly view: { readonly kind: string };
    readonly notes: readonly string[];
    readonly seen: string;
    readonly landed: readonly string[];
    readonly volume: string;
  };
}
