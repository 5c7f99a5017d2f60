import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bind } from "./sandbox.ts";

/**
 * The layer of a session, as a stack: `layer/upper` is written to; below it lie sealed ones, `layer/sealed/N`, that nothing
 * writes to any more. A checkpoint is a list of sealed layers, so that taking one and going back to it cost the same
 * whatever they hold.
 */
export interface Layers {
  /** Number of the newest sealed layer that was ever made. */
  readonly made: number;
  /** Sealed layers of the view, newest first. */
  readonly stack: readonly number[];
  readonly checkpoints: readonly Checkpoint[];
}

/** What the layer was at one moment. */
export interface Checkpoint {
  /** Counts the checkpoints of the session, from 1. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `turn`: before a turn began. `rewind`: what a rewind left behind. */
  readonly what: "turn" | "rewind";
  /** Begin of the turn's prompt, or where the rewind went. */
  readonly title: string;
  /** Sealed layers, newest first; null when it could not be kept. */
  readonly stack: readonly number[] | null;
}

/** The kernel takes 500 layers; beyond this many, turns have no checkpoint of their own. */
export const STACK_MAX = 400;
/** Folders of a session that its layers lie in. */
export const LAYER_FOLDERS = ["layer/upper", "layer/work", "layer/git-upper", "layer/git-work", "layer/sealed"];

const FILE = "layers.json";
const NONE: Layers = { made: 0, stack: [], checkpoints: [] };

/** Reads the stack of a session. A layer that was about to be sealed when the program ended is not in it. */
export function readLayers(sessionPath: string): Layers {
  const file = join(sessionPath, FILE);
  if (!existsSync(file)) return NONE;
  const layers = JSON.parse(readFileSync(file, "utf8")) as Layers;
  return { ...layers, stack: layers.stack.filter((number) => existsSync(sealedPath(sessionPath, number))) };
}

/** Lists the folders of the layer, relative to `layer/`, the newest first. */
export function layerNames(sessionPath: string): string[] {
  return ["upper", ...readLayers(sessionPath).stack.map((number) => `sealed/${number}`)];
}

/** Shows the layers of the checkout to a script, which is told their names. */
export function layerBind(sessionPath: string): Bind {
  return { source: join(sessionPath, "layer"), target: "/layer", access: "read" };
}

/** Shows the layers of a git folder outside the checkout, each as the `.git` of a folder in `/layer` with that name. */
export function gitLayers(sessionPath: string): { readonly names: readonly string[]; readonly binds: readonly Bind[] } {
  const names = ["git-upper", ...readLayers(sessionPath).stack.map((number) => `sealed/${number}.git`)];
  return {
    names,
    binds: names.map((name) => ({
      source: join(sessionPath, "layer", name),
      target: `/layer/${name}/.git`,
      access: "read",
    })),
  };
}

/** Says whether a session has a layer; makes the empty one that a program did not come to make after it sealed one. */
export function hasLayer(sessionPath: string): boolean {
  if (!existsSync(join(sessionPath, "layer"))) return false;
  if (!existsSync(join(sessionPath, "layer/upper"))) makeUpper(sessionPath);
  return true;
}

/** Seals what `layer/upper` holds and puts an empty one on top. No view may be mounted. */
export function sealLayer(sessionPath: string): Layers {
  const number = reserveLayer(sessionPath, (stack, made) => [made, ...stack]);
  // One step: before it the layer is as it was, after it the sealed one counts. What lies outside the checkout stays on top
  // until it follows.
  renameSync(join(sessionPath, "layer/upper"), sealedPath(sessionPath, number));
  renameSync(join(sessionPath, "layer/git-upper"), `${sealedPath(sessionPath, number)}.git`);
  makeUpper(sessionPath);
  return readLayers(sessionPath);
}

/** Takes the number of a layer that is about to be made, and changes the stack for it. */
export function reserveLayer(
  sessionPath: string,
  change: (stack: readonly number[], made: number) => readonly number[],
): number {
  const layers = readLayers(sessionPath);
  const made = layers.made + 1;
  writeLayers(sessionPath, { ...layers, made, stack: change(layers.stack, made) });
  return made;
}

/** Moves a sealed layer that no stack has into the layer of another session, which has none yet. */
export function giveLayer(sessionPath: string, number: number, to: string): void {
  const given = reserveLayer(to, (stack) => stack);
  for (const end of ["", ".git"])
    renameSync(`${sealedPath(sessionPath, number)}${end}`, `${sealedPath(to, given)}${end}`);
  replaceStack(to, [given]);
}

/** Makes the view show these sealed layers from its next mount on. */
export function replaceStack(sessionPath: string, stack: readonly number[]): void {
  writeLayers(sessionPath, { ...readLayers(sessionPath), stack });
}

/** Writes a checkpoint down, and with it the stack that the view has from then on. */
export function addCheckpoint(
  sessionPath: string,
  checkpoint: Omit<Checkpoint, "number">,
  stack: readonly number[],
): Checkpoint {
  const layers = readLayers(sessionPath);
  const numbered = { ...checkpoint, number: (layers.checkpoints.at(-1)?.number ?? 0) + 1 };
  writeLayers(sessionPath, { ...layers, stack, checkpoints: [...layers.checkpoints, numbered] });
  return numbered;
}

/**
 * Takes the layer back to a checkpoint and keeps what it was as another one, so that this can be undone.
 *
 * No view may be mounted. The caller made sure that the checkpoint was kept.
 */
export function rewindLayer(sessionPath: string, to: Checkpoint, at: number): Checkpoint {
  if (to.stack === null) throw new Error("bug: a rewind to what was not kept");
  const { stack } = sealLayer(sessionPath);
  return addCheckpoint(sessionPath, { at, what: "rewind", title: String(to.number), stack }, to.stack);
}

/** Forgets how the prompts of a session began. */
export function forgetTitles(sessionPath: string): void {
  const layers = readLayers(sessionPath);
  if (!layers.checkpoints.some(({ what, title }) => what === "turn" && title !== "")) return;
  const untitled = layers.checkpoints.map((one) => (one.what === "turn" ? { ...one, title: "" } : one));
  writeLayers(sessionPath, { ...layers, checkpoints: untitled });
}

/** Forgets every checkpoint, for a layer that was emptied. */
export function forgetLayers(sessionPath: string): void {
  writeLayers(sessionPath, { ...NONE, made: readLayers(sessionPath).made });
}

// The kernel ties the work folder to its upper one, so a new layer has a new one; the old one is kept beside what it served.
function makeUpper(sessionPath: string): void {
  const newest = readLayers(sessionPath).stack[0];
  for (const name of ["work", "git-work"]) {
    const work = join(sessionPath, "layer", name);
    const spent = newest === undefined ? null : `${sealedPath(sessionPath, newest)}.${name}`;
    if (spent !== null && existsSync(work) && !existsSync(spent)) renameSync(work, spent);
    mkdirSync(work, { recursive: true, mode: 0o700 });
  }
  // The upper one last: while there is none, this is not done.
  for (const name of ["git-upper", "upper"])
    mkdirSync(join(sessionPath, "layer", name), { recursive: true, mode: 0o700 });
}

function sealedPath(sessionPath: string, number: number): string {
  return join(sessionPath, `layer/sealed/${number}`);
}

function writeLayers(sessionPath: string, layers: Layers): void {
  const file = join(sessionPath, FILE);
  writeFileSync(`${file}.new`, JSON.stringify(layers), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
