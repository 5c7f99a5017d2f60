import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { branchFor, isDescendant, type JudgedCommit, judgeCommits } from "../core/commits.ts";
import type { Effect } from "../core/effect.ts";
import type { LabelledFile } from "../core/file-labels.ts";
import { alarmOf, searchedFor } from "../core/placeholders.ts";
import { landingOf } from "../core/policy-match.ts";
import { landingPolicy } from "../core/policy-rules.ts";
import type { Collected } from "./collect.ts";
import type { CollectPlan } from "./collect-list.ts";
import { readBoxCommits, type Verified } from "./commits-read.ts";
import type { SessionFacts } from "./folder.ts";
import { gitLayers, layerBind, layerNames } from "./layers.ts";
import { BoxUnavailable, findProgram, type Programs } from "./programs.ts";
import { findRepository, type Repository } from "./repository.ts";
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
  /** What stands at any path in any of them, by git's id of the content: it may come into the checkout with none of ours. */
  readonly files: readonly LabelledFile[];
  /** SHA-256, hex, over the pack, the judgement and the moves: what a permit is bound to. */
  readonly digest: string;
  /** Where the verified pack lies, and its name and hashes. */
  readonly folder: string;
  readonly pack: Verified["pack"];
  /** Ids that commits had in the box before they were signed for this landing. */
  readonly unsigned: readonly string[];
  /** The same of other branches of the box's: each can only become a new one. */
  readonly others: readonly FoundCommits[];
}

export type Move = Pick<Effect & { readonly kind: "land-commits" }, "how" | "branch" | "oldId" | "newId">;

export interface LandCommitsPlan {
  readonly facts: SessionFacts;
  readonly found: FoundCommits;
  readonly programs: Programs;
  /** For tests alone: where the sandbox of one of the two acts dies. */
  readonly dieAt?: { readonly act: "put" | "move"; readonly step: number };
}

/** What finding commits must know of a collection. */
export type CollectedGit = Pick<Collected, "changes" | "gitChanges" | "gitType" | "stage">;

const MS_MAX = 180_000;
const ANSWER_BYTES_MAX = 256 << 20;
/** Other branches beyond these stay in the layer until they are the box's HEAD. */
const OTHERS_MAX = 10;
const SIGNED = "what may land of these commits landed before, signed";
const NO_COMMIT = "0".repeat(40);

/**
 * Finds what the box committed, or null when that is nothing.
 *
 * The layer's repository is a stranger's. One sandbox packs what its branch has; another, which sees the person's objects
 * and not the layer, verifies the pack and reads from it alone. Nothing of the layer's configuration, hooks, grafts,
 * replaced objects or alternates has a say in either, and what cannot be read leaves a note and lands nothing.
 */
export async function findCommits(plan: CollectPlan, collected: CollectedGit): Promise<FoundCommits | null> {
  if (collected.gitChanges === 0) return null;
  const folder = join(collected.stage, "commits");
  const { checkout, repository, branch } = plan.facts;
  if (repository === null && collected.gitType !== "dir")
    return nothing(folder, "the checkout's .git is no folder of its own: commits stay in the layer");
  if (repository !== null && !(await isStill(plan, repository)))
    return nothing(folder, `${checkout}/.git names another folder than it did: commits stay in the layer`);
  if (findProgram("git") === null) return nothing(folder, "landing commits needs git: they stay in the layer");
  const names: string[] = [];
  const wanted = branch === undefined ? "HEAD" : `refs/heads/${branch.name}`;
  const found = await findOn({ wanted, isMain: true }, names, folder, plan, collected);
  const known = new Set(found?.commits.map(({ id }) => id));
  const others: FoundCommits[] = [];
  for (const [number, name] of names.slice(0, OTHERS_MAX).entries()) {
    const other = await findOn({ wanted: name, isMain: false }, [], join(folder, String(number)), plan, collected);
    if (other === null) continue;
    // What another branch brings along is told, and lands, once; a branch of which a part waits is not made.
    const commits = other.commits.filter(({ id }) => !known.has(id));
    const waits = other.commits.some(({ state }) => state === "waits");
    const moves = other.moves.filter(({ newId }) => !waits && !known.has(newId));
    if (commits.length > 0 || other.digest === "") others.push({ ...other, commits, moves });
    for (const { id } of commits) known.add(id);
  }
  if (names.length > OTHERS_MAX)
    others.push(nothing(folder, `${names.length - OTHERS_MAX} more branches of the box stay in the layer`));
  return found === null && others.length === 0 ? null : { ...(found ?? nothing(folder, null)), others };
}

function nothing(folder: string, note: string | null): FoundCommits {
  return {
    commits: [],
    moves: [],
    meanwhile: [],
    files: [],
    digest: "",
    folder,
    pack: ["", "", ""],
    unsigned: [],
    others: [],
    note,
  };
}

/** Finds the commits of the box's HEAD, and the names of its other branches, or those of one branch. */
async function findOn(
  { wanted, isMain }: { readonly wanted: string; readonly isMain: boolean },
  others: string[],
  folder: string,
  plan: CollectPlan,
  collected: CollectedGit,
): Promise<FoundCommits | null> {
  const { repository, branch, startedAt, signed } = plan.facts;
  // What takes from the layer leaves nothing where the other one works.
  for (const name of ["", "taken", "verified"]) mkdirSync(join(folder, name), { mode: 0o700 });
  const base = gitBinds(plan.facts, "/base/.git", "read");
  const taken: Bind = { source: join(folder, "taken"), target: "/out", access: "write" };
  const input: Bind = { ...taken, target: "/in", access: "read" };
  const out: Bind = { source: join(folder, "verified"), target: "/out", access: "write" };
  const layers = repository
    ? gitLayers(plan.sessionPath)
    : { names: layerNames(plan.sessionPath), binds: [layerBind(plan.sessionPath)] };
  const state = join(plan.sessionPath, "git-state");
  const frozen: Bind[] = existsSync(state) ? [{ source: state, target: "/frozen", access: "read" }] : [];
  const args = [wanted, isMain ? "1" : "", ...layers.names];
  try {
    const answer = await ask(plan, "take", args, [...layers.binds, ...frozen, ...base, taken]);
    let tag = answer.text();
    for (; tag === "O"; tag = answer.text()) others.push(answer.path());
    if (tag === "N") {
      const why = answer.path();
      // A HEAD that is not plain lands nothing at all.
      if (why !== "") others.length = 0;
      return why === "" ? null : nothing(folder, `${why}: commits there stay in the layer`);
    }
    const [ref, tip] = [answer.path(), answer.text()];
    if (signed?.includes(tip)) return isMain ? nothing(folder, SIGNED) : null;
    const since = branch === undefined ? [] : [branch.from, String(Math.floor(startedAt / 1000))];
    const checkout: Bind = { source: plan.facts.checkout, target: "/checkout", access: "read" };
    const binds = [...base, input, out, ...(branch === undefined ? [] : [checkout])];
    const searched = [Buffer.from(searchedFor(plan.facts.placeholders ?? []))];
    const verified = readBoxCommits(await ask(plan, "verify", [ref, tip, ...since], binds, { input: searched }));
    const judged = judge(ref, verified, { facts: plan.facts, collected, isMain });
    if (signed?.includes(judged.moves[0]?.newId ?? "")) return { ...nothing(folder, SIGNED), commits: judged.commits };
    return { ...judged, folder, pack: verified.pack, unsigned: [], others: [] };
  } catch (error) {
    const where = isMain ? "" : ` of ${wanted.slice("refs/heads/".length)}`;
    return nothing(folder, `commits${where} stay in the layer: ${whyOf(error)}`);
  }
}

function judge(
  ref: string,
  verified: Verified,
  {
    facts,
    collected,
    isMain,
  }: { readonly facts: SessionFacts; readonly collected: CollectedGit; readonly isMain: boolean },
): Omit<FoundCommits, "folder" | "pack" | "unsigned" | "others"> {
  const { head, old, branches, commits, links, contents, meanwhile } = verified;
  const name = ref.slice("refs/heads/".length);
  const isInert = facts.branch !== undefined;
  // Where the session began is news only if the person has taken their branch back from there.
  const wasTakenBack = old !== null && commits.some(({ id }) => id === facts.branch?.from);
  const isTheirs = isMain && (isInert || (ref !== "" && head === ref));
  const isForward = isTheirs && (old === null || isDescendant(commits, old)) && !wasTakenBack;
  const policy = landingPolicy(facts.landing);
  const { commits: judged, tip } = judgeCommits(commits, {
    from: isForward ? old : null,
    isForward,
    isInert,
    links,
    masked: facts.masked,
    restricted: (path) => landingOf(policy, path),
    alarms: new Map([...verified.owners].map(([id, owner]) => [id, alarmBy(facts, owner)])),
    contentOf: (id) => contents.get(id ?? "") ?? null,
  });
  const moves: Move[] = [];
  let note = commits.length === 0 ? "your repository has the box's commits already, on another branch" : null;
  // A branch of the person's that has no commit yet cannot be made beside itself.
  const taken = head.startsWith("refs/heads/") ? new Map([...branches, [head.slice(11), ""]]) : branches;
  const owner = [...branches].find(([, id]) => id === tip)?.[0];
  if (tip !== null && isInert && isMain) {
    if (!isForward) note = `your branch ${name} has moved meanwhile, so it stays`;
    moves.push(...branchMoves({ name, tip, old, isForward, taken }));
  } else if (tip !== null && owner !== undefined && !isForward) note = `your branch ${owner} has these commits`;
  else if (tip !== null) {
    const clash = isForward ? clashOf(commits, judged, collected) : null;
    if (clash !== null) note = `you changed ${clash} meanwhile, so your branch stays; merge the new one with yours`;
    else if (isForward) moves.push({ how: "forward", branch: name, oldId: old, newId: tip });
    else if (!isMain) note = null;
    else if (ref === "") note = "in the box, HEAD is on no branch, so its commits become one";
    else if (head === ref) note = `your branch ${name} has commits that the box's has not`;
    else note = `you are not on the branch ${name}`;
    if (owner === undefined)
      moves.push({ how: "branch", branch: branchFor(name, tip, taken), oldId: null, newId: tip });
  }
  const digest = createHash("sha256")
    .update(JSON.stringify([verified.pack, judged, moves]))
    .digest("hex");
  const files = commits.flatMap(({ diffs }) => diffs.flat().map(({ path, hash }) => ({ path, hash })));
  return { commits: judged, moves, note, meanwhile, files, digest };
}

function alarmBy({ placeholders }: SessionFacts, owner: number): string {
  const found = placeholders?.[owner];
  if (!found) throw new Error(`the answer names placeholder ${owner}, which there is not`);
  return alarmOf(found);
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
  { changes }: CollectedGit,
): string | null {
  const clashes = new Set(changes.filter(({ conflict }) => conflict !== null).map(({ change }) => change.path));
  const landing = new Set(judged.filter(({ state }) => state === "lands").map(({ id }) => id));
  const paths = commits.filter(({ id }) => landing.has(id)).flatMap(({ diffs }) => diffs.flat());
  return paths.find(({ path }) => clashes.has(path))?.path ?? null;
}

/** Puts the verified objects into the person's repository and makes one move. Null when it is made, else why it is not. */
export async function landCommits(
  { facts, found, programs, dieAt }: LandCommitsPlan,
  move: Move,
): Promise<string | null> {
  const git = facts.repository?.common ?? join(facts.checkout, ".git");
  const out: Bind = { source: join(found.folder, "verified"), target: "/out", access: "read" };
  const pack: Bind = { source: join(git, "objects/pack"), target: "/pack", access: "write" };
  const stepOf = (act: "put" | "move") => (dieAt?.act === act ? dieAt.step : null);
  const args = [move.how, `refs/heads/${move.branch}`, move.oldId ?? NO_COMMIT, move.newId];
  try {
    const plan = { facts, programs };
    await ask(plan, "put", found.pack, [out, pack], { dieAt: stepOf("put") });
    const answer = await ask(
      plan,
      "move",
      args,
      [
        { ...out, access: "write" },
        { source: facts.checkout, target: "/checkout", access: "read" },
        ...gitBinds(facts, "/repo/.git", "write"),
      ],
      { dieAt: stepOf("move") },
    );
    return answer.text() === "M" ? null : answer.path();
  } catch (error) {
    return whyOf(error);
  }
}

/** Takes away the locks that a landing of commits left in the person's repository when it broke off, and says whether it had made its move. */
export async function releaseLocks(
  plan: Pick<CollectPlan, "facts" | "programs">,
  { branch, newId }: Pick<Move, "branch" | "newId">,
): Promise<boolean> {
  const args = [`refs/heads/${branch}`, newId];
  const answer = await ask(plan, "release", args, gitBinds(plan.facts, "/repo/.git", "write"));
  return answer.text() === "M";
}

/** What a sandbox died of, in words; throws what is no fault of the repository's. */
function whyOf(error: unknown): string {
  if (error instanceof BoxUnavailable || !(error instanceof Error) || error.message.startsWith("bug:")) throw error;
  return error.message;
}

/** Whether the checkout still belongs to the git folder that its session saw. */
async function isStill({ facts, programs }: CollectPlan, { common, own }: Repository): Promise<boolean> {
  const { repository } = await findRepository({ checkout: facts.checkout, programs, hidden: [], closed: [] });
  return repository?.common === common && repository.own === own;
}

/** Shows the person's git folder, and what it borrows from. */
export function gitBinds(
  { checkout, repository, alternates }: Pick<SessionFacts, "checkout" | "repository" | "alternates">,
  target: string,
  access: Bind["access"],
): Bind[] {
  return [
    { source: repository?.common ?? join(checkout, ".git"), target, access },
    ...alternates.map((source, number): Bind => ({ source, target: `/alt/${number}`, access: "read" })),
  ];
}

/** Runs commits.pl in a sandbox and hands over its answer; throws what it says when it gives up. */
export async function ask(
  { facts, programs }: { readonly facts: Pick<SessionFacts, "repository">; readonly programs: Programs },
  mode: "take" | "verify" | "put" | "move" | "release" | "begin" | "shown" | "raw" | "signed" | "known" | "pack",
  args: readonly string[],
  binds: readonly Bind[],
  { input = [], dieAt = null }: { readonly input?: readonly Buffer[]; readonly dieAt?: number | null } = {},
): Promise<RecordReader> {
  const script = scriptBind("commits.pl");
  const tools = [findProgram("git") ?? "/usr/bin/git", findProgram("sha256sum") ?? "/usr/bin/sha256sum"];
  const result = await runSandbox({
    programs,
    binds: [...binds, script],
    command: [
      programs.perl,
      script.target,
      mode,
      process.arch,
      ...tools,
      facts.repository?.own ?? "",
      dieAt === null ? "-" : String(dieAt),
      ...args,
    ],
    input: strings(input),
    timeoutMs: MS_MAX,
    stdoutBytesMax: ANSWER_BYTES_MAX,
    capability: null,
  });
  if (result.status !== 0) throw new Error(result.stderr.trim().split("\n").at(-1) || `status ${result.status}`);
  return new RecordReader(result.stdout);
}
