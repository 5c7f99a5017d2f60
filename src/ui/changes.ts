import {
  type ChangedSession,
  commitsOf,
  discardFor,
  emptyFor,
  type LandedCommits,
  landCommitsFor,
  landFor,
  linesOf,
  patchOf,
  type Wish,
  withChanges,
} from "../agent/changeset.ts";
import { stateFolder, UsageError } from "../agent/config.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import { findSession } from "../agent/config-sessions.ts";
import { Gate } from "../agent/gate.ts";
import type { Session } from "../agent/session.ts";
import { findSigner, rememberSigned, signFor } from "../agent/sign.ts";
import type { Start } from "../agent/workplace.ts";
import { choose } from "../box/choose.ts";
import type { ClassifiedChange, Collected } from "../box/collect.ts";
import { MEANWHILE } from "../box/collect-list.ts";
import { quote } from "../box/commands.ts";
import type { FoundCommits } from "../box/commits.ts";
import { readFacts } from "../box/folder.ts";
import type { LandResult } from "../box/land.ts";
import type { Signer } from "../box/sign.ts";
import { type Approval, afterLanding, parseApproval } from "../core/approval.ts";
import { isHeld } from "../core/classify.ts";
import { EXIT_CODES } from "../core/event.ts";
import { UNKNOWN_SOURCE } from "../core/label.ts";
import { counted, visible, visibleJson } from "../core/text.ts";
import { type Ledger, openLedger } from "../ledger/append.ts";
import { branchCommand } from "./branch.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";
import { putRight, putRightLive } from "./undo.ts";

const MERGED = "  (merged with your own changes)";

export interface ChangesOptions {
  readonly paths: readonly string[];
  /** Held changes to land, each `PATH=HASH`. */
  readonly approve: readonly string[];
  /** Whether landed commits get the person's signature. */
  readonly sign: boolean;
  readonly session: string | null;
  readonly json: boolean;
  readonly stat: boolean;
}

/** `ringfence diff|land|discard` on a session that is over: the newest of this checkout that has a layer, or the named one. */
export async function changesCommand(
  command: "diff" | "land" | "discard",
  options: ChangesOptions,
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const approvals = options.approve.map(readApproval);
  const [state, checkout] = [stateFolder(start.environment), findCheckout(start.folder).path];
  await putRight(state, checkout, options.session, terminal);
  const stored = findSession(state, checkout, options.session);
  const { branch } = stored.facts;
  if (options.sign && options.paths.length > 0)
    throw new UsageError("land --sign signs commits, and those land without a PATH: leave the PATH out");
  const signer = options.sign ? await findSigner(start.environment, stored.facts.checkout) : null;
  if (command !== "discard" && branch)
    return branchCommand(command, { ...stored, branch }, { ...options, signer }, terminal);
  if (command === "diff")
    return withChanges(stored, (collected) => printDiff(stored, only(collected, options.paths), options, terminal));
  const ledger = openLedger(`${stored.path}/ledger.log`);
  const record = { ledger, gate: new Gate(ledger, () => UNKNOWN_SOURCE, Date.now) };
  try {
    if (command === "land")
      return await withChanges(stored, (collected) =>
        land(stored, collected, wishOf(collected, options.paths, approvals), record, terminal, signer),
      );
    await discardFor(stored, record);
    terminal.stdout.write(`session ${stored.facts.id}: its changes are thrown away, its log is kept\n`);
    return 0;
  } finally {
    ledger.close();
  }
}

/** Shows the changes of a session that goes on. */
export function diffLive(session: Session, terminal: Terminal): Promise<number> {
  return held(session, terminal, (changed) =>
    withChanges(changed, (collected) => printDiff(changed, collected, { json: false, stat: false }, terminal)),
  );
}

/** Lands the changes of a session that goes on, and lets the box see the checkout as it is now. */
export async function landLive(session: Session, paths: readonly string[], terminal: Terminal): Promise<number> {
  const status = await held(session, terminal, (changed) =>
    withChanges(changed, (collected) => land(changed, collected, wishOf(collected, paths, []), session, terminal)),
  );
  await session.box.remount();
  return status;
}

/** Shows held changes of a session that goes on; what is returned approves exactly what was shown. */
export async function showHeld(session: Session, paths: readonly string[], terminal: Terminal): Promise<Approval[]> {
  const shown: Approval[] = [];
  await held(session, terminal, (changed) =>
    withChanges(changed, async (all) => {
      const collected = only(all, paths);
      shown.push(...collected.changes.filter(isOffered).map(({ change, hash }) => ({ path: change.path, hash })));
      return printDiff(changed, collected, { json: false, stat: false }, terminal);
    }),
  );
  return shown;
}

/** Lands what a person has approved of a session that goes on, and nothing else. */
export async function landApproved(
  session: Session,
  approvals: readonly Approval[],
  terminal: Terminal,
): Promise<void> {
  await held(session, terminal, (changed) =>
    withChanges(changed, (collected) => land(changed, collected, { which: [], approvals }, session, terminal)),
  );
  await session.box.remount();
}

export async function discardLive(session: Session, terminal: Terminal): Promise<void> {
  await emptyFor(session.box, session);
  terminal.stdout.write("all changes of this session are thrown away\n");
}

async function held(
  session: Session,
  terminal: Terminal,
  use: (changed: ChangedSession) => Promise<number>,
): Promise<number> {
  const { path } = session.box.folder;
  await session.box.freeze();
  try {
    await putRightLive(session, terminal);
    return await use({ path, facts: readFacts(path) });
  } finally {
    await session.box.thaw();
  }
}

async function printDiff(
  changed: ChangedSession,
  collected: Collected,
  options: Pick<ChangesOptions, "json" | "stat">,
  { stdout }: Terminal,
): Promise<number> {
  const found = options.json || options.stat || stdout.isTTY ? await commitsOf(changed, collected) : null;
  if (options.json) stdout.write(`${visibleJson(JSON.stringify(toJson(collected, found)))}\n`);
  else if (options.stat) writeSafe(stdout, await statText(collected, found));
  else if (stdout.isTTY) {
    const patch = (await patchOf(collected, "all")).toString("utf8");
    writeSafe(stdout, `${statusText(collected)}${commitsText(found)}${patch}`);
  }
  // Into a pipe or a file go the exact bytes, for `git apply`; held files are shown by --stat and --json.
  else stdout.write(await patchOf(collected, "source"));
  return 0;
}

function toJson(collected: Collected, found: FoundCommits | null): object {
  return {
    digest: collected.digest,
    git_changes: collected.gitChanges,
    git_held: collected.gitHeld,
    commits: found ? [found, ...found.others].flatMap(({ commits }) => commits) : [],
    commits_note: found?.note ?? null,
    changes: collected.changes.map(({ change, cls, why, runs, conflict, merged, hash }) => ({
      path: change.path,
      action: change.action,
      type: change.type,
      mode: change.mode,
      size: change.size,
      class: cls,
      why,
      runs,
      conflict,
      merged,
      hash,
    })),
  };
}

async function statText(collected: Collected, found: FoundCommits | null): Promise<string> {
  const lines = new Map((await linesOf(collected)).map((stat) => [stat.path, stat]));
  const rows = collected.changes.map(({ change, cls, conflict, merged }) => {
    const stat = lines.get(change.path);
    const counts = stat ? (stat.added === null ? "binary" : `+${stat.added} -${stat.removed}`) : change.type;
    const note = conflict !== null ? `  (${MEANWHILE[conflict]})` : cls === "source" ? "" : `  (${cls})`;
    return row(`${change.action.padEnd(6)} ${counts.padStart(12)}  ${change.path}${note}${merged ? MERGED : ""}`);
  });
  const git = commitsText(found) + gitText(collected);
  return rows.length === 0 && git === "" ? "no changes\n" : `${rows.join("")}${git}`;
}

/** The rest of a repository's data: objects, the box's own index and logs, and what git would obey. */
function gitText({ gitChanges }: Collected, hint = ""): string {
  const [one, many] = ["difference under .git stays", "differences under .git stay"];
  return gitChanges > 0 ? `${counted(gitChanges, one, many)} in the layer${hint}\n` : "";
}

function commitsText(found: FoundCommits | null, landed: LandedCommits | null = null): string {
  const rows = (found?.commits ?? []).map(({ id, subject, state, why }) => {
    const word = state === "waits" ? "waits  " : landed?.move ? "landed " : landed ? "stays  " : "       ";
    return row(`${word} commit ${id.slice(0, 7)} ${subject}${why === null ? "" : `: ${why}`}`);
  });
  const note = landed ? landed.note : (found?.note ?? null);
  const branch = landed?.move?.how === "branch" ? `new branch ${landed.move.branch}: ` : "";
  const others = (found?.others ?? []).map((other, at) => commitsText(other, landed?.others[at] ?? null));
  const own = note === null && branch === "" ? "" : row(`${branch}${note ?? "your HEAD stays"}`);
  return rows.join("") + own + others.join("");
}

function statusText(collected: Collected): string {
  const notes = collected.changes.filter(({ cls, conflict }) => cls !== "source" || conflict !== null);
  const merged = collected.changes
    .filter((one) => one.merged)
    .map(({ change }) => row(`merge ${change.path}${MERGED}`));
  const held = notes.map(({ change, cls, why, runs }) =>
    row(`held  ${change.path}: ${cls}, ${why}${runs === null ? "" : `; ${runs}`}`),
  );
  return [...held, ...merged].join("");
}

async function land(
  changed: ChangedSession,
  collected: Collected,
  wish: Wish,
  record: { readonly gate: Gate; readonly ledger: Ledger },
  terminal: Terminal,
  signer: Signer | null = null,
): Promise<number> {
  const { refusals } = choose(collected, wish.which, wish.approvals);
  if (refusals.length > 0) {
    const lines = refusals.map(({ path, why }) => row(`refused ${path}: ${why}`));
    writeSafe(terminal.stderr, `${lines.join("")}nothing landed\n`);
    return EXIT_CODES["approval-needed"];
  }
  const { which } = wish;
  const made = which === null ? await commitsOf(changed, collected) : null;
  // Before any file lands: whoever wants signed commits does not want half of it.
  const found = made && signer ? await signFor(changed, made, signer, record) : made;
  const result = await landFor(changed, collected, wish, record);
  const commits = found && (await landCommitsFor(changed, found, record));
  if (made && found && commits) rememberSigned(changed, made, found, commits);
  const git = found ? commitsText(found, commits) : gitText(collected, which ? "; commits land without a path" : "");
  const merged = new Set(collected.changes.filter((one) => one.merged).map(({ change }) => change.path));
  writeSafe(terminal.stdout, landText(result, merged, git));
  const refused =
    which === null
      ? result.held.some(({ cls }) => cls !== "source") ||
        [found, ...(found?.others ?? [])].some((one) => one?.commits.some(({ state }) => state === "waits"))
      : which.some((path) => !result.landed.includes(path));
  if (result.failed.length > 0 || (found?.moves.length && commits?.move === null)) return 1;
  return refused ? EXIT_CODES["approval-needed"] : 0;
}

function readApproval(text: string): Approval {
  const approval = parseApproval(text);
  if (!approval)
    throw new UsageError(
      `--approve takes PATH=HASH, the HASH of 64 hex digits from ringfence diff --json, not "${text}"`,
    );
  return approval;
}

function wishOf(collected: Collected, paths: readonly string[], approvals: readonly Approval[]): Wish {
  return { which: paths.length === 0 ? null : choosePaths(collected, paths), approvals };
}

function only(collected: Collected, paths: readonly string[]): Collected {
  if (paths.length === 0) return collected;
  const chosen = new Set(choosePaths(collected, paths));
  return { ...collected, changes: collected.changes.filter(({ change }) => chosen.has(change.path)) };
}

/** Whether an approval could land it. */
function isOffered({ cls, conflict, isStaged }: ClassifiedChange): boolean {
  return isHeld(cls) && cls !== "outside" && conflict === null && isStaged;
}

function choosePaths(collected: Collected, paths: readonly string[]): string[] {
  const known = collected.changes.map(({ change }) => change.path);
  const clean = paths.map((path) => path.replace(/^\.\//, "").replace(/\/+$/, ""));
  const unknown = clean.filter((path) => !known.some((name) => name === path || name.startsWith(`${path}/`)));
  if (unknown.length > 0)
    throw new UsageError(
      `the session did not change ${unknown.join(", ")}; paths count from the root of the checkout, see ringfence diff --stat`,
    );
  return known.filter((name) => clean.some((path) => name === path || name.startsWith(`${path}/`)));
}

/** A command to copy, so only where the name shows as it is. */
function hint(path: string, hash: string): string {
  return visible(path) === path && !/[\n\t]/.test(path)
    ? row(`        if it is right: ringfence land --approve ${quote(`${path}=${hash}`)}`)
    : row("        if it is right: ringfence land --approve PATH=HASH, with both from ringfence diff --json");
}

function landText(result: LandResult, merged: ReadonlySet<string>, git: string): string {
  const landed = result.landed.map((path) => row(`landed  ${path}${merged.has(path) ? MERGED : ""}`));
  const held = result.held.map(
    ({ path, cls, why, runs, hash }) =>
      row(`held    ${path}: ${cls}, ${why}${runs === null ? "" : `; ${runs}`}`) +
      (hash === null ? "" : hint(path, hash)),
  );
  const next = afterLanding(result.landed).map(({ folder, command }) => row(`next    in ${folder}: ${command}`));
  const failed = result.failed.map(({ path, why }) => row(`failed  ${path}: ${why}`));
  return [...landed, ...held, ...failed, git, ...new Set(next)].join("") || "nothing to land\n";
}
