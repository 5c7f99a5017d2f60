import assert from "node:assert/strict";
import type { ChildProcess, SpawnSyncReturns } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

/** A checkout with everything installed, on a machine whose PATH holds git and what `programs` adds. */
function checkout(t: TestContext, programs: Readonly<Record<string, string>>): { root: string; bin: string } {
  const root = mkdtempSync(join(tmpdir(), "ringfence-setup-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const name of ["bin", "scripts", "package.json", "package-lock.json"]) {
    cpSync(join(ROOT, name), join(root, name), { recursive: true });
  }
  mkdirSync(join(root, "src"));
  // The stand-in for the program shows what it was started with, or waits to be stopped.
  writeFileSync(
    join(root, "src/main.ts"),
    `const [command] = process.argv.slice(2);
if (command === "wait") setInterval(() => {}, 1000);
if (command === "fail") process.exit(7);
process.stdout.write(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), options: process.env.NODE_OPTIONS ?? null }) + "\\n");`,
  );
  mkdirSync(join(root, "node_modules/.bin"), { recursive: true });
  symlinkSync(process.execPath, join(root, "node_modules/.bin/node"));
  writeFileSync(join(root, "node_modules/.ringfence-lock"), lockHash());
  const bin = join(root, "path");
  mkdirSync(bin);
  for (const [name, script] of Object.entries({ git: "", ...programs })) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return { root, bin };
}

function lockHash(): string {
  return createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
}

function setup(place: { root: string; bin: string }, args: readonly string[], env = {}): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [join(place.root, "scripts/setup.mjs"), ...args], {
    encoding: "utf8",
    env: { PATH: place.bin, HOME: join(place.root, "home"), INIT_CWD: "/usr", ...env },
  });
}

/** sudo that lets everybody, for when the tests run as an ordinary user. */
const SUDO = 'shift; PATH=/usr/bin:/bin; exec "$@"';

test("start runs the program in the person's folder, with the arguments, and says nothing else", (t) => {
  const run = setup(checkout(t, { bwrap: "" }), ["start", "run", "fix it"], { NODE_OPTIONS: "--no-warnings" });
  assert.deepEqual(
    { status: run.status, stderr: run.stderr, said: JSON.parse(run.stdout) },
    { status: 0, stderr: "", said: { args: ["run", "fix it"], cwd: "/usr", options: null } },
  );
});

test("start without arguments runs the demo", (t) => {
  const run = setup(checkout(t, { bwrap: "" }), ["start"]);
  assert.deepEqual(JSON.parse(run.stdout).args, ["demo"]);
});

test("the program's exit status is the set-up's", (t) => {
  assert.equal(setup(checkout(t, { bwrap: "" }), ["start", "fail"]).status, 7);
});

test("the version needs no program code", (t) => {
  const run = setup(checkout(t, { bwrap: "" }), ["start", "--version"]);
  assert.deepEqual({ status: run.status, stdout: run.stdout }, { status: 0, stdout: `${version}\n` });
});

test("a signal ends the program and then the set-up", async (t) => {
  const place = checkout(t, { bwrap: "" });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const child: ChildProcess = spawn(process.execPath, [join(place.root, "scripts/setup.mjs"), "start", "wait"], {
      env: { PATH: place.bin, HOME: join(place.root, "home") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (child.stdout) await once(child.stdout, "data");
    child.kill(signal);
    const [status, by] = await once(child, "exit");
    assert.deepEqual({ status, by }, { status: null, by: signal });
  }
});

test("a missing bubblewrap is installed, with fresh package lists when the first try fails", (t) => {
  const place = checkout(t, {
    sudo: SUDO,
    "apt-get": `here=$(/usr/bin/dirname "$0"); echo "$*" >> "$here/log"
case "$*" in *update*) : > "$here/fresh";; *) [ -e "$here/fresh" ] || exit 100; : > "$here/bwrap"; /bin/chmod +x "$here/bwrap";; esac`,
  });
  const run = setup(place, ["start", "x"]);
  const install = "-o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends bubblewrap";
  assert.deepEqual(
    { status: run.status, stderr: run.stderr, calls: readFileSync(join(place.bin, "log"), "utf8") },
    {
      status: 0,
      stderr: "setup: installing bubblewrap (apt-get)\n",
      calls: `${install}\n-o DPkg::Lock::Timeout=300 update -q\n${install}\n`,
    },
  );
});

test("an install that reports success without the program stops with the command to run", (t) => {
  const place = checkout(t, { sudo: SUDO, dnf: "exit 0" });
  const run = setup(place, ["start", "x"]);
  assert.equal(run.status, 23);
  assert.match(run.stderr, /still missing: bwrap; run: (sudo )?dnf install -y -q bubblewrap\n$/);
  assert.equal(run.stdout, "");
});

test("without a package manager nothing runs and the missing package is named", (t) => {
  const run = setup(checkout(t, {}), ["start", "x"]);
  assert.deepEqual(
    { status: run.status, stdout: run.stdout, stderr: run.stderr },
    { status: 23, stdout: "", stderr: "setup: missing: bwrap; install: bubblewrap\n" },
  );
});

test("a program in the home folder does not count", (t) => {
  const place = checkout(t, { bwrap: "" });
  const run = setup(place, ["start", "x"], { HOME: place.root });
  assert.equal(run.status, 23);
});

test("an old Node without a pinned one gets one line that names the fix", (t) => {
  const place = checkout(t, { bwrap: "" });
  rmSync(join(place.root, "node_modules/.bin/node"));
  const script = `Object.defineProperty(process.versions, "node", { value: "20.1.0" }); await import(${JSON.stringify(join(place.root, "bin/ringfence.js"))});`;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.deepEqual(
    { status: run.status, stdout: run.stdout, stderr: run.stderr },
    {
      status: 1,
      stdout: "",
      stderr: `ringfence: needs Node 24.11 or newer, this is 20.1.0: run npm ci in ${place.root}/\n`,
    },
  );
});

test("the compile cache is a private folder, and none when another could write there", (t) => {
  const place = checkout(t, { bwrap: "" });
  // A folder under /tmp is refused, and the checkout may be there: the account's own home is what is left.
  const home = mkdtempSync(join(userInfo().homedir, ".ringfence-test-"));
  t.after(() => rmSync(home, { recursive: true }));
  const start = (cache: string) => setup(place, ["start", "x"], { XDG_CACHE_HOME: cache }).status;

  assert.equal(start(home), 0);
  assert.equal(existsSync(join(home, "ringfence/compile")), true);

  const open = join(home, "open");
  mkdirSync(open);
  spawnSync("chmod", ["0777", open]);
  assert.equal(start(open), 0);
  assert.equal(existsSync(join(open, "ringfence")), false);

  assert.equal(start(join(place.root, "cache")), 0);
  assert.equal(existsSync(join(place.root, "cache/ringfence")), false);
});
