import type { Verdict } from "../core/sinks.ts";
import {
  aboutCommand,
  type Imported,
  isPlainCommand,
  left,
  together,
  type WrittenRule,
  written,
} from "./policy-import.ts";
import { type Call, type Literal, readCalls } from "./starlark.ts";

const VERDICT_OF: Readonly<Record<string, Verdict>> = {
  allow: "allow",
  prompt: "ask",
  forbidden: "deny",
  deny: "deny",
};
const PATTERNS_MAX = 64;

/** Makes a policy of a `.rules` file of Codex; throws an Error that names the line of what is no call with literals. */
export function importCodex(text: string): Imported {
  return together(readCalls(text).map(importCall));
}

function importCall({ name, args, line }: Call): Imported {
  const what = `line ${line}, ${name}`;
  const decision = args.decision ?? "allow";
  const verdict = typeof decision === "string" ? VERDICT_OF[decision] : undefined;
  if (name !== "prefix_rule" && name !== "network_rule") return left(what, "there is nothing like it in a policy");
  if (verdict === undefined) return left(what, "its decision is none that is known");
  const because = typeof args.justification === "string" ? args.justification.slice(0, 1000) : null;
  if (name === "network_rule") {
    const { host } = args;
    return typeof host === "string" ? written(verdict, { net: host }, because) : left(what, "it names no host");
  }
  const patterns = alternativesOf(args.pattern);
  if (patterns === null) return left(what, `its pattern is none of at most ${PATTERNS_MAX} lists of words`);
  const parts = patterns.map((argv) =>
    withExamples(aboutCommand(verdict, argv, `${what} ${argv.join(" ")}`, because), argv, args),
  );
  return together(parts);
}

/** Every list of words that a pattern means, of which any word may be a list of alternatives. */
function alternativesOf(pattern: Literal | undefined): string[][] | null {
  if (!Array.isArray(pattern) || pattern.length === 0) return null;
  let all: string[][] = [[]];
  for (const part of pattern) {
    const words = Array.isArray(part) ? part : [part];
    if (!words.every((word) => typeof word === "string") || all.length * words.length > PATTERNS_MAX) return null;
    all = all.flatMap((before) => words.map((word) => [...before, word]));
  }
  return all;
}

// An example belongs to the alternative that it begins with; one that needs a shell to be told apart cannot be tried.
function withExamples(imported: Imported, argv: readonly string[], args: Call["args"]): Imported {
  const begins = (command: string) => `${command} `.startsWith(`${argv.join(" ")} `);
  const texts = (value: Literal | undefined) =>
    (Array.isArray(value) ? value : [])
      .map((example) => (Array.isArray(example) ? example.join(" ") : String(example)))
      .filter(isPlainCommand);
  const match = texts(args.match).filter(begins);
  const not = texts(args.not_match).filter((command) => !begins(command));
  const examples: NonNullable<WrittenRule["examples"]> = {
    ...(match.length === 0 ? {} : { match: match.map((command) => `run: ${command}`) }),
    ...(not.length === 0 ? {} : { not: not.map((command) => `run: ${command}`) }),
  };
  if (Object.keys(examples).length === 0) return imported;
  return { ...imported, rules: imported.rules.map((rule) => ({ ...rule, examples })) };
}
