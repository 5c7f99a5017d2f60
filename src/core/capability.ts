import type { Effect } from "./effect.ts";
import type { Sink } from "./sinks.ts";

/** What a session may try at all, before the gate is asked; a child has part of its parent's and nothing else. */
export interface Capability {
  readonly effects: ReadonlySet<Effect["kind"]>;
  readonly sinks: ReadonlySet<Sink>;
  /** Folders that it may write in, each "" or ending in "/", as whole names from the root of the checkout. */
  readonly folders: readonly string[];
}

/** What a child gets of what it wants: never more than its parent has. */
export function attenuated(parent: Capability, wanted: Capability): Capability {
  return {
    effects: new Set([...wanted.effects].filter((kind) => parent.effects.has(kind))),
    sinks: new Set([...wanted.sinks].filter((sink) => parent.sinks.has(sink))),
    folders: [
      ...wanted.folders.filter((folder) => parent.folders.some((whole) => liesIn(folder, whole))),
      ...parent.folders.filter((folder) => wanted.folders.some((whole) => liesIn(folder, whole))),
    ].filter((folder, index, all) => all.indexOf(folder) === index),
  };
}

/** Whether a path of the checkout lies in a folder that may be written in. */
export function mayWrite({ folders }: Capability, path: string): boolean {
  return isWhole(path) && folders.some((folder) => path.startsWith(folder) && isFolder(folder));
}

function liesIn(folder: string, whole: string): boolean {
  return isFolder(folder) && isFolder(whole) && folder.startsWith(whole);
}

function isFolder(folder: string): boolean {
  return folder === "" || (folder.endsWith("/") && isWhole(folder.slice(0, -1)));
}

// A name that leads elsewhere, or starts at the root of the machine, lies in no folder.
function isWhole(path: string): boolean {
  return path !== "" && !path.split("/").some((name) => name === "" || name === "." || name === "..");
}
