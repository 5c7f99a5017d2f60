import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "ctl/git-seen";

/** Takes the person's repository anew for the view; what it takes counts once it is whole. */
export async function takeGit(sessionPath: string, take: () => Promise<string>): Promise<string> {
  const file = join(sessionPath, FILE);
  rmSync(file, { force: true });
  const seen = await take();
  writeFileSync(file, seen, { mode: 0o600 });
  return seen;
}

/** Names the state of the person's repository that lies below the layer; null where none was taken whole. */
export function readGitSeen(sessionPath: string): string | null {
  const file = join(sessionPath, FILE);
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}
