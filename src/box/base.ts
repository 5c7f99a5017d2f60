import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { type KeptUnit, type LiveLook, lockfilesOf, type Unit, type UnitKind, whyStale } from "../core/base-layer.ts";
import { decodePath, encodePath } from "../core/changes.ts";
import { askIgnoredPaths } from "./collect-list.ts";
import type { SessionFacts } from "./folder.ts";
import { layerBind, layerNames } from "./layers.ts";
import { findProgram, type Programs } from "./programs.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader, strings } from "./script.ts";

/** What of the base layer a session shows: trees that nothing ever writes to, each the newest of its kind. */
export interface Base {
  /** Folder of the checkout's base layer in the state folder. */
  readonly workspace: string;
  readonly parts: ReadonlyMap<UnitKind, Part>;
  readonly units: readonly BaseUnit[];
}

export interface Part {
  readonly name: string;
  readonly bytes: number;
  readonly files: number;
}

export interface BaseUnit extends KeptUnit {
  /** The part that its content came from last. */
  readonly part: string;
  /** Folders of the checkout in whose place it has none. */
  readonly gone: readonly string[];
}

/** A unit that is not shown any more, and why. */
export interface Dropped {
  readonly path: string;
  readonly why: string;
}

export interface BasePlan {
  readonly checkout: string;
  readonly programs: Programs;
}

/** What must be known of a checkout to ask git about it as well. */
export interface LookPlan extends BasePlan {
  readonly repository: SessionFacts["repository"];
}

const SCRIPT_MS_MAX = 300_000;
const ANSWER_BYTES_MAX = 64 << 20;
const KINDS: readonly UnitKind[] = ["dependencies", "other"];

/** Names the folder of a checkout's base layer; the checkout by its real path. */
export function workspaceOf(state: string, checkout: string): string {
  return join(state, "workspaces", createHash("sha256").update(checkout).digest("hex").slice(0, 24));
}

/** Makes the folder of a checkout's base layer, for this user alone. */
export function makeWorkspace(state: string, checkout: string): string {
  const workspace = workspaceOf(state, checkout);
  mkdirSync(workspace, { recursive: true, mode: 0o700 });
  return workspace;
}

/** Reads what the base layer of a checkout holds now; null when there is none. */
export function readBase(workspace: string): Base | null {
  const file = join(workspace, "current");
  if (!existsSync(file)) return null;
  const parts = new Map<UnitKind, Part>();
  const units: BaseUnit[] = [];
  const reader = new RecordReader(readFileSync(file));
  if (reader.text() !== "1") throw new Error(`${file} is of another version of ringfence: remove ${workspace}`);
  while (!reader.isAtEnd) {
    const [word, kind] = [reader.text(), kindOf(reader)];
    if (word === "part") parts.set(kind, { name: partName(reader), bytes: reader.number(), files: reader.number() });
    else {
      const [path, part, meta] = [reader.path(), partName(reader), JSON.parse(reader.path()) as Meta];
      const gone = reader
        .text()
        .split(" ")
        .filter((hex) => hex !== "");
      units.push({ kind, path, part, ...meta, gone: gone.map((hex) => decodePath(Buffer.from(hex, "hex"))) });
    }
  }
  return { workspace, parts, units };
}

/** What is written down beside a unit. */
export type Meta = Pick<KeptUnit, "since" | "existed" | "locks">;

/**
 * Gets the base layer ready for a new session: looks at the checkout, and drops first what does not belong beside it.
 *
 * Null when the checkout has none, which costs a look at one name. It never throws.
 */
export async function prepareBase(state: string, plan: LookPlan): Promise<Prepared> {
  try {
    return await prepare(workspaceOf(state, plan.checkout), plan);
  } catch (error) {
    // To show nothing of it takes away no protection, and the person can work on.
    const why = error instanceof Error ? error.message : String(error);
    return { base: null, dropped: [{ path: "all ignored files of earlier sessions", why }] };
  }
}

export interface Prepared {
  readonly base: Base | null;
  readonly dropped: readonly Dropped[];
}

async function prepare(workspace: string, plan: LookPlan): Promise<Prepared> {
  const base = readBase(workspace);
  if (base === null || base.units.length === 0) return { base: null, dropped: [] };
  utimesSync(join(workspace, "current"), new Date(), new Date());
  const looks = await lookAt(plan, base.units, null);
  const dropped = base.units.flatMap((unit): Dropped[] => {
    const look = looks.get(unit.path);
    const why = look ? whyStale(unit, look) : "nothing is known of it";
    return why === null ? [] : [{ path: unit.path, why }];
  });
  if (dropped.length === 0) return { base, dropped };
  await dropUnits(
    base,
    dropped.map(({ path }) => path),
    plan,
  );
  await sweep(workspace, plan.programs);
  return { base: readBase(workspace), dropped };
}

/** Looks at the checkout, and at the layer of a session if one is named, which holds still, where units lie. */
export async function lookAt(
  plan: LookPlan,
  units: readonly Unit[],
  sessionPath: string | null,
): Promise<Map<string, LiveLook>> {
  const { checkout, programs } = plan;
  const binds: Bind[] = [{ source: checkout, target: "/base", access: "read" }];
  if (sessionPath !== null) binds.push(layerBind(sessionPath));
  const layers = sessionPath === null ? [] : layerNames(sessionPath);
  const [reader, ignored] = await Promise.all([
    runBase(programs, {
      mode: "look",
      args: [findProgram("sha256sum") ?? "/usr/bin/sha256sum", ...layers],
      binds,
      input: units.flatMap((unit) => [
        bytesOf(unit.path),
        unit.kind === "other" ? "1" : "",
        lockfilesOf(unit).join(" "),
      ]),
      capability: "CAP_DAC_READ_SEARCH",
    }),
    askIgnoredUnits(plan, units),
  ]);
  const looks = new Map<string, LiveLook>();
  while (!reader.isAtEnd) {
    if (reader.text() !== "U") throw reader.broken("a record");
    const path = reader.path();
    looks.set(path, {
      hasPlace: reader.text() === "1",
      exists: reader.text() === "1",
      changedAt: reader.number(),
      lockChangedAt: reader.number(),
      lock: digestOf(reader.text()),
      lockInBox: digestOf(reader.text()),
      isLockOfBox: reader.text() === "1",
      isIgnored: ignored.has(path),
    });
  }
  return looks;
}

/** Asks git about each as a folder and as a file: a rule for folders alone has no say about a file, nor has it of its type here. */
async function askIgnoredUnits(plan: LookPlan, units: readonly Unit[]): Promise<ReadonlySet<string>> {
  return askIgnoredPaths(
    plan,
    units.flatMap(({ path }) => [
      { path, isFolder: true },
      { path, isFolder: false },
    ]),
  );
}

/** Takes units out of the base layer: new parts without them, which later sessions show. */
async function dropUnits(base: Base, paths: readonly string[], plan: BasePlan): Promise<void> {
  const kinds = new Map(base.units.map(({ path, kind }) => [path, kind]));
  const units = paths.map((path) => ({
    path,
    kind: kinds.get(path) ?? "other",
    state: "gone" as const,
    seen: "",
    meta: null,
  }));
  await mergeInto(base.workspace, { arrival: null, base, units }, plan);
}

/** Makes the base layer that one session goes on with, without some units. What later sessions are shown is decided when they begin. */
export async function withoutUnits(base: Base, paths: readonly string[], programs: Programs): Promise<Base> {
  const kinds = [...base.parts.keys()];
  const ofKind = (kind: UnitKind) => base.units.filter((unit) => unit.kind === kind && paths.includes(unit.path));
  const changed = kinds.filter((kind) => ofKind(kind).length > 0);
  const reader = await runBase(programs, {
    mode: "filter",
    args: [],
    binds: [{ source: base.workspace, target: "/w", access: "write" }],
    input: changed.flatMap((kind) => [
      base.parts.get(kind)?.name ?? "",
      String(ofKind(kind).length),
      ...ofKind(kind).map(({ path }) => bytesOf(path)),
    ]),
    capability: "CAP_DAC_OVERRIDE",
  });
  const parts = new Map(base.parts);
  for (const kind of changed) {
    if (reader.text() !== "P") throw reader.broken("a record");
    parts.set(kind, { name: partName(reader), bytes: reader.number(), files: reader.number() });
  }
  return { ...base, parts, units: base.units.filter(({ path }) => !paths.includes(path)) };
}

/** Throws the base layer of a checkout away. Parts that a session shows stay until it ends. */
export async function forgetBase(workspace: string, plan: BasePlan): Promise<void> {
  const base = readBase(workspace);
  if (base === null) return;
  await dropUnits(
    base,
    base.units.map(({ path }) => path),
    plan,
  );
  await sweep(workspace, plan.programs);
}

/** A unit that a session changed, for `mergeInto`. */
export interface MergedUnit extends Unit {
  readonly state: "taken" | "gone";
  /** The part that its content came from when the session began. */
  readonly seen: string;
  readonly meta: Meta | null;
}

/**
 * Makes new parts from what a session left, what it saw, and what others left meanwhile, and switches to them at once.
 *
 * Returns the units that another session had changed too: the one that ends last stays.
 */
export async function mergeInto(
  workspace: string,
  merge: { readonly arrival: string | null; readonly base: Base | null; readonly units: readonly MergedUnit[] },
  { checkout, programs }: BasePlan,
): Promise<string[]> {
  const reader = await runBase(programs, {
    mode: "merge",
    args: [],
    binds: [
      { source: workspace, target: "/w", access: "write" },
      { source: checkout, target: "/base", access: "read" },
    ],
    input: [
      merge.arrival ?? "",
      ...KINDS.flatMap((kind) => ["part", kind, merge.base?.parts.get(kind)?.name ?? ""]),
      ...merge.units.flatMap(({ kind, path, state, seen, meta }) => [
        ...["unit", kind],
        bytesOf(path),
        ...[state, seen, JSON.stringify(meta)],
      ]),
    ],
    capability: "CAP_DAC_OVERRIDE",
  });
  const replaced: string[] = [];
  while (!reader.isAtEnd) {
    if (reader.text() !== "R") throw reader.broken("a record");
    replaced.push(reader.path());
  }
  return replaced;
}

/** Removes the parts that no session shows and none will show. */
export async function sweep(workspace: string, programs: Programs): Promise<void> {
  const binds: Bind[] = [{ source: workspace, target: "/w", access: "write" }];
  await runBase(programs, { mode: "sweep", args: [], binds, input: [], capability: "CAP_DAC_OVERRIDE" });
}

/** Moves what was taken out of a layer beside the parts; the folder is the state folder's own, whatever is in it. */
export function bringIn(sessionPath: string, name: string, workspace: string): void {
  renameSync(join(sessionPath, name), join(workspace, name));
}

export function arrivalName(): string {
  return `new-${randomBytes(8).toString("hex")}`;
}

/** The base layer of one checkout, as `gc` and `sessions` see it. */
export interface StoredBase {
  readonly workspace: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
}

/** Lists the base layers of all checkouts. */
export function listBases(state: string): StoredBase[] {
  const folder = join(state, "workspaces");
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((id) => {
    const workspace = join(folder, id);
    const base = readBase(workspace);
    if (base === null) return [];
    const bytes = [...base.parts.values()].reduce((sum, part) => sum + part.bytes, 0);
    return bytes === 0 ? [] : [{ workspace, bytes, usedAt: statSync(join(workspace, "current")).mtimeMs }];
  });
}

export async function runBase(
  programs: Programs,
  plan: {
    readonly mode: "look" | "find" | "drop" | "take" | "merge" | "filter" | "sweep";
    readonly args: readonly string[];
    readonly binds: readonly Bind[];
    readonly input: readonly (string | Buffer)[];
    readonly capability: "CAP_DAC_READ_SEARCH" | "CAP_DAC_OVERRIDE";
  },
): Promise<RecordReader> {
  const script = scriptBind("base.pl");
  const result = await runSandbox({
    programs,
    binds: [...plan.binds, script],
    command: [programs.perl, script.target, plan.mode, process.arch, ...plan.args],
    input: strings(plan.input),
    timeoutMs: SCRIPT_MS_MAX,
    stdoutBytesMax: ANSWER_BYTES_MAX,
    capability: plan.capability,
  });
  if (result.status !== 0)
    throw new Error(`the base layer (${plan.mode}): ${result.stderr.trim() || `status ${result.status}`}`);
  return new RecordReader(result.stdout);
}

export function bytesOf(path: string): Buffer {
  return Buffer.from(encodePath(path));
}

function kindOf(reader: RecordReader): UnitKind {
  const text = reader.text();
  const kind = KINDS.find((one) => one === text);
  if (kind === undefined) throw reader.broken(`kind ${text}`);
  return kind;
}

function partName(reader: RecordReader): string {
  const name = reader.text();
  if (!/^part-[0-9a-f]{16}$/.test(name)) throw reader.broken(`part ${name}`);
  return name;
}

function digestOf(text: string): string {
  return text === "" ? "" : createHash("sha256").update(text, "latin1").digest("hex");
}
