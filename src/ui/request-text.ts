import type { RequestQuestion, RunQuestion } from "../agent/questions.ts";
import { addressOf } from "../core/net-rules.ts";
import { visible } from "../core/text.ts";

const BODY_CHARS_MAX = 2000;
const BODY_LINES_MAX = 20;
const COMMAND_CHARS_MAX = 600;
const HEX_BYTES = 32;
/** Marks each row that holds words of a stranger's, so that none can look like one of ours. */
const MARK = "  | ";

/**
 * Writes in plain words what would leave the box and where it comes from, for a screen of so many columns.
 *
 * What matters most stands last, next to where the person answers. Of the address and the headers nothing is left out.
 */
export function requestText(question: RequestQuestion, columns: number): string {
  const { request, headers, command, acts, reason, about } = question;
  const quote = (text: string) => rowsOf(text, columns - MARK.length - 1).map((row) => `${MARK}${row}\n`);
  const named = headers.flatMap((name, at) => (at % 2 === 0 ? quote(`${name}: ${headers[at + 1] ?? ""}`) : []));
  return [
    ...(command === null
      ? ["a program in the box asks, and does not say which\n"]
      : ["the command that asks\n", ...quote(cut(command, COMMAND_CHARS_MAX))]),
    ...(acts === null ? [] : ["what it seems to do\n", ...quote(cut(acts, COMMAND_CHARS_MAX))]),
    `why you are asked\n`,
    ...quote(`${reason}${request.rule === null ? "" : ` (${WHAT[request.kind]} is listed by ${request.rule})`}`),
    ...(question.origin === "" ? [] : ["what the session has seen\n", ...quote(question.origin)]),
    ...(about.length > 0 ? ["the package\n", ...about.flatMap(quote)] : []),
    ...(request.kind === "push" ? pushRows(request, question.body, quote) : bodyRows(question, quote)),
    ...(named.length > 0 ? ["its headers\n", ...named] : []),
    request.protocol === "tunnel" ? "what it opens\n" : "what it sends\n",
    ...quote(sentence(request)),
  ].join("");
}

/** Writes in plain words which command would run, all of it, and where it comes from, for a screen of so many columns. */
export function runText({ command, background, acts, reason, origin }: RunQuestion, columns: number): string {
  const quote = (text: string) => rowsOf(text, columns - MARK.length - 1).map((row) => `${MARK}${row}\n`);
  return [
    "what it seems to do\n",
    ...quote(cut(acts, COMMAND_CHARS_MAX)),
    "why you are asked\n",
    ...quote(reason),
    ...(origin === "" ? [] : ["what the session has seen\n", ...quote(origin)]),
    `the command that the model wants to run${background ? " in the background" : ""}\n`,
    ...quote(command),
  ].join("");
}

const WHAT = { request: "the host", push: "the branch" } as const;

function sentence(request: RequestQuestion["request"]): string {
  if (request.protocol === "tunnel") return `a tunnel to ${request.host}:${request.port}`;
  if (request.kind === "request") return `${request.method} ${addressOf(request)}`;
  const repository = addressOf(request).replace(/\/git-receive-pack$/, "");
  return `commits to the branch ${request.ref.replace("refs/heads/", "")} of ${repository}`;
}

// It stands in the person's own repository, where all of it is in reach for them.
function pushRows(
  { oldId, newId }: RequestQuestion["request"] & { readonly kind: "push" },
  body: Uint8Array | null,
  quote: (text: string) => string[],
): string[] {
  const range = /^0+$/.test(oldId)
    ? `git log -p ${newId.slice(0, 12)}`
    : `git diff ${oldId.slice(0, 12)} ${newId.slice(0, 12)}`;
  return [
    `its commits and files; in your checkout, "${range}" shows all of it\n`,
    ...quote(textOf(body ?? new Uint8Array()) ?? ""),
  ];
}

function bodyRows({ body, isUnseen }: RequestQuestion, quote: (text: string) => string[]): string[] {
  if (isUnseen) return ["what goes through it cannot be seen: it may send anything there\n"];
  if (body === null) return [];
  const size = `its body, ${body.length.toLocaleString("en")} bytes`;
  const text = textOf(body);
  if (text === null) {
    const hex = Buffer.from(body.subarray(0, HEX_BYTES)).toString("hex");
    return [`${size} that are no text; they begin with\n`, ...quote(hex)];
  }
  const shown = text.split("\n").slice(0, BODY_LINES_MAX).join("\n").slice(0, BODY_CHARS_MAX);
  const left = text.length - shown.length;
  return [`${size}${left > 0 ? `, of which ${left} characters are NOT shown` : ""}\n`, ...quote(shown)];
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax)} [and ${text.length - charsMax} characters more]`;
}

/** Breaks a text into rows that a terminal does not break again. */
function rowsOf(text: string, columns: number): string[] {
  return visible(text)
    .replaceAll("\t", "\\x09")
    .split("\n")
    .flatMap((line) => {
      const rows: string[] = [""];
      let room = Math.max(columns, 8);
      for (const char of line) {
        // Whatever is not plain may be twice as wide.
        const width = char >= " " && char <= "~" ? 1 : 2;
        if (width > room) {
          rows.push("");
          room = Math.max(columns, 8);
        }
        rows[rows.length - 1] += char;
        room -= width;
      }
      return rows;
    });
}
