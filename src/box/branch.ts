import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { quote } from "./commands.ts";
import { ask, type CollectedGit, type FoundCommits, findCommits } from "./commits.ts";
import { removeStage } from "./discard.ts";
import { type BranchFacts, readFacts, type SessionFacts, writeFacts } from "./folder.ts";
import { layerBind, layerNames } from "./layers.ts";
import type { Programs } from "./programs.ts";

/** Where a session on a branch of its own would begin, or why it cannot and what to do. */
export type Beginning =
  | { readonly ok: true; readonly branch: BranchFacts }
  | { readonly ok: false; readonly why: string };

/** Asks the person's repository, in a sandbox, where a branch of this name begins: at its own tip, else at their HEAD. */
export async function findBeginning(checkout: string, name: string, programs: Programs): Promise<Beginning> {
  const base = { source: checkout, target: "/base", access: "read" } as const;
  const answer = await ask({ facts: { repository: null }, programs }, "begin", [name], [base]);
  const word = answer.text();
  return word === "B" ? { ok: true, branch: { name, from: answer.text() } } : { ok: false, why: answer.path() };
}

/** Writes down that a session works on a branch of its own, before its view does: its files never land from then on. */
export function recordBranch(sessionPath: string, branch: BranchFacts): void {
  writeFacts({ path: sessionPath }, { ...readFacts(sessionPath), branch });
}

/** Writes down that these commits of the box landed under other ids. */
export function recordSigned(sessionPath: string, ids: readonly string[]): void {
  const facts = readFacts(sessionPath);
  writeFacts({ path: sessionPath }, { ...facts, signed: [...new Set([...(facts.signed ?? []), ...ids])] });
}

/**
 * Chooses, among paths that the box named, those at which the view shows the checkout's file and not the layer's.
 *
 * With `since`, in seconds, only what changed in the checkout since then.
 */
export async function shownPaths(
  session: { readonly path: string; readonly facts: SessionFacts },
  paths: readonly Buffer[],
  since: number,
  programs: Programs,
): Promise<Buffer[]> {
  if (paths.length === 0) return [];
  const { path, facts } = session;
  const checkout = { source: facts.checkout, target: "/checkout", access: "read" } as const;
  const args = [String(since), ...layerNames(path)];
  const reader = await ask({ facts, programs }, "shown", args, [layerBind(path), checkout], { input: paths });
  const shown: Buffer[] = [];
  while (!reader.isAtEnd) {
    if (reader.text() !== "U") throw reader.broken("a record");
    shown.push(reader.bytes());
  }
  return shown;
}

/** Finds the commits of a session's own branch, hands them to `use`, and removes what was staged of them. */
export async function withBranchCommits<T>(
  session: { readonly path: string; readonly facts: SessionFacts },
  programs: Programs,
  use: (found: FoundCommits | null) => Promise<T>,
): Promise<T> {
  const stage = join(session.path, `stage-${randomBytes(8).toString("hex")}`);
  mkdirSync(stage, { mode: 0o700 });
  const collected: CollectedGit = { changes: [], gitChanges: 1, gitType: "dir", stage };
  try {
    return await use(await findCommits({ sessionPath: session.path, facts: session.facts, programs }, collected));
  } finally {
    await removeStage({ stage }, programs);
  }
}

/** Index of the tree that the view began with; kept beside the layer, in the box's own memory. */
const INDEX = "/run/ringfence/branch-index";
const HIDDEN = "/run/ringfence/branch-hidden";
/** The repository's hooks are for its commands, not for ours. */
const NO_HOOKS =
  'export "GIT_CONFIG_KEY_$GIT_CONFIG_COUNT=core.hooksPath" "GIT_CONFIG_VALUE_$GIT_CONFIG_COUNT=/dev/null" GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT + 1))';

/**
 * The shell programs of a view on a branch of its own. They run in the box, at the root of the checkout; paths come and
 * go as strings that end in NUL.
 */
export function branchPrograms(checkout: string, { name, from }: BranchFacts): BranchPrograms {
  const ref = quote(`refs/heads/${name}`);
  const start = `cd -- ${quote(checkout)} && ${NO_HOOKS} LC_ALL=C GIT_LITERAL_PATHSPECS=1`;
  const own = `${start} GIT_INDEX_FILE=${INDEX}`;
  // One walk that compares and looks for new files; what it writes is the same whatever the repository configures.
  const list = "git status --porcelain -z --no-renames --ignore-submodules=all --untracked-files=all";
  return {
    // The person's index is taken over for its times alone: with these git need not read every file.
    begin: [
      `${own} && mkdir -p ${INDEX.replace(/\/[^/]*$/, "")} && { [ ! -f .git/index ] || cp -p .git/index ${INDEX}; }`,
      `cd .git && rm -rf ${UNDER_WAY.join(" ")} && cd ..`,
      // By hand: git writes no ref that has the value already, and then the person's would show through when they move it.
      `{ [ ! -d .git/${ref} ] || rm -r -- .git/${ref}; } && mkdir -p -- "$(dirname -- .git/${ref})" && echo ${from} >.git/${ref} && git symbolic-ref HEAD ${ref}`,
      `git read-tree --reset ${from}`,
      // What the index is told not to look at could differ in silence; in a sparse checkout it is what is not there.
      `{ [ "$(git config --bool core.sparseCheckout)" = true ] || for flag in assume-unchanged skip-worktree; do git ls-files -z -v | sed -zn 's/^[a-zS] //p' | git update-index -z --no-$flag --stdin || exit; done; }`,
      // Copies without secrets are no changes.
      "xargs -0r git ls-files -z -- | git update-index -z --skip-worktree --stdin",
    ].join(" && "),
    begun: `${start} && cp -p ${INDEX} .git/index`,
    differences: `${own} && ${list}`,
    restore: `${own} && git checkout-index -f -u -z --stdin`,
    // With the folders that then hold nothing.
    hide: `${start} && tee ${HIDDEN} | xargs -0r rm -rf -- && { sed -zn 's,/[^/]*$,,p' ${HIDDEN} | sort -zu | xargs -0r rmdir -p --ignore-fail-on-non-empty -- 2>/dev/null; true; }`,
    // A branch that the agent made on the way, with all that is on this one, is what it worked on.
    changes: `${start} && rm -f -- .git/index.lock .git/HEAD.lock .git/${ref}.lock && { [ "$(git symbolic-ref -q HEAD)" = ${ref} ] || { [ -z "$(cd .git && ls -d ${UNDER_WAY.join(" ")} 2>/dev/null)" ] && git merge-base --is-ancestor ${ref} HEAD && git update-ref ${ref} HEAD && git symbolic-ref HEAD ${ref}; }; } && ${list}`,
    commit: (message) =>
      [
        `${start} && git update-index --add --remove --replace -z --stdin`,
        `{ git var GIT_AUTHOR_IDENT >/dev/null 2>&1 || export GIT_AUTHOR_NAME=ringfence GIT_AUTHOR_EMAIL=ringfence@localhost GIT_COMMITTER_NAME=ringfence GIT_COMMITTER_EMAIL=ringfence@localhost; }`,
        `{ git diff-index --cached --quiet HEAD -- || git commit -q --no-verify --no-gpg-sign ${message.map((part) => `-m ${quote(part)}`).join(" ")}; }`,
      ].join(" && "),
  };
}

export interface BranchPrograms {
  /** Reads the masked paths; puts HEAD, branch and index where the branch begins, and leaves the files. */
  readonly begin: string;
  readonly begun: string;
  /** Prints what differs from where the branch began, as `git status --porcelain -z`. */
  readonly differences: string;
  readonly restore: string;
  readonly hide: string;
  /** Prints what is not committed, likewise, and takes locks away; fails where nothing can be committed now. */
  readonly changes: string;
  readonly commit: (message: readonly string[]) => string;
}

/** What says that an operation of git's is under way. */
const UNDER_WAY = [
  ...["index.lock", "HEAD.lock", "MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "CHERRY_PICK_HEAD", "REVERT_HEAD"],
  ...["BISECT_START", "BISECT_LOG", "rebase-merge", "rebase-apply", "sequencer"],
];
