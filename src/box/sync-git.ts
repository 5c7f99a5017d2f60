import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodePath } from "../core/changes.ts";
import {
  type GitPlan,
  type GitSides,
  type GitState,
  idOf,
  type OvertakenFile,
  planGitSync,
  questionsOf,
  settleFile,
} from "../core/git-sync.ts";
import type { Box } from "./box.ts";
import { BoxUnavailable } from "./programs.ts";
import { RecordReader, strings } from "./script.ts";
import { changeProgram, filesProgram, lookProgram, settleProgram, UNDER_WAY } from "./sync-git-programs.ts";
import { type BoxGit, readBoxGit, readFiles, readOvertaken } from "./sync-git-read.ts";

/** Runs a shell program in the box, with a permit, and hands over what it printed. */
export type RunInBox = (command: string, input: Uint8Array) => Promise<Buffer>;

export interface GitSync {
  /** Why it could not be taken over, or not yet; null when it was. */
  readonly problem: string | null;
  readonly plan: GitPlan | null;
  readonly sides: GitSides | null;
  /** Files that the box edited and the person's commits changed: committing the box's takes back what those did. */
  readonly overtaken: readonly string[];
}

const FILES_MAX = 5000;
const NOTHING: GitSync = { problem: null, plan: null, sides: null, overtaken: [] };

/**
 * Takes over what the person's git did since the last look: the box's refs, HEAD and stash are replayed onto theirs, and
 * the index is made from the HEAD that stands then. Null when nothing happened, which costs one look of the holder.
 *
 * The box's repository is a stranger's: git runs in the box alone, and what comes of it is only what the box sees. The view
 * is mounted anew.
 */
export async function syncGit(box: Box, checkout: string, run: RunInBox): Promise<GitSync | null> {
  const pendingFile = join(box.folder.path, "ctl/git-pending.json");
  const isPending = existsSync(pendingFile);
  if (!isPending && (await box.lookAtGit()) === box.gitSeen) return null;
  if (box.background.running().length > 0) return { ...NOTHING, problem: "a command still runs in the box" };
  const look = async (pairs: readonly (readonly [string, string])[]) =>
    readBoxGit(await run(lookProgram(checkout), Buffer.from(pairs.map((pair) => `${pair.join(" ")}\n`).join(""))));
  try {
    const base = readReport(box);
    if (base === null && !isPending) {
      box.gitSeen = await box.copyGit();
      return NOTHING;
    }
    // What is read here is gone once the person's is shown below the layer; it is kept until it has been replayed.
    const before = isPending || base === null ? readPending(pendingFile) : { base, box: await look([]) };
    if (!isPending) writePending(pendingFile, before);
    box.gitSeen = await box.copyGit();
    const person = readReport(box);
    if (person === null) throw new Error("your repository is gone");
    const sides: GitSides = { ...before, person };
    const now = await look(questionsOf(sides));
    const plan = planGitSync(sides, (a, b) => now.ancestors.has(`${a} ${b}`));
    const overtaken = await replay(box, checkout, run, { sides, plan, before: before.box, now });
    rmSync(pendingFile, { force: true });
    return { problem: null, plan, sides, overtaken };
  } catch (error) {
    if (error instanceof BoxUnavailable || !(error instanceof Error) || error.message.startsWith("bug:")) throw error;
    return { ...NOTHING, problem: error.message };
  }
}

interface Replay {
  readonly sides: GitSides;
  readonly plan: GitPlan;
  readonly before: BoxGit;
  readonly now: BoxGit;
}

async function replay(box: Box, checkout: string, run: RunInBox, all: Replay): Promise<readonly string[]> {
  const { sides, plan, now } = all;
  const { base, person } = sides;
  const moved = [idOf(base.head, base.refs), idOf(person.head, person.refs)] as const;
  const hasMoved = moved[0] !== undefined && moved[1] !== undefined && moved[0] !== moved[1];
  const changes = {
    checkout,
    head: plan.head === now.head ? null : plan.head,
    stash: sameStash(plan.stash, now.stash) ? null : plan.stash,
    ...indexAndOperation(all),
    moved: hasMoved ? ([moved[0], moved[1]] as const) : null,
  };
  const refs = refInput(now.refs, plan.refs);
  const { head, stash, endsOperation, rebuildsIndex } = changes;
  const isThere = refs.length === 1 && head === null && stash === null && !endsOperation && !rebuildsIndex && !hasMoved;
  if (isThere) return [];
  const changed = await run(changeProgram(changes), refs);
  const files = readOvertaken(changed);
  if (files.length === 0 || files.length > FILES_MAX) return files.length === 0 ? [] : ["(more than 5,000 files)"];
  const paths = files.map(({ path }) => path);
  const inLayer = await box.isInLayer(paths);
  const seen = readFiles(await run(filesProgram(checkout), nulled(paths)), paths);
  const todo = { write: [] as string[], remove: [] as string[], tell: [] as string[], leave: [] as string[] };
  files.forEach((file, index) => {
    const shown: OvertakenFile = {
      ...file,
      index: seen.index.get(file.path) ?? null,
      shown: seen.shown.get(file.path),
      isInLayer: inLayer[index] === true,
    };
    todo[settleFile(shown, plan.isOwnHead)].push(file.path);
  });
  const input = Buffer.concat([nulled(todo.write), Buffer.of(0), nulled(todo.remove)]);
  if (todo.write.length + todo.remove.length > 0) await run(settleProgram(checkout), input);
  return todo.tell;
}

/**
 * An index belongs to a HEAD: it is built anew where either is another than before. An operation of the box's goes on where
 * neither is; one of the person's is seen only with their own index, because with another one, ending it would drop a side.
 */
function indexAndOperation({ sides, plan, before, now }: Replay): { endsOperation: boolean; rebuildsIndex: boolean } {
  const { base, person } = sides;
  const [was, is] = [idOf(before.head, before.refs), idOf(plan.head, plan.refs)];
  const isTheirs = plan.head === person.head && is === idOf(person.head, person.refs);
  const isOwnOperation = before.operation.some((name) => !base.operation.includes(name));
  if (isOwnOperation && plan.keepsOperation && before.index === now.index)
    return { endsOperation: false, rebuildsIndex: false };
  const showsTheirs =
    isTheirs && now.index === now.personIndex && now.operation.join() === person.operation.join() && !isOwnOperation;
  if (showsTheirs) return { endsOperation: false, rebuildsIndex: false };
  const isIndexOld = before.index !== now.index || was !== is || now.operation.length > 0;
  return { endsOperation: now.operation.length > 0, rebuildsIndex: isIndexOld };
}

function refInput(now: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): Buffer {
  const gone = [...now.keys()].filter((name) => !wanted.has(name)).map((name) => `delete ${name}\n`);
  const set = [...wanted].filter(([name, id]) => now.get(name) !== id).map(([name, id]) => `update ${name} ${id}\n`);
  return Buffer.concat([encodePath(gone.join("")), Buffer.of(0), encodePath(set.join(""))]);
}

function sameStash(a: GitState["stash"], b: GitState["stash"]): boolean {
  return a.length === b.length && a.every(({ id }, index) => id === b[index]?.id);
}

function nulled(paths: readonly string[]): Buffer {
  return strings(paths.map((path) => Buffer.from(encodePath(path)))).subarray(0, -2);
}

/** What the holder wrote of the person's repository; null where it is none that could be copied. */
function readReport(box: Box): GitState | null {
  const reader = new RecordReader(readFileSync(join(box.folder.path, "ctl/git")));
  const state = { head: "", refs: new Map<string, string>(), stash: [] as { id: string; message: string }[] };
  const operation: string[] = [];
  for (let tag = reader.text(); tag !== "."; tag = reader.text()) {
    if (tag === "H") state.head = reader.path();
    else if (tag === "R") state.refs.set(reader.path(), reader.text());
    else if (tag === "S") state.stash.push({ id: reader.text(), message: reader.path() });
    else if (tag === "O") operation.push(reader.text());
    else throw reader.broken(`record ${tag}`);
  }
  state.refs.delete("refs/stash");
  return state.head === "" ? null : { ...state, operation: UNDER_WAY.filter((name) => operation.includes(name)) };
}

interface Pending {
  readonly base: GitState;
  readonly box: BoxGit;
}

function writePending(file: string, pending: Pending): void {
  const text = JSON.stringify(pending, (_key, value: unknown) =>
    value instanceof Map ? { map: [...value] } : value instanceof Set ? { map: [] } : value,
  );
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function readPending(file: string): Pending {
  return JSON.parse(readFileSync(file, "utf8"), (_key, value: unknown) =>
    typeof value === "object" && value !== null && "map" in value ? new Map(value.map as [string, string][]) : value,
  ) as Pending;
}
