import { type Change, type ChangeType, decodePath } from "../core/changes.ts";
import type { Link } from "../core/classify-all.ts";
import type { BoxCommit } from "../core/commits.ts";
import type { RecordReader } from "./script.ts";

/** What `commits.pl verify` says: the person's side, the commits, and the pack that holds them. */
export interface Verified {
  /** The branch that the person's HEAD names, or "". */
  readonly head: string;
  /** Where the person's branch of the box's name is; null when they have none. */
  readonly old: string | null;
  /** The person's branches and where each is. */
  readonly branches: ReadonlyMap<string, string>;
  /** Parents before children. */
  readonly commits: readonly BoxCommit[];
  readonly links: readonly Link[];
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Objects that hold what was looked for, and whose that is, by index. */
  readonly owners: ReadonlyMap<string, number>;
  /** Paths that the commits change and that the person changed meanwhile; asked for on a branch of its own alone. */
  readonly meanwhile: readonly string[];
  /** Name and SHA-256 of the pack and of its index. */
  readonly pack: readonly [string, string, string];
}

interface RawChange {
  readonly modes: readonly [string, string];
  readonly ids: readonly [string, string];
  readonly path: string;
}

/** Reads the answer of `commits.pl verify`, strictly. */
export function readBoxCommits(reader: RecordReader): Verified {
  const found = { head: "", old: "", pack: ["", "", ""] as [string, string, string] };
  const commits: { id: string; parents: string[]; author: string; subject: string }[] = [];
  const diffs = new Map<string, RawChange[][]>();
  let changes: RawChange[] = [];
  const branches = new Map<string, string>();
  const links: [string, string][] = [];
  const meanwhile: string[] = [];
  const contents = new Map<string, Uint8Array>();
  const owners = new Map<string, number>();
  while (!reader.isAtEnd) {
    const tag = reader.text();
    if (tag === "B") [found.head, found.old] = [reader.path(), reader.text()];
    else if (tag === "R") branches.set(reader.path().slice("refs/heads/".length), reader.text());
    else if (tag === "C") commits.push(readCommit(reader));
    else if (tag === "D") {
      const id = reader.text();
      changes = [];
      diffs.set(id, [...(diffs.get(id) ?? []), changes]);
    } else if (tag === "P")
      changes.push({ modes: [reader.text(), reader.text()], ids: [reader.text(), reader.text()], path: reader.path() });
    else if (tag === "L") links.push([reader.text(), reader.path()]);
    else if (tag === "O") contents.set(reader.text(), Buffer.from(reader.text(), "hex"));
    else if (tag === "A") owners.set(reader.text(), reader.number());
    else if (tag === "W") meanwhile.push(reader.path());
    else if (tag === "V") found.pack = [reader.text(), reader.text(), reader.text()];
    else throw reader.broken(`record ${tag}`);
  }
  const target = (id: string) => decodePath(contents.get(id) ?? new Uint8Array());
  return {
    ...found,
    old: found.old === "" ? null : found.old,
    branches,
    meanwhile,
    links: links.map(([id, path]) => ({ path, target: target(id) })),
    contents,
    owners,
    commits: commits.map((commit) => {
      const against = diffs.get(commit.id);
      if (!against) throw reader.broken("a commit without its changes");
      return { ...commit, diffs: against.map((all) => all.map((raw) => toChange(raw, target))) };
    }),
  };
}

function readCommit(reader: RecordReader): { id: string; parents: string[]; author: string; subject: string } {
  const [id, parents] = [reader.text(), reader.text()];
  return { id, parents: parents === "" ? [] : parents.split(" "), author: reader.path(), subject: reader.path() };
}

/** A side of a change that is a submodule counts as `other`: nothing that may ever land. */
function toChange({ modes, ids, path }: RawChange, target: (id: string) => string): Change {
  const [before, after] = modes.map(typeOf);
  const [oldMode, newMode] = modes.map((mode) => Number.parseInt(mode, 8) & 0o777);
  if (before === undefined || after === undefined || oldMode === undefined || newMode === undefined)
    throw new Error("bug: a change without its modes");
  const type = after ?? before;
  if (type === null) throw new Error("bug: a change of nothing");
  return {
    path,
    type,
    action: after === null ? "delete" : before === null ? "add" : "edit",
    mode: after === null ? oldMode : newMode,
    executable: after === "file" && (newMode & 0o100) !== 0,
    size: 0,
    hash: after === null ? null : ids[1],
    base: before === null ? null : { type: before, mode: oldMode, hash: ids[0] },
    ...(after === "symlink" ? { target: target(ids[1]) } : {}),
  };
}

function typeOf(mode: string): ChangeType | null {
  if (mode === "000000") return null;
  return mode.startsWith("100") ? "file" : mode === "120000" ? "symlink" : "other";
}
