import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { foldersAbove } from "../core/base-layer.ts";
import { type Base, bytesOf, type Prepared, workspaceOf } from "./base.ts";
import type { SessionFolder } from "./folder.ts";
import type { Holder } from "./holder.ts";

/** Finds the folder that a holder must bind to show a base layer; null when the checkout has none. */
export function existingWorkspace(state: string, checkout: string): string | null {
  const workspace = workspaceOf(state, checkout);
  return existsSync(join(workspace, "current")) ? workspace : null;
}

/** Lets the next mount of the view show a base layer, as far as nobody removed it a moment ago. */
export async function showBase({ base, dropped }: Prepared, folder: SessionFolder, holder: Holder): Promise<Prepared> {
  if (base === null || base.parts.size === 0) return { base: null, dropped };
  const names = [...base.parts.values()].map(({ name }) => name);
  // The session that ended in this very moment left newer ones; they are there next time.
  if (!(await holder.showParts(names))) return { base: null, dropped };
  for (const path of foldersAbove(base.units.map((unit) => unit.path))) {
    // Where two layers have a folder it looks as in the upper one; the masks' folders are made to look as the checkout's.
    mkdirSync(placeOf(folder, "mask", path), { recursive: true });
  }
  putMasksAside(base, folder);
  return { base, dropped };
}

/** Puts back the masks that were put aside; what a view shows of the base layer may change then. */
export function putMasksBack(base: Base, folder: SessionFolder): void {
  for (const [at, path] of goneOf(base).entries()) {
    const aside = placeOf(folder, "aside", String(at));
    if (existsSync(aside)) renameSync(aside, placeOf(folder, "mask", path));
  }
}

// A folder of the masks would show, empty, where an earlier session has left no folder, and there is nothing to mask there.
function putMasksAside(base: Base, folder: SessionFolder): void {
  for (const [at, path] of goneOf(base).entries()) {
    const mask = placeOf(folder, "mask", path);
    if (!existsSync(mask)) continue;
    mkdirSync(join(folder.path, "aside"), { recursive: true, mode: 0o700 });
    renameSync(mask, placeOf(folder, "aside", String(at)));
  }
}

// The inner before the outer, and back in the other order.
function goneOf({ units }: Base): string[] {
  return units.flatMap(({ gone }) => gone).sort((a, b) => b.length - a.length);
}

function placeOf(folder: SessionFolder, name: "mask" | "aside", path: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder.path}/${name}/`), bytesOf(path)]);
}

/** Names the folders of the shown parts. */
export function partFolders(base: Base | null): string[] {
  return base === null ? [] : [...base.parts.values()].map(({ name }) => join(base.workspace, name));
}
