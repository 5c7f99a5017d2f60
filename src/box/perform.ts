import { randomBytes } from "node:crypto";
import { EDIT_BYTES_MAX } from "../core/edit.ts";
import type { Effect } from "../core/effect.ts";
import type { Image, Outcome } from "../core/outcome.ts";
import type { RunProfile } from "../core/shell.ts";
import { bound, counted } from "../core/text.ts";
import { plain, withStrings } from "../core/text-plain.ts";
import type { Box, Started } from "./box.ts";
import {
  editProgram,
  IMAGE_BYTES_MAX,
  IS_FOLDER,
  isImageName,
  LEADS_AWAY,
  listProgram,
  NO_SUCH_FILE,
  NOT_A_FILE,
  NOT_WITHIN,
  quote,
  READ_BYTES_MAX,
  readProgram,
  runProgram,
  searchProgram,
  writeProgram,
} from "./commands.ts";
import { EditDialogue } from "./edit-dialogue.ts";
import { COMMAND_BYTES_MAX, type CommandNetwork, type Run, SETTLE_MS, type Stream } from "./oneshot.ts";
import { Output } from "./output.ts";

/** How an effect is carried out: who may stop it and who watches its output. */
export interface Performance {
  readonly signal: AbortSignal;
  /** Called with raw bytes of the box as they come; whoever shows them makes them safe first. */
  readonly onOutput?: (stream: Stream, bytes: Uint8Array) => void;
  /** For a command that may use the network. */
  readonly network?: CommandNetwork | undefined;
}

/** What the host makes of texts of the box. */
export interface TextRules {
  /** Takes secrets out before anything is cut, since half a secret is none that anybody knows. */
  readonly redact: (text: string) => string;
  /** Puts back into texts what placeholders stand for in a file's own content; a string says why that cannot be. */
  readonly resolve: (texts: readonly string[], content: Uint8Array) => readonly string[] | string;
}

/** Where there is no model texts are shown as they are. */
export const AS_IT_IS: TextRules = { redact: (text) => text, resolve: (texts) => texts };

const TEXT_CHARS_MAX = 30_000;
const LINE_CHARS_MAX = 2000;
const ASKED_LINES_MAX = 10_000;
const FILE_TOOL_MS = 30_000;
const SEARCH_BYTES_MAX = 200_000;
/** How every tool that only looks at files is run. */
const READING = { stdin: null, timeoutMs: FILE_TOOL_MS, profile: "read-only" } as const;

/** Does one effect in the box. Called with what a permit held. */
export async function perform(box: Box, effect: Effect, performance: Performance): Promise<Outcome> {
  switch (effect.kind) {
    case "read":
      return read(box, effect, performance);
    case "write":
      return write(box, effect, performance);
    case "edit":
      return edit(box, effect, performance);
    case "search":
      return search(box, effect, performance);
    case "list":
      return list(box, effect, performance);
    case "run":
      return run(box, effect, performance);
    case "output":
      return readBackground(box, effect.id);
    case "kill":
      return killBackground(box, effect.id);
    case "ask":
      return read(box, { kind: "read", path: effect.about, offset: 1, limit: ASKED_LINES_MAX }, performance);
    case "names":
    case "resolve":
    case "fetch":
    case "delegate":
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
    case "remove":
    case "keep":
    case "forget":
      throw new Error(`bug: ${effect.kind} is not an effect of the box`);
  }
}

interface Finished {
  readonly status: number | null;
  readonly output: Output;
  readonly errors: string;
  readonly stopped: "timeout" | "cancelled" | "full" | null;
  /** Who cancelled it, in words, where `stopped` says that somebody did. */
  readonly cancelled: string;
  readonly limit: string | null;
  readonly started: Started;
}

interface Job {
  readonly program: string;
  readonly stdin: Run["stdin"];
  readonly timeoutMs: number;
  readonly profile?: RunProfile;
  /** Kills the program once it has printed this much. */
  readonly bytesMax?: number;
}

/** Runs a program of the box to its end, whoever or whatever ends it. */
export async function finish(box: Box, job: Job, performance: Performance): Promise<Finished> {
  const output = new Output();
  const errors = new Output();
  let stopped: Finished["stopped"] = null;
  const started = await box.start({
    command: job.program,
    ...(job.profile && { profile: job.profile }),
    network: performance.network,
    stdin: job.stdin,
    onOutput: (stream, bytes) => {
      (stream === "stdout" ? output : errors).add(bytes);
      performance.onOutput?.(stream, bytes);
      if (job.bytesMax !== undefined && output.bytesTotal > job.bytesMax) stop("full");
    },
  });
  const stop = (reason: "timeout" | "cancelled" | "full") => {
    stopped ??= reason;
    started.oneShot.kill();
  };
  const timer = setTimeout(() => stop("timeout"), job.timeoutMs);
  const cancel = () => stop("cancelled");
  if (performance.signal.aborted) cancel();
  performance.signal.addEventListener("abort", cancel, { once: true });
  const status = await started.status.finally(() => {
    clearTimeout(timer);
    performance.signal.removeEventListener("abort", cancel);
  });
  return {
    status,
    output,
    errors: errors.bytes().toString("utf8").slice(0, 2000).trim(),
    stopped,
    cancelled: whoCancelled(performance.signal),
    limit: started.limitReason(),
    started,
  };
}

// The minutes of a run end by a timer's signal, its other ceilings by one of that name, and nothing else of a run does.
function whoCancelled({ reason }: AbortSignal): string {
  const name = reason instanceof DOMException ? reason.name : "";
  if (name === "QuotaExceededError") return "stopped: a budget of the session is used up";
  return name === "TimeoutError" ? "stopped: the time limit of the run is reached" : "stopped by the person";
}

async function read(box: Box, effect: Effect & { readonly kind: "read" }, performance: Performance): Promise<Outcome> {
  const job = { program: readProgram(effect), ...READING };
  const done = await finish(box, job, performance);
  if (done.status !== 0) return fileFailure("read", effect.path, done);
  const bytes = done.output.bytes();
  const image = isImageName(effect.path) ? toImage(bytes) : null;
  if (image) return { ok: true, text: `image, ${counted(bytes.length, "byte")}`, image };
  if (bytes.subarray(0, 8192).includes(0))
    return {
      ok: true,
      text: `binary file, first ${counted(Math.min(bytes.length, READ_BYTES_MAX), "byte")} not shown; use run with xxd or file`,
    };
  return { ok: true, text: numberLines(box, bytes, effect.offset, effect.limit) };
}

function numberLines(box: Box, bytes: Buffer, offset: number, limit: number): string {
  const text = fileText(box, bytes);
  if (text === "") return offset <= 1 ? "(empty file)" : `(no line ${offset}: the file is shorter)`;
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const shown = lines.slice(0, limit);
  const numbered = shown.map((line, index) => {
    const cut = line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}… (${line.length} characters)` : line;
    return `${String(offset + index).padStart(6)}\t${cut}`;
  });
  const isCut = lines.length > limit || bytes.length >= READ_BYTES_MAX;
  const body = bound(numbered.join("\n"), TEXT_CHARS_MAX * 2).text;
  return isCut ? `${body}\n(more follows: read with offset ${offset + shown.length})` : body;
}

const IMAGE_SIGNATURES: readonly (readonly [string, Image["mediaType"]])[] = [
  ["89504e47", "image/png"],
  ["ffd8ff", "image/jpeg"],
  ["474946383", "image/gif"],
  ["52494646", "image/webp"],
];

// The kind is told by the bytes: a name can lie.
function toImage(bytes: Buffer): Image | null {
  if (bytes.length > IMAGE_BYTES_MAX) return null;
  const start = bytes.subarray(0, 12).toString("hex");
  const kind = IMAGE_SIGNATURES.find(([signature]) => start.startsWith(signature))?.[1];
  return kind ? { mediaType: kind, base64: bytes.toString("base64") } : null;
}

async function write(
  box: Box,
  effect: Effect & { readonly kind: "write" },
  performance: Performance,
): Promise<Outcome> {
  const content = Buffer.from(effect.content, "utf8");
  const job = { program: writeProgram(effect), stdin: content, timeoutMs: FILE_TOOL_MS };
  const done = await finish(box, job, performance);
  if (done.status !== 0) return fileFailure("write", effect.path, done);
  return { ok: true, text: `wrote ${counted(content.length, "byte")} to ${effect.path}` };
}

async function edit(box: Box, effect: Effect & { readonly kind: "edit" }, performance: Performance): Promise<Outcome> {
  // Whatever the file holds, it cannot hold a mark drawn just now.
  const mark = randomBytes(16).toString("hex");
  const dialogue = new EditDialogue(effect, mark, box.texts);
  const job = {
    program: editProgram(effect, mark, EDIT_BYTES_MAX),
    stdin: dialogue.input,
    timeoutMs: FILE_TOOL_MS,
  };
  const done = await finish(box, job, { ...performance, onOutput: (stream, bytes) => dialogue.read(stream, bytes) });
  dialogue.input.destroy();
  if (dialogue.refusal !== null) return { ok: false, code: "invalid", text: dialogue.refusal };
  if (done.status !== 0) return fileFailure("edit", effect.path, done);
  return { ok: true, text: `edited ${effect.path} in ${counted(dialogue.count, "place")}` };
}

async function search(
  box: Box,
  effect: Effect & { readonly kind: "search" },
  performance: Performance,
): Promise<Outcome> {
  const job = { program: searchProgram(effect), ...READING, bytesMax: SEARCH_BYTES_MAX };
  const done = await finish(box, job, performance);
  if (done.status === 1) return { ok: true, text: `no match for ${effect.pattern}` };
  return listing(box, "search", effect.path, done);
}

async function list(box: Box, effect: Effect & { readonly kind: "list" }, performance: Performance): Promise<Outcome> {
  const job = { program: listProgram(effect), ...READING, bytesMax: SEARCH_BYTES_MAX };
  const done = await finish(box, job, performance);
  if (done.status === 1 && done.errors === "")
    return { ok: true, text: `no file matches ${effect.glob ?? effect.path}` };
  return listing(box, "list", effect.path, done);
}

function listing(box: Box, tool: string, path: string, done: Finished): Outcome {
  if (done.status !== 0 && done.stopped !== "full") return fileFailure(tool, path, done);
  const text = fileText(box, done.output.bytes()).trimEnd();
  const { text: shown, cut } = bound(text, TEXT_CHARS_MAX);
  const note = cut || done.stopped === "full" ? "\n(cut: narrow the pattern, the path or the glob)" : "";
  return { ok: true, text: (shown === "" ? "(empty folder)" : shown) + note };
}

async function run(box: Box, effect: Effect & { readonly kind: "run" }, performance: Performance): Promise<Outcome> {
  const program = runProgram(effect.command, box.below);
  const refusal = refuseCommand(effect.command, program);
  if (refusal !== null) return { ok: false, code: "invalid", text: refusal };
  if (effect.background) return startBackground(box, effect, { program, network: performance.network });
  const done = await finish(
    box,
    { program, stdin: null, timeoutMs: effect.timeoutMs, profile: effect.profile },
    performance,
  );
  const note = done.stopped === null && done.limit === null ? await noteLeftovers(box, effect.command, done) : "";
  const text = (await spill(box, done)) + note;
  if (done.limit !== null)
    return { ok: false, code: "limit", text: `${text}\nstopped by a limit of the box: ${done.limit}`.trim() };
  if (done.stopped === "timeout")
    return { ok: false, code: "timeout", text: `${text}\nkilled after ${effect.timeoutMs} ms`.trim() };
  if (done.stopped === "cancelled") return { ok: false, code: "cancelled", text: `${text}\n${done.cancelled}`.trim() };
  if (done.status === 0) return { ok: true, text: text === "" ? "(no output)" : text };
  return {
    ok: false,
    code: "exit",
    text: `${text}\nexit status ${done.status ?? "unknown"}${explainStatus(done.status)}`.trim(),
  };
}

/** Says why a command cannot be handed over; null when it can. */
export function refuseCommand(command: string, program: string): string | null {
  if (command.includes("\0")) return "run: the command holds a NUL byte; write the bytes to a file first";
  const bytes = Buffer.byteLength(program);
  if (bytes > COMMAND_BYTES_MAX)
    return `run: the command has ${bytes} bytes, ${COMMAND_BYTES_MAX} are allowed; write a script with write and run that`;
  return null;
}

function explainStatus(status: number | null): string {
  if (status === 137) return " (killed: most often the memory limit)";
  if (status === 153) return " (a file grew past the size limit)";
  return "";
}

// What a process left behind is told at once when it does not end with its shell.
async function noteLeftovers(box: Box, command: string, done: Finished): Promise<string> {
  const { oneShot } = done.started;
  if (oneShot.isGone) return "";
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, SETTLE_MS);
  await Promise.race([oneShot.gone, promise]);
  clearTimeout(timer);
  if (oneShot.isGone) return "";
  await box.followCheckout();
  const entry = box.background.add(command, oneShot, new Output());
  entry.status = done.status;
  return `\n(still running in the background as ${entry.id})`;
}

// A model that was shown only a part can read the rest in the box.
async function spill(box: Box, done: Finished): Promise<string> {
  const bytes = done.output.bytes();
  const { text, cut } = bound(plainText(box, bytes).replace(/\n+$/, ""), TEXT_CHARS_MAX);
  if (!cut) return text;
  const path = `/tmp/ringfence/output-${done.started.oneShot.id}.txt`;
  const saved = await box.start({
    command: `mkdir -p /tmp/ringfence; exec cat >${quote(path)}`,
    stdin: bytes,
    onOutput: () => {},
  });
  const isSaved = (await saved.status) === 0;
  const dropped =
    done.output.droppedBytes > 0 ? `, without ${counted(done.output.droppedBytes, "byte")} of its middle` : "";
  return isSaved ? `${text}\n(cut; the output of ${done.output.bytesTotal} bytes is in ${path}${dropped})` : text;
}

async function startBackground(
  box: Box,
  effect: Effect & { readonly kind: "run" },
  { program, network }: { readonly program: string; readonly network: CommandNetwork | undefined },
): Promise<Outcome> {
  const output = new Output();
  const started = await box.start({
    command: program,
    profile: effect.profile,
    network,
    stdin: null,
    onOutput: (_s, bytes) => output.add(bytes),
  });
  await box.followCheckout();
  const entry = box.background.add(effect.command, started.oneShot, output);
  started.status.then(
    (status) => {
      entry.status = status;
    },
    () => {
      entry.status = null;
    },
  );
  return { ok: true, text: `started in the background as ${entry.id}; read it with output, end it with kill` };
}

function readBackground(box: Box, id: string): Outcome {
  const entry = box.background.get(id);
  if (!entry) return { ok: false, code: "invalid", text: unknownBackground(box, id) };
  const text = bound(plainText(box, entry.output.take()).replace(/\n+$/, ""), TEXT_CHARS_MAX).text;
  const state =
    entry.status === undefined
      ? "running"
      : entry.oneShot.isGone
        ? `ended with status ${entry.status ?? "unknown"}`
        : "its shell ended, processes of it still run";
  return { ok: true, text: `${text === "" ? "(no new output)" : text}\n(${entry.id}: ${state})` };
}

async function killBackground(box: Box, id: string): Promise<Outcome> {
  const entry = box.background.get(id);
  if (!entry) return { ok: false, code: "invalid", text: unknownBackground(box, id) };
  entry.oneShot.kill();
  await entry.oneShot.gone;
  return { ok: true, text: `${id} killed` };
}

function unknownBackground(box: Box, id: string): string {
  const running = box.background.running().map((entry) => entry.id);
  return `no background command "${id}"; running: ${running.length > 0 ? running.join(", ") : "none"}`;
}

function fileFailure(tool: string, path: string, done: Finished): Outcome {
  const say = (what: string): Outcome => ({ ok: false, code: "invalid", text: `${tool}: ${what}` });
  if (done.limit !== null)
    return { ok: false, code: "limit", text: `${tool}: stopped by a limit of the box: ${done.limit}` };
  if (done.stopped === "timeout")
    return { ok: false, code: "timeout", text: `${tool}: ${path} gave no answer within ${FILE_TOOL_MS} ms` };
  if (done.stopped === "cancelled") return { ok: false, code: "cancelled", text: `${tool}: ${done.cancelled}` };
  if (done.status === NO_SUCH_FILE) return say(`${path} does not exist; use list or search to find it`);
  if (done.status === LEADS_AWAY)
    return say(`${path} does not exist: a link there leads to what the box does not show`);
  if (done.status === NOT_A_FILE) return say(`${path} is not a regular file`);
  if (done.status === NOT_WITHIN) {
    const text = `${tool}: ${path} leads out of the folders that this agent may write in, or has another name elsewhere`;
    return { ok: false, code: "denied", text };
  }
  if (done.status === IS_FOLDER) return say(`${path} is a folder; use list`);
  return say(plain(done.errors) || `failed with status ${done.status}`);
}

/** What a command printed as a terminal would draw it, and what it would swallow as well. */
function plainText(box: Box, bytes: Buffer): string {
  return box.texts.redact(plain(withStrings(new TextDecoder().decode(bytes))));
}

/** What stands in files: signs that a terminal would obey are part of it, but for the ends of lines. */
function fileText(box: Box, bytes: Buffer): string {
  return box.texts.redact(new TextDecoder().decode(bytes)).replaceAll("\r\n", "\n");
}
