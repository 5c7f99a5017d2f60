import { randomBytes } from "node:crypto";
import { EDIT_BYTES_MAX } from "../core/edit.ts";
import type { Effect } from "../core/effect.ts";
import type { Image, Outcome } from "../core/outcome.ts";
import { bound, counted } from "../core/text.ts";
import { plain } from "../core/text-plain.ts";
import type { Box } from "./box.ts";
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
  READ_BYTES_MAX,
  readProgram,
  searchProgram,
  writeProgram,
} from "./commands.ts";
import { EditDialogue } from "./edit-dialogue.ts";
import { type Finished, finish, type Performance, TEXT_CHARS_MAX } from "./finish.ts";
import { killBackground, readBackground, run } from "./perform-run.ts";

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

/** What stands in files: signs that a terminal would obey are part of it, but for the ends of lines. */
function fileText(box: Box, bytes: Buffer): string {
  return box.texts.redact(new TextDecoder().decode(bytes)).replaceAll("\r\n", "\n");
}
