import { UsageError } from "../agent/config.ts";
import type { LoadedFile } from "../agent/config-policy.ts";
import { openPolicy, readAlone } from "../agent/config-policy-open.ts";
import { boundOnRun, explainRun } from "../agent/shell.ts";
import type { Start } from "../agent/workplace.ts";
import { ACTION_FORMS, parseAction } from "../core/policy-action.ts";
import { COLUMNS, type Explained, explain, isLooser } from "../core/policy-explain.ts";
import type { Action } from "../core/policy-match.ts";
import { boundOn, narrower } from "../core/policy-profiles.ts";
import {
  CEILINGS,
  type Ceilings,
  makePolicy,
  type Policy,
  type ProfileRule,
  type Rule,
  type Tier,
} from "../core/policy-rules.ts";
import { profileText, ruleText } from "../core/policy-text.ts";
import type { RunProfile } from "../core/shell.ts";
import { counted, visibleJson } from "../core/text.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

interface PolicyOptions {
  readonly json: boolean;
  /** As whose `test` and `diff` read the files that they are given. */
  readonly isManaged: boolean;
}

const FORMS = 'ringfence policy show, explain "ACTION", test [FILE…], diff A B, or import claude|codex|gemini FILE';

/** `ringfence policy …`; none of its parts changes anything. */
export async function policyCommand(
  [action, ...words]: readonly string[],
  options: PolicyOptions,
  start: Start,
  terminal: Terminal,
): Promise<number> {
  switch (action) {
    case "show":
      if (words.length > 0) break;
      return show(options, start, terminal);
    case "explain":
      if (words.length === 0) break;
      return explainAction(words.join(" "), options, start, terminal);
    case "test":
      return testFiles(words, options, start, terminal);
    case "diff":
      if (words.length !== 2) break;
      return diff(words as [string, string], options, start, terminal);
    case "import":
      if (words.length !== 2) break;
      return importFrom(words as [string, string], start, terminal);
  }
  throw new UsageError(`type ${FORMS}`);
}

async function show({ json }: PolicyOptions, start: Start, { stdout }: Terminal): Promise<number> {
  const { current, files, adopted, digest } = await openPolicy(start);
  const waiting = files.flatMap(({ tier, rules }) =>
    tier === "project" && !adopted?.isApproved ? rules.filter(({ verdict }) => verdict === "allow") : [],
  );
  const { rules, ceilings, profiles } = current;
  if (json) {
    const named = files.map(({ tier, path, sha256 }) => ({ tier, path, sha256 }));
    writeJson(stdout, {
      files: named,
      policy: digest,
      rules: rules.map(jsonOf),
      waiting: waiting.map(jsonOf),
      profiles: profiles.map(({ id, tier, argv, profile, because }) => ({ id, tier, argv, profile, because })),
      ceilings,
    });
    return 0;
  }
  writeSafe(
    stdout,
    [
      ...files.map(({ tier, path, sha256 }) => `${tier.padEnd(8)} ${path}  sha256 ${sha256.slice(0, 12)}`),
      ...(files.length === 0 ? ["no policy file: config.yaml and the table of sinks decide alone"] : []),
      ...rules.map(lineOf),
      ...waiting.map((rule) => `${lineOf(rule)}  [counts once you approve the file]`),
      ...profiles.map(profileLine),
      ...ceilingLines(ceilings),
    ]
      .map(row)
      .join(""),
  );
  return 0;
}

function lineOf(rule: Rule): string {
  const because = rule.because === null ? "" : `, because ${rule.because}`;
  return `${rule.verdict.padEnd(5)} ${ruleText(rule)}  (${rule.id})${because}`;
}

function profileLine(rule: ProfileRule): string {
  return `bound ${profileText(rule)}  (${rule.id})${rule.because === null ? "" : `, because ${rule.because}`}`;
}

function jsonOf(rule: Rule) {
  const { id, tier, verdict, because, scope } = rule;
  return { id, tier, verdict, kind: scope.kind, text: ruleText(rule), because };
}

function ceilingLines(ceilings: Ceilings): string[] {
  return CEILINGS.flatMap((name) => (ceilings[name] === null ? [] : [`budget ${name} at most ${ceilings[name]}`]));
}

async function explainAction(
  text: string,
  { json }: PolicyOptions,
  start: Start,
  { stdout }: Terminal,
): Promise<number> {
  const action = actionOf(text);
  const { current } = await openPolicy(start);
  const explained = explain(current, action);
  const command = action.kind === "run" ? text.trim().replace(/^run:?\s+/, "") : null;
  const acts = command === null ? null : await explainRun(command, false);
  const bound = command === null ? null : await boundOnRun(current.profiles, command);
  if (json) {
    const columns = explained.decisions.map(({ verdict, reason }, at) => ({
      seen: COLUMNS[at]?.name,
      verdict,
      reason,
    }));
    const { rules, limit } = explained;
    const bounded = bound && { id: bound.id, profile: bound.profile };
    writeJson(stdout, { action: text, acts, bounded, columns, rules: rules.map(jsonOf), limit });
    return 0;
  }
  const notes = [...(acts === null ? [] : [`it ${acts}`]), ...(bound === null ? [] : [profileLine(bound)])];
  writeSafe(stdout, explainedText(text, notes, explained));
  return 0;
}

function explainedText(text: string, notes: readonly string[], { decisions, rules, limit }: Explained): string {
  return [
    text,
    ...notes.map((note) => `  ${note}`),
    ...decisions.map(
      ({ verdict, reason }, at) => `  ${(COLUMNS[at]?.name ?? "").padEnd(28)} ${verdict.padEnd(5)} ${reason}`,
    ),
    ...(rules.length === 0 ? ["  no rule is about it"] : rules.map((rule) => `  ${lineOf(rule)}`)),
    ...(limit === null ? [] : [`  note: ${limit}`]),
  ]
    .map(row)
    .join("");
}

function actionOf(text: string): Action {
  const action = parseAction(text);
  if (action === null) throw new UsageError(`"${text}" is no action: write ${ACTION_FORMS}`);
  return action;
}

// A file of which an example fails does not load at all, here as everywhere.
async function testFiles(
  named: readonly string[],
  { isManaged }: PolicyOptions,
  start: Start,
  { stdout, stderr }: Terminal,
): Promise<number> {
  let failures = 0;
  const files: LoadedFile[] = [];
  if (named.length === 0) files.push(...(await openPolicy(start)).files);
  for (const file of named) {
    try {
      files.push(await readAlone(file, tierOf(isManaged), start));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      writeSafe(stderr, row(error.message));
      failures += 1;
    }
  }
  for (const { path, rules, profiles, examples } of files)
    writeSafe(
      stdout,
      row(
        `${path}: ${counted(rules.length + profiles.length, "rule")}, ${counted(examples.length, "example")}, all hold`,
      ),
    );
  if (failures > 0) writeSafe(stdout, row(`${counted(failures, "file")} failed`));
  return failures > 0 ? 1 : 0;
}

// What is printed is a proposal: nothing is written, and nothing counts before the person puts it where it does.
async function importFrom([name, file]: readonly [string, string], start: Start, terminal: Terminal): Promise<number> {
  const { IMPORTED, importRules, readRules } = await import("../agent/config-policy-import.ts");
  const agent = IMPORTED.find((known) => known === name);
  if (agent === undefined) throw new UsageError(`import is from ${IMPORTED.join(", ")}, not from "${name}"`);
  const text = file === "-" ? await readAll(terminal.stdin) : readRules(file, start);
  const { yaml, left } = await importRules(agent, text);
  writeSafe(terminal.stdout, yaml);
  writeSafe(terminal.stderr, left.map((what) => row(`not carried over: ${what}`)).join(""));
  return 0;
}

const INPUT_BYTES_MAX = 1 << 20;

async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stdin) {
    parts.push(Buffer.from(part));
    bytes += parts.at(-1)?.length ?? 0;
    if (bytes > INPUT_BYTES_MAX) throw new UsageError("the rules are larger than 1 MiB");
  }
  return Buffer.concat(parts).toString("utf8");
}

function tierOf(isManaged: boolean): Tier {
  return isManaged ? "managed" : "session";
}

/** Actions that are tried beside those of the files' own examples. */
const BATTERY = [
  "GET https://example.com/",
  "POST https://example.com/",
  "tunnel example.com:443",
  "GET http://169.254.169.254/latest/meta-data/",
  "run: npm test",
  "run: npm publish",
  "run: git push --force",
  "read .env",
  "write src/main.ts",
  "land src/main.ts",
  "land package.json",
  "land .github/workflows/ci.yml",
  "land .git/hooks/pre-commit",
  "push main",
  "push feature",
  "credential GITHUB_TOKEN to https://api.github.com",
];

interface Changed {
  readonly action: string;
  readonly seen: string;
  readonly from: string;
  readonly to: string;
  readonly isLooser: boolean;
}

/** Says which actions another policy decides otherwise; 1 when it is looser anywhere. */
async function diff(
  named: readonly [string, string],
  { json, isManaged }: PolicyOptions,
  start: Start,
  { stdout }: Terminal,
): Promise<number> {
  const tier = tierOf(isManaged);
  const [a, b] = [await readAlone(named[0], tier, start), await readAlone(named[1], tier, start)];
  const actions = [...new Set([...BATTERY, ...a.examples, ...b.examples])];
  const [before, after] = [policyOf(a), policyOf(b)];
  const changed = actions.flatMap((text) => changesOf(text, before, after));
  const isAnyLooser = changed.some((one) => one.isLooser);
  if (json) writeJson(stdout, { actions: actions.length, changed, isLooser: isAnyLooser });
  else
    writeSafe(
      stdout,
      [
        ...changed.map(
          ({ action, seen, from, to, isLooser }) =>
            `${isLooser ? "looser  " : "stricter"} ${action}  (${seen}): ${from}, then ${to}`,
        ),
        `${counted(actions.length, "action")} tried; ${named[1]} is ${isAnyLooser ? "looser" : "nowhere looser"}`,
      ]
        .map(row)
        .join(""),
    );
  return isAnyLooser ? 1 : 0;
}

function policyOf({ rules, ceilings, profiles }: LoadedFile): Policy {
  return makePolicy(rules, ceilings, profiles);
}

function changesOf(text: string, before: Policy, after: Policy): Changed[] {
  const action = actionOf(text);
  const [old, now] = [explain(before, action).decisions, explain(after, action).decisions];
  const decided = now.flatMap((decision, at) => {
    const was = old[at];
    if (was === undefined || was.verdict === decision.verdict) return [];
    const seen = COLUMNS[at]?.name ?? "";
    return [{ action: text, seen, from: was.verdict, to: decision.verdict, isLooser: isLooser(decision, was) }];
  });
  if (action.kind !== "run") return decided;
  const boundBy = ({ profiles }: Policy): RunProfile => boundOn(profiles, action.argvs)?.profile ?? "net";
  const [from, to] = [boundBy(before), boundBy(after)];
  if (from === to) return decided;
  return [...decided, { action: text, seen: "its bound", from, to, isLooser: narrower(from, to) === from }];
}

function writeJson(to: NodeJS.WritableStream, value: unknown): void {
  to.write(`${visibleJson(JSON.stringify(value))}\n`);
}
