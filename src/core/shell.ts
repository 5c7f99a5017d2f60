import { actOf, innerOf, isRiskyVariable, operandsOf } from "./shell-commands.ts";

export const RUN_PROFILES = ["read-only", "build", "net"] as const;

/**
 * The bound that the box sets to a command: `read-only` writes no file and makes no socket, `build` makes no socket, and
 * `net` has all that the box has. The kernel keeps it, whatever the command turns out to be.
 */
export type RunProfile = (typeof RUN_PROFILES)[number];

/** A word as it is known before the program runs; null for one that only the running shell knows. */
export type Word = string | null;

/** One simple command of a program of the shell, wherever in it that stands. */
export interface ShellCommand {
  readonly words: readonly Word[];
  /** Files that its redirections read and write. */
  readonly from: readonly Word[];
  readonly to: readonly Word[];
  /** Names of the variables that it sets. */
  readonly variables: readonly string[];
}

/** Lists every command of a program; null where that cannot be done for sure. */
export type ShellParser = (source: string) => readonly ShellCommand[] | null;

/** What a program of the shell is seen to do. It explains and chooses a profile, and grants nothing. */
export interface ShellAnalysis {
  /** All that it runs, with what is wrapped in it; null where that is not known. */
  readonly commands: readonly (readonly Word[])[] | null;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** What nobody can tell the acts of from here: other programs, and shell code. */
  readonly asks: readonly string[];
  readonly profile: RunProfile;
}

const DEPTH_MAX = 4;
const COMMANDS_MAX = 200;
const SOURCE_CHARS_MAX = 16_384;
/** More names than this are counted, not listed. */
const NAMES_MAX = 6;

/** Analyses a program of the shell. What cannot be read, or is not known, costs containment: its profile is the widest. */
export function analyseShell(source: string, parse: ShellParser): ShellAnalysis {
  const found: Found = { commands: [], reads: new Set(), writes: new Set(), asks: new Set() };
  const isKnown = collect(source, parse, found, 0);
  const profile = found.asks.size > 0 || !isKnown ? "net" : found.writes.size > 0 ? "build" : "read-only";
  return {
    commands: isKnown ? found.commands : null,
    reads: [...found.reads],
    writes: [...found.writes],
    asks: isKnown ? [...found.asks] : [UNTOLD],
    profile,
  };
}

const UNTOLD = "something that cannot be told from its text";

const BOUNDS: Readonly<Record<RunProfile, string>> = {
  "read-only": "read-only: it can write nothing and reach no network",
  build: "build: it can reach no network",
  net: "net: the rules for the network count",
};

/**
 * Says in plain words what a command is seen to do, and what bounds it. One that has asked for the network has the widest
 * profile, whatever its text looks like: where nothing is seen in it that could ask, the text hides something.
 */
export function explainCommand({ reads, writes, asks, profile }: ShellAnalysis, hasAsked: boolean): string {
  const unseen = hasAsked && asks.length === 0 ? [UNTOLD] : asks;
  const parts = [
    ...(unseen.length > 0 ? [`runs ${named(unseen)}, which may do all that the box allows`] : []),
    ...(writes.length > 0 ? [`writes ${named(writes)}`] : []),
    ...(reads.length > 0 ? [`reads ${named(reads)}`] : []),
  ];
  return `${parts.length > 0 ? parts.join("; ") : "reads and writes no file"} (${BOUNDS[hasAsked ? "net" : profile]})`;
}

interface Found {
  readonly commands: (readonly Word[])[];
  readonly reads: Set<string>;
  readonly writes: Set<string>;
  readonly asks: Set<string>;
}

function collect(source: string, parse: ShellParser, found: Found, depth: number): boolean {
  if (depth > DEPTH_MAX || source.length > SOURCE_CHARS_MAX) return false;
  const commands = parse(source);
  if (commands === null) return false;
  return commands.every((command) => {
    if (command.variables.some(isRiskyVariable)) return false;
    for (const file of command.from) found.reads.add(file ?? "a file whose name it makes up");
    for (const file of command.to) found.writes.add(file ?? "a file whose name it makes up");
    return [...command.from, ...command.to].every(isPlainFile) && take(command.words, parse, found, depth);
  });
}

// Bash makes a connection of these names, which are no files.
function isPlainFile(name: Word): boolean {
  return name === null || !/^\/dev\/(?:tcp|udp)\//.test(name);
}

function take(words: readonly Word[], parse: ShellParser, found: Found, depth: number): boolean {
  if (found.commands.length >= COMMANDS_MAX || depth > DEPTH_MAX) return false;
  const [name] = words;
  if (name === undefined) return true;
  if (name === null) return false;
  const inner = innerOf(words);
  if (inner === "unknown") return false;
  if (inner !== null) {
    const isWhole = inner.every((one) =>
      typeof one === "string" ? collect(one, parse, found, depth + 1) : take(one, parse, found, depth + 1),
    );
    // A find that executes is itself a find.
    return isWhole && (name !== "find" || classify(words, found));
  }
  return classify(words, found);
}

function classify(words: readonly Word[], found: Found): boolean {
  found.commands.push(words);
  const act = actOf(words);
  const files = operandsOf(words);
  if (act === "unknown") found.asks.add(words[0] ?? "");
  else if (act === "shell") return false;
  else for (const file of files) found[act].add(file);
  if (act === "writes" && files.length === 0) found.writes.add("a file");
  return true;
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX).join(", ");
  return names.length > NAMES_MAX ? `${shown} and ${names.length - NAMES_MAX} more` : shown;
}
