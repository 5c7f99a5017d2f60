import type { Effect } from "./effect.ts";

/** What kind of text came of an effect, and how it is named to a person. */
export interface Place {
  readonly channel: string;
  readonly name: string;
  /** Of its first line, where lines are numbered; null elsewhere. */
  readonly line: number | null;
}

/** Files that give orders to agents by their purpose. */
const FOR_AGENTS =
  /(?:^|\/)(?:SKILL|AGENTS|CLAUDE|GEMINI|[^/]+\.instructions|[^/]+\.prompt)\.md$|(?:^|\/)\.cursorrules$/i;
/** Commands that print what stands in files. */
const PRINTS_FILES =
  /^(?:cat|head|tail|less|more|bat|nl|tac|sed|awk|grep|egrep|rg|ag|strings|xxd|diff|find|git\s+(?:diff|grep|show\s+\S+:))(?=\s|$)/;
const COMMITS = /^git\s+(?:log|show|shortlog|blame|reflog)(?=\s|$)/;
const ISSUES = /^(?:gh|glab)\s+(?:issue|pr|mr)(?=\s|$)/;
const PACKAGES = /^(?:npm|npx|pnpm|yarn|bun)(?=\s|$)/;
const COMMAND_CHARS_MAX = 2000;

/** Tells what kind of text an effect brings, by what was asked for; null for one that brings only words of this program. */
export function placeOf(effect: Effect): Place | null {
  switch (effect.kind) {
    case "read":
      return { channel: fileChannel(effect.path), name: effect.path, line: effect.offset };
    case "edit":
      // What it says of an edit that does not fit holds lines of the file.
      return { channel: fileChannel(effect.path), name: effect.path, line: null };
    case "search":
      return { channel: "file", name: `what search found for ${effect.pattern}`, line: null };
    case "list":
      return { channel: "file-name", name: "the names of files", line: null };
    case "run":
      return { channel: channelOf(effect.command), name: `the output of ${effect.command}`, line: null };
    case "output":
      return { channel: "tool-output", name: `the output of ${effect.id}`, line: null };
    case "fetch":
      return { channel: "webpage", name: effect.url, line: null };
    case "delegate":
      // Its words are of whatever it read.
      return { channel: "tool-output", name: "the answer of a child agent", line: null };
    case "write":
    case "ask":
    case "kill":
    case "names":
    case "resolve":
    case "request":
    case "push":
    case "preview":
    case "sync":
    case "land":
    case "land-commits":
    case "sign-commits":
    case "discard":
    case "rewind":
    case "undo":
    case "recover":
    case "release":
    case "keep":
    case "forget":
    case "remove":
      return null;
  }
}

function fileChannel(path: string): string {
  return FOR_AGENTS.test(path) ? "skill-file" : "file";
}

/** Of several commands the one that lets the most ordinary text through is what the output is taken for. */
function channelOf(command: string): string {
  const steps = command
    .slice(0, COMMAND_CHARS_MAX)
    .split(/[;&|\n]+/)
    .map((step) => step.trim());
  const isAny = (pattern: RegExp) => steps.some((step) => pattern.test(step));
  if (isAny(COMMITS)) return "commit-message";
  if (isAny(ISSUES)) return "issue";
  if (isAny(PRINTS_FILES)) return "file";
  return isAny(PACKAGES) ? "npm-log" : "tool-output";
}
