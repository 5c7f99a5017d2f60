import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { findProgram } from "./programs.ts";

/** Turns a refusal of the kernel or of a container runtime into a sentence with the one fix that helps here. */
export function explainRefusal(what: string, errors: string): string {
  const detail = `${what} ${errors}`.trim().slice(0, 600);
  return `${detail}\n${fixFor(detail, readSurroundings())}`;
}

/** The facts about this machine that a fix depends on. */
export interface Surroundings {
  readonly restrictsByAppArmor: boolean;
  readonly isUsernsOff: boolean;
  readonly usernsMax: number;
  readonly isContainer: boolean;
  readonly ci: "github" | "gitlab" | null;
  readonly isDevcontainer: boolean;
  readonly isWsl: 1 | 2 | null;
  /** Its version, as in "0.8.0"; null where it does not say. */
  readonly bubblewrap: string | null;
}

const VERSION_MS_MAX = 2000;

const APPARMOR_PROFILE =
  "printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile ringfence-unshare /usr/bin/unshare flags=(unconfined) {\\n  userns,\\n}\\n" +
  "profile ringfence-bwrap /usr/bin/bwrap flags=(unconfined) {\\n  userns,\\n}\\n' | sudo tee /etc/apparmor.d/ringfence && " +
  "sudo apparmor_parser -r /etc/apparmor.d/ringfence";
const DOCKER_FLAGS =
  "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined";

/** Chooses the fix. Pure, so that every kind of machine is tested here. */
export function fixFor(detail: string, around: Surroundings): string {
  if (/failed copy of the checkout/.test(detail)) {
    return (
      "Fix: the view is a copy here, which takes as much of the disk of the state folder as the checkout does. Free some of it, " +
      "or set XDG_STATE_HOME to a folder on a larger disk."
    );
  }
  if (/overlay|failed mount|failed whiteout/i.test(detail)) {
    return (
      "Fix: the state folder must lie on a disk that can hold a layer (ext4, xfs, btrfs, tmpfs; not overlayfs or a network " +
      "share). Set XDG_STATE_HOME to such a folder."
    );
  }
  if (/bwrap: Unknown option/i.test(detail) && isTooOld(around.bubblewrap)) {
    return (
      `Fix: bubblewrap ${around.bubblewrap ?? "(of unknown version)"} is too old, the box needs 0.8.0 or newer: upgrade it (Debian 12 and ` +
      "Ubuntu 24.04 have one), or build a newer one and install it as /usr/bin/bwrap."
    );
  }
  if (around.isWsl === 1) return "Fix: WSL1 has no namespaces; run `wsl --set-version <distribution> 2` in Windows.";
  if (around.isUsernsOff || around.usernsMax === 0) {
    return "Fix: user namespaces are off; run `sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000`.";
  }
  if (around.isDevcontainer) {
    return `Fix: add to devcontainer.json "runArgs": [${DOCKER_FLAGS.split(" --")
      .map((flag, index) => `"${index ? "--" : ""}${flag.replace(" ", "=")}"`)
      .join(", ")}] and rebuild.`;
  }
  if (around.ci === "gitlab") {
    return 'Fix: on a GitLab runner set in config.toml [runners.docker] security_opt = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"].';
  }
  if (around.isContainer) return `Fix: start the container with \`docker run ${DOCKER_FLAGS} …\`.`;
  if (around.ci === "github" && around.restrictsByAppArmor) {
    return "Fix: on a GitHub runner add the step `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`.";
  }
  if (around.restrictsByAppArmor)
    return `Fix: AppArmor restricts user namespaces (Ubuntu 23.10 and later); run:\n${APPARMOR_PROFILE}`;
  if (around.isWsl === 2)
    return "Fix: update the WSL2 kernel with `wsl --update` in Windows (the box needs 5.12 or later).";
  return "Fix: run `ringfence doctor` for the piece that is missing; the box needs Linux 5.12 or later with user namespaces.";
}

function isTooOld(version: string | null): boolean {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  return major === 0 && minor < 8;
}

/** Reads what kind of machine this is. */
export function readSurroundings(): Surroundings {
  const version = read("/proc/version");
  return {
    restrictsByAppArmor: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").trim() === "1",
    isUsernsOff: read("/proc/sys/kernel/unprivileged_userns_clone").trim() === "0",
    usernsMax: Number(read("/proc/sys/user/max_user_namespaces").trim() || "1"),
    isContainer: existsSync("/.dockerenv") || existsSync("/run/.containerenv"),
    ci: process.env.GITHUB_ACTIONS === "true" ? "github" : process.env.GITLAB_CI === "true" ? "gitlab" : null,
    isDevcontainer: process.env.REMOTE_CONTAINERS === "true" || process.env.CODESPACES === "true",
    isWsl: /microsoft/i.test(version) ? (/WSL2|microsoft-standard/i.test(version) ? 2 : 1) : null,
    bubblewrap: bubblewrapVersion(),
  };
}

// Asked only once something was refused: a start would cost every session two milliseconds.
function bubblewrapVersion(): string | null {
  const program = findProgram("bwrap");
  if (program === null) return null;
  const { stdout } = spawnSync(program, ["--version"], {
    env: {},
    encoding: "utf8",
    timeout: VERSION_MS_MAX,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return /\d+\.\d+(?:\.\d+)?/.exec(stdout ?? "")?.[0] ?? null;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
