const LF = 0x0a;
const LINES_NAMED_MAX = 5;

/** Finds every place where `part` begins in `whole`, overlapping ones too, in time linear in both (Knuth, Morris, Pratt). */
export function occurrences<T>(whole: ArrayLike<T>, part: ArrayLike<T>): number[] {
  if (part.length === 0) return [];
  const fallback = new Int32Array(part.length);
  for (let at = 1, matched = 0; at < part.length; at += 1) {
    while (matched > 0 && part[at] !== part[matched]) matched = fallback[matched - 1] ?? 0;
    if (part[at] === part[matched]) matched += 1;
    fallback[at] = matched;
  }
  const found: number[] = [];
  for (let at = 0, matched = 0; at < whole.length; at += 1) {
    while (matched > 0 && whole[at] !== part[matched]) matched = fallback[matched - 1] ?? 0;
    if (whole[at] === part[matched]) matched += 1;
    if (matched < part.length) continue;
    found.push(at - part.length + 1);
    matched = fallback[matched - 1] ?? 0;
  }
  return found;
}

/** Names the lines of ascending places in words: "line 3" or "lines 3, 9 and 4 more". */
export function nameLines(bytes: Uint8Array, places: readonly number[]): string {
  const numbers: number[] = [];
  let line = 1;
  let at = 0;
  for (const place of places) {
    for (; at < place; at += 1) if (bytes[at] === LF) line += 1;
    if (numbers.at(-1) !== line) numbers.push(line);
  }
  const rest = numbers.length - LINES_NAMED_MAX;
  const named = numbers.slice(0, LINES_NAMED_MAX).join(", ");
  return `${numbers.length === 1 ? "line" : "lines"} ${named}${rest > 0 ? ` and ${rest} more` : ""}`;
}

/** Says why text may not have been found in a file, so that the next try can be better. */
export function hint(bytes: Uint8Array, old: Uint8Array): string {
  const lines = new TextDecoder().decode(bytes).split("\n");
  const wanted = new TextDecoder().decode(old).split("\n");
  if (wanted.at(-1) === "") wanted.pop();
  const [start] = occurrences(lines.map(unspaced), wanted.map(unspaced));
  if (start !== undefined && wanted.some((line) => line.trim() !== "")) {
    const differing = wanted.findIndex((line, at) => line !== lines[start + at]);
    // All lines may agree when only the bytes behind them do not decode.
    if (differing !== -1) return `line ${start + differing + 1} differs only in white space; copy it exactly`;
  }
  if (wanted.some((line) => line.includes("\ufffd")))
    return "it holds U+FFFD, which stands for bytes that are not text; leave them out";
  const first = new TextEncoder().encode(wanted.find((line) => line.trim() !== "")?.trim() ?? "");
  const places = occurrences(bytes, first);
  if (places.length === 0) return "its first line does not occur either; read the file again";
  return wanted.length === 1
    ? `without the white space around it, it occurs at ${nameLines(bytes, places)}`
    : `its first line occurs at ${nameLines(bytes, places)}, but a later line differs; read the file there again`;
}

function unspaced(line: string): string {
  return line.replace(/\s+/g, "");
}
