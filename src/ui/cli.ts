import { parseArgs } from "node:util";
import { stateFolder, UsageError } from "../agent/config.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import type { Start } from "../agent/workplace.ts";
import type { Amounts } from "../core/budget.ts";
import { CHANGE_CLASSES, type ChangeClass } from "../core/classify.ts";
import { visible } from "../core/text.ts";
import { exitCodeOfError, wordsOf } from "./errors.ts";
import { helpFor } from "./help.ts";
import type { LogAction } from "./log.ts";
import type { ReplayOptions } from "./replay.ts";
import { failedResult, makeReport, OUTPUT_FORMATS, type OutputFormat } from "./report.ts";
import type { Terminal } from "./terminal.ts";

export interface Outside {
  readonly start: Start;
  /** Started by root, becomes the owner of the checkout; returns the environment to go on with. */
  readonly becomeOwner: (folder: string) => NodeJS.ProcessEnv;
  readonly terminal: Terminal;
}

const OPTIONS = {
  model: { type: "string", short: "m" },
  "output-format": { type: "string" },
  land: { type: "string" },
  branch: { type: "string" },
  resume: { type: "string" },
  at: { type: "string" },
  search: { type: "string" },
  "max-turns": { type: "string" },
  "max-minutes": { type: "string" },
  "max-usd": { type: "string" },
  "max-tokens": { type: "string" },
  "max-calls": { type: "string" },
  "max-agents": { type: "string" },
  approve: { type: "string", multiple: true },
  hunks: { type: "string" },
  class: { type: "string", multiple: true },
  sign: { type: "boolean" },
  preview: { type: "string", multiple: true },
  provider: { type: "string", multiple: true },
  config: { type: "string", multiple: true },
  method: { type: "string" },
  key: { type: "string" },
  anchor: { type: "string" },
  format: { type: "string" },
  session: { type: "string" },
  all: { type: "boolean" },
  once: { type: "boolean" },
  ignored: { type: "boolean" },
  diff: { type: "string" },
  range: { type: "string" },
  jsonl: { type: "string" },
  channel: { type: "string" },
  explain: { type: "boolean" },
  days: { type: "string" },
  "older-than": { type: "string" },
  "content-only": { type: "boolean" },
  bytes: { type: "string" },
  policy: { type: "string", multiple: true },
  managed: { type: "boolean" },
  json: { type: "boolean" },
  stat: { type: "boolean" },
  folder: { type: "string", short: "C" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

/** Commands whose own words end where another command's begin. */
const ENDS_AT_DASHES: readonly string[] = ["exec", "wrap", "net"];

type Options = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>["values"];

/** Runs one command line; returns the exit status. Every error is told in words, and only our own bugs with a stack. */
export async function runCli(args: readonly string[], outside: Outside): Promise<number> {
  const { terminal } = outside;
  try {
    return await dispatch(args, outside);
  } catch (error) {
    const text = wordsOf(error, outside.start.environment);
    const exitCode = exitCodeOfError(error);
    const format = scriptFormat(args);
    if (format !== null) makeReport(format, terminal).result(failedResult(text, exitCode));
    else terminal.stderr.write(`ringfence: ${visible(text)}\n`);
    return exitCode;
  }
}

// A script that asked for JSON gets its one result even where the command line itself is wrong.
function scriptFormat(args: readonly string[]): OutputFormat | null {
  if (!args.includes("run") || ENDS_AT_DASHES.includes(args[0] ?? "")) return null;
  const asked = args.flatMap((arg, at) =>
    arg === "--output-format" ? [args[at + 1]] : arg.split("--output-format=", 2).slice(1),
  );
  return OUTPUT_FORMATS.find((format) => format !== "text" && asked.includes(format)) ?? null;
}

async function dispatch(args: readonly string[], outside: Outside): Promise<number> {
  const { terminal } = outside;
  const end = ENDS_AT_DASHES.includes(args[0] ?? "") ? args.indexOf("--") : -1;
  const { values, positionals } = parse(end < 0 ? args : args.slice(0, end));
  const isAsked = positionals[0] === "help";
  const [command = "", ...rest] = isAsked ? positionals.slice(1) : positionals;
  if (values.help || isAsked)
    return print(terminal, helpFor(command, OPTIONS_OF[command]?.includes("session") ?? false));
  if (values.version) return print(terminal, `${outside.start.version}\n`);
  const folder = values.folder ?? outside.start.folder;
  if (folder === "")
    throw new UsageError("the folder that you stand in was deleted: change into one that is there, or name one by -C");
  const environment = outside.becomeOwner(folder);
  const start: Start = { ...outside.start, folder, environment, policies: values.policy ?? [] };
  refuseOptions(command, values);
  refuseWords(command, rest);
  const act = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (act === undefined) throw new UsageError(`"${command}" is not a command; ringfence --help shows them`);
  return act({ words: rest, typed: end < 0 ? null : args.slice(end + 1), values, start, terminal });
}

/** A command line without its command. */
interface Line {
  readonly words: readonly string[];
  /** What stands behind `--`, for the commands that take another; null without one. */
  readonly typed: readonly string[] | null;
  readonly values: Options;
  readonly start: Start;
  readonly terminal: Terminal;
}

/** What each command does; its module is loaded with it. */
const COMMANDS: Readonly<Record<string, (line: Line) => Promise<number>>> = {
  "": async ({ values, start, terminal }) => {
    const options = { model: values.model ?? null, ceilings: ceilingsTyped(values), resume: null };
    return (await import("./interactive.ts")).interactive(options, start, terminal);
  },
  resume: async ({ words, values, start, terminal }) => {
    const options = { model: values.model ?? null, ceilings: ceilingsTyped(values), resume: words[0] ?? "last" };
    return (await import("./interactive.ts")).interactive(options, start, terminal);
  },
  fork: async ({ words, values, start, terminal }) => {
    const options = { called: words[0] ?? "last", turn: values.at ?? null, json: values.json ?? false };
    return (await import("./fork.ts")).forkCommand(options, start, terminal);
  },
  run: async ({ words, values, start, terminal }) =>
    (await import("./run.ts")).runTask(runOptions(values, words), start, terminal),
  exec: async (line) => {
    const options = { ...boxedOptions("exec", line), onDone: null };
    return (await import("./exec.ts")).execCommand(options, line.start, line.terminal);
  },
  wrap: async (line) => {
    const { provider = [], config = [] } = line.values;
    const options = { ...boxedOptions("wrap", line), providers: provider, homePaths: config };
    return (await import("./wrap.ts")).wrapCommand(options, line.start, line.terminal);
  },
  diff: (line) => changes("diff", line),
  land: (line) => changes("land", line),
  discard: async (line) =>
    line.values.ignored
      ? (await import("./sessions.ts")).forgetCommand(line.start, line.terminal)
      : changes("discard", line),
  undo: async ({ values, start, terminal }) =>
    (await import("./undo.ts")).undoCommand({ session: values.session ?? null }, start, terminal),
  rewind: async ({ words, values, start, terminal }) =>
    (await import("./rewind.ts")).rewindCommand(words, { session: values.session ?? null }, start, terminal),
  sessions: async ({ words, values, start, terminal }) => {
    const options = { all: values.all ?? false, json: values.json ?? false, search: values.search ?? null };
    if (words[0] === "name") return (await import("./name.ts")).nameCommand(words.slice(1), start, terminal);
    if (words.length > 0)
      throw new UsageError(`sessions does not take "${words.join(" ")}"; to name one: ringfence sessions name ID NAME`);
    return (await import("./sessions.ts")).sessionsCommand(options, start, terminal);
  },
  kill: async ({ words, values, start, terminal }) =>
    (await import("./kill.ts")).killCommand({ id: words[0] ?? null, all: values.all ?? false }, start, terminal),
  top: async ({ values, start, terminal }) =>
    (await import("./top.ts")).topCommand({ once: values.once ?? false, json: values.json ?? false }, start, terminal),
  gc: async ({ values, start, terminal }) => {
    const options = { days: amount(values.days, "--days"), bytes: amount(values.bytes, "--bytes") };
    return (await import("./sessions.ts")).gcCommand(options, start, terminal);
  },
  purge: async ({ words, values, start, terminal }) => {
    const { "older-than": olderThan = null, all = false, "content-only": contentOnly = false } = values;
    return (await import("./purge.ts")).purgeCommand({ ids: words, olderThan, all, contentOnly }, start, terminal);
  },
  log: async ({ words, values, start, terminal }) => {
    if (words[0] === "replay")
      return (await import("./replay.ts")).replayCommand(replayOptions(words.slice(1), values), start, terminal);
    refuseReplayOptions(values);
    const { ledgerOf } = await import("../agent/config-sessions.ts");
    const [action, state] = [logAction(words, values), stateFolder(start.environment)];
    const fileOf = () => ledgerOf(state, findCheckout(start.folder).path, values.session ?? null);
    return (await import("./log.ts")).logCommand(action, fileOf, state, terminal);
  },
  doctor: async ({ values, start, terminal }) =>
    (await import("./doctor.ts")).doctorCommand({ json: values.json ?? false }, start, terminal),
  net: async ({ words, typed, values, start, terminal }) => {
    const options = { json: values.json ?? false, method: values.method ?? null };
    return (await import("./net.ts")).netCommand(words, typed, options, start, terminal);
  },
  policy: async ({ words, values, start, terminal }) => {
    const options = { json: values.json ?? false, isManaged: values.managed ?? false };
    return (await import("./policy.ts")).policyCommand(words, options, start, terminal);
  },
  trust: async ({ words, values, start, terminal }) =>
    (await import("./trust.ts")).trustCommand(words, { json: values.json ?? false }, start, terminal),
  scan: async ({ words, values, start, terminal }) =>
    (await import("./scan.ts")).scanCommand(scanOptions(values, words), start, terminal),
  demo: async ({ values, start, terminal }) =>
    (await import("./demo.ts")).demo({ model: values.model ?? null }, start, terminal),
};

async function changes(
  command: "diff" | "land" | "discard",
  { words, values, start, terminal }: Line,
): Promise<number> {
  return (await import("./changes.ts")).changesCommand(
    command,
    changesOptions(command, values, words),
    start,
    terminal,
  );
}

function boxedOptions(command: "exec" | "wrap", { words, typed, values }: Line) {
  const given = typed ?? words;
  if (given.length === 0) throw new UsageError(`${command} needs a command: ${EXAMPLES[command]}`);
  return { words: given, previews: values.preview ?? [], ceilings: ceilingsTyped(values) };
}

const EXAMPLES: Readonly<Record<string, string>> = {
  exec: "ringfence exec -- npm test",
  wrap: "ringfence wrap -- pi",
};

/** How many words a command takes after its own; those that are not here take any number. */
const WORDS_MAX = new Map(
  Object.entries({ resume: 1, fork: 1, undo: 0, rewind: 1, kill: 1, top: 0, gc: 0, discard: 0, doctor: 0, demo: 0 }),
);

/** The options of each command, beside those that every one takes. */
const OPTIONS_OF: Readonly<Record<string, string>> = {
  "": "model max-usd max-tokens max-calls max-agents max-minutes policy",
  resume: "model max-usd max-tokens max-calls max-agents max-minutes policy",
  fork: "at json",
  run: "model output-format branch resume land max-turns max-usd max-tokens max-calls max-agents max-minutes policy",
  exec: "preview max-minutes policy",
  wrap: "provider config max-usd max-tokens max-minutes preview policy",
  diff: "session json stat class",
  land: "session approve hunks class sign",
  undo: "session",
  rewind: "session",
  discard: "session ignored",
  sessions: "all json search",
  kill: "all",
  top: "once json",
  gc: "days bytes",
  purge: "older-than all content-only",
  log: "session key anchor format json all policy",
  doctor: "json",
  net: "json method policy",
  policy: "json managed policy",
  trust: "json",
  scan: "diff range jsonl channel format explain",
  demo: "model",
};

function changesOptions(command: string, values: Options, paths: readonly string[]) {
  return {
    paths,
    classes: classesOf(command, values.class ?? []),
    hunks: values.hunks ?? null,
    sign: values.sign ?? false,
    approve: values.approve ?? [],
    session: values.session ?? null,
    json: values.json ?? false,
    stat: values.stat ?? false,
  };
}

// Somebody who types `land --stat` wants to look, and must not find that all has landed.
function refuseOptions(command: string, values: Options): void {
  const taken = OPTIONS_OF[command]?.split(" ");
  if (!taken) return;
  if (values.ignored && values.session !== undefined)
    throw new UsageError("discard takes --ignored or --session: ignored files are kept for all sessions of a checkout");
  const foreign = Object.keys(values).find((name) => name !== "folder" && !taken.includes(name));
  if (foreign === undefined) return;
  const name = command === "" ? "the interactive session" : command;
  throw new UsageError(`${name} does not take --${foreign}; ringfence --help shows what it takes`);
}

// Somebody who names a file to discard must not lose the others.
function refuseWords(command: string, words: readonly string[]): void {
  const extra = words.slice(WORDS_MAX.get(command) ?? words.length);
  if (command === "discard" && extra.length > 0)
    throw new UsageError("discard throws all changes of a session away and takes no path; nothing was thrown away");
  if (extra.length > 0)
    throw new UsageError(`${command} does not take "${extra.join(" ")}"; ringfence --help shows what it takes`);
}

function parse(args: readonly string[]): { values: Options; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Node says in its further sentences how to write a word that begins with a dash, which is seldom what was meant.
    const [said = ""] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    const example = ENDS_AT_DASHES.includes(args[0] ?? "") ? EXAMPLES[args[0] ?? ""] : undefined;
    const hint =
      example === undefined ? "ringfence --help shows the options" : `put -- before the command, as in ${example}`;
    throw new UsageError(`${said}; ${hint}`);
  }
}

function runOptions(values: Options, words: readonly string[]) {
  const prompt = words.join(" ").trim();
  if (prompt === "") throw new UsageError('run needs a task: ringfence run "fix the failing test"');
  const land = values.land ?? "patch";
  if (land !== "patch" && land !== "auto") throw new UsageError(`--land is patch or auto, not "${land}"`);
  if (values.branch !== undefined && values.land !== undefined)
    throw new UsageError("--branch lands commits on that branch and no files, so it does not go with --land");
  if (values.branch !== undefined && values.resume !== undefined)
    throw new UsageError("--branch begins on a branch of its own, so it does not go with --resume");
  return {
    prompt,
    model: values.model ?? null,
    format: formatOf(values["output-format"] ?? "text"),
    land,
    branch: values.branch ?? null,
    resume: values.resume ?? null,
    limits: { turnsMax: amount(values["max-turns"], "--max-turns"), ceilings: ceilingsTyped(values) },
  } as const;
}

function scanOptions(values: Options, paths: readonly string[]) {
  const { diff = null, range = null, jsonl = null, channel = null, format = "text", explain = false } = values;
  if (format !== "text" && format !== "json" && format !== "sarif")
    throw new UsageError(`--format is text, json or sarif, not "${format}"`);
  return { paths, diff, range, jsonl, channel, format, explain } as const;
}

function replayOptions(
  [word, ...more]: readonly string[],
  { session: named, all = false, policy = [], json = false, key, format }: Options,
): ReplayOptions {
  const session = word ?? named ?? null;
  if (more.length > 0 || policy.length > 1 || key !== undefined || format !== undefined)
    throw new UsageError("type ringfence log replay [ID] [--policy FILE|current] [--all] [--json]");
  if (all && session !== null) throw new UsageError("log replay takes --all or one session, not both");
  return { session, isAll: all, policy: policy[0] ?? null, json };
}

function refuseReplayOptions(values: Options): void {
  const name = (["all", "policy"] as const).find((option) => values[option] !== undefined);
  if (name !== undefined) throw new UsageError(`--${name} is for ringfence log replay`);
}

function logAction([action, word = "", ...more]: readonly string[], values: Options): LogAction {
  const [key, anchor, format] = [values.key ?? null, values.anchor ?? null, values.format ?? null];
  const isJson = values.json ?? false;
  if (more.length > 0) throw new UsageError(`log takes no "${more.join(" ")}"; ringfence --help shows what it takes`);
  if (anchor !== null && action !== "verify") throw new UsageError("--anchor is for ringfence log verify");
  const isAlone = word === "";
  if (action === "show" && isAlone && key === null && format === null) return { kind: "show", isJson };
  if (isJson) throw new UsageError("--json is for ringfence log show and log replay");
  if (action === "export" && isAlone && key === null) return { kind: "export", format: format ?? "html" };
  if (format !== null) throw new UsageError("--format is for ringfence log export");
  if (action === "monitor" && isAlone && key === null) return { kind: "monitor" };
  if (action === "verify" && isAlone) return { kind: "verify", key, anchor };
  if (action === "check" && !isAlone) return { kind: "check", proof: word, key };
  if (action === "prove" && /^\d{1,15}$/.test(word) && key === null) return { kind: "prove", seq: Number(word) };
  if (["show", "monitor", "verify", "export"].includes(action ?? "") && !isAlone)
    throw new UsageError(`log ${action} takes no "${word}"; for a session: ringfence log ${action} --session ID`);
  throw new UsageError(
    "type ringfence log show [--json], log monitor, log verify [--key KEY] [--anchor PLACE], log prove NUMBER of an event, log check FILE [--key KEY], log export [--format FORMAT], or log replay",
  );
}

function classesOf(command: string, words: readonly string[]): ChangeClass[] {
  return words.map((word) => {
    const cls = CHANGE_CLASSES.find((known) => known === word);
    if (!cls) throw new UsageError(`--class is one of ${CHANGE_CLASSES.join(", ")}, not "${word}"`);
    if (command === "land" && cls !== "source")
      throw new UsageError(
        `--class ${cls} does not land: a held file lands by --approve PATH=HASH alone; nothing landed`,
      );
    return cls;
  });
}

function formatOf(text: string): OutputFormat {
  const format = OUTPUT_FORMATS.find((known) => known === text);
  if (!format) throw new UsageError(`--output-format is one of ${OUTPUT_FORMATS.join(", ")}, not "${text}"`);
  return format;
}

// The words of each option, what it bounds, and how much one of it is.
const CEILINGS = [
  ["max-usd", "usd", 1],
  ["max-tokens", "tokens", 1],
  ["max-calls", "calls", 1],
  ["max-agents", "children", 1],
  ["max-minutes", "wallMs", 60_000],
] as const;

const WHOLE: ReadonlySet<keyof Amounts> = new Set(["tokens", "calls", "children"]);

function ceilingsTyped(values: Options): Partial<Amounts> {
  return Object.fromEntries(
    CEILINGS.flatMap(([option, name, unit]) => {
      const typed = values[option] === "0" && name === "children" ? 0 : amount(values[option], `--${option}`);
      if (typed !== null && WHOLE.has(name) && !Number.isInteger(typed))
        throw new UsageError(`--${option} takes a whole number, not "${values[option]}"`);
      return typed === null ? [] : [[name, typed * unit]];
    }),
  );
}

function amount(text: string | undefined, option: string): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new UsageError(`${option} takes a number above 0, not "${text}"`);
  return value;
}

function print(terminal: Terminal, text: string): number {
  terminal.stdout.write(text);
  return 0;
}
