import { execFile } from "node:child_process";
import { homedir, userInfo } from "node:os";
import { promisify } from "node:util";
import type { Settings } from "../core/git-remote.ts";
import { findProgram } from "./programs.ts";

/** Who the person is, as programs in the box see it. */
export interface Identity {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Text of the box's system-wide git configuration: name, email and harmless keys of the person's own. */
  readonly gitconfig: string;
}

/** Keys that change how git shows and merges and cannot start a program or reach another machine. */
const HARMLESS =
  /^(user\.(name|email)|init\.defaultbranch|core\.(autocrlf|eol|safecrlf|quotepath|abbrev|ignorecase|precomposeunicode)|pull\.(rebase|ff)|push\.(default|autosetupremote|followtags)|merge\.(conflictstyle|ff)|rebase\.(autostash|autosquash|updaterefs)|diff\.(algorithm|renames|mnemonicprefix|colormoved)|fetch\.prune|rerere\.enabled|commit\.verbose|branch\.(sort|autosetuprebase|autosetupmerge)|tag\.sort|log\.date|color\.([a-z][a-z-]*\.)?[a-z][a-z0-9-]*|column\.ui|help\.autocorrect|status\.[a-z]+|alias\.[a-z][a-z0-9-]*)$/i;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the person's name and the harmless part of their git configuration; never the repository's. */
export async function readIdentity(environment: Environment): Promise<Identity> {
  const { uid, gid, username } = userInfo();
  const home = homeOf(environment);
  const listed = await listGlobal(environment, home);
  return {
    name: username,
    uid,
    gid,
    home,
    gitconfig: listed === null ? "" : toGitconfig(listed),
  };
}

/** Finds the person's home, or one that takes no system folder's place. */
export function homeOf(environment: Environment): string {
  const set = environment.HOME?.startsWith("/") ? environment.HOME : homedir();
  // An account without a home of its own must not have the box's home laid over the system.
  return /^\/(?:$|(?:usr|etc|bin|sbin|lib\w*|proc|sys|dev|run|tmp|var|opt)\/?$)/.test(set) ? "/home/ringfence" : set;
}

/** Reads the person's own git configuration, the last value of each key; never the repository's. */
export async function readGlobal(environment: Environment, home: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(await readOwnSettings(environment, home));
}

/** Reads the person's own git configuration whole; never the repository's. */
export async function readOwnSettings(environment: Environment, home: string): Promise<Settings> {
  return readSettings((await listGlobal(environment, home)) ?? "");
}

/** Reads what `git config --list -z` printed. */
export function readSettings(listed: string): Settings {
  const entries = listed.split("\0").filter((entry) => entry !== "");
  return entries.map((entry) => splitOnce(entry, "\n")).map(([key, value]) => [key, value ?? "true"]);
}

async function listGlobal(environment: Environment, home: string): Promise<string | null> {
  const git = findProgram("git");
  if (git === null) return null;
  const env: Record<string, string> = { HOME: home, PATH: "/usr/bin:/bin", GIT_CONFIG_NOSYSTEM: "0" };
  if (environment.XDG_CONFIG_HOME) env.XDG_CONFIG_HOME = environment.XDG_CONFIG_HOME;
  const listed = await promisify(execFile)(git, ["config", "--global", "--includes", "--list", "-z"], {
    cwd: "/",
    env,
    timeout: 5000,
  }).catch(() => null);
  return listed?.stdout ?? null;
}

/** Writes the harmless keys of `git config --list -z` as a configuration file. */
export function toGitconfig(listed: string): string {
  const lines: string[] = [];
  for (const entry of listed.split("\0")) {
    // A key without any value is listed without the line break, and means true; an empty value means false.
    const [key, value] = splitOnce(entry, "\n");
    const dot = key.lastIndexOf(".");
    // An alias that starts with "!" runs a program: it stays outside, as does any value that could close its quotes.
    if (dot < 0 || !HARMLESS.test(key) || value?.startsWith("!") || value?.includes("\n")) continue;
    const quoted = value?.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
    lines.push(`[${key.slice(0, dot)}]\n\t${key.slice(dot + 1)}${quoted === undefined ? "" : ` = "${quoted}"`}`);
  }
  return `${lines.join("\n")}\n`;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
