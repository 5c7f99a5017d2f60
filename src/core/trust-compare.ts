import { counted } from "./text.ts";

/** The id of each plain file's content, as a commit has it; of a link that of its target, marked; null for submodules. */
export type CommitFiles = ReadonlyMap<string, string | null>;

/** What lies in a checkout at a moment. */
export interface Standing {
  /** The id that git has for the content of each plain file. */
  readonly files: ReadonlyMap<string, string>;
  /** The id that git has for the target of each link. */
  readonly links: ReadonlyMap<string, string>;
  /** Those that are empty; others are known by what lies in them. */
  readonly folders: readonly string[];
  /** What else there is, or cannot be read. */
  readonly others: readonly string[];
  /** Whether all objects of the git folder are proven, and the commit leads to each. */
  readonly isBare: boolean;
}

/** Marks the id of a link's target, which is no content of a file. */
export function linkTo(id: string): string {
  return `${LINK}${id}`;
}

const LINK = "link ";

/** Files that differ from the commit: of more nobody looks who wrote them. */
const DIFFERING_MAX = 200;

/** Says what a content is at a path, by the approved commit that is checked out; null where none is. */
export function standingOfFile(
  commit: CommitFiles | null,
  path: string,
  id: string,
): "approved" | "changed" | "unknown" {
  const approved = commit?.get(path) ?? null;
  if (approved === null || approved.startsWith(LINK)) return "unknown";
  return approved === id ? "approved" : "changed";
}

/**
 * Compares all that lies in a checkout with the approved commit that is checked out: which files of it differ, or what there
 * is that is not of it, in words: a name or the target of a link is a text as well. A link of the commit's own leads to what
 * is compared itself, or to what anybody's is.
 */
export function compareWhole(
  commit: CommitFiles,
  { files, links, folders, others, isBare }: Standing,
): { readonly isOf: true; readonly differing: readonly string[] } | { readonly isOf: false; readonly what: string } {
  const strange =
    others[0] ??
    [...files.keys(), ...folders].find((path) => !commit.has(path)) ??
    [...links].find(([path, id]) => commit.get(path) !== linkTo(id))?.[0];
  if (strange !== undefined) return { isOf: false, what: `${strange}, which is not of the commit that you approved` };
  if (!isBare) return { isOf: false, what: "what else the git folder holds than the commit that you approved" };
  const differing = [...files].filter(([path, id]) => standingOfFile(commit, path, id) !== "approved");
  if (differing.length > DIFFERING_MAX) return { isOf: false, what: counted(differing.length, "changed file") };
  return { isOf: true, differing: differing.map(([path]) => path) };
}
