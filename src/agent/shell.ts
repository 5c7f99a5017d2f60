import type { SyntaxNode } from "unbash";
import type { Effect } from "../core/effect.ts";
import type { Outcome } from "../core/outcome.ts";
import { argvsOf } from "../core/policy-argv.ts";
import { boundOn, narrower } from "../core/policy-profiles.ts";
import type { ProfileRule } from "../core/policy-rules.ts";
import {
  analyseShell,
  explainCommand,
  type RunProfile,
  type ShellAnalysis,
  type ShellCommand,
  type Word,
} from "../core/shell.ts";

type Unbash = typeof import("unbash");
type Child<Type extends SyntaxNode["type"]> = SyntaxNode & { readonly type: Type };

/** Analyses a command; the parser is loaded with the first one. */
export async function analyseCommand(command: string): Promise<ShellAnalysis> {
  const unbash = await import("unbash");
  return analyseShell(command, (source) => commandsOf(source, unbash));
}

/** Says in plain words what a command is seen to do; one that `hasAsked` for the network hides it if nothing is seen that could. */
export async function explainRun(command: string, hasAsked: boolean): Promise<string> {
  return explainCommand(await analyseCommand(command), hasAsked);
}

/** Finds the profile rule that bounds a command, of all that is seen in it. */
export async function boundOnRun(rules: readonly ProfileRule[], command: string): Promise<ProfileRule | null> {
  if (rules.length === 0) return null;
  const { commands } = await analyseCommand(command);
  return boundOn(rules, [...(commands ?? []), ...argvsOf(command).argvs]);
}

type RunEffect = Effect & { readonly kind: "run" };

/** What programs say that were kept from writing, or from the network. */
const REFUSED =
  /read-only file system|not permitted|permission denied|could not (?:resolve|connect)|(?:connection|connect) failed/i;
const WIDENED_MAX = 1000;

/** Chooses the profile of each command of a session. */
export class RunProfiles {
  /** Commands that their bound was in the way of. */
  readonly #widened = new Set<string>();
  /** What the policy bounds, now. */
  readonly #rules: () => readonly ProfileRule[];
  /** The rule that bounds what is about to run, where it is narrower than what was seen to suffice. */
  readonly #boundBy = new WeakMap<RunEffect, ProfileRule>();

  constructor(rules: () => readonly ProfileRule[]) {
    this.#rules = rules;
  }

  /** Gives a command the narrowest profile that is seen to suffice, or a narrower one that the policy says. */
  async choose(effect: RunEffect): Promise<RunEffect> {
    const seen = await this.#seenToNeed(effect);
    const rule = await boundOnRun(this.#rules(), effect.command);
    if (rule === null || narrower(rule.profile, seen) === seen) return { ...effect, profile: seen };
    const bounded: RunEffect = { ...effect, profile: rule.profile };
    this.#boundBy.set(bounded, rule);
    return bounded;
  }

  // One that goes on in the background has the widest.
  async #seenToNeed({ command, background }: RunEffect): Promise<RunProfile> {
    if (background || this.#widened.has(command)) return "net";
    return (await analyseCommand(command)).profile;
  }

  /** Tells where a bound may have been in the way. Nothing is tried again unasked: the same command, given again, is not bound. */
  explain(effect: RunEffect, outcome: Outcome, widest: RunProfile): Outcome {
    const { command, profile } = effect;
    if (outcome.ok || outcome.code !== "exit" || profile === "net" || !REFUSED.test(outcome.text)) return outcome;
    const rule = this.#boundBy.get(effect);
    if (rule !== undefined) return { ...outcome, text: `${outcome.text}\n(${ruledText(rule)})` };
    if (profile === widest) return { ...outcome, text: `${outcome.text}\n(it ran ${profile}: this agent may no more)` };
    if (this.#widened.size < WIDENED_MAX) this.#widened.add(command);
    const bound = profile === "read-only" ? "it ran read-only and without network" : "it ran without network";
    return {
      ...outcome,
      text: `${outcome.text}\n(${bound}, since it seemed to need no more; given again as it is, it is not bound so)`,
    };
  }
}

function ruledText({ id, profile, because }: ProfileRule): string {
  return `it ran as ${profile}: ${id} bounds it${because === null ? "" : `: ${because}`}; nothing takes that bound off`;
}

/** Lists every command of a program, wherever it stands in it; null for what is not parsed without any doubt. */
function commandsOf(source: string, { parse, forEachChild }: Unbash): readonly ShellCommand[] | null {
  const found: ShellCommand[] = [];
  let isKnown = true;
  const visit = (node: SyntaxNode): void => {
    isKnown &&= isUnderstood(node);
    if (!isKnown) return;
    if (node.type === "Command") found.push(commandOf(node));
    if (node.type === "Redirected") found.push({ words: [], variables: [], ...filesOf(node.redirects) });
    forEachChild(node, visit);
  };
  try {
    visit(parse(source));
  } catch {
    // Nested deeper than its recursion goes.
    return null;
  }
  return isKnown ? found : null;
}

// What defines a name, goes on by itself or was not read whole; and every kind of node that this does not list.
function isUnderstood(node: SyntaxNode): boolean {
  switch (node.type) {
    case "Script":
      return !("errors" in node && node.errors && node.errors.length > 0);
    case "Statement":
      return node.background !== true;
    case "CommandExpansion":
    case "ProcessSubstitution":
    case "ArithmeticCommandExpansion":
      return node.script !== undefined;
    case "ArithmeticExpansion":
    case "ArithmeticCommand":
      return node.expression !== undefined;
    default:
      return UNDERSTOOD.has(node.type);
  }
}

const UNDERSTOOD: ReadonlySet<SyntaxNode["type"]> = new Set([
  ...(["CompoundList", "CaseItem", "Elif", "Command", "Redirected", "Pipeline", "AndOr", "Time", "Negation"] as const),
  ...(["If", "For", "ArithmeticFor", "While", "Subshell", "BraceGroup", "Case", "TestCommand"] as const),
  ...(["Word", "Literal", "Glob", "SingleQuoted", "DoubleQuoted", "AnsiCQuoted", "LocaleString"] as const),
  ...(["SimpleExpansion", "ParameterExpansion", "ExtendedGlob", "BraceExpansion", "Assignment", "ArrayValue"] as const),
  ...(["Redirect", "HereString", "HereDoc", "HereDocDelimiter", "HereDocBody", "FileDescriptor"] as const),
  ...(["ArithmeticBinary", "ArithmeticUnary", "ArithmeticTernary", "ArithmeticGroup", "ArithmeticWord"] as const),
  ...(["TestUnary", "TestBinary", "TestLogical", "TestNot", "TestGroup"] as const),
  ...(["Default", "Remove", "Replace", "Slice", "CaseModification", "Transform", "Names"] as const),
]);

function commandOf(node: Child<"Command">): ShellCommand {
  const args = node.args.map((word) => (word.type === "Word" ? fixed(word) : null));
  const set = [...node.prefix, ...node.suffix].flatMap((part) => (part.type === "Assignment" ? [part.name] : []));
  return { words: node.name ? [fixed(node.name), ...args] : [], variables: set, ...filesOf(node.redirects) };
}

function filesOf(redirects: Child<"Command">["redirects"]): Pick<ShellCommand, "from" | "to"> {
  const [from, to]: [Word[], Word[]] = [[], []];
  for (const redirect of redirects) {
    if (redirect.type !== "Redirect" || redirect.target === undefined) continue;
    const name = fixed(redirect.target);
    const isDescriptor =
      redirect.operator.includes("&") && !redirect.operator.startsWith("&") && /^(?:\d+|-)$/.test(name ?? "");
    if (isDescriptor || /^\/dev\/(?:null|stdin|stdout|stderr|fd\/\d+)$/.test(name ?? "")) continue;
    (redirect.operator === "<" || redirect.operator === "<&" ? from : to).push(name);
  }
  return { from, to };
}

const FIXED: ReadonlySet<string> = new Set(["Literal", "SingleQuoted", "AnsiCQuoted"]);

function fixed(word: Child<"Word">): Word {
  const isFixed = (word.parts ?? []).every(
    (part) =>
      FIXED.has(part.type) || (part.type === "DoubleQuoted" && part.parts.every(({ type }) => type === "Literal")),
  );
  return isFixed ? word.value : null;
}
