import { findBranchCommits, type LandedBranch, landBranch } from "../agent/branch.ts";
import type { ChangedSession } from "../agent/changeset.ts";
import { UsageError } from "../agent/config.ts";
import type { Inspection } from "../agent/inspection.ts";
import { type Record, withRecord } from "../agent/record.ts";
import type { Start } from "../agent/workplace.ts";
import { quote } from "../box/commands.ts";
import type { BranchFacts } from "../box/folder.ts";
import type { Signer } from "../box/sign.ts";
import type { JudgedCommit } from "../core/commits.ts";
import { EXIT_CODES } from "../core/event.ts";
import { counted, visible, visibleJson } from "../core/text.ts";
import { anchorLast } from "./anchor.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

/** What the `branch` of a result is. */
export function branchJson({ asked, name, commits, note, meanwhile }: LandedBranch): object {
  return { asked, name, commits, note, changed_meanwhile: meanwhile };
}

/** Says which branch took the commits, and what to type next. */
export function branchText(
  { asked, name, commits, note, meanwhile, isWhole }: LandedBranch,
  id: string | null,
): string {
  const landed = commits.filter(({ state }) => state === "lands").length;
  const main =
    name === null
      ? row(`branch ${asked}: nothing landed${note === null ? "" : `; ${note}`}`)
      : row(
          `branch ${name}: ${counted(landed, "commit")}; look: git log -p ${wordOf(`HEAD..${name}`, "HEAD..BRANCH")}`,
        ) + (note === null ? "" : row(`        ${note}`));
  const waits = commits.filter(({ state }) => state === "waits").map(waitingRow);
  const both = meanwhile.map((path) =>
    row(`look twice: ${path}: you changed it meanwhile, so the commits may hold that`),
  );
  const rest = isWhole ? "" : `session ${id} keeps the rest: ringfence land | discard\n`;
  return `${main}${waits.join("")}${both.join("")}${rest}`;
}

function waitingRow({ id, subject, why }: JudgedCommit): string {
  return row(`waits   commit ${id.slice(0, 7)} ${subject}${why === null ? "" : `: ${why}`}`);
}

/** A word of a command to copy, where its name shows as it is; else what stands for it. */
export function wordOf(word: string, otherwise: string): string {
  return visible(word) !== word ? otherwise : /^[\w./+@-]+$/.test(word) ? word : quote(word);
}

/** `diff` and `land` on a session that works on a branch of its own: its commits, never its files. */
export async function branchCommand(
  command: "diff" | "land",
  session: ChangedSession & { readonly branch: BranchFacts },
  options: {
    readonly paths: readonly string[];
    readonly approve: readonly string[];
    readonly json: boolean;
    readonly signer: Signer | null;
    /** Keeps secrets out of the record. */
    readonly texts: Inspection;
  },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const { stdout } = terminal;
  const { name } = session.branch;
  if (options.paths.length > 0 || options.approve.length > 0)
    throw new UsageError(
      `session ${session.facts.id} works on the branch ${name}, and its files never land by themselves: land its commits with ringfence land --session ${session.facts.id}, then git merge ${name}`,
    );
  if (command === "diff") {
    const found = await findBranchCommits(session);
    const commits = found ? [found, ...found.others].flatMap((one) => one.commits) : [];
    const facts = { branch: name, commits, commits_note: found?.note ?? null };
    const rows = facts.commits.map(({ id, subject, state, why }) =>
      row(`${state} commit ${id.slice(0, 7)} ${subject}${why === null ? "" : `: ${why}`}`),
    );
    const note = facts.commits_note === null ? "" : row(facts.commits_note);
    if (options.json) stdout.write(`${visibleJson(JSON.stringify(facts))}\n`);
    else
      writeSafe(
        stdout,
        `${row(`session ${session.facts.id} works on the branch ${name}`)}${rows.join("") || "no commits that you do not have\n"}${note}to have them as a branch: ringfence land --session ${session.facts.id}\n`,
      );
    return 0;
  }
  const act = async (record: Record) => {
    const landed = await landBranch(session, session.branch, record, options.signer);
    writeSafe(stdout, branchText(landed, session.facts.id));
    if (landed.commits.some(({ state }) => state === "waits")) return EXIT_CODES["approval-needed"];
    return landed.name === null && landed.commits.length > 0 ? 1 : 0;
  };
  return withRecord(session, act, { texts: options.texts, last: anchorLast(session, start, terminal) });
}
