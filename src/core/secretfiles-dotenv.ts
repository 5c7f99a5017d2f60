import type { Fill } from "./secretfiles.ts";

const MASK = "ringfence-masked";
const REST = "# ringfence: the rest of this file is masked";
const RUN_CHARS = 4;
/** A name as people give them; the tail of a wrapped key or certificate, which may end in "=", has another look. */
const LINE = /^(\s{0,16}(?:export\s{1,4})?)([A-Za-z_][A-Za-z0-9_.-]{0,63})\s{0,16}=(.*)$/s;

type Step =
  | { readonly kind: "line"; readonly shown: string; readonly secret: string }
  /** A quoted value that goes on in the next line. */
  | { readonly kind: "open"; readonly shown: string; readonly secret: string; readonly quote: string }
  /** Parsers may disagree about where this value ends, so that a later "key" may be a part of it. */
  | { readonly kind: "unsure"; readonly shown: string; readonly secret: string };

/**
 * Keeps the keys of a dotenv file and masks their values.
 *
 * Shells, dotenv libraries and docker read such files differently. As soon as two of them may disagree about what is a
 * key, the rest of the file is left out: losing keys is an inconvenience, showing a part of a value is a leak. `fill` may
 * put something in the place of a value that all of them read alike.
 */
export function maskDotenv(text: string, fill: Fill): string {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n?|\n/);
  const shown: { readonly text: string; readonly isComment: boolean }[] = [];
  const secrets: string[] = [];
  let quote: string | null = null;
  for (const [at, line] of lines.entries()) {
    const step: Step = quote === null ? readLine(line, fill) : readContinuation(line, quote);
    if (step.secret !== "") secrets.push(step.secret);
    if (quote === null && (step.shown !== "" || line === ""))
      shown.push({ text: step.shown, isComment: step.shown.startsWith("#") });
    quote = step.kind === "open" ? step.quote : null;
    if (step.kind !== "unsure") continue;
    secrets.push(...lines.slice(at + 1));
    shown.push({ text: REST, isComment: false });
    break;
  }
  const hidden = runsOf(secrets);
  return shown
    .filter((line) => !line.isComment || !runs(line.text).some((run) => hidden.has(run)))
    .map((line) => line.text)
    .join("\n")
    .replace(/\n?$/, "\n");
}

function readLine(line: string, fill: Fill): Step {
  if (line.trim() === "") return { kind: "line", shown: "", secret: "" };
  if (line.trimStart().startsWith("#")) {
    return { kind: "line", shown: line.includes("=") ? "" : line.trim(), secret: line.includes("=") ? line : "" };
  }
  const [, lead = "", key = "", rest = ""] = LINE.exec(line) ?? [];
  if (key === "" || !isPlainKey(key, rest.trim())) return { kind: "unsure", shown: "", secret: line };
  const value = rest.trim();
  const shown = `${lead.trim() === "" ? "" : "export "}${key}=${shownFor(key, value, fill)}`;
  if (/^-----BEGIN|<<|\\$|\$\(/.test(value)) return { kind: "unsure", shown, secret: value };
  const [quote = ""] = value;
  if (!`"'\``.includes(quote) || value === "")
    return { kind: /["'`]/.test(value) ? "unsure" : "line", shown, secret: value };
  const end = closing(value, quote, 1);
  if (end === -1) return { kind: value.endsWith("\\") ? "unsure" : "open", shown, secret: value, quote };
  return { kind: isEndOfValue(value, end, quote) ? "line" : "unsure", shown, secret: value };
}

function shownFor(key: string, value: string, fill: Fill): string {
  if (value === "" || value.startsWith("#")) return "";
  const [, quote = "", bare = ""] = /^(["']?)([^\s"'`\\$#]+)\1$/.exec(value) ?? [];
  const filled = bare === "" ? null : fill(key, bare);
  return filled === null ? MASK : `${quote}${filled}${quote}`;
}

function readContinuation(line: string, quote: string): Step {
  const end = closing(line, quote, 0);
  if (end === -1) return { kind: "open", shown: "", secret: line, quote };
  return { kind: isEndOfValue(line, end, quote) ? "line" : "unsure", shown: "", secret: line };
}

/** Where the quote closes. Only double quotes have escapes on which every reader agrees. */
function closing(text: string, quote: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === quote) return at;
    if (text[at] === "\\" && quote === '"') at += 1;
  }
  return -1;
}

function isEndOfValue(text: string, end: number, quote: string): boolean {
  const isEscapedToSome = quote !== '"' && text[end - 1] === "\\";
  return !isEscapedToSome && /^\s*(?:#[^"'`]*)?$/.test(text.slice(end + 1));
}

function isPlainKey(key: string, value: string): boolean {
  if (value.startsWith("=")) return false;
  if (/^[A-Z_][A-Z0-9_]*$/.test(key)) return true;
  // "MIIEpAIBAAKCAQ=" is the end of something wrapped, "smtp.host=mail" is not.
  return value !== "" && (/^[a-z_][a-z0-9_.-]*$/.test(key) || (/^[A-Za-z_]+$/.test(key) && key.length <= 32));
}

/** Every run of a few characters of some texts; a comment without any of them holds no part of a value. */
function runsOf(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.flatMap((text) => runs(text)));
}

function runs(text: string): string[] {
  return Array.from({ length: Math.max(0, text.length - RUN_CHARS + 1) }, (_, at) => text.slice(at, at + RUN_CHARS));
}
