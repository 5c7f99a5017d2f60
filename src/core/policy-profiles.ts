import type { ProfileRule } from "./policy-rules.ts";
import { RUN_PROFILES, type RunProfile, type Word } from "./shell.ts";

/** The words of each command of a program, as far as they can be told. */
type Commands = readonly (readonly Word[])[];

/**
 * Finds the rule that bounds a program of the shell the most; null where none is about it. Of several commands in one line
 * the narrowest bound is of all of them, since they run in one box.
 */
export function boundOn(rules: readonly ProfileRule[], commands: Commands): ProfileRule | null {
  let found: ProfileRule | null = null;
  for (const rule of rules)
    if (isAbout(rule, commands) && (found === null || isNarrower(rule.profile, found.profile))) found = rule;
  return found;
}

/** Of two profiles the narrower. */
export function narrower(one: RunProfile, other: RunProfile): RunProfile {
  return isNarrower(one, other) ? one : other;
}

/** Whether a profile rule is about a program: `*` alone means every one, also one of which nobody can tell the words. */
export function isAbout({ argv }: ProfileRule, commands: Commands): boolean {
  if (argv.length === 1 && argv[0] === "*") return true;
  return commands.some((words) => argv.every((word, at) => words[at] === word));
}

function isNarrower(one: RunProfile, than: RunProfile): boolean {
  return RUN_PROFILES.indexOf(one) < RUN_PROFILES.indexOf(than);
}
