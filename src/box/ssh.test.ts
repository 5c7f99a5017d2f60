import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openSsh } from "./ssh.ts";

const PLACE = { user: "git", host: "git.example", port: 2222, path: "group/thing.git" };

/** Ssh that connects through a program of the test's, by the person's own configuration. */
function open(t: TestContext, program: string, own = "") {
  const root = mkdtempSync("/tmp/ringfence-ssh-");
  t.after(() => rmSync(root, { recursive: true }));
  const checkout = join(root, "repo");
  mkdirSync(join(checkout, "bin"), { recursive: true });
  writeFileSync(join(root, "proxy"), program.replaceAll("ROOT", root));
  writeFileSync(join(root, "config"), `Host *\n\tProxyCommand /bin/sh ${root}/proxy\n${own}`);
  const environment = {
    ...{ PATH: `${checkout}/bin:/usr/bin:/bin`, SSH_AUTH_SOCK: "/nowhere/agent", LANG: "C", TOKEN: "canary" },
    ...{ GIT_SSH_COMMAND: "canary", SSH_ASKPASS: "canary", DISPLAY: ":canary", GIT_PROTOCOL: "canary" },
  };
  const start = openSsh({ place: PLACE, command: `ssh -F ${root}/config`, environment, home: root, checkout });
  assert.ok(typeof start !== "string");
  return { root, start };
}

test("ssh is started with what it needs and nothing else, and what the person's configuration says comes after what is fixed", async (t) => {
  const own = "\tForwardAgent yes\n\tStrictHostKeyChecking no\n\tControlMaster auto\n\tControlPath ROOT/control\n";
  const { root, start } = open(
    t,
    "cd /proc/$PPID; cat environ >ROOT/environ; cat cmdline >ROOT/cmdline; readlink cwd >ROOT/cwd; cut -d' ' -f7 stat >ROOT/tty",
    own,
  );
  const { status, told } = await start("git-receive-pack", 0).ended;
  assert.equal(status, 255, told);
  const read = (name: string) => readFileSync(join(root, name), "utf8");
  assert.deepEqual(read("environ").split("\0").filter(Boolean).sort(), [
    `HOME=${root}`,
    "PATH=/usr/bin:/bin",
    "SSH_ASKPASS_REQUIRE=never",
    "SSH_AUTH_SOCK=/nowhere/agent",
  ]);
  const [ssh, ...args] = read("cmdline").split("\0").slice(0, -1);
  assert.match(ssh ?? "", /^\/(?:usr\/)?bin\/ssh$/);
  assert.deepEqual(args.slice(-7), [
    "-p",
    "2222",
    "-F",
    `${root}/config`,
    "--",
    "git@git.example",
    "git-receive-pack 'group/thing.git'",
  ]);
  const fixed = args.slice(0, -7).join(" ");
  for (const each of [
    "-T",
    "-x",
    "-a",
    "-k",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ControlMaster=no",
    "ClearAllForwardings=yes",
  ])
    assert.ok(fixed.includes(each), each);
  assert.equal(fixed.includes("SendEnv"), false);
  assert.deepEqual([read("cwd"), read("tty")], ["/\n", "0\n"]);
  await start("git-upload-pack", 2).ended;
  assert.match(read("environ"), /\0GIT_PROTOCOL=version=2\0/);
  assert.match(read("cmdline"), /\0SendEnv=GIT_PROTOCOL\0.*\0git-upload-pack 'group\/thing\.git'\0$/);
});

function isAlive(pid: string): boolean {
  try {
    // What nobody has buried yet has ended too.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test("what is ended takes along what it connects through", async (t) => {
  const { root, start } = open(
    t,
    "echo $$ >ROOT/pid.new; mv ROOT/pid.new ROOT/pid; trap '' HUP TERM; while :; do sleep 60; done",
  );
  const program = start("git-upload-pack", 2);
  for (let tries = 0; !existsSync(join(root, "pid")) && tries < 500; tries += 1) await sleep(20);
  const pid = readFileSync(join(root, "pid"), "utf8").trim();
  program.kill();
  assert.equal((await program.ended).status, null);
  for (let tries = 0; isAlive(pid) && tries < 500; tries += 1) await sleep(20);
  assert.equal(isAlive(pid), false);
});

test("a command that is not understood starts nothing, and says where it belongs", () => {
  const plan = { place: PLACE, environment: {}, home: "/nowhere", checkout: "/nowhere" };
  assert.match(
    String(openSsh({ ...plan, command: "plink -batch" })),
    /^core\.sshCommand .*: put what it does into ~\/\.ssh\/config$/,
  );
});
