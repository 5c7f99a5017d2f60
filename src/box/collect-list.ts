import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { type Change, type ChangeType, encodePath } from "../core/changes.ts";
import type { Link } from "../core/classify-all.ts";
import type { SessionFacts } from "./folder.ts";
import type { Landed } from "./landed.ts";
import { gitLayers, layerBind, layerNames } from "./layers.ts";
import { findProgram, type Programs } from "./programs.ts";
import type { Bind } from "./sandbox.ts";
import { askScript, type RecordReader } from "./script.ts";

export interface CollectPlan {
  readonly sessionPath: string;
  readonly facts: SessionFacts;
  readonly programs: Programs;
}

/** What the person did to the path while the session ran: edited or replaced it, deleted it, or made it. */
export type Conflict = "changed" | "deleted" | "appeared";

export const MEANWHILE: Readonly<Record<Conflict, string>> = {
  changed: "you changed it meanwhile",
  deleted: "you deleted it meanwhile",
  appeared: "you made it meanwhile",
};

/** A change on its way: what the lister said, then with what the stager said. */
export interface Item {
  readonly change: Change;
  readonly conflict: Conflict | null;
  /** Below a symbolic link of the checkout, where git refuses to say what it ignores. */
  readonly isBeyondLink: boolean;
  readonly isStaged: boolean;
  /**
   * The checkout's file from which the layer's version derives; "unknown" where the checkout had one and it is not certain
   * which, null where nothing tells of any.
   */
  readonly origin: { readonly hash: string; readonly executable: boolean } | "unknown" | null;
  /** Whether `conflict` was judged by that version, and not by times and by what was landed. */
  readonly isJudged: boolean;
  /** Whether the staged version holds what the person changed meanwhile as well. */
  readonly isMerged: boolean;
  /** What stands for a credential and is in the staged version: an index of the session's; null where none is. */
  readonly placeholder: number | null;
  readonly heads: { readonly old: Uint8Array | null; readonly new: Uint8Array | null };
}

export interface Listed {
  readonly items: Item[];
  readonly gitHeld: string[];
  gitChanges: number;
  /** Of these, what a fetch or a push writes down of the remote's: it is there again after the next one. */
  fetched: number;
  gitType: ChangeType | null;
}

const LIST_MS_MAX = 60_000;
const TYPES: Readonly<Record<string, ChangeType>> = { f: "file", l: "symlink", d: "dir", o: "other" };
const CONFLICTS: Readonly<Record<string, Conflict>> = { a: "appeared", c: "changed", d: "deleted" };

/** Lists every difference between the layer and the checkout, without reading more than must be compared. */
export async function listLayer(plan: CollectPlan, landed: Landed): Promise<Listed> {
  const listed: Listed = { items: [], gitHeld: [], gitChanges: 0, fetched: 0, gitType: null };
  const { repository, checkout } = plan.facts;
  const parts = (plan.facts.parts ?? []).filter((part) => existsSync(part));
  const folders = [...landed.folders].flatMap(([path, changed]) => [Buffer.from(encodePath(path)), changed]);
  const reader = await askScript({
    programs: plan.programs,
    mode: "list",
    args: layerNames(plan.sessionPath),
    binds: [
      layerBind(plan.sessionPath),
      { source: checkout, target: "/base", access: "read" },
      ...parts.map((source, at): Bind => ({ source, target: `/parts/${at}`, access: "read" })),
    ],
    input: [String(Math.floor(plan.facts.startedAt)), ...folders],
    timeoutMs: LIST_MS_MAX,
  });
  while (!reader.isAtEnd) readListRecord(reader, listed);
  if (repository !== null) await listGit(plan, repository.common, listed);
  return listed;
}

/** Counts the differences in a git folder outside the checkout, as those under a `.git` of its own. */
async function listGit(plan: CollectPlan, common: string, listed: Listed): Promise<void> {
  const { names, binds } = gitLayers(plan.sessionPath);
  const reader = await askScript({
    programs: plan.programs,
    mode: "list",
    args: names,
    binds: [...binds, { source: common, target: "/base/.git", access: "read" }],
    input: [String(Math.floor(plan.facts.startedAt))],
    timeoutMs: LIST_MS_MAX,
  });
  const found: Listed = { items: [], gitHeld: [], gitChanges: 0, fetched: 0, gitType: null };
  while (!reader.isAtEnd) readListRecord(reader, found);
  listed.gitChanges += found.gitChanges;
  listed.fetched += found.fetched;
  listed.gitHeld.push(...found.gitHeld);
}

function readListRecord(reader: RecordReader, listed: Listed): void {
  const tag = reader.text();
  if (tag === "L") listed.items.push(readItem(reader));
  else if (tag === "N") listed.gitHeld.push(reader.path());
  else if (tag === "C") listed.gitChanges = reader.number();
  else if (tag === "F") listed.fetched = reader.number();
  else if (tag === "G") listed.gitType = typeOrNull(reader);
  else throw reader.broken(`record ${tag}`);
}

function readItem(reader: RecordReader): Item {
  const path = reader.path();
  const action = reader.text();
  if (action !== "add" && action !== "edit" && action !== "delete") throw reader.broken(`action ${action}`);
  const type = typeOrNull(reader) ?? fail(reader);
  const [mode, size, target] = [reader.number(), reader.number(), reader.path()];
  const baseType = typeOrNull(reader);
  const [baseMode, , baseTarget] = [reader.number(), reader.number(), reader.path()];
  const flags = reader.text();
  if (!/^k?[acd]?$/.test(flags) || (baseType === null) !== (action === "add")) throw reader.broken("a field");
  const isLink = type === "symlink";
  const baseHash = baseType === "symlink" ? sha256(encodePath(baseTarget)) : null;
  const change: Change = {
    path,
    type,
    action,
    mode,
    executable: (mode & 0o100) !== 0 && type === "file",
    size,
    hash: isLink && action !== "delete" ? sha256(encodePath(target)) : null,
    base: baseType === null ? null : { type: baseType, mode: baseMode, hash: baseHash },
    ...(isLink ? { target } : {}),
  };
  const conflict = CONFLICTS[flags.at(-1) ?? ""] ?? null;
  const unstaged = {
    isStaged: false,
    origin: null,
    isJudged: false,
    isMerged: false,
    placeholder: null,
    heads: { old: null, new: null },
  };
  return { change, conflict, isBeyondLink: flags.startsWith("k"), ...unstaged };
}

/** Asks git, with the checkout's own rules; without git only dependency folders are ignored. */
export function askIgnored(
  plan: Pick<CollectPlan, "facts" | "programs">,
  items: readonly Item[],
): Promise<ReadonlySet<string>> {
  const asked = items.filter((item) => !item.isBeyondLink && item.change.type !== "other");
  const isFolder = ({ change }: Item) => (change.action === "delete" ? change.base?.type : change.type) === "dir";
  return askIgnoredPaths(
    { ...plan.facts, programs: plan.programs },
    asked.map((item) => ({ path: item.change.path, isFolder: isFolder(item) })),
  );
}

/** Asks it about paths that the checkout need not have: a rule may be for folders alone. */
export async function askIgnoredPaths(
  { checkout, repository, programs }: Pick<SessionFacts, "checkout" | "repository"> & { readonly programs: Programs },
  paths: readonly { readonly path: string; readonly isFolder: boolean }[],
): Promise<ReadonlySet<string>> {
  const git = findProgram("git");
  if (git === null)
    return new Set(
      paths.map(({ path }) => path).filter((path) => /(?:^|\/)(?:node_modules|\.venv)\//.test(`${path}/`)),
    );
  if (paths.length === 0) return new Set();
  const outside: Bind[] = repository ? [{ source: repository.common, target: "/repo", access: "read" }] : [];
  const folder = repository ? "/repo" : "/base/.git";
  const reader = await askScript({
    programs,
    mode: "ignore",
    args: [git, `${folder}/${repository?.own ?? ""}index`, `${folder}/info/exclude`],
    binds: [{ source: checkout, target: "/base", access: "read" }, ...outside],
    input: paths.map(({ path, isFolder }) => Buffer.from(encodePath(isFolder ? `${path}/` : path))),
    timeoutMs: LIST_MS_MAX,
  });
  const ignored = new Set<string>();
  while (!reader.isAtEnd) ignored.add(reader.path().replace(/\/$/, ""));
  return ignored;
}

/** Finds every symbolic link of the checkout: one of them may give a changed file a name that some tool runs. */
export async function listLinks(plan: CollectPlan): Promise<Link[]> {
  const reader = await askScript({
    programs: plan.programs,
    mode: "links",
    args: [plan.programs.find],
    binds: [{ source: plan.facts.checkout, target: "/base", access: "read" }],
    input: [],
    timeoutMs: LIST_MS_MAX,
  });
  const links: Link[] = [];
  while (!reader.isAtEnd) {
    if (reader.text() !== "K") throw reader.broken("a record");
    links.push({ path: reader.path(), target: reader.path() });
  }
  return links;
}

function typeOrNull(reader: RecordReader): ChangeType | null {
  const letter = reader.text();
  return letter === "-" ? null : (TYPES[letter] ?? fail(reader));
}

function fail(reader: RecordReader): never {
  throw reader.broken("a field");
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
