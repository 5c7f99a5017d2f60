/** A row of the registry: which paths it names, and what would run or read them. */
export interface Rule {
  readonly name: string;
  readonly cls: "run-later" | "instruction";
  /** A sentence for the person who must approve: who runs it, and when. */
  readonly runs: string;
  /** Patterns with white space between them; see `matcher`. */
  readonly paths: string;
  /** True when an ignored file of this rule stays in the box as ignored build output does, instead of being held. */
  readonly staysWhenIgnored?: boolean;
}

/** Finds every rule that names a path in canonical spelling. */
export type Matcher = (path: string) => readonly Rule[];

/**
 * Compiles rules. A pattern is lower case and matches at any depth: `name` a file, `name/` a folder or what is under it,
 * `a/b` a file in its folder, a leading `/` only at the top; `*` is any run of characters within one name, `{a,b}` a choice.
 */
export function matcher(rules: readonly Rule[]): Matcher {
  const files = new Map<string, Rule[]>();
  const folders = new Map<string, Rule[]>();
  const patterns: { readonly regex: RegExp; readonly rule: Rule }[] = [];
  for (const rule of rules) {
    for (const pattern of rule.paths.split(/\s+/).filter(Boolean)) {
      const isFolder = pattern.endsWith("/");
      const name = isFolder ? pattern.slice(0, -1) : pattern;
      if (/[*{/]/.test(name)) patterns.push({ regex: new RegExp(source(pattern), "u"), rule });
      else put(isFolder ? folders : files, name, rule);
    }
  }
  // One pass over an ordinary path, which matches nothing, instead of one for each pattern.
  const any = new RegExp(
    patterns.length === 0 ? "(?!)" : patterns.map(({ regex }) => `(?:${regex.source})`).join("|"),
    "u",
  );
  return (path) => {
    const names = path.split("/");
    const found = names.flatMap((name) => folders.get(name) ?? []);
    found.push(...(files.get(names.at(-1) ?? "") ?? []));
    if (any.test(path)) found.push(...patterns.filter(({ regex }) => regex.test(path)).map(({ rule }) => rule));
    return found;
  };
}

function source(pattern: string): string {
  const isTop = pattern.startsWith("/");
  const isFolder = pattern.endsWith("/");
  const body = pattern
    .slice(isTop ? 1 : 0, isFolder ? -1 : undefined)
    .replace(/[.+^$()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replace(/\{([^}]*)\}/g, (_, choice: string) => `(?:${choice.replaceAll(",", "|")})`);
  return `${isTop ? "^" : "(?:^|/)"}${body}${isFolder ? "(?:/|$)" : "$"}`;
}

function put(map: Map<string, Rule[]>, name: string, rule: Rule): void {
  map.set(name, [...(map.get(name) ?? []), rule]);
}
