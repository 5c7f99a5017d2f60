import { join, joinAll, type Label, LOWEST, UNKNOWN_SOURCE } from "./label.ts";

/** A file as far as labels know it: its content, by a hash, at a path. */
export interface LabelledFile {
  readonly path: string;
  /** Null where nobody knows what the file holds. */
  readonly hash: string | null;
}

/**
 * What is known of what was written, by path and by content; it outlives a session, with the files.
 *
 * Either is enough: the same bytes under another name are the same text, and what stands where tainted text stood may be
 * made of it. A commit or a stash is known by its id, as content is.
 */
export interface FileLabels {
  readonly byPath: ReadonlyMap<string, Label>;
  readonly byHash: ReadonlyMap<string, Label>;
  /** What of the person's approved commits, by `keyOf`. */
  readonly endorsed: ReadonlySet<string>;
  /** Joined over everything that found no room in the maps: from then on it counts for every file. */
  readonly rest: Label;
}

/** Entries of each map; past it the oldest are folded into `rest`. */
export const ENTRIES_MAX = 20_000;

export const NO_FILES: FileLabels = { byPath: new Map(), byHash: new Map(), endorsed: new Set(), rest: LOWEST };

/** Notes what a session, or a command of it, wrote: the files carry the writer's label from then on. */
export function written(labels: FileLabels, files: Iterable<LabelledFile>, writer: Label): FileLabels {
  const byPath = new Map(labels.byPath);
  const byHash = new Map(labels.byHash);
  for (const { path, hash } of files) {
    raise(byPath, path, writer);
    if (hash !== null) raise(byHash, hash, writer);
  }
  return bounded({ ...labels, byPath, byHash });
}

/** Joins what two records know of files. */
export function merged(labels: FileLabels, { byPath, byHash, endorsed, rest }: FileLabels): FileLabels {
  const both = { byPath: new Map(labels.byPath), byHash: new Map(labels.byHash) };
  for (const [path, label] of byPath) raise(both.byPath, path, label);
  for (const [hash, label] of byHash) raise(both.byHash, hash, label);
  return bounded({ ...both, endorsed: new Set([...labels.endorsed, ...endorsed]), rest: join(labels.rest, rest) });
}

/** Notes that a file, or a folder with all below it, was moved or copied; the old name keeps its label. */
export function moved(labels: FileLabels, from: string, to: string): FileLabels {
  const byPath = new Map(labels.byPath);
  for (const [path, label] of labels.byPath) {
    if (path === from || path.startsWith(`${from}/`)) raise(byPath, to + path.slice(from.length), label);
  }
  return bounded({ ...labels, byPath });
}

/** Notes a commit or a stash: its id carries the label of who made it and of everything in it. */
export function committed(labels: FileLabels, id: string, files: Iterable<LabelledFile>, writer: Label): FileLabels {
  const inside = Array.from(files, (file) => carriedBy(labels, file));
  const byHash = new Map(labels.byHash);
  raise(byHash, id, joinAll([writer, ...inside]));
  return bounded({ ...labels, byHash });
}

/** Notes that files were taken out of a commit or a stash. One that nobody labelled counts as a stranger's. */
export function restored(labels: FileLabels, id: string, files: Iterable<LabelledFile>): FileLabels {
  return written(labels, files, labels.byHash.get(id) ?? UNKNOWN_SOURCE);
}

/** Notes that the person approved a commit by its id, with these contents at these paths. */
export function endorsed(labels: FileLabels, files: Iterable<LabelledFile & { readonly hash: string }>): FileLabels {
  return { ...labels, endorsed: new Set([...labels.endorsed, ...Array.from(files, keyOf)]) };
}

/** Whether the person approved exactly this content at exactly this path. */
export function isEndorsed(labels: FileLabels, { path, hash }: LabelledFile): boolean {
  return hash !== null && labels.endorsed.has(keyOf({ path, hash }));
}

/** What a file carries from all that is known of it, whether it was endorsed or not. */
export function carriedBy(labels: FileLabels, { path, hash }: LabelledFile): Label {
  const known = [labels.byPath.get(path), hash === null ? undefined : labels.byHash.get(hash)];
  return joinAll([labels.rest, ...known.filter((label) => label !== undefined)]);
}

/** The label of reading a file, of which nothing more is known than `otherwise`. */
export function labelOfFile(labels: FileLabels, file: LabelledFile, otherwise: Label): Label {
  const all = join(otherwise, carriedBy(labels, file));
  return isEndorsed(labels, file) ? { integrity: "repo", secrecy: all.secrecy } : all;
}

function raise(map: Map<string, Label>, key: string, by: Label): void {
  map.set(key, join(map.get(key) ?? LOWEST, by));
}

// A path may hold any byte but NUL.
function keyOf({ path, hash }: LabelledFile & { readonly hash: string }): string {
  return `${hash}\0${path}`;
}

function bounded(labels: FileLabels): FileLabels {
  const [byPath, past] = newest(labels.byPath);
  const [byHash, beside] = newest(labels.byHash);
  return { ...labels, byPath, byHash, rest: joinAll([labels.rest, past, beside]) };
}

function newest(map: ReadonlyMap<string, Label>): readonly [ReadonlyMap<string, Label>, Label] {
  const over = map.size - ENTRIES_MAX;
  if (over <= 0) return [map, LOWEST];
  const entries = [...map];
  return [new Map(entries.slice(over)), joinAll(entries.slice(0, over).map(([, label]) => label))];
}
