import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Change, type ChangeType, decodePath, encodePath } from "../core/changes.ts";
import type { Classification, ChangeClass } from "../core/classify.ts";
import { classifyAll, type Link } from "../core/classify-all.ts";
import type { SessionFacts } from "./folder.ts";
import { type Landed, readLanded } from "./landed.ts";
import { findProgram, type Programs } from "./programs.ts";
import { askScript, RecordReader } from "./script.ts";

export interface CollectPlan {
  readonly sessionPath: string;
  readonly facts: SessionFacts;
  readonly programs: Programs;
}

/** What the person did to the path while the session ran: edited or replaced it, deleted it, or made it. */
export type Conflict = "changed" | "deleted" | "appeared";

export interface ClassifiedChange {
  readonly change: Change;
  readonly cls: ChangeClass;
  readonly why: string;
  /** Who runs or reads the file, and when; null for what nothing runs by itself. */
  readonly runs: string | null;
  readonly conflict: Conflict | null;
  /** Of a deletion: the held change that takes its place (the file moved there); alone it would only take away. */
  readonly waitsFor: string | null;
  /** Whether both versions lie in the staging folder, so that they can be shown, compared and landed. */
  readonly isStaged: boolean;
  /** SHA-256, hex, over path, type, action, mode, content and base: what an approval is bound to. */
  readonly hash: string;
}

/** The changes of a session's layer, sealed: what is landed, shown or approved is this and not the layer. */
export interface Collected {
  /** By path, in the order of bytes. */
  readonly changes: readonly ClassifiedChange[];
  /** SHA-256, hex, over all of it. */
  readonly digest: string;
  /** Differences under any `.git`; they never land. */
  readonly gitChanges: number;
  /** Those of them that git obeys (hooks, configuration, …); at most 200. */
  readonly gitHeld: readonly string[];
  /** What the checkout's own `.git` is; null when it has none. */
  readonly gitType: ChangeType | null;
  /** Staging folder: `a/PATH` is the checkout's version, `b/PATH` the layer's. Remove it with `removeStage`. */
  readonly stage: string;
}

/** Says whether a change may land without any approval of its own: source, with no conflict, and wholly staged. */
export function isLandable(change: ClassifiedChange): boolean {
  return change.cls === "source" && change.conflict === null && change.isStaged && change.waitsFor === null;
}

/**
 * Collects what the layer of a session changed, stages it and sorts it by what landing it would mean.
 *
 * The layer must hold still meanwhile: the session is over or frozen. Throws when it does not. The caller removes the
 * staging folder.
 */
export async function collectChanges(plan: CollectPlan): Promise<Collected> {
  const upper = join(plan.sessionPath, "layer/upper");
  if (!existsSync(upper)) throw new Error(`the changes of session ${plan.facts.id} were thrown away: there is nothing to show or land`);
  const landed = readLanded(plan.sessionPath);
  const list = await listLayer(plan, landed);
  const ignored = await askIgnored(plan, list.items);
  const classifyWith = (items: readonly Item[]) => classifyItems(items, list.links, ignored);
  const first = classifyWith(list.items);
  const stage = join(plan.sessionPath, `stage-${randomBytes(8).toString("hex")}`);
  mkdirSync(stage, { mode: 0o700 });
  const wanted = list.items.filter((item) => first.get(item.change.path)?.cls !== "ignored");
  const staged = await stageItems(plan, stage, wanted);
  const items = list.items.map((item) => staged.get(item.change.path) ?? item);
  const classes = classifyWith(items);
  const masked = new Set(plan.facts.masked);
  const changes = addWaits(items.map((item) => conclude(item, classes.get(item.change.path), masked, landed)));
  changes.sort((a, b) => Buffer.compare(encodePath(a.change.path), encodePath(b.change.path)));
  const digest = sha256(JSON.stringify([list.gitChanges, list.gitHeld, changes.map(({ hash, cls, conflict }) => [hash, cls, conflict])]));
  return { changes, digest, gitChanges: list.gitChanges, gitHeld: list.gitHeld, gitType: list.gitType, stage };
}

/** A change on its way: what the lister said, then with what the stager said. */
interface Item {
  readonly change: Change;
  readonly conflict: Conflict | null;
  /** Below a symbolic link of the checkout, where git refuses to say what it ignores. */
  readonly isBeyondLink: boolean;
  readonly isStaged: boolean;
  readonly heads: { readonly old: Uint8Array | null; readonly new: Uint8Array | null };
}

interface Listed {
  readonly items: Item[];
  readonly links: Link[];
  readonly gitHeld: string[];
  gitChanges: number;
  gitType: ChangeType | null;
}

const LIST_MS_MAX = 60_000;
const STAGE_MS_MAX = 120_000;
const TYPES: Readonly<Record<string, ChangeType>> = { f: "file", l: "symlink", d: "dir", o: "other" };
const CONFLICTS: Readonly<Record<string, Conflict>> = { a: "appeared", c: "changed", d: "deleted" };
const MANIFEST_BYTES_MAX = 1 << 20;

async function listLayer(plan: CollectPlan, landed: Landed): Promise<Listed> {
  const listed: Listed = { items: [], links: [], gitHeld: [], gitChanges: 0, gitType: null };
  const folders = [...landed.folders].flatMap(([path, changed]) => [Buffer.from(encodePath(path)), changed]);
  const reader = await askScript({
    programs: plan.programs,
    mode: "list",
    args: [plan.programs.find],
    binds: [
      { source: join(plan.sessionPath, "layer/upper"), target: "/upper", access: "read" },
      { source: plan.facts.checkout, target: "/base", access: "read" },
    ],
    input: [String(Math.floor(plan.facts.startedAt)), ...folders],
    timeoutMs: LIST_MS_MAX,
  });
  while (!reader.isAtEnd) readListRecord(reader, listed);
  return listed;
}

function readListRecord(reader: RecordReader, listed: Listed): void {
  const tag = reader.text();
  if (tag === "L") listed.items.push(readItem(reader));
  else if (tag === "K") listed.links.push({ path: reader.path(), target: reader.path() });
  else if (tag === "N") listed.gitHeld.push(reader.path());
  else if (tag === "C") listed.gitChanges = reader.number();
  else if (tag === "G") listed.gitType = typeOrNull(reader);
  else throw reader.broken(`record ${tag}`);
}

function readItem(reader: RecordReader): Item {
  const path = reader.path();
  const action = reader.text();
  if (action !== "add" && action !== "edit" && action !== "delete") throw reader.broken(`action ${action}`);
  const type = typeOrNull(reader) ?? fail(reader);
  const [mode, size, target] = [reader.number(), reader.number(), reader.path()];
  const baseType = typeOrNull(reader);
  const [baseMode, , baseTarget] = [reader.number(), reader.number(), reader.path()];
  const flags = reader.text();
  if (!/^k?[acd]?$/.test(flags) || (baseType === null) !== (action === "add")) throw reader.broken("a field");
  const isLink = type === "symlink";
  const baseHash = baseType === "symlink" ? sha256(encodePath(baseTarget)) : null;
  const change: Change = {
    path,
    type,
    action,
    mode,
    executable: (mode & 0o100) !== 0 && type === "file",
    size,
    hash: isLink && action !== "delete" ? sha256(encodePath(target)) : null,
    base: baseType === null ? null : { type: baseType, mode: baseMode, hash: baseHash },
    ...(isLink ? { target } : {}),
  };
  const conflict = CONFLICTS[flags.at(-1) ?? ""] ?? null;
  return { change, conflict, isBeyondLink: flags.startsWith("k"), isStaged: false, heads: { old: null, new: null } };
}

/** Asks git, with the checkout's own rules; without git only dependency folders are ignored. */
async function askIgnored(plan: CollectPlan, items: readonly Item[]): Promise<ReadonlySet<string>> {
  const asked = items.filter((item) => !item.isBeyondLink && item.change.type !== "other").map(({ change }) => change.path);
  const git = findProgram("git");
  if (git === null) return new Set(asked.filter((path) => /(?:^|\/)(?:node_modules|\.venv)\//.test(`${path}/`)));
  if (asked.length === 0) return new Set();
  const reader = await askScript({
    programs: plan.programs,
    mode: "ignore",
    args: [git],
    binds: [{ source: plan.facts.checkout, target: "/base", access: "read" }],
    input: asked.map((path) => Buffer.from(encodePath(path))),
    timeoutMs: LIST_MS_MAX,
  });
  const ignored = new Set<string>();
  while (!reader.isAtEnd) ignored.add(reader.path());
  return ignored;
}

async function stageItems(plan: CollectPlan, stage: string, items: readonly Item[]): Promise<Map<string, Item>> {
  const byPath = new Map(items.map((item) => [item.change.path, item]));
  const staged = new Map<string, Item>();
  if (items.length === 0) return staged;
  const sha256sum = findProgram("sha256sum") ?? "/usr/bin/sha256sum";
  const reader = await askScript({
    programs: plan.programs,
    mode: "stage",
    args: [sha256sum],
    binds: [
      { source: join(plan.sessionPath, "layer/upper"), target: "/upper", access: "read" },
      { source: plan.facts.checkout, target: "/base", access: "read" },
      { source: stage, target: "/stage", access: "write" },
    ],
    input: items.flatMap(({ change }) => [
      Buffer.from(encodePath(change.path)),
      change.action === "delete" ? "-" : change.type.charAt(0).replace("s", "l"),
      change.base?.type.charAt(0).replace("s", "l") ?? "-",
    ]),
    timeoutMs: STAGE_MS_MAX,
  });
  while (!reader.isAtEnd) {
    if (reader.text() !== "S") throw reader.broken("a record");
    const item = byPath.get(reader.path()) ?? fail(reader);
    staged.set(item.change.path, addStaged(item, readSide(reader), readSide(reader)));
  }
  if (staged.size !== items.length) throw reader.broken("fewer files than were asked for");
  return staged;
}

interface Side {
  readonly state: "s" | "u" | "l" | "-";
  readonly size: number;
  readonly mode: number;
  readonly hash: string | null;
  readonly head: Uint8Array;
}

function readSide(reader: RecordReader): Side {
  const [state, size, mode, hash, head] = [reader.text(), reader.number(), reader.number(), reader.text(), reader.text()];
  if (state !== "s" && state !== "u" && state !== "l" && state !== "-") throw reader.broken(`state ${state}`);
  if (!/^(?:[0-9a-f]{64})?$/.test(hash) || (hash !== "") !== (state === "s")) throw reader.broken("a hash");
  return { state, size, mode, hash: hash === "" ? null : hash, head: Buffer.from(head, "hex") };
}

function addStaged(item: Item, layer: Side, base: Side): Item {
  const { change } = item;
  return {
    ...item,
    isStaged: layer.state !== "u" && base.state !== "u",
    heads: { old: base.state === "s" ? base.head : null, new: layer.state === "s" ? layer.head : null },
    change: {
      ...change,
      ...(layer.state === "s" ? { hash: layer.hash, size: layer.size, mode: layer.mode } : {}),
      ...(change.base && base.state === "s" ? { base: { ...change.base, hash: base.hash } } : {}),
    },
  };
}

function classifyItems(items: readonly Item[], links: readonly Link[], ignored: ReadonlySet<string>): Map<string, Classification> {
  const byPath = new Map(items.map((item) => [item.change.path, item]));
  return classifyAll(
    items.map(({ change }) => change),
    {
      links,
      of: ({ path }) => {
        const heads = byPath.get(path)?.heads;
        return { isIgnored: ignored.has(path), oldContent: whole(heads?.old), newContent: whole(heads?.new) };
      },
    },
  );
}

/** A manifest that is longer than its head could be judged by its beginning; it is judged as unknown instead. */
function whole(head: Uint8Array | null | undefined): Uint8Array | null {
  return head && head.length <= MANIFEST_BYTES_MAX ? head : null;
}

function conclude(item: Item, found: Classification | undefined, masked: ReadonlySet<string>, landed: Landed): ClassifiedChange {
  const { change } = item;
  if (!found) throw new Error("bug: a change without a class");
  const { path } = change;
  const cls: Classification = masked.has(path)
    ? { cls: "outside", why: "it may hold a secret: the box saw a copy without it, which never lands" }
    : !item.isStaged && found.cls === "source"
      ? { cls: "outside", why: "it is larger than 50 MB, all changes are larger than 500 MB, or it cannot be read" }
      : found;
  const { type, action, mode, hash, base, target } = change;
  const approved = [path, type, action, mode & 0o7777, hash, base?.type ?? null, base?.mode ?? null, base?.hash ?? null, target ?? null];
  return {
    change,
    cls: cls.cls,
    why: cls.why,
    runs: cls.runs ?? null,
    conflict: conflictOf(item, landed),
    waitsFor: null,
    isStaged: item.isStaged,
    hash: sha256(JSON.stringify(approved)),
  };
}

function addWaits(changes: readonly ClassifiedChange[]): ClassifiedChange[] {
  const held = changes.filter((one) => one.change.action !== "delete" && one.cls !== "ignored" && !isLandable(one));
  const moved = new Map(held.flatMap(({ change }) => (change.hash !== null && change.size > 0 ? [[change.hash, change.path]] : [])));
  const folders = new Set(held.flatMap(({ change }) => (change.base?.type === "dir" ? [change.path] : [])));
  return changes.map((one) => {
    if (one.change.action !== "delete") return one;
    const { path, base } = one.change;
    const parents = [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index));
    const waitsFor = parents.find((parent) => folders.has(parent)) ?? moved.get(base?.hash ?? "") ?? null;
    return waitsFor === null ? one : { ...one, waitsFor };
  });
}

/** What landing itself put there is no work of the person's; what the person took away again stays away. */
function conflictOf({ change, conflict }: Item, landed: Landed): Conflict | null {
  const known = landed.contents.get(change.path);
  if (known === undefined) return conflict;
  if (change.base === null) return "deleted";
  return change.base.hash === known ? null : "changed";
}

function typeOrNull(reader: RecordReader): ChangeType | null {
  const letter = reader.text();
  return letter === "-" ? null : (TYPES[letter] ?? fail(reader));
}

function fail(reader: RecordReader): never {
  throw reader.broken("a field");
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
