import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { branchFor, isDescendant, type JudgedCommit, judgeCommits } from "../core/commits.ts";
import type { Effect } from "../core/effect.ts";
import type { Collected } from "./collect.ts";
import type { CollectPlan } from "./collect-list.ts";
import { readBoxCommits, type Verified } from "./commits-read.ts";
import type { SessionFacts } from "./folder.ts";
import { BoxUnavailable, findProgram, type Programs } from "./programs.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader, strings } from "./script.ts";

/** The commits of the box's branch that the person's does not have, verified and judged. */
export interface FoundCommits {
  /** Oldest first. */
  readonly commits: readonly JudgedCommit[];
  /** Ways to land them, the best first: the next is tried where one is refused. */
  readonly moves: readonly Move[];
  /** Why commits cannot land, or not on the person's branch; null when there is nothing to say. */
  readonly note: string | null;
  /** Paths in them that the person changed while the session worked on a branch of its own: look at these twice. */
  readonly meanwhile: readonly string[];
  /** SHA-256, hex, over the pack, the judgement and the moves: what a permit is bound to. */
  readonly digest: string;
  /** Where the verified pack lies, and its name and hashes. */
  readonly folder: string;
  readonly pack: Verified["pack"];
}

export type Move = Pick<Effect & { readonly kind: "land-commits" }, "how" | "branch" | "oldId" | "newId">;

export interface LandCommitsPlan {
  readonly facts: SessionFacts;
  readonly found: FoundCommits;
  readonly programs: Programs;
}

/** What finding commits must know of a collection. */
export type Repository = Pick<Collected, "changes" | "gitChanges" | "gitType" | "stage">;

const MS_MAX = 180_000;
const ANSWER_BYTES_MAX = 256 << 20;
const SIGNED = "what may land of these commits landed before, signed";
const NO_COMMIT = "0".repeat(40);

/**
 * Finds what the box committed, or null when that is nothing.
 *
 * The layer's repository is a stranger's. One sandbox packs what its branch has; another, which sees the person's objects
 * and not the layer, verifies the pack and reads from it alone. Nothing of the layer's configuration, hooks, grafts,
 * replaced objects or alternates has a say in either, and what cannot be read leaves a note and lands nothing.
 */
export async function findCommits(plan: CollectPlan, collected: Repository): Promise<FoundCommits | null> {
  if (collected.gitChanges === 0) return null;
  const folder = join(collected.stage, "commits");
  const none = { commits: [], moves: [], meanwhile: [], digest: "", folder, pack: ["", "", ""] } as const;
  if (collected.gitType !== "dir")
    return { ...none, note: "the checkout's .git is no folder of its own: commits stay in the layer" };
  if (findProgram("git") === null) return { ...none, note: "landing commits needs git: they stay in the layer" };
  // What takes from the layer leaves nothing where the other one works.
  for (const name of ["", "taken", "verified"]) mkdirSync(join(folder, name), { mode: 0o700 });
  const base: Bind = { source: plan.facts.checkout, target: "/base", access: "read" };
  const taken: Bind = { source: join(folder, "taken"), target: "/out", access: "write" };
  const input: Bind = { ...taken, target: "/in", access: "read" };
  const out: Bind = { source: join(folder, "verified"), target: "/out", access: "write" };
  const upper: Bind = { source: join(plan.sessionPath, "layer/upper"), target: "/upper", access: "read" };
  try {
    const { branch, startedAt, signed } = plan.facts;
    const wanted = branch === undefined ? [] : [`refs/heads/${branch.name}`];
    const answer = await ask(plan.programs, "take", wanted, [upper, base, taken]);
    if (answer.text() === "N") {
      const why = answer.path();
      return why === "" ? null : { ...none, note: `${why}: commits there stay in the layer` };
    }
    const [ref, tip] = [answer.path(), answer.text()];
    if (signed?.includes(tip)) return { ...none, note: SIGNED };
    const since = branch === undefined ? [] : [branch.from, String(Math.floor(startedAt / 1000))];
    const verified = readBoxCommits(await ask(plan.programs, "verify", [ref, tip, ...since], [base, input, out]));
    const judged = judge(ref, verified, { facts: plan.facts, collected });
    if (signed?.includes(judged.moves[0]?.newId ?? "")) return { ...none, commits: judged.commits, note: SIGNED };
    return { ...judged, folder, pack: verified.pack };
  } catch (error) {
    return { ...none, note: `commits stay in the layer: ${whyOf(error)}` };
  }
}

function judge(
  ref: string,
  verified: Verified,
  { facts, collected }: { readonly facts: SessionFacts; readonly collected: Repository },
): Omit<FoundCommits, "folder" | "pack"> {
  const { head, old, branches, commits, links, contents, meanwhile } = verified;
  const name = ref.slice("refs/heads/".length);
  const isInert = facts.branch !== undefined;
  // Where the session began is news only if the person has taken their branch back from there.
  const wasTakenBack = old !== null && commits.some(({ id }) => id === facts.branch?.from);
  const isForward = (isInert || head === ref) && (old === null || isDescendant(commits, old)) && !wasTakenBack;
  const { commits: judged, tip } = judgeCommits(commits, {
    from: isForward ? old : null,
    isForward,
    isInert,
    links,
    masked: facts.masked,
    contentOf: (id) => contents.get(id ?? "") ?? null,
  });
  const moves: Move[] = [];
  let note = commits.length === 0 ? "your repository has the box's commits already, on another branch" : null;
  // A branch of the person's that has no commit yet cannot be made beside itself.
  const taken = head.startsWith("refs/heads/") ? new Map([...branches, [head.slice(11), ""]]) : branches;
  const owner = [...branches].find(([, id]) => id === tip)?.[0];
  if (tip !== null && isInert) {
    if (!isForward) note = `your branch ${name} has moved meanwhile, so it stays`;
    moves.push(...branchMoves({ name, tip, old, isForward, taken }));
  } else if (tip !== null && owner !== undefined && !isForward) note = `your branch ${owner} has these commits`;
  else if (tip !== null) {
    const clash = isForward ? clashOf(commits, judged, collected) : null;
    if (clash !== null) note = `you changed ${clash} meanwhile, so your branch stays; merge the new one with yours`;
    else if (isForward) moves.push({ how: "forward", branch: name, oldId: old, newId: tip });
    else if (head === ref) note = `your branch ${name} has commits that the box's has not`;
    else note = `you are not on the branch ${name}`;
    if (owner === undefined)
      moves.push({ how: "branch", branch: branchFor(name, tip, taken), oldId: null, newId: tip });
  }
  const digest = createHash("sha256")
    .update(JSON.stringify([verified.pack, judged, moves]))
    .digest("hex");
  return { commits: judged, moves, note, meanwhile, digest };
}

// To the branch that the person named, if it still is where these commits began; else to one of a free name.
function branchMoves(to: {
  readonly name: string;
  readonly tip: string;
  readonly old: string | null;
  readonly isForward: boolean;
  readonly taken: ReadonlyMap<string, string>;
}): Move[] {
  const { name, tip, old, isForward, taken } = to;
  const free = branchFor(name, tip, new Map([...taken, [name, ""]]));
  const moves: Move[] = isForward ? [{ how: "branch", branch: name, oldId: old, newId: tip }] : [];
  return [...moves, { how: "branch", branch: free, oldId: null, newId: tip }];
}

// On a branch that moved, the person's version would look as if they had undone what was committed.
function clashOf(
  commits: Verified["commits"],
  judged: readonly JudgedCommit[],
  { changes }: Repository,
): string | null {
  const clashes = new Set(changes.filter(({ conflict }) => conflict !== null).map(({ change }) => change.path));
  const landing = new Set(judged.filter(({ state }) => state === "lands").map(({ id }) => id));
  const paths = commits.filter(({ id }) => landing.has(id)).flatMap(({ diffs }) => diffs.flat());
  return paths.find(({ path }) => clashes.has(path))?.path ?? null;
}

/** Puts the verified objects into the person's repository and makes one move. Null when it is made, else why it is not. */
export async function landCommits({ facts, found, programs }: LandCommitsPlan, move: Move): Promise<string | null> {
  const git = join(facts.checkout, ".git");
  const out: Bind = { source: join(found.folder, "verified"), target: "/out", access: "read" };
  const pack: Bind = { source: join(git, "objects/pack"), target: "/pack", access: "write" };
  const args = [move.how, `refs/heads/${move.branch}`, move.oldId ?? NO_COMMIT, move.newId];
  try {
    await ask(programs, "put", found.pack, [out, pack]);
    const answer = await ask(programs, "move", args, [
      { ...out, access: "write" },
      { source: facts.checkout, target: "/checkout", access: "read" },
      { source: git, target: "/checkout/.git", access: "write" },
    ]);
    return answer.text() === "M" ? null : answer.path();
  } catch (error) {
    return whyOf(error);
  }
}

/** What a sandbox died of, in words; throws what is no fault of the repository's. */
function whyOf(error: unknown): string {
  if (error instanceof BoxUnavailable || !(error instanceof Error) || error.message.startsWith("bug:")) throw error;
  return error.message;
}

/** Runs commits.pl in a sandbox and hands over its answer; throws what it says when it gives up. */
export async function ask(
  programs: Programs,
  mode: "take" | "verify" | "put" | "move" | "begin" | "shown" | "raw" | "signed",
  args: readonly string[],
  binds: readonly Bind[],
  input: readonly Buffer[] = [],
): Promise<RecordReader> {
  const script = scriptBind("commits.pl");
  const tools = [findProgram("git") ?? "/usr/bin/git", findProgram("sha256sum") ?? "/usr/bin/sha256sum"];
  const result = await runSandbox({
    programs,
    binds: [...binds, script],
    command: [programs.perl, script.target, mode, process.arch, ...tools, ...args],
    input: strings(input),
    timeoutMs: MS_MAX,
    stdoutBytesMax: ANSWER_BYTES_MAX,
    capability: null,
  });
  if (result.status !== 0) throw new Error(result.stderr.trim().split("\n").at(-1) || `status ${result.status}`);
  return new RecordReader(result.stdout);
}
