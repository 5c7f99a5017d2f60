import { createHash, randomBytes } from "node:crypto";
import type { Box } from "../box/box.ts";
import { quote } from "../box/commands.ts";
import { readPermitted } from "../box/permitted.ts";
import { LOWEST } from "../core/label.ts";
import { visible } from "../core/text.ts";
import { standingOfItem, type Trust } from "../core/trust.ts";
import type { Gate } from "./gate.ts";
import type { SessionLabel } from "./session-label.ts";

/** Names of instruction files, the first found in a folder wins. */
const NAMES = ["AGENTS.md", "CLAUDE.md", "GEMINI.md"];
const BYTES_MAX = 32_768;
const NEWS_CHARS_MAX = 500;
const READ_MS_MAX = 10_000;

interface Instructions {
  readonly path: string;
  readonly text: string;
}

/** What a session found of instructions: the person approved some, and these alone are any. */
export interface FoundInstructions {
  readonly approved: readonly Instructions[];
  /** Of which this content is not approved. */
  readonly others: readonly string[];
}

export const NO_INSTRUCTIONS: FoundInstructions = { approved: [], others: [] };

/**
 * Reads the instruction files from the repository's root down to the working folder, in the box like every other file. The
 * host looks at them; the model is shown what the person approved, by its content.
 */
export async function readInstructions(
  { box, gate, label }: { readonly box: Box; readonly gate: Gate; readonly label: SessionLabel },
  {
    checkout,
    folders,
    trust,
  }: {
    readonly checkout: string;
    /** Each "" or ending in "/". */
    readonly folders: readonly string[];
    readonly trust: Trust | null;
  },
): Promise<FoundInstructions> {
  const { command, mark } = instructionsCommand(checkout, folders);
  const effect = { kind: "run", command, timeoutMs: READ_MS_MAX, background: false, profile: "read-only" } as const;
  label.foresee(effect, null);
  const gated = gate.pass(effect, null);
  if (gated.verdict !== "allow") return NO_INSTRUCTIONS;
  // What cannot be read instructs nobody.
  const output = await readPermitted(gated.permit, box, Buffer.alloc(0)).catch(() => Buffer.alloc(0));
  const approved: Instructions[] = [];
  const others: string[] = [];
  for (const { path, content } of parseInstructions(output, mark)) {
    const hash = createHash("sha256").update(content).digest("hex");
    const isApproved = trust !== null && standingOfItem(trust, { path, hash }) === "approved";
    if (!isApproved) others.push(path);
    else {
      approved.push({ path, text: content.toString("utf8") });
      const { openness } = trust;
      label.enter({ kind: "checkout", path, standing: "approved", openness, carried: LOWEST });
    }
  }
  return { approved, others };
}

// The mark before each is drawn anew, so that no file can pose as two. A link is none: what it leads to is found by its own name.
function instructionsCommand(
  checkout: string,
  folders: readonly string[],
): { readonly command: string; readonly mark: string } {
  const mark = randomBytes(12).toString("hex");
  const places = folders.map(quote).join(" ");
  // It starts where the person stands and stays there, since the next command goes on where this one ends.
  const command =
    `r=${quote(`${checkout}/`)}; for d in ${places}; do for n in ${NAMES.join(" ")}; do ` +
    `if [ -f "$r$d$n" ] && [ ! -L "$r$d$n" ]; then ` +
    `printf '\\n%s%s\\n' ${mark} "$d$n"; head -c ${BYTES_MAX} -- "$r$d$n"; break; fi; done; done`;
  return { command, mark };
}

/** Takes the printed files apart; the nearest to the working folder comes last. */
function parseInstructions(output: Buffer, mark: string): { readonly path: string; readonly content: Buffer }[] {
  return output
    .toString("latin1")
    .split(`\n${mark}`)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      const content = Buffer.from(part.slice(end + 1), "latin1");
      return { path: Buffer.from(part.slice(0, end), "latin1").toString("utf8"), content };
    });
}

/** Says of instruction files that they are none until the person approves them; null where there are none. */
export function unapprovedNote(others: readonly string[]): string | null {
  if (others.length === 0) return null;
  const [only = "", ...more] = others;
  // A command to copy, so only where a shell takes the name as it is.
  const name = /^[\w./-]+$/.test(only) ? only : "PATH";
  return more.length === 0
    ? `${only}: not approved by you, so the model is not shown it as instructions; ringfence trust ${name} shows it and asks`
    : `${others.join(", ")}: not approved by you, so the model is not shown them as instructions; ringfence trust PATH… shows them and asks`;
}

const END = "\n</repository-text>";
const NEWS = /^(?:<ringfence>[^\n]*<\/ringfence>\n)+/;

/** Finds the person's own words in what `presentInstructions` and `presentNews` wrote. */
export function promptOf(presented: string): string {
  const at = presented.lastIndexOf(`${END}\n\n`);
  return at < 0 ? presented.replace(NEWS, "") : presented.slice(at + END.length + 2);
}

/** Writes what the program itself has to tell the model before everything else, a line each. */
export function presentNews(news: readonly string[], text: string): string {
  const lines = news.map((line) => `<ringfence>${onOneLine(line)}</ringfence>\n`);
  return `${lines.join("")}${text}`;
}

// It may name files, and no name of a file may end the line or its tag.
function onOneLine(line: string): string {
  return visible(line)
    .replace(/[\n\t]/g, " ")
    .replaceAll("</", "<\\/")
    .slice(0, NEWS_CHARS_MAX);
}

/** Writes the instructions that the person approved, before their own words. */
export function presentInstructions(found: readonly Instructions[], prompt: string): string {
  if (found.length === 0) return prompt;
  const parts = found.map(({ path, text }) => `<repository-text path="${path}">\n${text.trim()}${END}`);
  return `These instruction files of the repository are approved by the person; follow them on style and commands. The nearest comes last.\n${parts.join("\n")}\n\n${prompt}`;
}
