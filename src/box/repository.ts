import { lstatSync, realpathSync, type Stats } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Settings } from "../core/git-remote.ts";
import { readSettings } from "./identity.ts";
import { findProgram, type Programs } from "./programs.ts";
import { runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader } from "./script.ts";
import { isWithin } from "./toolchains.ts";

/** The git folder outside a checkout that its `.git` file names, proven to be the checkout's own. */
export interface Repository {
  /** Absolute, without links: the common git folder of a linked worktree, or the git folder of a submodule. */
  readonly common: string;
  /** Where in it HEAD and index of this checkout lie: `worktrees/NAME/`, or "" for the folder itself. */
  readonly own: string;
}

export interface RepositoryPlan {
  readonly checkout: string;
  readonly programs: Programs;
  /** Folders that nothing shown may contain, whatever a `.git` file says: the home, the state folder. */
  readonly hidden: readonly string[];
  /** Folders in which nothing may lie that is shown: the state folder. */
  readonly closed: readonly string[];
}

export type FoundRepository =
  | { readonly repository: Repository | null; readonly refused: null }
  /** Why git cannot work in the box, and what to do. */
  | { readonly repository: null; readonly refused: string };

const NONE: FoundRepository = { repository: null, refused: null };
const READ_MS_MAX = 30_000;
const SYSTEM = ["/usr", "/etc", "/proc", "/sys", "/dev", "/boot", "/run", "/opt", "/nix", "/snap"];
const IN_SUPERPROJECT = /^.*\/\.git\/(?:worktrees\/[^/]+\/)?modules\/./s;

/**
 * Finds the git folder of a linked worktree or of a submodule's checkout. An ordinary checkout costs one question for a name.
 *
 * The `.git` file is a stranger's: an archive can bring one that names any folder of the person's. What it names is shown
 * only when that folder, which no archive can have written, names this very checkout; and nothing else of it is said.
 */
export async function findRepository(plan: RepositoryPlan): Promise<FoundRepository> {
  const file = join(plan.checkout, ".git");
  if (!look(file)?.isFile()) return NONE;
  const [text] = (await readSmall(plan, plan.checkout, [".git"])).files;
  const named = /^gitdir: ([^\0\n]+?)[\r\n]*$/.exec(text ?? "")?.[1];
  if (named === undefined)
    return refuse(`${file} names no git folder`, "git submodule update or git worktree add makes one");
  const folder = resolve(plan.checkout, named);
  // What lies in the checkout is in the view already.
  if (isWithin(folder, plan.checkout)) return NONE;
  return judge(plan, folder);
}

async function judge(plan: RepositoryPlan, folder: string): Promise<FoundRepository> {
  const { checkout } = plan;
  const wrong = unfit(plan, folder);
  if (wrong !== null) return refuse(`${folder}, which ${checkout}/.git names, ${wrong}`);
  const { files, settings } = await readSmall(plan, folder, ["gitdir", "commondir"]);
  const [back, commonText] = files.map((text) => text?.replace(/\n$/, "") ?? null);
  if (typeof commonText !== "string") {
    const worktree = settings.findLast(([key]) => key === "core.worktree")?.[1] ?? "";
    const isBack = worktree !== "" && resolve(folder, worktree) === checkout;
    if (!isBack || !IN_SUPERPROJECT.test(folder))
      return refuse(`${folder}, which ${checkout}/.git names, does not name ${checkout}`);
    return accept(plan, { common: folder, own: "" });
  }
  if (typeof back !== "string" || resolve(folder, back) !== join(checkout, ".git"))
    return refuse(`${folder}, which ${checkout}/.git names, does not name ${checkout}`);
  const common = resolve(folder, commonText);
  if (folder !== join(common, "worktrees", basename(folder)))
    return refuse(`${folder} names the git folder ${common}, to which it does not belong`);
  return accept(plan, { common, own: `worktrees/${basename(folder)}/` });
}

function accept(plan: RepositoryPlan, repository: Repository): FoundRepository {
  const { common } = repository;
  const wrong = unfit(plan, common) ?? (looksLikeGit(common) ? null : "is no git folder");
  if (wrong !== null) return refuse(`${common}, the git folder of ${plan.checkout}, ${wrong}`);
  if (isWithin(plan.checkout, common))
    return refuse(`${plan.checkout} lies in its git folder`, "git worktree move it to another place");
  return { repository, refused: null };
}

function refuse(why: string, fix?: string): FoundRepository {
  const repair =
    "if the folder is a worktree or submodule of yours that was moved, run git worktree repair or git submodule update outside";
  return { repository: null, refused: `git does not work in this box: ${why}; ${fix ?? repair}` };
}

/** Says why a folder cannot be shown, or null. Asks for names and owners alone. */
function unfit({ checkout, hidden, closed }: RepositoryPlan, folder: string): string | null {
  const stat = look(folder);
  if (!stat) return "does not exist";
  if (!isDirect(folder)) return "lies behind a link, or cannot be entered";
  if (!stat.isDirectory()) return "is no folder";
  if (stat.uid !== look(checkout)?.uid) return "belongs to somebody else than the checkout";
  if (hidden.some((place) => isWithin(place, folder))) return "holds what the box must hide";
  if ([...closed, ...SYSTEM].some((place) => isWithin(folder, place))) return "lies where nothing is shown";
  return isWithin(folder, checkout) ? "lies in the checkout" : null;
}

function looksLikeGit(folder: string): boolean {
  const isFolder = (name: string) => look(join(folder, name))?.isDirectory() ?? false;
  const has = (name: string) => look(join(folder, name)) !== null;
  return isFolder("objects") && isFolder("refs") && has("HEAD") && !has("commondir");
}

/** Asks what lies at a path that a stranger may have named; null when that is nothing, or no path at all. */
export function look(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}

/** Says whether no link leads to an entry. */
export function isDirect(path: string): boolean {
  try {
    return realpathSync(path) === path;
  } catch {
    return false;
  }
}

/** Reads small files of a folder in a sandbox, null for what is no plain one, and the settings in its `config`. */
export async function readSmall(
  { programs }: Pick<RepositoryPlan, "programs">,
  folder: string,
  names: readonly string[],
): Promise<{ readonly files: readonly (string | null)[]; readonly settings: Settings }> {
  const script = scriptBind("repository.pl");
  const result = await runSandbox({
    programs,
    binds: [script, { source: folder, target: "/in", access: "read" }],
    command: [programs.perl, script.target, findProgram("git") ?? "/usr/bin/git", ...names],
    input: new Uint8Array(),
    timeoutMs: READ_MS_MAX,
    stdoutBytesMax: 1 << 20,
    capability: null,
  });
  if (result.status !== 0) throw new Error(`${folder} could not be read: ${result.stderr.trim()}`);
  const reader = new RecordReader(result.stdout);
  const text = (hex: string) => Buffer.from(hex, "hex").toString("utf8");
  const files = names.map(() => reader.text()).map((hex) => (hex === "-" ? null : text(hex)));
  return { files, settings: readSettings(text(reader.text())) };
}
