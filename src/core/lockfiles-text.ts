import type { Spelled } from "./packages.ts";

/** Reads what a requirements file of pip pins with `==`; a range or an address names no version. */
export function* readRequirements(text: string): Generator<Spelled> {
  for (const [line] of text.replace(/\\\r?\n/g, " ").matchAll(/[^\r\n]+/g)) {
    // A space at most between two words: else one long line could be tried in very many ways.
    const words = line.replace(/\s+/g, " ");
    const [, name, version] = words.match(/^ ?([\w.-]+) ?(?:\[[^\]]*\])? ?===? ?([^ ;,#]+) ?(?:[;#]|--|$)/) ?? [];
    if (name !== undefined && version !== undefined) yield { name, version };
  }
}

/** A package of a lockfile in TOML. */
export interface TomlPackage extends Spelled {
  readonly name: string;
  readonly version: string;
  readonly source: string;
}

/**
 * Reads the `[[package]]` tables of uv.lock, poetry.lock and Cargo.lock, line by line as these tools write them.
 *
 * Each file that a table names comes as a package of its own with that address.
 */
export function* readToml(text: string): Generator<TomlPackage> {
  for (const table of text.split(/^\[\[package\]\][ \t]*\r?$/m).slice(1)) {
    const body = table.split(/^\[(?!package[\].])/m, 1)[0] ?? "";
    const [name, version] = [textAt(body, "name"), textAt(body, "version")];
    if (name === null || version === null || isElsewhere(body)) continue;
    const found = { name, version, source: textAt(body, "source") ?? "" };
    yield found;
    for (const [, url] of body.matchAll(/\burl = "([^"\n]+)"/g)) yield { ...found, url };
  }
}

/** Says whether a package comes from a folder, a repository or an address. */
function isElsewhere(body: string): boolean {
  const inline = body.match(/^source = \{ *(\w+)/m)?.[1];
  if (inline !== undefined) return inline !== "registry";
  const kind = body.match(/^\[package\.source\][^[]*?^type = "(\w+)"/ms)?.[1];
  return kind !== undefined && kind !== "legacy";
}

function textAt(body: string, key: "name" | "version" | "source"): string | null {
  const head = body.split(/^\[/m, 1)[0] ?? "";
  return head.match(new RegExp(`^${key} = "([^"\\n]*)"`, "m"))?.[1] ?? null;
}

/** Reads go.sum. */
export function* readGoSum(text: string): Generator<Spelled> {
  for (const [, name, version] of text.matchAll(/^(\S+) (v[^\s/]+)(?:\/go\.mod)? h1:\S+\r?$/gm)) {
    if (name !== undefined && version !== undefined) yield { name, version };
  }
}

/** Reads the specs of Gemfile.lock that come from a server of gems. */
export function* readGemfileLock(text: string): Generator<Spelled> {
  for (const section of text.split(/^(?=[A-Z])/m)) {
    if (!section.startsWith("GEM")) continue;
    for (const [, name, version] of section.matchAll(/^ {4}(\S+) \(([^\s()]+)\)\r?$/gm)) {
      if (name !== undefined && version !== undefined) yield { name, version };
    }
  }
}

/** Reads gradle.lockfile. */
export function* readGradleLock(text: string): Generator<Spelled> {
  for (const [, name, version] of text.matchAll(/^([^\s:#=]+:[^\s:=]+):([^\s:=]+)=/gm)) {
    if (name !== undefined && version !== undefined) yield { name, version };
  }
}
