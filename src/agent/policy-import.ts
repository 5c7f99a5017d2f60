import { parseAction } from "../core/policy-action.ts";
import type { Verdict } from "../core/sinks.ts";

/** A rule as a policy file writes it. */
export interface WrittenRule {
  readonly allow?: Readonly<Record<string, unknown>>;
  readonly ask?: Readonly<Record<string, unknown>>;
  readonly deny?: Readonly<Record<string, unknown>>;
  readonly because?: string;
  readonly examples?: { readonly match?: readonly string[]; readonly not?: readonly string[] };
}

/** What another agent's rules became, and what of them could not be carried over, a sentence each. */
export interface Imported {
  readonly rules: readonly WrittenRule[];
  readonly left: readonly string[];
}

const COMMAND_IS_BOUNDED = "a command needs no allow: the box bounds each";

/** Joins what parts of a file became. */
export function together(parts: readonly Imported[]): Imported {
  return { rules: parts.flatMap(({ rules }) => rules), left: parts.flatMap(({ left }) => left) };
}

/** A rule of one verdict. */
export function written(
  verdict: Verdict,
  about: Readonly<Record<string, unknown>>,
  because: string | null = null,
): Imported {
  return { rules: [{ [verdict]: about, ...(because === null ? {} : { because }) }], left: [] };
}

/** What is not carried over, and why. */
export function left(what: string, why: string): Imported {
  return { rules: [], left: [`${what}: ${why}`] };
}

/** Makes rules of another agent's about the beginning of a command. */
export function aboutCommand(
  verdict: Verdict,
  argv: readonly string[],
  what: string,
  because: string | null = null,
): Imported {
  if (verdict === "allow") return left(what, COMMAND_IS_BOUNDED);
  const isPlain = argv.length > 0 && argv.every((word) => /^[^\s*?$`'"\\|&;<>()]+$/.test(word));
  return isPlain
    ? written(verdict, { run: argv }, because)
    : left(what, "a rule here is the plain words that a command begins with");
}

/** Whether an example is one that a rule about commands can be tried with. */
export function isPlainCommand(command: string): boolean {
  const action = parseAction(`run: ${command}`);
  return action?.kind === "run" && action.isWhole;
}
