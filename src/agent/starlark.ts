/** What a call is given: text, a number or a word, or a list of such. */
export type Literal = string | number | boolean | null | readonly Literal[];

/** A call with named literals, as rules in Starlark are written. */
export interface Call {
  readonly name: string;
  readonly args: Readonly<Record<string, Literal>>;
  /** Of its name, from 1. */
  readonly line: number;
}

const CHARS_MAX = 64 * 1024;
const DEPTH_MAX = 8;
const TOKEN = /\s+|#[^\n]*|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|([A-Za-z_]\w*)|(-?\d+(?:\.\d+)?)|([()[\],=])/y;
const WORDS: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

interface Token {
  readonly kind: "text" | "name" | "number" | "sign";
  readonly text: string;
  readonly line: number;
}

/** Reads a file that is nothing but calls with named literals; throws an Error that names the line of anything else. */
export function readCalls(text: string): Call[] {
  if (text.length > CHARS_MAX) throw new Error(`it is longer than ${CHARS_MAX} characters`);
  const tokens = tokensOf(text);
  let at = 0;
  const take = (kind: Token["kind"], wanted?: string): Token => {
    const token = tokens[at];
    if (token === undefined || token.kind !== kind || (wanted !== undefined && token.text !== wanted))
      throw new Error(
        `line ${token?.line ?? "last"}: expected ${wanted ?? `a ${kind}`}; only calls with literals are read`,
      );
    at += 1;
    return token;
  };
  const isNext = (sign: string) => tokens[at]?.kind === "sign" && tokens[at]?.text === sign;
  const literal = (depth: number): Literal => {
    if (depth > DEPTH_MAX) throw new Error(`line ${tokens[at]?.line ?? "last"}: lists lie deeper than ${DEPTH_MAX}`);
    const token = tokens[at];
    if (token?.kind === "text") return unquoted(take("text").text);
    if (token?.kind === "number") return Number(take("number").text);
    if (token?.kind === "name" && Object.hasOwn(WORDS, token.text)) return WORDS[take("name").text] ?? null;
    take("sign", "[");
    const items: Literal[] = [];
    while (!isNext("]")) {
      items.push(literal(depth + 1));
      if (!isNext("]")) take("sign", ",");
    }
    take("sign", "]");
    return items;
  };
  const calls: Call[] = [];
  while (at < tokens.length) {
    const { text: name, line } = take("name");
    const args: [string, Literal][] = [];
    take("sign", "(");
    while (!isNext(")")) {
      const key = take("name").text;
      take("sign", "=");
      args.push([key, literal(0)]);
      if (!isNext(")")) take("sign", ",");
    }
    take("sign", ")");
    calls.push({ name, args: Object.fromEntries(args), line });
  }
  return calls;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    const found = TOKEN.exec(text);
    if (found === null) throw new Error(`line ${line}: ${JSON.stringify(text[at])} is none of what a literal has`);
    const [whole, string, name, number, sign] = found;
    const kind = string !== undefined ? "text" : name !== undefined ? "name" : number !== undefined ? "number" : "sign";
    if ((string ?? name ?? number ?? sign) !== undefined) tokens.push({ kind, text: whole, line });
    line += whole.split("\n").length - 1;
  }
  return tokens;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, (_, char: string) => ESCAPES[char] ?? char);
}
