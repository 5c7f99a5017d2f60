import { Readable } from "node:stream";
import type { Box } from "../box/box.ts";
import {
  type BranchPrograms,
  branchPrograms,
  findBeginning,
  recordBranch,
  shownPaths,
  withBranchCommits,
} from "../box/branch.ts";
import type { FoundCommits } from "../box/commits.ts";
import { type BranchFacts, readFacts } from "../box/folder.ts";
import { readRest, writeRest } from "../box/landing.ts";
import { findPrograms } from "../box/programs.ts";
import type { Signer } from "../box/sign.ts";
import { encodePath } from "../core/changes.ts";
import type { JudgedCommit } from "../core/commits.ts";
import { counted } from "../core/text.ts";
import type { Ledger } from "../ledger/append.ts";
import { type ChangedSession, landCommitsFor } from "./changeset.ts";
import { UsageError } from "./config.ts";
import type { Gate } from "./gate.ts";
import { hasCommitsLeft } from "./rest.ts";
import { signFor } from "./sign.ts";

interface Record {
  readonly gate: Gate;
  readonly ledger: Ledger;
}

/** What came of a branch: which one took the commits, and what the person should know. */
export interface LandedBranch {
  /** The branch that they asked for. */
  readonly asked: string;
  /** The branch that has the commits, or null when none landed. */
  readonly name: string | null;
  /** Also those of other branches of the box that wait. */
  readonly commits: readonly JudgedCommit[];
  readonly note: string | null;
  /** Paths in the commits that the person changed in the checkout meanwhile. */
  readonly meanwhile: readonly string[];
  /** Whether the layer holds nothing more that could land. */
  readonly isWhole: boolean;
}

/** Finds where a branch of this name begins; throws UsageError, which says what is in the way. */
export async function planBranch(checkout: string, name: string): Promise<BranchFacts> {
  const beginning = await findBeginning(checkout, name, findPrograms());
  if (!beginning.ok) throw new UsageError(`--branch ${name}: ${beginning.why}`);
  return beginning.branch;
}

/** Finds the commits of a session's own branch, or null; shows what landing would do. */
export function findBranchCommits(session: ChangedSession): Promise<FoundCommits | null> {
  return withBranchCommits(session, findPrograms(), async (found) => found);
}

/** Lands the commits of a session's own branch for the person who named it. */
export function landBranch(
  session: ChangedSession,
  branch: BranchFacts,
  record: Record,
  signer: Signer | null = null,
): Promise<LandedBranch> {
  return withBranchCommits(session, findPrograms(), async (made) => {
    const asked = branch.name;
    const found = made && signer ? await signFor(session, made, signer, record) : made;
    if (found === null) return { asked, name: null, commits: [], note: null, meanwhile: [], isWhole: true };
    const landed = await landCommitsFor(session, found, record);
    const isWhole = !hasCommitsLeft(found, landed);
    // What of the layer is in no commit only the end of the session knows.
    const changes = readRest(session.path)?.changes ?? 1;
    writeRest(session.path, { changes, hasCommits: !isWhole });
    const all = [found, ...found.others];
    const moves = [landed, ...landed.others];
    const others = landed.others.flatMap(({ move }, at) =>
      move === null ? [] : [`new branch ${move.branch}: ${counted(landingIn(found.others[at]), "commit")}`],
    );
    const waiting = found.others.flatMap((one) => one.commits.filter((commit) => !isLanding(commit)));
    const notes = [...moves.map(({ note }) => note), ...others].filter((note) => note !== null);
    return {
      asked,
      name: landed.move?.branch ?? null,
      commits: [...found.commits, ...waiting],
      note: notes.length === 0 ? null : notes.join("; "),
      meanwhile: [...new Set(all.flatMap(({ meanwhile }) => meanwhile))],
      isWhole,
    };
  });
}

function landingIn(found: FoundCommits | undefined): number {
  return found?.commits.filter(isLanding).length ?? 0;
}

function isLanding({ state }: JudgedCommit): boolean {
  return state === "lands";
}

const PROGRAM_MS_MAX = 120_000;
const OUTPUT_BYTES_MAX = 64 << 20;
const ROUNDS_MAX = 4;
/** A look at the view takes at most this share of the time. */
const SHARE = 0.1;

/**
 * The view of a session on a branch of its own: the tree of a commit, with the checkout of the person below it.
 *
 * What the layer does not hold shows through from the checkout, where the person goes on working. So the view is compared
 * with the commit, in the box, and put right where it is not the layer that differs.
 */
export class BranchView {
  readonly branch: BranchFacts;
  readonly #box: Box;
  readonly #gate: Gate;
  readonly #programs: BranchPrograms;
  #lookedAt = 0;
  #lookMs = 0;

  private constructor(box: Box, gate: Gate, branch: BranchFacts) {
    this.branch = branch;
    this.#box = box;
    this.#gate = gate;
    this.#programs = branchPrograms(readFacts(box.folder.path).checkout, branch);
  }

  /** Puts a new session's view on its branch, before any command of the session. */
  static async begin(box: Box, gate: Gate, branch: BranchFacts): Promise<BranchView> {
    const startedAt = Date.now();
    recordBranch(box.folder.path, branch);
    const view = new BranchView(box, gate, branch);
    await view.#run(view.#programs.begin, box.masked.map(toBytes));
    await view.putRight(0);
    await view.#run(view.#programs.begun, []);
    view.#lookedAt = Date.now();
    view.#lookMs = view.#lookedAt - startedAt;
    return view;
  }

  /** Puts the view right before an effect, unless that was done just now or would take too much of the time. */
  async keepRight(): Promise<void> {
    if ((Date.now() - this.#lookedAt) * SHARE < this.#lookMs) return;
    const startedAt = Date.now();
    // What the agent did to the box's git can make this fail. Nothing that lands relies on it.
    await this.putRight(readFacts(this.#box.folder.path).startedAt / 1000).catch(() => {});
    this.#lookedAt = Date.now();
    this.#lookMs = this.#lookedAt - startedAt;
  }

  /** Puts back tracked files that the person changed, and hides files that they made; `since` as of `shownPaths`. */
  async putRight(since: number): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const { tracked, untracked } = await this.#list(this.#programs.differences);
      const changed = await this.#shown(tracked, 0);
      // First the files, because those that say what is ignored are among them.
      if (changed.length > 0) {
        await this.#run(this.#programs.restore, changed);
        continue;
      }
      const made = await this.#shown(untracked, Math.floor(since));
      if (made.length > 0) await this.#run(this.#programs.hide, made);
      return;
    }
  }

  /**
   * Commits what the agent left uncommitted, taken from the layer alone; returns why it could not, or null.
   *
   * No command of the agent's runs by then. A lock that a git of the person's holds shows through, and stays in the view
   * when it is gone, so it is taken away from the view, and that again when one more came.
   */
  async commit(message: readonly string[]): Promise<string | null> {
    let problem: string | null = null;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      problem = await this.#tryToCommit(message);
      if (problem === null) break;
    }
    return problem;
  }

  async #tryToCommit(message: readonly string[]): Promise<string | null> {
    try {
      const { tracked, untracked } = await this.#list(this.#programs.changes);
      const shown = new Set((await this.#shown([...tracked, ...untracked], 0)).map(keyOf));
      const kept = new Set([...shown, ...this.#box.masked.map((path) => keyOf(toBytes(path)))]);
      const paths = [...tracked, ...untracked].filter((path) => !kept.has(keyOf(path)) && path.at(-1) !== SLASH);
      await this.#run(this.#programs.commit(message), paths);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #shown(paths: readonly Buffer[], since: number): Promise<Buffer[]> {
    const { path } = this.#box.folder;
    return shownPaths({ path, facts: readFacts(path) }, paths, since, findPrograms());
  }

  async #list(program: string): Promise<{ tracked: Buffer[]; untracked: Buffer[] }> {
    const entries = split(await this.#run(program, [])).map((entry) => ({
      status: entry.toString("latin1", 0, 2),
      path: entry.subarray(3),
    }));
    if (entries.some(({ status }) => /U|AA|DD/.test(status))) throw new Error("a merge with conflicts is under way");
    const isUntracked = ({ status }: { readonly status: string }) => status === "??";
    // The second letter is of the files, the first of the index.
    const changed = entries.filter((entry) => !isUntracked(entry) && entry.status[1] !== " ");
    return { tracked: changed.map(({ path }) => path), untracked: entries.filter(isUntracked).map(({ path }) => path) };
  }

  async #run(command: string, input: readonly Buffer[]): Promise<Buffer> {
    const effect = { kind: "run", command, timeoutMs: PROGRAM_MS_MAX, background: false, profile: "net" } as const;
    const gated = this.#gate.pass(effect, null);
    if (gated.verdict !== "allow") throw new Error(gated.reason);
    const pieces: Uint8Array[] = [];
    let [bytes, errors] = [0, ""];
    const done = await this.#box.stream(gated.permit, {
      stdin: Readable.from(input.flatMap((path) => [path, Buffer.of(0)])),
      terminal: null,
      below: "",
      signal: new AbortController().signal,
      onOutput: (stream, piece) => {
        if (stream === "stderr") errors = (errors + Buffer.from(piece).toString("utf8")).slice(-2000);
        else {
          bytes += piece.length;
          if (bytes <= OUTPUT_BYTES_MAX) pieces.push(piece);
        }
      },
    });
    if (done.status !== 0) throw new Error(done.message || errors.trim() || `git ended with status ${done.status}`);
    if (bytes > OUTPUT_BYTES_MAX) throw new Error("git named too many files");
    return Buffer.concat(pieces);
  }
}

const SLASH = "/".charCodeAt(0);

function toBytes(path: string): Buffer {
  return Buffer.from(encodePath(path));
}

function keyOf(path: Buffer): string {
  return path.toString("latin1");
}

function split(bytes: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw new Error("git's answer was cut short");
    all.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return all;
}
