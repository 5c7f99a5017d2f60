import { field, parseJson, recordOf } from "./json.ts";
import type { Spelled } from "./packages.ts";

const NESTED_MAX = 200_000;
const LINE_CHARS_MAX = 4096;

/** Reads package-lock.json and npm-shrinkwrap.json of all three versions. */
export function* readNpmLock(text: string): Generator<Spelled> {
  const root = recordOf(parseJson(text));
  const packages = recordOf(field(root, "packages"));
  for (const [path, value] of Object.entries(packages)) {
    const at = path.lastIndexOf("node_modules/");
    // The rest are folders of the checkout's own.
    if (at >= 0) yield* npmEntry(path.slice(at + "node_modules/".length), recordOf(value));
  }
  // Of a file with both, the second says the same in the old way.
  if (Object.keys(packages).length === 0) yield* readNested(recordOf(field(root, "dependencies")));
}

function* readNested(dependencies: Readonly<Record<string, unknown>>): Generator<Spelled> {
  const open = [dependencies];
  for (let at = 0; at < open.length && at < NESTED_MAX; at += 1) {
    for (const [name, value] of Object.entries(open[at] ?? {})) {
      const entry = recordOf(value);
      yield* npmEntry(name, entry);
      if (Object.hasOwn(entry, "dependencies")) open.push(recordOf(entry.dependencies));
    }
  }
}

function* npmEntry(path: string, entry: Readonly<Record<string, unknown>>): Generator<Spelled> {
  const [own, version, url] = [field(entry, "name"), field(entry, "version"), field(entry, "resolved")];
  if (typeof version !== "string" || field(entry, "link") === true) return;
  if (typeof url === "string" && !/^https?:/.test(url)) return;
  const alias = version.match(/^npm:(.+)@([^@]+)$/);
  if (alias) yield { name: alias[1] ?? "", version: alias[2] ?? "", url };
  else yield { name: typeof own === "string" ? own : path, version, url };
}

/** Reads yarn.lock, of yarn 1 and of later ones. */
export function* readYarnLock(text: string): Generator<Spelled> {
  for (const block of blocksOf(text, "")) {
    const version = fieldOf(block.lines, "version");
    if (version === null) continue;
    const resolution = fieldOf(block.lines, "resolution")?.match(/^(@?[^@]+)@npm:([^:]+)(?:::|$)/);
    if (resolution) yield { name: resolution[1] ?? "", version: resolution[2] ?? "" };
    else if (fieldOf(block.lines, "resolution") === null) {
      const name = classicName(block.head);
      if (name !== null) yield { name, version, url: fieldOf(block.lines, "resolved") };
    }
  }
}

/** The package that the first pattern of an entry of yarn 1 asks for; null when it comes from elsewhere than a registry. */
function classicName(head: string): string | null {
  const [, name = "", range = ""] = head.match(/^"?(@?[^@",]+)@([^",]*)/) ?? [];
  if (range.startsWith("npm:")) return range.match(/^npm:(@?[^@]+)@/)?.[1] ?? name;
  return name === "" || /[:/]/.test(range) ? null : name;
}

/** Reads pnpm-lock.yaml as pnpm itself writes it: one line a package, below `packages:`. */
export function* readPnpmLock(text: string): Generator<Spelled> {
  const at = text.search(/^packages:[ \t]*$/m);
  if (at < 0) return;
  const body = text.slice(text.indexOf("\n", at) + 1);
  const end = body.search(/^\S/m);
  for (const { head } of blocksOf(end < 0 ? body : body.slice(0, end), "  ")) {
    // Peers follow in brackets, or in older files behind an underscore; of other registries the address comes first.
    const key = head.replace(/^(['"])(.*)\1$/, "$2").replace(/\(.*$/, "");
    const [, name, version] =
      key.match(/^\/?((?:@[^@/]+\/)?[^@/]+)@([^@/]+)$/) ??
      key.match(/^\/((?:@[^@/]+\/)?[^@/]+)\/([^@/_]+)(?:_.*)?$/) ??
      [];
    if (name !== undefined && version !== undefined) yield { name, version };
  }
}

interface Block {
  /** Without the colon at its end. */
  readonly head: string;
  readonly lines: readonly string[];
}

/** Cuts text into heads at one indentation, and the lines below each. */
function* blocksOf(text: string, indent: string): Generator<Block> {
  let open: { head: string; lines: string[] } | null = null;
  for (const [line] of text.matchAll(/[^\r\n]+/g)) {
    if (!line.startsWith(indent) || /^[\s#]/.test(line.slice(indent.length))) {
      open?.lines.push(line);
      continue;
    }
    if (open) yield open;
    open = { head: line.slice(indent.length).replace(/:\s*$/, ""), lines: [] };
  }
  if (open) yield open;
}

function fieldOf(lines: readonly string[], key: string): string | null {
  const line = lines.find((one) => one.startsWith(`  ${key} `) || one.startsWith(`  ${key}: `));
  if (line === undefined || line.length > LINE_CHARS_MAX) return null;
  const value = line.slice(line.indexOf(" ", 2)).trim();
  return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
