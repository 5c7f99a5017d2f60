import { decodePath } from "../core/changes.ts";
import type { GitState, OvertakenFile, Stashed } from "../core/git-sync.ts";

/** What the box's repository says of itself. All of it is a stranger's. */
export interface BoxGit extends GitState {
  /** Sum of the index in the view, and of the person's. */
  readonly index: string;
  readonly personIndex: string;
  /** Pairs of ids with a space between, of which the first is an ancestor of the second. */
  readonly ancestors: ReadonlySet<string>;
}

const REFS_MAX = 50_000;
const STASH_MAX = 200;
const MESSAGE_CHARS_MAX = 200;
const ID = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** Reads what `lookProgram` printed; a line that is not as agreed is passed over, since a commit message may look so. */
export function readBoxGit(output: Buffer): BoxGit {
  const refs = new Map<string, string>();
  const stash: Stashed[] = [];
  const operation: string[] = [];
  const ancestors = new Set<string>();
  const found = { head: "", index: "", personIndex: "" };
  const lines = decodePath(output).split("\n");
  // Refs that are merely not told would count as deleted.
  if (lines.at(-2) !== ".") throw new Error("git in the box could not tell its branches");
  for (const line of lines) {
    const [tag, first = "", name = "", rest = ""] = line.split(" ");
    const text = line.slice(2);
    if (tag === "h") found.head = headOf(text);
    else if (tag === "i") found.index = text;
    else if (tag === "p") found.personIndex = text;
    else if (tag === "o") operation.push(first);
    else if (tag === "a" && ID.test(first) && ID.test(name)) ancestors.add(`${first} ${name}`);
    // A symbolic ref has a second name after its own.
    else if (tag === "r" && ID.test(first) && isName(name) && rest === "") refs.set(name, first);
    else if (tag === "s" && ID.test(first) && stash.length < STASH_MAX)
      stash.push({ id: first, message: text.slice(first.length + 1).slice(0, MESSAGE_CHARS_MAX) });
  }
  if (refs.size > REFS_MAX) throw new Error(`the box has more than ${REFS_MAX} branches and tags`);
  refs.delete("refs/stash");
  return { ...found, refs, stash: stash.reverse(), operation, ancestors };
}

function headOf(text: string): string {
  const [, name = ""] = /^ref: (\S+)$/.exec(text) ?? [];
  if (isName(name)) return text;
  if (ID.test(text)) return text;
  throw new Error("HEAD in the box is neither a branch nor a commit");
}

function isName(name: string): boolean {
  return /^refs\/[^\s~^:?*[\\]+$/.test(name) && !/\.\.|\/\/|@\{|[/.]$/.test(name);
}

/** Reads what the person's commits changed; only plain files on both sides, since git itself sees to links and submodules. */
export function readOvertaken(output: Buffer): Pick<OvertakenFile, "path" | "before" | "after">[] {
  const files: Pick<OvertakenFile, "path" | "before" | "after">[] = [];
  const words = decodePath(output).split("\0");
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [, oldMode = "", newMode = "", before = "", after = ""] =
      /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*$/.exec(words[at] ?? "") ?? [];
    const path = words[at + 1] ?? "";
    const isPlain = [oldMode, newMode].every((mode) => mode === "000000" || mode.startsWith("100"));
    if (!isPlain || !isPath(path)) continue;
    files.push({ path, before: oldMode === "000000" ? null : before, after: newMode === "000000" ? null : after });
  }
  return files;
}

function isPath(path: string): boolean {
  return (
    path !== "" && !path.includes("\n") && path.split("/").every((name) => !["", ".", "..", ".git"].includes(name))
  );
}

/** Reads what `filesProgram` printed of the paths. */
export function readFiles(
  output: Buffer,
  paths: readonly string[],
): { readonly shown: ReadonlyMap<string, string | null>; readonly index: ReadonlyMap<string, string> } {
  const [head = "", ...rest] = decodePath(output).split("\n.\n");
  const lines = head.split("\n");
  const hashes = lines.slice(paths.length);
  const shown = new Map<string, string | null>();
  paths.forEach((path, number) => {
    const hash = lines[number] === "f" ? hashes.shift() : undefined;
    if (lines[number] === "n") shown.set(path, null);
    else if (hash !== undefined && ID.test(hash)) shown.set(path, hash);
  });
  const index = new Map<string, string>();
  for (const entry of rest.join("\n.\n").split("\0")) {
    const [, id, path] = /^\d{6} ([0-9a-f]+) 0\t(.+)$/s.exec(entry) ?? [];
    if (id !== undefined && path !== undefined) index.set(path, id);
  }
  return { shown, index };
}
