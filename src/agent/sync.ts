import { readPermitted } from "../box/permitted.ts";
import { type GitSync, syncGit } from "../box/sync-git.ts";
import { branchOf, idOf } from "../core/git-sync.ts";
import { bound, visible } from "../core/text.ts";
import type { Session } from "./session.ts";

const SYNC_MS_MAX = 60_000;
const NOTE_CHARS_MAX = 2000;
const NAMES_MAX = 20;

/** Takes over what the person did with git since the last turn, and says what came of it, for the model; "" when nothing did. */
export async function takeOverGit(session: Pick<Session, "box" | "gate">, checkout: string): Promise<string> {
  const sync = await syncGit(session.box, checkout, async (command, input) => {
    const gated = session.gate.pass(
      { kind: "run", command, timeoutMs: SYNC_MS_MAX, background: false, profile: "net" },
      null,
    );
    if (gated.verdict !== "allow") throw new Error(gated.reason);
    return readPermitted(gated.permit, session.box, input);
  });
  return sync === null ? "" : describeSync(sync);
}

/** Tells in a few lines what the person did and where the box's own work is now; names in it are a stranger's. */
function describeSync({ problem, plan, sides, overtaken }: GitSync): string {
  if (problem !== null)
    return `[The person used git in the repository meanwhile. The box still has branches and index as they were: ${bound(visible(problem), NOTE_CHARS_MAX).text}.]`;
  if (plan === null || sides === null) return "";
  const { base, box, person } = sides;
  const lines: string[] = [];
  const at = idOf(person.head, person.refs);
  if (person.head !== base.head) lines.push(`The person is on ${nameOf(person.head)} now.`);
  else if (at !== idOf(base.head, base.refs))
    lines.push(`The person moved ${nameOf(person.head)} to ${at?.slice(0, 7)}.`);
  if (plan.head !== box.head || idOf(plan.head, plan.refs) !== idOf(box.head, box.refs))
    lines.push(`Your HEAD is ${nameOf(plan.head)} now, the index is that of its commit.`);
  for (const { from, to } of plan.aside.slice(0, NAMES_MAX))
    lines.push(
      `Your commits on ${short(from)} are on ${short(to)}; files that they changed are as they were, not committed on ${nameOf(plan.head)}.`,
    );
  if (box.operation.length > 0 && box.operation.join() !== base.operation.join() && !plan.keepsOperation)
    lines.push("The merge or rebase that you were in has ended; your files are as you left them.");
  if (overtaken.length > 0) {
    const names = overtaken.slice(0, NAMES_MAX).map((path) => visible(path));
    const more = overtaken.length > NAMES_MAX ? ` and ${overtaken.length - NAMES_MAX} more` : "";
    lines.push(
      `Both you and the person's commits changed ${names.join(", ")}${more}: your files lack what those commits did. See git diff HEAD, and put it in before you commit.`,
    );
  }
  if (lines.length === 0) return "";
  return bound(`[Meanwhile, in the repository:\n${lines.join("\n")}]`, NOTE_CHARS_MAX).text;
}

function nameOf(head: string): string {
  const branch = branchOf(head);
  return branch === null ? `commit ${head.slice(0, 7)}` : short(branch);
}

function short(ref: string): string {
  return visible(ref.replace(/^refs\/(?:heads|tags)\//, ""));
}
