import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { readSshCommand } from "../core/ssh-command.ts";
import type { SshEnd, SshPlace } from "../core/ssh-place.ts";
import { foldersOf } from "./git-login.ts";
import type { Environment } from "./identity.ts";
import { findProgram } from "./programs.ts";

export interface SshPlan {
  readonly place: SshPlace;
  /** `core.sshCommand` of the person's own git configuration; null without one. */
  readonly command: string | null;
  readonly environment: Environment;
  readonly home: string;
  readonly checkout: string;
}

/** A program of git's on the far side. */
export interface SshProgram {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly ended: Promise<SshEnd>;
  /** Ends ssh and all that it started. */
  readonly kill: () => void;
}

export type StartSsh = (service: "git-upload-pack" | "git-receive-pack", version: 0 | 2) => SshProgram;

/** What ssh needs to find keys and the way; nothing by which it could ask, and no locale, which it would hand on. */
const PASSED =
  "SSH_AUTH_SOCK XDG_RUNTIME_DIR XDG_CONFIG_HOME GNUPGHOME KRB5CCNAME DBUS_SESSION_BUS_ADDRESS USER LOGNAME";
const TOLD_CHARS_MAX = 4096;
/** They come before all that the person's configuration says, and the first value counts. */
const FIXED = [
  // No terminal, no window, no agent and no ticket for the far side.
  ...["-T", "-x", "-a", "-k"],
  ...[
    "BatchMode=yes",
    // What it would learn of hosts by itself stays outside: a session changes nothing in the home.
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "AddKeysToAgent=no",
    "ClearAllForwardings=yes",
    "Tunnel=no",
    "PermitLocalCommand=no",
    // A connection of the person's own may be used; none is left behind.
    "ControlMaster=no",
    "ControlPersist=no",
    "ConnectTimeout=15",
    "ConnectionAttempts=1",
    // What it says of keys that it tries is not what stopped it.
    "LogLevel=ERROR",
  ].flatMap((option) => ["-o", option]),
];

/**
 * Makes what runs git's programs on the far side by the person's own ssh, by its absolute path and without a shell; a
 * sentence where that cannot be. The repository's configuration has no say, and neither has `GIT_SSH`.
 */
export function openSsh({ place, command, environment, home, checkout }: SshPlan): StartSsh | string {
  const ssh = findProgram("ssh");
  const setpriv = findProgram("setpriv");
  if (ssh === null || setpriv === null)
    return 'the remote is reached by ssh, which is not installed: run "apt-get install openssh-client" (or your package manager)';
  const options = command === null ? [] : readSshCommand(command, home);
  if (options === null)
    return "core.sshCommand of your git configuration is more than ssh with -i, -F, -J and -o: put what it does into ~/.ssh/config";
  const passed = PASSED.split(" ").flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const env = {
    ...Object.fromEntries(passed),
    HOME: home,
    // For what the person's configuration connects through.
    PATH: foldersOf(environment, checkout).join(":"),
    SSH_ASKPASS_REQUIRE: "never",
  };
  const who = place.user === null ? place.host : `${place.user}@${place.host}`;
  const port = place.port === null ? [] : ["-p", String(place.port)];
  return (service, version) => {
    const asked = version === 2 ? ["-o", "SendEnv=GIT_PROTOCOL"] : [];
    const args = [...FIXED, ...asked, ...port, ...options, "--", who, `${service} '${place.path}'`];
    // With a session of its own it has no terminal to ask at; the signal comes when this program is killed.
    const child = spawn(setpriv, ["--pdeathsig", "KILL", ssh, ...args], {
      cwd: "/",
      env: version === 2 ? { ...env, GIT_PROTOCOL: "version=2" } : env,
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    let told = "";
    let isOver = false;
    child.stderr.setEncoding("latin1").on("data", (piece: string) => {
      told = `${told}${piece}`.slice(-TOLD_CHARS_MAX);
    });
    const ended = new Promise<SshEnd>((resolve) => {
      child.on("error", () => resolve({ status: null, told: "" }));
      child.on("close", (status) => {
        isOver = true;
        resolve({ status, told: Buffer.from(told, "latin1").toString("utf8") });
      });
    });
    // What is written to a program that has ended; how it ended says more.
    child.stdin.on("error", () => {});
    child.stdout.on("error", () => {});
    // Its number may be another's later.
    return { stdin: child.stdin, stdout: child.stdout, ended, kill: () => isOver || killGroup(child.pid) };
  };
}

function killGroup(group: number | undefined): void {
  try {
    if (group !== undefined) process.kill(-group, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}
