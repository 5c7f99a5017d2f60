import {
  type ChangedSession,
  commitsOf,
  discardFor,
  type LandedCommits,
  landCommitsFor,
  landFor,
  linesOf,
  type Wish,
  withChanges,
} from "../agent/changeset.ts";
import { stateFolder, UsageError } from "../agent/config.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import { useSpare } from "../agent/config-disk.ts";
import { findWaiting } from "../agent/config-overview.ts";
import { findSession, listSessions, type StoredSession } from "../agent/config-sessions.ts";
import { keepLanded, keepShown, type NumberedDiff, numberedDiff, partOf } from "../agent/hunks.ts";
import { knownSecrets } from "../agent/known-secrets.ts";
import { labelIn, openRecord, type Record } from "../agent/record.ts";
import { keepRest, movesOf } from "../agent/rest.ts";
import { findSigner, signFor } from "../agent/sign.ts";
import type { Start } from "../agent/workplace.ts";
import { choose } from "../box/choose.ts";
import { type ClassifiedChange, type Collected, isLandable } from "../box/collect.ts";
import { MEANWHILE } from "../box/collect-list.ts";
import { quote } from "../box/commands.ts";
import type { FoundCommits } from "../box/commits.ts";
import type { LandResult } from "../box/land.ts";
import type { Signer } from "../box/sign.ts";
import { type Approval, afterLanding, parseApproval, partnersOf } from "../core/approval.ts";
import { type ChangeClass, isHeld } from "../core/classify.ts";
import { countDependencies, dependencyFolder } from "../core/dependency-folder.ts";
import { EXIT_CODES } from "../core/event.ts";
import { landingPolicy } from "../core/policy-rules.ts";
import { counted, visible, visibleJson } from "../core/text.ts";
import { anchorLast } from "./anchor.ts";
import { branchCommand } from "./branch.ts";
import { parseHunks } from "./hunks.ts";
import { warnOfLabel } from "./label.ts";
import { choosePaths, type Standing } from "./paths.ts";
import { ageOf } from "./sessions.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";
import { putRight } from "./undo.ts";

const MERGED = "  (merged with your own changes)";

export interface ChangesOptions {
  readonly paths: readonly string[];
  /** Classes to show; none for those that each form of the diff shows by itself. */
  readonly classes: readonly ChangeClass[];
  /** Hunks of the one path to land; null for all of it. */
  readonly hunks: string | null;
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
  const [state, standing] = [stateFolder(start.environment), findCheckout(start.folder)];
  if (command === "discard") useSpare(state);
  await putRight(state, standing.path, options.session, terminal);
  const isUnnamed = command !== "discard" && options.session === null;
  const stored = isUnnamed
    ? await findWaiting(state, standing.path)
    : findSession(state, standing.path, options.session);
  if (command !== "discard" && !options.json) tellSession(stored, state, standing.path, terminal);
  const { branch } = stored.facts;
  if (options.sign && options.paths.length > 0)
    throw new UsageError("land --sign signs commits, and those land without a PATH: leave the PATH out");
  const signer = options.sign ? await findSigner(start.environment, stored.facts.checkout) : null;
  if (command !== "discard" && branch)
    return branchCommand(
      command,
      { ...stored, branch },
      { ...options, signer, texts: await knownSecrets(start, stored.facts.checkout) },
      start,
      terminal,
    );
  if (command === "diff")
    return withChanges(stored, (collected) =>
      printDiff(stored, only(collected, options.paths, standing, options.classes), options, terminal),
    );
  const texts = await knownSecrets(start, stored.facts.checkout);
  const record = openRecord(stored, texts, landingPolicy(stored.facts.landing));
  try {
    if (command === "land")
      return await withChanges(stored, (collected) =>
        options.hunks === null
          ? land(stored, collected, wishOf(collected, options.paths, standing, approvals), { record, terminal, signer })
          : landHunks(stored, collected, { ...options, hunks: options.hunks, standing }, { record, terminal }),
      );
    await discardFor(stored, record);
    terminal.stdout.write(`session ${stored.facts.id}: its changes are thrown away, its log is kept\n`);
    return 0;
  } finally {
    await anchorLast(stored, start, terminal)(record.ledger).finally(() => record.ledger.close());
  }
}

/** Prints the changes in the form that was asked for, and keeps which hunks were shown. */
export async function printDiff(
  changed: ChangedSession,
  collected: Collected,
  options: Pick<ChangesOptions, "json" | "stat" | "paths" | "classes">,
  { stdout, stderr }: Terminal,
  known?: FoundCommits | null,
): Promise<number> {
  const isWhole = options.paths.length + options.classes.length === 0;
  const hasCommits = options.json || options.stat || stdout.isTTY;
  const found = known === undefined ? (hasCommits ? await commitsOf(changed, collected) : null) : known;
  if (options.stat && !options.json) {
    writeSafe(stdout, await statText(collected, found));
    return 0;
  }
  const isAll = stdout.isTTY || options.json || options.classes.length > 0;
  const diff = await numberedDiff(collected, isAll ? "all" : "source");
  if (options.json) stdout.write(`${visibleJson(JSON.stringify(await toJson(changed, collected, found, diff)))}\n`);
  else if (stdout.isTTY)
    writeSafe(stdout, `${statusText(collected)}${commitsText(found)}${diff.text.toString("utf8")}`);
  else {
    // Into a pipe or a file go the exact bytes, for `git apply`; held files are shown by --stat and --json.
    stdout.write(diff.text);
    writeSafe(stderr, leftOutText(collected, isAll));
  }
  keepShown(changed, diff, isWhole);
  return 0;
}

/** Says how many changes a patch does not hold. */
function leftOutText({ changes }: Collected, isAll: boolean): string {
  const out = changes.filter((one) =>
    isAll ? !one.isStaged || one.cls === "ignored" : one.cls !== "ignored" && !isLandable(one),
  );
  if (out.length === 0) return "";
  const what = isAll ? "" : "held ";
  return `${counted(out.length, `${what}change is`, `${what}changes are`)} not in this patch: ringfence diff --stat lists them\n`;
}

async function toJson(
  { facts }: ChangedSession,
  collected: Collected,
  found: FoundCommits | null,
  { hunks }: NumberedDiff,
): Promise<object> {
  const lines = await linesOf(collected);
  const from = new Map(lines.map((stat) => [stat.path, stat.from]));
  const to = new Map(lines.flatMap((stat) => (stat.from === null ? [] : [[stat.from, stat.path]])));
  return {
    session: { id: facts.id, started_at: new Date(facts.startedAt).toISOString() },
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
      renamed_from: from.get(change.path) ?? null,
      renamed_to: to.get(change.path) ?? null,
      hash,
      hunks: hunks.get(change.path) ?? null,
    })),
  };
}

/** Lists the changes, one a line, and the commits. */
export async function statText(collected: Collected, found: FoundCommits | null): Promise<string> {
  const lines = new Map((await linesOf(collected)).map((stat) => [stat.path, stat]));
  const byPath = new Map(collected.changes.map((one) => [one.change.path, one]));
  // One row for both where they share a fate; else each says its own.
  const pairs = [...lines.values()].filter(
    ({ path, from }) => from !== null && isOne(byPath.get(path), byPath.get(from)),
  );
  const renamed = new Map(pairs.map(({ path, from }) => [path, from]));
  const gone = new Set(renamed.values());
  const rows = collected.changes
    .filter(({ change }) => !gone.has(change.path))
    .map(({ change, cls, conflict, merged }) => {
      const stat = lines.get(change.path);
      const from = renamed.get(change.path);
      const counts = stat ? (stat.added === null ? "binary" : `+${stat.added} -${stat.removed}`) : change.type;
      const note = conflict !== null ? `  (${MEANWHILE[conflict]})` : cls === "source" ? "" : `  (${cls})`;
      const name = from ? `${from} => ${change.path}` : change.path;
      return row(
        `${(from ? "rename" : change.action).padEnd(6)} ${counts.padStart(12)}  ${name}${note}${merged ? MERGED : ""}`,
      );
    });
  const git = commitsText(found) + gitText(collected);
  return rows.length === 0 && git === "" ? "no changes\n" : `${rows.join("")}${git}`;
}

function isOne(added: ClassifiedChange | undefined, deleted: ClassifiedChange | undefined): boolean {
  if (!added || !deleted) return false;
  return added.cls === deleted.cls && isLandable(added) === isLandable(deleted) && added.conflict === deleted.conflict;
}

/** The rest of a repository's data: objects, the box's own index and logs, and what git would obey. */
function gitText({ gitChanges }: Collected, hint = ""): string {
  const [one, many] = ["difference under .git stays", "differences under .git stay"];
  return gitChanges > 0
    ? `${counted(gitChanges, one, many)} in the layer: of git's data only commits land${hint}\n`
    : "";
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
  const isListed = ({ change, cls }: ClassifiedChange) => cls === "ignored" || dependencyFolder(change.path) === null;
  const folders = notes.filter((one) => !isListed(one)).map(({ change }) => change.path);
  const held = notes
    .filter(isListed)
    .map(({ change, cls, why, runs, conflict }) =>
      row(
        `held  ${change.path}: ${cls}, ${conflict === null ? why : MEANWHILE[conflict]}${runs === null ? "" : `; ${runs}`}`,
      ),
    );
  return [...held, ...dependencyRows("held ", folders), ...merged].join("");
}

/** Says in one row what to do about each folder of dependencies that git does not ignore, whose files nobody reads one by one. */
function dependencyRows(word: string, paths: readonly string[]): string[] {
  return [...countDependencies(paths)].map(([folder, count]) =>
    row(
      `${word} ${folder} (${counted(count, "file")}): git does not ignore it; with ${folder} in .gitignore it stays in the box, for the next session too`,
    ),
  );
}

/** How a landing is recorded and told. */
interface How {
  readonly record: Record;
  readonly terminal: Terminal;
  /** The commits, where they were looked for already. */
  readonly found?: FoundCommits | null;
  /** Who signs the commits; null for nobody. */
  readonly signer?: Signer | null;
  /** In a session, whose commands begin with a stroke. */
  readonly isLive?: boolean;
  /** Of a file that lands in part. */
  readonly note?: string;
}

/** Lands what is wished for and tells what became of each change; returns the exit status. */
export async function land(changed: ChangedSession, collected: Collected, wish: Wish, how: How): Promise<number> {
  const { record, terminal } = how;
  const { refusals } = choose(collected, wish.which, wish.approvals);
  if (refusals.length > 0) return refuse(refusals, terminal);
  const { which } = wish;
  const made = which === null ? (how.found === undefined ? await commitsOf(changed, collected) : how.found) : null;
  // Before any file lands: whoever wants signed commits does not want half of it.
  const found = made && how.signer ? await signFor(changed, made, how.signer, record) : made;
  const result = await landFor(changed, collected, wish, record);
  const commits = found && (await landCommitsFor(changed, found, record));
  if (movesOf(commits).length > 0 || result.landed.length > 0)
    keepRest(changed, collected, result.landed, which === null ? { found, landed: commits } : null);
  const rest = how.note === undefined ? gitText(collected, which ? ", without a PATH" : "") : "";
  const git = found ? commitsText(found, commits) : rest;
  const merged = new Set(collected.changes.filter((one) => one.merged).map(({ change }) => change.path));
  // Who picks hunks of one file goes on to the next, and need not read each time what else waits.
  const held = how.note === undefined ? result.held : result.held.filter(({ path }) => which?.includes(path));
  writeSafe(terminal.stdout, landText({ ...result, held }, merged, git, how));
  // In a session that goes on, it stands beside the question that /approve puts.
  if (!how.isLive && held.some(({ hash }) => hash !== null)) warnOfLabel(labelIn(changed), terminal);
  const refused =
    which === null
      ? result.held.length > 0 ||
        [found, ...(found?.others ?? [])].some((one) => one?.commits.some(({ state }) => state === "waits"))
      : which.some((path) => !result.landed.includes(path));
  if (result.failed.length > 0 || (found?.moves.length && commits?.move === null)) return 1;
  return refused ? EXIT_CODES["approval-needed"] : 0;
}

function refuse(refusals: readonly { readonly path: string; readonly why: string }[], { stderr }: Terminal): number {
  const lines = refusals.map(({ path, why }) => row(`refused ${path}: ${why}`));
  writeSafe(stderr, `${lines.join("")}nothing landed\n`);
  return EXIT_CODES["approval-needed"];
}

/** Lands some hunks of one file, or nothing; returns the exit status. */
export async function landHunks(
  changed: ChangedSession,
  collected: Collected,
  options: Pick<ChangesOptions, "paths" | "approve"> & { readonly hunks: string; readonly standing: Standing },
  how: How,
): Promise<number> {
  const wanted = parseHunks(options.hunks);
  const [path, ...more] = choosePaths(collected, options.paths, options.standing);
  if (path === undefined || more.length > 0 || options.approve.length > 0)
    throw new UsageError("--hunks takes the hunks of one file: ringfence land PATH --hunks 1,3");
  const part = await partOf(changed, collected, path, wanted);
  if (!part.ok) return refuse([{ path, why: part.why }], how.terminal);
  const numbers = [...new Set(wanted.map(({ number }) => number))].sort((a, b) => a - b);
  const note = ` (${numbers.length === 1 ? "hunk" : "hunks"} ${numbers.join(", ")})`;
  const status = await land(changed, part.collected, { which: [path], approvals: [] }, { ...how, note });
  if (status === 0) keepLanded(changed, path, part);
  return status;
}

function tellSession(stored: StoredSession, state: string, checkout: string, { stderr }: Terminal): void {
  const { id, startedAt, checkout: own } = stored.facts;
  const age = `${ageOf(Date.now() - startedAt)} ago${own === checkout ? "" : `, of ${own}`}`;
  const newest = listSessions(state, own)[0]?.facts.id ?? id;
  const older = newest === id ? "" : `; the newest is ${newest}`;
  writeSafe(stderr, row(`${older === "" ? "session" : "older session"} ${id}, ${age}${older}`));
}

function readApproval(text: string): Approval {
  const approval = parseApproval(text);
  if (!approval)
    throw new UsageError(
      `--approve takes PATH=HASH, the HASH of 64 hex digits from ringfence diff --json, not "${text}"`,
    );
  return approval;
}

/** Makes a wish of the paths that a person named. */
export function wishOf(
  collected: Collected,
  paths: readonly string[],
  standing: Standing,
  approvals: readonly Approval[],
): Wish {
  if (paths.length === 0) return { which: null, approvals };
  const chosen = choosePaths(collected, paths, standing);
  // Build output in a folder that is named is not what was meant, unless there is nothing else.
  const ignored = new Set(collected.changes.filter(({ cls }) => cls === "ignored").map(({ change }) => change.path));
  const which = chosen.filter((path) => !ignored.has(path));
  return { which: which.length > 0 ? which : chosen, approvals };
}

/** Keeps the changes of the paths and classes that a person named. */
export function only(
  collected: Collected,
  paths: readonly string[],
  standing: Standing,
  classes: readonly ChangeClass[],
): Collected {
  const chosen = paths.length === 0 ? null : new Set(choosePaths(collected, paths, standing));
  const isShown = ({ change, cls }: ClassifiedChange) =>
    (chosen?.has(change.path) ?? true) && (classes.length === 0 || classes.includes(cls));
  return { ...collected, changes: collected.changes.filter(isShown) };
}

/** Whether an approval could land it. */
export function isOffered({ cls, conflict, isStaged }: ClassifiedChange): boolean {
  return isHeld(cls) && cls !== "outside" && conflict === null && isStaged;
}

// A manifest and its lockfile land together or not at all, so one command approves both.
function heldWith(of: string, { held }: LandResult): Approval[] {
  const partners = partnersOf(of);
  return held.flatMap(({ path, hash }) => (hash !== null && partners.includes(path) ? [{ path, hash }] : []));
}

/** A command to copy, so only where the names show as they are. */
function hint(approvals: readonly Approval[], isLive: boolean): string {
  const isPlain = approvals.every(({ path }) => visible(path) === path && !/[\n\t]/.test(path));
  if (isLive) {
    const canBeTyped = isPlain && approvals.every(({ path }) => !path.includes('"'));
    const names = approvals.map(({ path }) => (path.includes(" ") ? `"${path}"` : path));
    return row(`        if it is right: /approve ${canBeTyped ? names.join(" ") : "FILE"}`);
  }
  const options = approvals.map(({ path, hash }) => `--approve ${quote(`${path}=${hash}`)}`);
  return isPlain
    ? row(`        if it is right: ringfence land ${options.join(" ")}`)
    : row("        if it is right: ringfence land --approve PATH=HASH, with both from ringfence diff --json");
}

function landText(
  result: LandResult,
  merged: ReadonlySet<string>,
  git: string,
  { isLive = false, note = "" }: How,
): string {
  const landed = result.landed.map((path) => row(`landed  ${path}${merged.has(path) ? MERGED : ""}${note}`));
  const isListed = ({ path, cls }: LandResult["held"][number]) => cls === "ignored" || dependencyFolder(path) === null;
  const folders = result.held.filter((one) => !isListed(one)).map(({ path }) => path);
  const held = result.held
    .filter(isListed)
    .map(
      ({ path, cls, why, runs, hash }) =>
        row(`held    ${path}: ${cls}, ${why}${runs === null ? "" : `; ${runs}`}`) +
        (hash === null ? "" : hint([{ path, hash }, ...heldWith(path, result)], isLive)),
    );
  const next = afterLanding(result.landed).map(({ folder, command }) => row(`next    in ${folder}: ${command}`));
  const failed = result.failed.map(({ path, why }) => row(`failed  ${path}: ${why}`));
  return (
    [...landed, ...held, ...dependencyRows("held   ", folders), ...failed, git, ...new Set(next)].join("") ||
    "nothing to land\n"
  );
}
