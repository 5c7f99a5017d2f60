/** Fields of package.json that no tool runs, installs or resolves by. Every other field counts, known or not. */
const INERT_FIELDS = new Set([
  "description",
  "version",
  "keywords",
  "license",
  "author",
  "contributors",
  "homepage",
  "bugs",
  "funding",
]);
const MANIFEST_BYTES_MAX = 1 << 20;
const DEPTH_MAX = 64;

/**
 * Says which field of package.json makes a change run later, or null when only descriptive fields differ.
 *
 * Content that is missing, too large, not plain JSON, or that has a key twice counts as a change of everything, because
 * tools that read such a file disagree about what it says.
 */
export function manifestProblem(
  before: Uint8Array | null | undefined,
  after: Uint8Array | null | undefined,
): string | null {
  if (!before) return "it is new, or its earlier content is not known";
  if (!after) return "it goes away, or its content is not known";
  const old = parseManifest(before);
  const next = parseManifest(after);
  if (!old || !next) return "it does not parse as plain JSON with each key once";
  const changed = [...new Set([...old.keys(), ...next.keys()])].filter((key) => old.get(key) !== next.get(key));
  const field = changed.find((key) => !INERT_FIELDS.has(key));
  return field === undefined ? null : `its field "${field}" differs`;
}

/** Reads the top fields as JSON text each. The order of keys is kept: conditions of `exports` are tried in order. */
function parseManifest(bytes: Uint8Array): ReadonlyMap<string, string> | null {
  if (bytes.length > MANIFEST_BYTES_MAX) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!isEachKeyOnce(text)) return null;
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    return new Map(Object.entries(value).map(([key, field]) => [key, JSON.stringify(field)]));
  } catch {
    return null;
  }
}

/** Walks JSON text once; false for a key used twice in one object, or for deep nesting. Throws on a bad string. */
function isEachKeyOnce(text: string): boolean {
  const open: (Set<string> | null)[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [part] = match;
    if (part === "{" || part === "[") open.push(part === "{" ? new Set() : null);
    else if (part === "}" || part === "]") open.pop();
    else if (isFollowedByColon(text, token.lastIndex)) {
      const keys = open.at(-1);
      const key: unknown = JSON.parse(part);
      if (!keys || typeof key !== "string" || keys.has(key)) return false;
      keys.add(key);
    }
    if (open.length > DEPTH_MAX) return false;
  }
  return true;
}

function isFollowedByColon(text: string, at: number): boolean {
  let next = at;
  while (" \t\r\n".includes(text[next] ?? ".")) next += 1;
  return text[next] === ":";
}
