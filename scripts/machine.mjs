import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

const STEP_MS_MAX = 10 * 60_000;
const TEST_USER = "ringfence-test";

/** A program that must be there, and the package that has it, where its name differs by package manager. */
const NEEDED = [
  { program: "bwrap", package: "bubblewrap" },
  { program: "git", package: "git" },
];
const NEEDED_BY_TESTS = [
  { program: "curl", package: "curl" },
  { program: "wget", package: "wget" },
  { program: "openssl", package: "openssl" },
  { program: "python3", package: "python3", pacman: "python" },
  { program: "perl", package: "perl" },
  { program: "gcc", package: "gcc", "apt-get": "build-essential", apk: "build-base", pacman: "base-devel" },
  { program: "ssh-keygen", package: "openssh", "apt-get": "openssh-client", apk: "openssh-keygen" },
  { program: "ssh", package: "openssh", "apt-get": "openssh-client", apk: "openssh-client", dnf: "openssh-clients" },
  // The tests start their own; the one that the package would start stays off.
  {
    program: "sshd",
    package: "openssh",
    "apt-get": "openssh-server",
    dnf: "openssh-server",
    units: ["ssh.service", "ssh.socket"],
  },
  { program: "gpg", package: "gnupg", dnf: "gnupg2", zypper: "gpg2" },
  { program: "make", package: "make", "apt-get": "build-essential", apk: "build-base", pacman: "base-devel" },
];

const APT_WAIT = ["-o", "DPkg::Lock::Timeout=300"];
const MANAGERS = [
  {
    program: "apt-get",
    install: [...APT_WAIT, "install", "-y", "-q", "--no-install-recommends"],
    refresh: [...APT_WAIT, "update", "-q"],
  },
  { program: "dnf", install: ["install", "-y", "-q"], refresh: ["makecache", "-q"] },
  { program: "apk", install: ["add", "--wait", "300"], refresh: ["update", "--wait", "300"] },
  { program: "pacman", install: ["-S", "--noconfirm", "--needed"], refresh: ["-Sy", "--noconfirm"] },
  { program: "zypper", install: ["--non-interactive", "install"], refresh: ["--non-interactive", "refresh"] },
];

/**
 * Installs the system's programs that are missing; undefined when all is there, else what the person must run.
 *
 * Nothing is skipped for want of a program: a test that cannot find `curl` would pass for "blocked".
 */
export function prepareMachine({ forTests, forLongTests = false, say }) {
  const needed = [...NEEDED, ...(forTests ? NEEDED_BY_TESTS : []), ...(forLongTests ? readLongNeeds() : [])];
  const isRoot = process.getuid?.() === 0;
  const missing = needed.filter((need) => !find(need.program));
  if (missing.length > 0) {
    const answer = installPrograms(missing, { isRoot, say });
    if (answer) return answer;
  }
  return forTests && isRoot && !hasTestUser() ? addTestUser(say) : undefined;
}

/** Reads what the long tests need: each folder of them has a table from program to Debian package. */
function readLongNeeds() {
  const tests = new URL("../test/", import.meta.url);
  return readdirSync(tests).flatMap((folder) => {
    const file = new URL(`${folder}/packages.json`, tests);
    if (!existsSync(file)) return [];
    return Object.entries(JSON.parse(readFileSync(file, "utf8"))).map(([program, name]) => ({
      program,
      package: name,
    }));
  });
}

function installPrograms(missing, { isRoot, say }) {
  const names = missing.map((need) => need.program).join(", ");
  const manager = MANAGERS.find((each) => find(each.program));
  if (!manager) return `missing: ${names}; install: ${packagesOf(missing, "").join(" ")}`;
  const packages = packagesOf(missing, manager.program);
  const prefix = isRoot ? [] : passwordlessSudo();
  const line = [manager.program, ...manager.install, ...packages].join(" ");
  if (!prefix) return `missing: ${names}; run: sudo ${line}`;

  const call = (args) =>
    runQuietly([...prefix, "/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", find(manager.program), ...args]);
  say(`installing ${packages.join(" ")} (${manager.program})`);
  const units = manager.program === "apt-get" ? missing.flatMap((need) => need.units ?? []) : [];
  if (units.length > 0 && find("systemctl")) {
    const off = runQuietly([...prefix, find("systemctl"), "mask", ...units]);
    if (!off.ok) return `${off.text}so ${names} would be started: run: ${isRoot ? "" : "sudo "}${line}`;
    say(`${units.join(" and ")} stay off (systemctl unmask ${units.join(" ")} lets them run)`);
  }
  let run = call([...manager.install, ...packages]);
  if (!run.ok) {
    // The usual cause is a package list that is missing or old.
    const refresh = call(manager.refresh);
    run = refresh.ok ? call([...manager.install, ...packages]) : refresh;
  }
  const still = missing.filter((need) => !find(need.program)).map((need) => need.program);
  if (run.ok && still.length === 0) return undefined;
  const sudo = isRoot ? "" : "sudo ";
  return `${run.text}still missing: ${still.join(", ") || names}; run: ${sudo}${line}`;
}

function packagesOf(missing, manager) {
  return [...new Set(missing.map((need) => need[manager] ?? need.package))];
}

function passwordlessSudo() {
  const sudo = find("sudo");
  return sudo && runQuietly([sudo, "-n", "true"]).ok ? [sudo, "-n"] : undefined;
}

/** Tests that run as root are run a second time as somebody ordinary. */
function addTestUser(say) {
  const useradd = find("useradd");
  const adduser = find("adduser");
  const command = useradd
    ? [useradd, "--create-home", "--shell", "/bin/sh", TEST_USER]
    : [adduser ?? "adduser", "-D", "-s", "/bin/sh", TEST_USER];
  say(`adding the user ${TEST_USER}`);
  const run = runQuietly(command);
  return hasTestUser() ? undefined : `${run.text}no user ${TEST_USER}; run: ${command.join(" ")}`;
}

function hasTestUser() {
  return readFileSync("/etc/passwd", "utf8").includes(`\n${TEST_USER}:`);
}

/** The absolute path of a program. The home folder does not count: the box hides it, and other users cannot read it. */
function find(program) {
  const home = join(homedir(), "/");
  // Where an ordinary PATH ends before the administrator's folders, useradd is still found.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders
    .filter((folder) => isAbsolute(folder) && (home === "/" || !join(folder, "/").startsWith(home)))
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function runQuietly([program, ...args]) {
  const run = spawnSync(program, args, { encoding: "utf8", timeout: STEP_MS_MAX, stdio: ["ignore", "pipe", "pipe"] });
  return { ok: run.status === 0, text: `${run.stdout ?? ""}${run.stderr ?? run.error?.message ?? ""}` };
}
