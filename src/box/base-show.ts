import { existsSync, mkdirSync } from "node:fs";
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
    mkdirSync(Buffer.concat([Buffer.from(`${folder.path}/mask/`), bytesOf(path)]), { recursive: true });
  }
  return { base, dropped };
}

/** Names the folders of the shown parts. */
export function partFolders(base: Base | null): string[] {
  return base === null ? [] : [...base.parts.values()].map(({ name }) => join(base.workspace, name));
}
