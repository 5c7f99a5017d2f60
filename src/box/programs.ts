import { accessSync, constants, realpathSync } from "node:fs";

/** Where programs of the system are looked for: never through PATH, which a repository can point into itself. */
const FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

const REQUIRED = {
  bwrap: "bubblewrap",
  unshare: "util-linux",
  setpriv: "util-linux",
  perl: "perl",
  bash: "bash",
  find: "findutils",
} as const;

export type Programs = Readonly<Record<keyof typeof REQUIRED, string>>;

/** Protection cannot be set up. `message` names the missing piece and the command that fixes it (exit 23). */
export class BoxUnavailable extends Error {}

/** Finds the programs that the box is made of, by absolute path; throws BoxUnavailable with the command that installs them. */
export function findPrograms(): Programs {
  const missing: string[] = [];
  const found: Record<string, string> = {};
  for (const [name, packageName] of Object.entries(REQUIRED)) {
    const path = findProgram(name);
    if (path) found[name] = path;
    else missing.push(packageName);
  }
  if (missing.length > 0) {
    const names = [...new Set(missing)].join(" ");
    throw new BoxUnavailable(
      `the box needs ${names}: run "apt-get install ${names}" (or your system's package manager)`,
    );
  }
  return found as Programs;
}

/** Finds one program in the system's folders, or null. */
export function findProgram(name: string): string | null {
  for (const folder of FOLDERS) {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return `${realpathSync(folder)}/${name}`;
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return null;
}
