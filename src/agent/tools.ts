import type { Effect } from "../core/effect.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { ToolSpec } from "../model/port.ts";

/** One argument of a tool. */
interface Field {
  readonly type: "string" | "integer" | "boolean";
  /** Left out where the name and the tool say it: every request carries it. */
  readonly about?: string;
  readonly optional?: true;
  readonly min?: number;
  /** Largest number, or most characters of a text. */
  readonly max?: number;
}

type Values = Readonly<Record<string, string | number | boolean | undefined>>;

interface Tool {
  readonly about: string;
  readonly fields: Readonly<Record<string, Field>>;
  readonly toEffect: (values: Values) => Effect;
}

const LINES_DEFAULT = 2000;
const TIMEOUT_MS_DEFAULT = 120_000;
const TIMEOUT_MS_MAX = 3_600_000;
/** Arguments of one call: more text, or deeper, is refused before it is parsed. */
const INPUT_CHARS_MAX = 4 << 20;
const INPUT_DEPTH_MAX = 8;

// Together these fit the pipe that a command travels through, however they are quoted.
const PATH: Field = { type: "string", about: "from the repository root", max: 4096 };
const GLOB: Field = { type: "string", about: "e.g. *.ts or src/**", optional: true, max: 1000 };
const PATTERN: Field = { type: "string", max: 8000 };
const ID: Field = { type: "string", max: 20 };

const TOOLS: Readonly<Record<string, Tool>> = {
  read: {
    about: "Read a file; lines are numbered. Images are shown.",
    fields: {
      path: PATH,
      offset: { type: "integer", about: "first line, from 1", optional: true, min: 1 },
      limit: { type: "integer", about: `lines, default ${LINES_DEFAULT}`, optional: true, min: 1, max: 10_000 },
    },
    toEffect: (v) => ({
      kind: "read",
      path: text(v, "path"),
      offset: number(v, "offset", 1),
      limit: number(v, "limit", LINES_DEFAULT),
    }),
  },
  write: {
    about: "Write a whole file; folders are made.",
    fields: { path: PATH, content: { type: "string" } },
    toEffect: (v) => ({ kind: "write", path: text(v, "path"), content: text(v, "content") }),
  },
  edit: {
    about: "Replace text in a file. old_string must occur once, unless replace_all.",
    fields: {
      path: PATH,
      old_string: { type: "string", about: "exact text, without line numbers" },
      new_string: { type: "string", about: "its replacement" },
      replace_all: { type: "boolean", optional: true },
    },
    toEffect: (v) => ({
      kind: "edit",
      path: text(v, "path"),
      oldString: text(v, "old_string"),
      newString: text(v, "new_string"),
      replaceAll: v.replace_all === true,
    }),
  },
  search: {
    about: "Search files with a ripgrep regular expression.",
    fields: { pattern: PATTERN, path: { ...PATH, optional: true }, glob: GLOB },
    toEffect: (v) => ({
      kind: "search",
      pattern: text(v, "pattern"),
      path: text(v, "path"),
      glob: textOrNull(v, "glob"),
    }),
  },
  list: {
    about: "List a folder, or with glob all files below it that match.",
    fields: { path: { ...PATH, optional: true }, glob: GLOB },
    toEffect: (v) => ({ kind: "list", path: text(v, "path"), glob: textOrNull(v, "glob") }),
  },
  run: {
    about: "Run a bash command. The working directory is kept between calls. With background, returns an id at once.",
    fields: {
      command: { type: "string" },
      timeout_ms: {
        type: "integer",
        about: `default ${TIMEOUT_MS_DEFAULT}`,
        optional: true,
        min: 1,
        max: TIMEOUT_MS_MAX,
      },
      background: { type: "boolean", about: "for servers and watchers", optional: true },
    },
    toEffect: (v) => ({
      kind: "run",
      command: text(v, "command"),
      timeoutMs: number(v, "timeout_ms", TIMEOUT_MS_DEFAULT),
      background: v.background === true,
      // Narrowed once the command is analysed.
      profile: "net",
    }),
  },
  fetch: {
    about: "Get a web page as Markdown.",
    fields: { url: { type: "string", max: 2000 } },
    toEffect: (v) => ({ kind: "fetch", url: text(v, "url") }),
  },
  ask: {
    about: "Have a reader answer a question about a page or file, so that its text is not seen.",
    fields: {
      about: { type: "string", about: "URL or path", max: 2000 },
      question: { type: "string", about: "complete in itself", max: 2000 },
      answer: {
        type: "string",
        about: "boolean, number, version, identifier (of the repository), or words as a|b",
        max: 2200,
      },
    },
    toEffect: (v) => ({
      kind: "ask",
      about: text(v, "about"),
      question: text(v, "question"),
      answer: text(v, "answer"),
    }),
  },
  delegate: {
    about: "A child agent does a task; you get its last words.",
    fields: {
      task: { type: "string", about: "complete in itself", max: 20_000 },
      may: { type: "string", about: "read, write, net", optional: true, max: 40 },
      folder: { type: "string", about: "to write in", optional: true, max: 1000 },
      percent: { type: "integer", about: "of your budget", optional: true, min: 1, max: 100 },
    },
    toEffect: (v) => ({
      kind: "delegate",
      task: text(v, "task"),
      may: text(v, "may"),
      folder: text(v, "folder"),
      percent: number(v, "percent", 0),
    }),
  },
  output: {
    about: "Read new output of a background command.",
    fields: { id: ID },
    toEffect: (v) => ({ kind: "output", id: text(v, "id") }),
  },
  kill: {
    about: "End a background command.",
    fields: { id: ID },
    toEffect: (v) => ({ kind: "kill", id: text(v, "id") }),
  },
};

export const TOOL_NAMES: readonly string[] = Object.keys(TOOLS);

/** The tools as models are told of them. */
export const TOOL_SPECS: readonly ToolSpec[] = Object.entries(TOOLS).map(([name, tool]) => ({
  name,
  description: tool.about,
  schema: {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(tool.fields).map(([field, { type, about }]) => [
        field,
        about === undefined ? { type } : { type, description: about },
      ]),
    ),
    required: Object.entries(tool.fields)
      .filter(([, { optional }]) => !optional)
      .map(([field]) => field),
    additionalProperties: false,
  },
}));

export type ParsedCall =
  | { readonly ok: true; readonly effect: Effect; readonly input: Json }
  | { readonly ok: false; readonly message: string; readonly input: Json };

/** Parses a call as the model wrote it. An unknown tool or key, a wrong type or malformed JSON is an error for the model. */
export function parseCall(name: string, input: string): ParsedCall {
  const fail = (message: string): ParsedCall => ({ ok: false, message, input: input.slice(0, 2000) });
  const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
  if (!tool) return fail(`no tool "${name.slice(0, 100)}"; there are ${TOOL_NAMES.join(", ")}`);
  if (input.length > INPUT_CHARS_MAX) {
    return fail(
      `${name}: the arguments have ${input.length} characters, ${INPUT_CHARS_MAX} are allowed; write the file in parts`,
    );
  }
  if (depthOf(input) > INPUT_DEPTH_MAX) return fail(`${name}: the arguments are nested too deeply`);
  const parsed = parseObject(input);
  if (parsed === null) return fail(`${name}: the arguments are not a JSON object; send ${usageOf(name, tool)}`);
  const problem = findProblem(name, tool, parsed);
  if (problem !== null) return fail(problem);
  return { ok: true, effect: tool.toEffect(parsed as Values), input: parsed };
}

function findProblem(name: string, tool: Tool, values: JsonObject): string | null {
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(tool.fields, key))
      return `${name}: unknown argument "${key.slice(0, 100)}"; send ${usageOf(name, tool)}`;
  }
  for (const [key, field] of Object.entries(tool.fields)) {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (value === undefined && field.optional) continue;
    if (value === undefined) return `${name}: "${key}" is missing; send ${usageOf(name, tool)}`;
    if (!fits(field, value)) return `${name}: "${key}" must be ${describe(field)}`;
    if (typeof value === "string" && key !== "content" && !key.endsWith("_string") && value.includes("\0")) {
      return `${name}: "${key}" holds a NUL character`;
    }
  }
  return null;
}

function fits(field: Field, value: Json): boolean {
  if (field.type === "integer") {
    return (
      Number.isSafeInteger(value) &&
      Number(value) >= (field.min ?? 0) &&
      Number(value) <= (field.max ?? Number.MAX_SAFE_INTEGER)
    );
  }
  if (typeof value === "string") return field.type === "string" && value.length <= (field.max ?? INPUT_CHARS_MAX);
  return typeof value === field.type;
}

function describe(field: Field): string {
  if (field.type !== "integer") {
    return `a ${field.type}${field.max === undefined ? "" : ` of at most ${field.max} characters`}`;
  }
  return `a whole number${field.min === undefined ? "" : ` from ${field.min}`}${field.max === undefined ? "" : ` to ${field.max}`}`;
}

function usageOf(name: string, tool: Tool): string {
  const fields = Object.entries(tool.fields).map(([key, { optional }]) => (optional ? `${key}?` : key));
  return `${name} {${fields.join(", ")}}`;
}

function parseObject(input: string): JsonObject | null {
  try {
    const value = JSON.parse(input) as Json;
    return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}

// Counts brackets outside strings, so that a hostile text cannot exhaust the parser's stack.
function depthOf(input: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < input.length; at++) {
    const char = input[at];
    if (isInString) {
      if (char === "\\") at++;
      else if (char === '"') isInString = false;
    } else if (char === '"') isInString = true;
    else if (char === "{" || char === "[") deepest = Math.max(deepest, ++depth);
    else if (char === "}" || char === "]") depth--;
  }
  return deepest;
}

function text(values: Values, name: string): string {
  const value = values[name];
  return typeof value === "string" ? value : "";
}

function textOrNull(values: Values, name: string): string | null {
  const value = values[name];
  return typeof value === "string" ? value : null;
}

function number(values: Values, name: string, otherwise: number): number {
  const value = values[name];
  return typeof value === "number" ? value : otherwise;
}
