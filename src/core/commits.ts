import type { Change } from "./changes.ts";
import { isHeld } from "./classify.ts";
import { classifyAll, type Link } from "./classify-all.ts";
import type { Restriction } from "./policy-match.ts";

/** A commit that the box made, read from verified objects. All text in it is a stranger's. */
export interface BoxCommit {
  readonly id: string;
  /** In git's order; some may lie outside the range that is judged. */
  readonly parents: readonly string[];
  readonly author: string;
  readonly subject: string;
  /** What it changes against each of its parents, or against nothing. */
  readonly diffs: readonly (readonly Change[])[];
}

export interface JudgeContext {
  /** Tip of the person's branch that is to move forward, or null when no branch of theirs moves. */
  readonly from: string | null;
  readonly isForward: boolean;
  /** Whether they land on a branch that is checked out nowhere, as objects alone: then only a secret file waits. */
  readonly isInert: boolean;
  readonly links: readonly Link[];
  readonly masked: readonly string[];
  /** What the session's policy says of landing a path. */
  readonly restricted: (path: string) => Restriction | null;
  /** Why an object never lands, by its id: it holds what stands for a credential. */
  readonly alarms: ReadonlyMap<string, string>;
  /** Path of a link, or else the beginning of a file, by object id. */
  readonly contentOf: (id: string | null | undefined) => Uint8Array | null;
}

export interface JudgedCommit extends Pick<BoxCommit, "id" | "author" | "subject"> {
  readonly state: "lands" | "waits";
  readonly why: string | null;
}

export interface Judgement {
  /** Oldest first. */
  readonly commits: readonly JudgedCommit[];
  /** The newest commit that may land, with all before it; null when none may. */
  readonly tip: string | null;
}

/**
 * Judges commits, given with parents before children, by what landing them would mean.
 *
 * A commit that holds one held path waits whole, and so does everything that comes after it. What lands is the longest
 * clean beginning of the first-parent history; to move a branch forward it must contain the branch.
 */
export function judgeCommits(commits: readonly BoxCommit[], context: JudgeContext): Judgement {
  const byId = new Map(commits.map((commit) => [commit.id, commit]));
  const waits = new Map<string, string>();
  const elsewhere = alarmElsewhere(commits, context);
  const descends = new Set<string>();
  for (const { id, parents, diffs } of commits) {
    const before = parents.find((parent) => waits.has(parent));
    const why =
      elsewhere ??
      reasonToHold(id, diffs, context) ??
      (before ? `it comes after ${before.slice(0, 7)}, which waits` : null);
    if (why !== null) waits.set(id, why);
    const isAfter = context.from === null || parents.some((parent) => parent === context.from || descends.has(parent));
    if (isAfter) descends.add(id);
  }
  let tip = commits.at(-1);
  while (tip && (waits.has(tip.id) || (context.isForward && !descends.has(tip.id))))
    tip = byId.get(tip.parents[0] ?? "");
  const landing = new Set(tip ? [tip.id] : []);
  for (const { id, parents } of commits.toReversed())
    if (landing.has(id)) for (const parent of parents) landing.add(parent);
  return {
    tip: tip?.id ?? null,
    commits: commits.map(({ id, author, subject }) => {
      if (landing.has(id)) return { id, author, subject, state: "lands", why: null };
      return { id, author, subject, state: "waits", why: waits.get(id) ?? "it waits for what it belongs to" };
    }),
  };
}

/** Says whether the newest of the commits contains the tip of a branch, so that the branch can move forward to it. */
export function isDescendant(commits: readonly BoxCommit[], from: string): boolean {
  const descends = new Set([from]);
  for (const { id, parents } of commits) if (parents.some((parent) => descends.has(parent))) descends.add(id);
  return descends.has(commits.at(-1)?.id ?? "");
}

/** Names the branch for commits that cannot move a branch of the person's: the box's own name, where that is free. */
export function branchFor(name: string, tip: string, taken: ReadonlyMap<string, string>): string {
  const isPlain =
    /^(?!.*[a-f0-9]{40})[a-zA-Z][\w.+/-]{0,100}$/.test(name) && !/^(?:refs|heads|tags|remotes)(?:\/|$)/.test(name);
  const clashes = [...taken.keys()].some(
    (other) => other === name || other.startsWith(`${name}/`) || name.startsWith(`${other}/`),
  );
  if (isPlain && !clashes) return name;
  return `ringfence/${isPlain ? name : "box"}-${tip.slice(0, 7)}`;
}

const SECRET = "it may hold a secret: the box saw a copy without it";

/** An alarm about an object that is no commit and no file of one: it may be a part of any. */
function alarmElsewhere(commits: readonly BoxCommit[], { alarms }: JudgeContext): string | null {
  if (alarms.size === 0) return null;
  const ids = new Set(commits.flatMap(({ id, diffs }) => [id, ...diffs.flat().map(({ hash }) => hash)]));
  return [...alarms].find(([id]) => !ids.has(id))?.[1] ?? null;
}

function reasonToHold(id: string, diffs: BoxCommit["diffs"], context: JudgeContext): string | null {
  const message = context.alarms.get(id);
  if (message !== undefined) return message;
  const alarmed = diffs.flat().find(({ hash }) => hash !== null && context.alarms.has(hash));
  if (alarmed) return `${alarmed.path}: ${context.alarms.get(alarmed.hash ?? "")}`;
  const secret = diffs.flat().find(({ path }) => context.masked.includes(path));
  if (secret) return `${secret.path}: ${SECRET}`;
  for (const { path } of diffs.flat()) {
    const found = context.restricted(path);
    if (found !== null && (found.verdict === "deny" || !context.isInert)) return `${path}: ${found.reason}`;
  }
  if (context.isInert) return null;
  for (const changes of diffs) {
    const classes = classifyAll(changes, {
      links: context.links,
      of: ({ hash, base }) => ({
        isIgnored: false,
        oldContent: context.contentOf(base?.hash),
        newContent: context.contentOf(hash),
      }),
    });
    for (const change of changes) {
      const { path, type } = change;
      if (type === "other" || change.base?.type === "other") return `${path}: it is a submodule`;
      const found = classes.get(path);
      if (!found) throw new Error("bug: a change without a class");
      if (isHeld(found.cls)) return `${path}: ${found.cls}, ${found.why}`;
    }
  }
  return null;
}
