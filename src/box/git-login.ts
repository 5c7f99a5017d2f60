import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import type { Environment } from "./identity.ts";
import { findProgram } from "./programs.ts";
import { isWithin, personsPath } from "./toolchains.ts";

export interface GitAddress {
  readonly protocol: string;
  /** With the port where it is not the usual one. */
  readonly host: string;
  readonly path: string;
}

/** What programs that keep passwords need to find them; nothing by which one could be asked for. */
const PASSED = (
  "XDG_CONFIG_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR XDG_DATA_HOME GNUPGHOME PASSWORD_STORE_DIR GH_CONFIG_DIR DBUS_SESSION_BUS_ADDRESS " +
  "LANG LC_ALL USER LOGNAME"
).split(" ");
const ASK_MS_MAX = 5000;
const ANSWER_CHARS_MAX = 64 << 10;

/**
 * Asks the credential helpers of the person's own git for a login; null where none knows one. It never throws.
 *
 * They run outside every repository, so that no repository's configuration names one, and nobody is asked anything.
 */
export async function askHelpers(
  { protocol, host, path }: GitAddress,
  person: { readonly environment: Environment; readonly home: string; readonly checkout: string },
): Promise<{ readonly user: string; readonly password: string } | null> {
  const git = findProgram("git");
  const fields = [protocol, host, path];
  if (git === null || fields.some((field) => /[\0\r\n]/.test(field))) return null;
  const folders = foldersOf(person.environment, person.checkout);
  const passed = PASSED.flatMap((name) => {
    const value = person.environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const child = spawn(git, ["-c", "core.askPass=", "-c", "credential.interactive=false", "credential", "fill"], {
    cwd: "/",
    env: {
      ...Object.fromEntries(passed),
      HOME: person.home,
      PATH: folders.join(":"),
      GIT_TERMINAL_PROMPT: "0",
      GCM_INTERACTIVE: "never",
    },
    stdio: ["pipe", "pipe", "ignore"],
    timeout: ASK_MS_MAX,
    killSignal: "SIGKILL",
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    if (text.length <= ANSWER_CHARS_MAX) text += piece;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(`protocol=${protocol}\nhost=${host}\npath=${path}\n\n`);
  const status = await new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", resolve);
  });
  const lineOf = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
  const [user, password] = [lineOf("username"), lineOf("password")];
  return status === 0 && password !== "" ? { user, password } : null;
}

/** The folders of the person's PATH that no repository has a hand in. */
export function foldersOf({ PATH }: Environment, checkout: string): string[] {
  return personsPath(PATH ?? "").filter((folder) => !isWithin(real(folder), checkout));
}

function real(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}
