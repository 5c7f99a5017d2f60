/** Blanks comments, and the insides of strings, templates and regular expressions; length and line breaks stay. */
export function blank(text) {
  const out = text.split("");
  const hide = (from, to) => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " ";
  };
  // For each open `${`, how many braces are open inside it.
  const braces = [];
  let last = -1;
  let i = 0;
  const skipTo = (end, from, to) => {
    hide(from, to);
    last = end - 1;
    i = end;
  };
  while (i < text.length) {
    const char = text[i];
    const two = text.slice(i, i + 2);
    if (two === "//" || two === "/*") {
      const end = two === "//" ? endOr(text, "\n", i, 0) : endOr(text, "*/", i + 2, 2);
      hide(i, end);
      i = end;
    } else if (char === '"' || char === "'") {
      const end = endOfQuoted(text, i, char);
      skipTo(end, i + 1, end - 1);
    } else if (char === "`" || (char === "}" && braces.at(-1) === 0)) {
      if (char === "}") braces.pop();
      const end = endOfTemplate(text, i + 1);
      const isOpen = text[end - 1] === "{";
      if (isOpen) braces.push(0);
      skipTo(end, i + 1, end - (isOpen ? 2 : 1));
    } else if (char === "/" && startsRegex(out, last)) {
      const end = endOfRegex(text, i);
      skipTo(end, i + 1, end - 1);
    } else {
      if (braces.length > 0 && char === "{") braces[braces.length - 1] += 1;
      if (braces.length > 0 && char === "}") braces[braces.length - 1] -= 1;
      if (char.trim() !== "") last = i;
      i += 1;
    }
  }
  return out.join("");
}

// A declaration may not reach over `;` or a parenthesis to the next `from`, which belongs to another statement.
const DECLARATION = /(?<![\w$.])(import|export)\b(?!\s*[(.])([^;'"`()]*?)(\bfrom\s*)?(['"])/g;
const DYNAMIC = /(?<![\w$.])import\s*\(\s*(['"`]?)/g;
const LOCATED = /\bnew\s+URL\s*\(\s*(['"])/g;

/**
 * Lists what a file refers to: imports, re-exports, dynamic imports and the files it names by `new URL(…)`.
 *
 * `specifier` is null for a dynamic import that is no literal; `names` holds what a declaration takes or passes on.
 */
export function references(text, code = blank(text)) {
  const found = [];
  for (const match of code.matchAll(DECLARATION)) {
    const [whole, keyword, clause, from] = match;
    if (keyword === "export" && !from) continue;
    if (keyword === "import" && !from && clause.trim() !== "") continue;
    found.push({ at: match.index, specifier: literalAt(text, match.index + whole.length - 1), names: namesIn(clause) });
  }
  for (const match of code.matchAll(DYNAMIC)) {
    const specifier = match[1] === "" ? null : literalAt(text, match.index + match[0].length - 1);
    found.push({ at: match.index, specifier, names: ["*"] });
  }
  for (const match of code.matchAll(LOCATED)) {
    const specifier = literalAt(text, match.index + match[0].length - 1);
    if (/^\.{1,2}\/.*\.[cm]?[jt]sx?$/.test(specifier)) found.push({ at: match.index, specifier, names: ["*"] });
  }
  return found;
}

/** Says on which line a position is, from 1. */
export function lineOf(text, at) {
  return text.slice(0, at).split("\n").length;
}

function namesIn(clause) {
  if (clause.includes("*")) return ["*"];
  const inside = /\{([^}]*)\}/.exec(clause)?.[1] ?? "";
  return inside
    .split(",")
    .map(
      (part) =>
        part
          .trim()
          .replace(/^type\s+/, "")
          .split(/\s+as\s+/)[0],
    )
    .filter((name) => name !== "");
}

function literalAt(text, quoteAt) {
  return text.slice(quoteAt + 1, endOfQuoted(text, quoteAt, text[quoteAt]) - 1);
}

function endOr(text, mark, from, length) {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at + length;
}

function endOfQuoted(text, start, quote) {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === quote) return i + 1;
  }
  return text.length;
}

function endOfTemplate(text, start) {
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "`") return i + 1;
    else if (text[i] === "$" && text[i + 1] === "{") return i + 2;
  }
  return text.length;
}

function endOfRegex(text, start) {
  let isInClass = false;
  for (let i = start + 1; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "[") isInClass = true;
    else if (text[i] === "]") isInClass = false;
    else if (text[i] === "/" && !isInClass) return i + 1;
  }
  return start + 1;
}

/** A slash divides after a value and opens a regular expression everywhere else. */
function startsRegex(out, last) {
  if (last < 0) return true;
  if (!/[\w$)\]"'`]/.test(out[last])) return true;
  const word = /(?<![\w$.])[a-z]+$/.exec(out.slice(Math.max(0, last - 12), last + 1).join(""))?.[0];
  return ["return", "typeof", "case", "in", "of", "await", "yield", "void", "delete", "else", "do"].includes(
    word ?? "",
  );
}
