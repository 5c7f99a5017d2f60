import { UsageError } from "../agent/config.ts";
import { readDetectModel } from "../agent/config-inspect.ts";
import { readPieces, readTree } from "../agent/config-scan.ts";
import type { Start } from "../agent/workplace.ts";
import { wordsFor } from "../core/detect-explain.ts";
import type { DetectModel } from "../core/detect-model.ts";
import { inspect } from "../core/inspect.ts";
import { type Redactor, redactorOf } from "../core/redact.ts";
import { addedIn } from "../core/scan-diff.ts";
import { type Finding, findingsOf } from "../core/scan-findings.ts";
import { counted, visibleJson } from "../core/text.ts";
import { answerLines } from "./scan-lines.ts";
import { sarifOf } from "./scan-sarif.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

export interface ScanOptions {
  readonly paths: readonly string[];
  readonly diff: string | null;
  readonly range: string | null;
  readonly jsonl: string | null;
  readonly channel: string | null;
  readonly format: "text" | "json" | "sarif";
  /** Shows weak findings too, and the words that an injection was told by. */
  readonly explain: boolean;
}

/** A text to look at, and how its lines are numbered. */
interface Subject {
  readonly name: string;
  readonly text: string;
  readonly channel: string;
  readonly lineOf: (line: number) => number;
}

export interface Scanned {
  readonly name: string;
  readonly score: number;
  readonly verdict: string;
  readonly findings: readonly Finding[];
}

const TEXT_BYTES_MAX = 64 << 20;
/** As git does, by a NUL near the beginning, and not by what an attribute of the repository says. */
const BINARY_CHARS = 8000;
const PROGRESS_MS = 500;

/** `ringfence scan`: exit status 1 where a warning or an error was found, or a line of `--jsonl` was none. */
export async function scanCommand(options: ScanOptions, start: Start, terminal: Terminal): Promise<number> {
  const given = [...options.paths, options.diff, options.range, options.jsonl].filter((one) => one !== null);
  if (given.length === 0) throw new UsageError("scan needs a path, -, --diff FILE, --range A..B or --jsonl FILE");
  if (given.length > Math.max(1, options.paths.length))
    throw new UsageError("scan takes either paths, or --diff, or --range, or --jsonl");
  const model = readDetectModel();
  if (options.jsonl !== null) return answerLines(model, readPieces(options.jsonl, terminal.stdin), terminal.stdout);
  const tally = { texts: 0, binary: 0, unread: [] as string[], cut: [] as string[] };
  const scanned: Scanned[] = [];
  const redactor = redactorOf([]);
  const tell = progressOn(terminal);
  for await (const subject of subjectsOf(options, start, terminal, tally)) {
    tally.texts += 1;
    tell(tally.texts, subject.name);
    const result = look(model, subject, options.explain, redactor);
    if (result.findings.length > 0) scanned.push(result);
    if (options.format === "text")
      for (const finding of result.findings) writeSafe(terminal.stdout, row(describe(result.name, finding)));
  }
  tell(null, "");
  if (options.format === "json")
    terminal.stdout.write(`${visibleJson(JSON.stringify({ scanned: tally.texts, ...tally, texts: scanned }))}\n`);
  if (options.format === "sarif")
    terminal.stdout.write(`${visibleJson(JSON.stringify(sarifOf(scanned, start.version)))}\n`);
  for (const name of tally.unread)
    writeSafe(terminal.stderr, row(`ringfence: ${name} could not be read and was not scanned`));
  for (const name of tally.cut)
    writeSafe(terminal.stderr, row(`ringfence: ${name} is long: only its beginning was scanned`));
  const grave = scanned.flatMap(({ findings }) => findings).filter(({ level }) => level !== "note");
  if (options.format === "text")
    terminal.stderr.write(
      `ringfence: ${counted(tally.texts, "text")} scanned, ${counted(grave.length, "finding")}, ${counted(tally.binary, "binary file")} passed over\n`,
    );
  return grave.length > 0 ? 1 : 0;
}

function look(
  model: DetectModel,
  { name, text, channel, lineOf }: Subject,
  explain: boolean,
  redactor: Redactor,
): Scanned {
  const inspection = inspect(model, text, channel);
  const all = findingsOf(text, inspection, lineOf);
  const inName = findingsOf(name, inspect(model, name, "file-name"), () => 0).filter(
    ({ rule }) => rule !== "secret" && rule !== "injection-mention",
  );
  const named = inName.map((finding) => ({
    ...finding,
    level: finding.level === "note" ? ("warning" as const) : finding.level,
    message: `in its name: ${finding.message}`,
    line: 1,
    column: 1,
  }));
  const explained = (finding: Finding): Finding => {
    if (finding.score === null) return finding;
    const words = wordsFor(model, redactor.redact(text.slice(finding.start, finding.end)));
    return { ...finding, message: `${finding.message} (most of it: ${words.join(", ")})` };
  };
  return {
    // A report is read by more people than the text.
    name: redactor.redact(name),
    score: inspection.score,
    verdict: inspection.verdict,
    findings: explain ? [...named, ...all.map(explained)] : [...named, ...all].filter(({ level }) => level !== "note"),
  };
}

function describe(name: string, { line, column, level, rule, message }: Finding): string {
  return `${name}:${line}:${column}: ${level}: ${message} [${rule}]`;
}

async function* subjectsOf(
  { paths, diff, range, channel }: ScanOptions,
  start: Start,
  terminal: Terminal,
  tally: { binary: number; readonly unread: string[]; readonly cut: string[] },
): AsyncGenerator<Subject> {
  const whole = (line: number) => line;
  if (diff !== null || range !== null) {
    const { messages, changes } =
      diff === null
        ? await rangeText(range ?? "", start)
        : { messages: null, changes: await textOf(readPieces(diff, terminal.stdin)) };
    if (messages !== null)
      yield {
        name: `${range} (commit messages)`,
        text: messages,
        channel: channel ?? "commit-message",
        lineOf: whole,
      };
    tally.binary += changes.match(/^Binary files .* differ$/gm)?.length ?? 0;
    for (const { name, text: added, lines } of addedIn(changes)) {
      if (added.slice(0, BINARY_CHARS).includes("\0")) tally.binary += 1;
      else yield { name, text: added, channel: channel ?? "file", lineOf: (line) => lines[line - 1] ?? 1 };
    }
    return;
  }
  for (const path of paths) {
    if (path === "-") {
      yield { name: "-", text: await textOf(terminal.stdin), channel: channel ?? "text", lineOf: whole };
      continue;
    }
    for (const file of readTree(path)) {
      if (file.state === "read") {
        if (file.isCut) tally.cut.push(file.name);
        yield {
          name: file.name,
          text: new TextDecoder().decode(file.bytes),
          channel: channel ?? "file",
          lineOf: whole,
        };
      } else if (file.state === "binary") tally.binary += 1;
      else tally.unread.push(file.name);
    }
  }
}

async function textOf(pieces: AsyncIterable<string | Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const piece of pieces) {
    parts.push(Buffer.from(piece));
    length += piece.length;
    if (length > TEXT_BYTES_MAX)
      throw new UsageError(`more than ${TEXT_BYTES_MAX >> 20} MiB at once: scan it in parts`);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}

/** Asks git for the messages and the changes of a range, in sandboxes of its own. */
async function rangeText(
  range: string,
  start: Start,
): Promise<{ readonly messages: string; readonly changes: string }> {
  if (!/^[\w./~^@{}][\w./~^@{}-]*\.\.\.?[\w./~^@{}-]+$/.test(range))
    throw new UsageError(`--range is two commits, as in main..HEAD, not "${range}"`);
  const [{ findTrustPlace }, { readRange }] = await Promise.all([
    import("../agent/trust.ts"),
    import("../box/range.ts"),
  ]);
  const { plan } = await findTrustPlace(start);
  const found = await readRange(plan, range, TEXT_BYTES_MAX).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${range} cannot be read: ${why}: scan a shorter range`);
  });
  if (!found.ok) throw new UsageError(`git refused ${range}: ${found.refused}`);
  return found;
}

/** Says on a terminal how far a long scan is; null ends it. */
function progressOn({ stderr }: Terminal): (count: number | null, name: string) => void {
  if (!stderr.isTTY) return () => {};
  let last = performance.now();
  let isShown = false;
  return (count, name) => {
    if (count === null) {
      if (isShown) stderr.write("\r\x1b[K");
      return;
    }
    if (performance.now() - last < PROGRESS_MS) return;
    last = performance.now();
    isShown = true;
    stderr.write("\r\x1b[K");
    writeSafe(stderr, `${counted(count, "text")} scanned, ${name.replace(/\s/g, " ").slice(-60)}`);
  };
}
