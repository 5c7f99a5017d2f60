import type { LandedBranch } from "../agent/branch.ts";
import { isGitPath } from "../core/classify-path.ts";
import type { JudgedCommit } from "../core/commits.ts";
import type { Call, EndReason, SessionEvent, Totals } from "../core/event.ts";
import { counted, visibleJson } from "../core/text.ts";
import { branchJson, branchText } from "./branch.ts";
import { type CostRows, costsJson, costsText, NO_COSTS, usageJson } from "./costs.ts";
import { oneLine, row, type Terminal, writeSafe } from "./terminal.ts";

/** Files that the end of a run names; the rest is counted. */
const NAMED_MAX = 20;
const DENIED_CHARS_MAX = 400;
/** What the model is told of a call that was not allowed begins so. */
const DENIED = "refused: ";
export const OUTPUT_FORMATS = ["text", "json", "stream-json"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** What a run leaves behind when it ends. */
export interface Leftover {
  /** Source that waits for a person's key, and files that would run later. */
  readonly held: readonly { readonly path: string; readonly class: string; readonly why: string }[];
  readonly landed: readonly string[];
  /** Commits of the box that wait, oldest first. */
  readonly commits: readonly Pick<JudgedCommit, "id" | "author" | "subject" | "state" | "why">[];
  /** Path of a patch with the source changes that wait; null when none do. */
  readonly patch: string | null;
  readonly branch: LandedBranch | null;
}

export interface Result {
  readonly reason: EndReason;
  readonly message: string;
  readonly session: string | null;
  readonly durationMs: number;
  readonly exitCode: number;
  readonly totals: Totals;
  readonly costs: CostRows;
  readonly leftover: Leftover;
}

export const NO_LEFTOVER: Leftover = { held: [], landed: [], commits: [], patch: null, branch: null };
export const NO_TOTALS: Totals = { input: 0, cachedInput: 0, output: 0, replies: 0, usd: 0 };

/** The result of a run that failed before it had a session. */
export function failedResult(message: string, exitCode: number): Result {
  const nothing = { totals: NO_TOTALS, costs: NO_COSTS, leftover: NO_LEFTOVER };
  return { reason: "error", message, exitCode, session: null, durationMs: 0, ...nothing };
}

/** Shows a run in one of the output formats. */
export interface Report {
  show(event: SessionEvent): void;
  /** Called once, always, last. */
  result(result: Result): void;
}

export function makeReport(format: OutputFormat, terminal: Terminal): Report {
  switch (format) {
    case "text":
      return textReport(terminal);
    case "json":
      return { show: () => {}, result: (result) => writeJson(terminal, resultJson(result)) };
    case "stream-json":
      return streamReport(terminal);
  }
}

/** Ends at which the message is the model's last words. */
const ENDS_WITH_WORDS: ReadonlySet<EndReason> = new Set(["done", "denied", "approval-needed"]);

// Progress goes to the error output, so that the answer alone can be piped.
function textReport({ stdout, stderr }: Terminal): Report {
  return {
    show(event) {
      if (event.agent !== undefined) writeSafe(stderr, agentText(event));
      else if (event.type === "call") writeSafe(stderr, `· ${event.call.name} ${describeCall(event.call)}\n`);
      else if (event.type === "result" && !event.ok) writeSafe(stderr, failedText(event));
      else if (event.type === "reply" && event.calls.length > 0 && event.text !== "")
        writeSafe(stderr, `${event.text}\n`);
      else if (event.type === "denied") writeSafe(stderr, deniedText(event));
      else if (event.type === "notice") writeSafe(stderr, row(`note: ${event.text}`));
      else if (event.type === "retry")
        writeSafe(stderr, `${event.reason}; next try in ${Math.round(event.waitMs / 1000)} s\n`);
    },
    result(result) {
      if (ENDS_WITH_WORDS.has(result.reason)) writeSafe(stdout, result.message === "" ? "" : `${result.message}\n`);
      else writeSafe(stderr, `ringfence: ${result.message}\n`);
      writeSafe(stderr, costsText(result.costs, result.totals));
      writeLeftover(stderr, result);
    },
  };
}

/** Says in a line, set off from the session's own, what a child agent does; "" for what only its parent reads. */
export function agentText(event: SessionEvent): string {
  const line = (text: string) => `  ${event.agent} ${oneLine(text, DENIED_CHARS_MAX)}\n`;
  switch (event.type) {
    case "agent-start": {
      const folders = event.folders.filter((folder) => folder !== "");
      const where = folders.length > 0 ? ` in ${folders.join(", ")}` : "";
      return line(`may ${event.may.join(", ")}${where}: ${event.task}`);
    }
    case "agent-end":
      return line(`ended: ${event.reason}`);
    case "call":
      return line(`· ${event.call.name} ${describeCall(event.call)}`);
    case "result":
      return event.ok || failedText(event) === "" ? "" : line(failedText(event).trim());
    case "denied":
      return line(deniedText(event).trim());
    case "notice":
      return line(`note: ${event.text}`);
    case "retry":
      return line(`${event.reason}; next try in ${Math.round(event.waitMs / 1000)} s`);
    case "reply":
    case "text":
    case "reasoning":
    case "start":
    case "instructions":
    case "end":
      return "";
  }
}

/** Says in a line what the gate let not happen, why, and the nearest way that is allowed. */
export function deniedText({ what, reason, nearest }: SessionEvent & { readonly type: "denied" }): string {
  return `  not allowed: ${oneLine(`${what}: ${reason}${nearest === null ? "" : `; ${nearest}`}`, DENIED_CHARS_MAX)}\n`;
}

/** Says in a line what came of a call that failed; "" where the line of its denial said it. */
export function failedText({ text }: SessionEvent & { readonly type: "result" }): string {
  return text.startsWith(DENIED) ? "" : `  ${oneLine(text.slice(-300), 160)}\n`;
}

/** Writes what landed and what waits after a run, and what to type next. */
export function writeLeftover(
  stderr: NodeJS.WriteStream,
  { leftover, session }: Pick<Result, "leftover" | "session">,
): void {
  const { landed, commits, patch, held } = leftover;
  if (leftover.branch) writeSafe(stderr, branchText(leftover.branch, session));
  if (landed.length > 0) writeSafe(stderr, `landed: ${counted(landed.length, "file")}\n`);
  for (const path of landed.slice(0, NAMED_MAX)) writeSafe(stderr, row(`landed  ${path}`));
  if (landed.length > NAMED_MAX) writeSafe(stderr, `… and ${landed.length - NAMED_MAX} more\n`);
  const source = held.filter((one) => one.class === "source");
  const others = held.filter((one) => one.class !== "source");
  if (source.length > 0)
    writeSafe(stderr, `${waitingFiles(source.length)} in session ${session}: ringfence diff | land | discard\n`);
  if (patch !== null) writeSafe(stderr, `patch: ${patch}\n`);
  if (commits.length > 0)
    writeSafe(stderr, `${waitingCommits(commits.length)}: ringfence land lands files and commits\n`);
  for (const one of others) writeSafe(stderr, row(`held: ${one.path} (${one.class}: ${one.why})`));
  if (others.some((one) => one.class !== "outside" && !isGitPath(one.path)))
    writeSafe(
      stderr,
      "to land a held one, look at it with ringfence diff; ringfence land prints its --approve PATH=HASH\n",
    );
}

/** Says how many changed files wait for a person. */
export function waitingFiles(count: number): string {
  return counted(count, "changed file waits", "changed files wait");
}

/** The same of commits. */
export function waitingCommits(count: number): string {
  return counted(count, "commit waits", "commits wait");
}

function streamReport(terminal: Terminal): Report {
  let session: string | null = null;
  return {
    show(event) {
      if (event.type === "start") session = event.session;
      const line = lineOf(event);
      if (line === null) return;
      const { type, subtype, ...rest } = line;
      const head = subtype === undefined ? { type } : { type, subtype };
      const agent = event.agent === undefined ? {} : { agent: event.agent };
      writeJson(terminal, { ...head, session_id: session, ...agent, ...rest });
    },
    result: (result) => writeJson(terminal, resultJson(result)),
  };
}

interface Line {
  readonly type: "system" | "assistant" | "user";
  readonly subtype?: string;
  readonly [key: string]: unknown;
}

// What a line says beside whose it is; null for what a script is not told.
function lineOf(event: SessionEvent): Line | null {
  const system = (subtype: string, rest: object): Line => ({ type: "system", subtype, ...rest });
  switch (event.type) {
    case "start": {
      const { checkout: cwd, model, tools } = event;
      return system("init", { cwd, model, tools, permissionMode: "box", mcp_servers: [] });
    }
    case "reply":
      return { type: "assistant", message: assistantMessage(event) };
    case "result": {
      const { id, text, ok } = event;
      const content = [{ type: "tool_result", tool_use_id: id, content: text, is_error: !ok }];
      return { type: "user", message: { role: "user", content } };
    }
    case "retry":
      return system("retry", { attempt: event.attempt, wait_ms: event.waitMs, reason: event.reason });
    case "instructions":
      return system("instructions", { paths: event.paths });
    case "notice":
      return system("notice", { text: event.text });
    case "denied": {
      const { call, what, verdict, reason, nearest } = event;
      return system("denied", { tool_use_id: call, what, verdict, reason, nearest });
    }
    case "agent-start": {
      const { parent, task, may, folders } = event;
      return system("agent_start", { parent, task, may, folders });
    }
    case "agent-end":
      return system("agent_end", { reason: event.reason, ...usageJson(event.totals) });
    case "text":
    case "reasoning":
    case "call":
    case "end":
      return null;
  }
}

function assistantMessage(event: SessionEvent & { readonly type: "reply" }): object {
  const text = event.text === "" ? [] : [{ type: "text", text: event.text }];
  const calls = event.calls.map(({ id, name, input }) => ({ type: "tool_use", id, name, input }));
  const { input, cachedInput, output } = event.usage;
  return {
    type: "message",
    role: "assistant",
    content: [...text, ...calls],
    usage: { input_tokens: input - cachedInput, cache_read_input_tokens: cachedInput, output_tokens: output },
  };
}

function resultJson(result: Result): object {
  const { totals, costs, leftover } = result;
  return {
    type: "result",
    subtype:
      result.reason === "done" ? "success" : result.reason === "turns" ? "error_max_turns" : "error_during_execution",
    is_error: result.reason !== "done",
    reason: result.reason,
    result: result.message,
    session_id: result.session,
    duration_ms: result.durationMs,
    ...usageJson(totals),
    ...costsJson(costs),
    landed: leftover.landed,
    held: leftover.held,
    commits: leftover.commits,
    patch: leftover.patch,
    branch: leftover.branch && branchJson(leftover.branch),
    exit_code: result.exitCode,
  };
}

function writeJson({ stdout }: Terminal, value: object): void {
  stdout.write(`${visibleJson(JSON.stringify(value))}\n`);
}

/** Names a call in a few words: its command, path or pattern. */
export function describeCall(call: Call): string {
  if (call.input === null || typeof call.input !== "object" || Array.isArray(call.input)) return "";
  const input = call.input as Readonly<Record<string, unknown>>;
  const named = input.command ?? input.url ?? input.path ?? input.pattern ?? input.task ?? input.id ?? input.glob;
  return typeof named === "string" ? oneLine(named, 120) : "";
}
