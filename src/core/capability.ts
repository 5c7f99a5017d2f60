import type { Effect } from "./effect.ts";
import { narrower } from "./policy-profiles.ts";
import type { RunProfile } from "./shell.ts";
import type { Sink } from "./sinks.ts";

/** What a session may try at all, before the gate is asked; a child has part of its parent's and nothing else. */
export interface Capability {
  readonly effects: ReadonlySet<Effect["kind"]>;
  readonly sinks: ReadonlySet<Sink>;
  /** Folders that it may write in, each "" or ending in "/", as whole names from the root of the checkout. */
  readonly folders: readonly string[];
}

const READS = ["read", "search", "list", "ask", "run", "output"] as const;
const WRITES = ["write", "edit"] as const;
const NETS = ["fetch", "request", "push"] as const;
const NET_SINKS: readonly Sink[] = [
  "locked-package",
  "fetch",
  "service",
  "new-package",
  "typed-get",
  "composed-get",
  "send",
  "unlisted",
  "push",
  "unruled-push",
];

/** What a session has whose model the person asked: all that its tools can do. The gate bounds it, and the box. */
export const WHOLE: Capability = {
  effects: new Set([...READS, ...WRITES, ...NETS, "kill", "delegate"]),
  sinks: new Set(NET_SINKS),
  folders: [""],
};

/** How many agents may stand below the session's own model, one below the other. */
const DEPTH_MAX = 2;

/**
 * What a task is to have, by words that say what it may do beside reading: "read", "write", "net"; null for other words.
 * `depth` is that of who will do it: 1 where the session's own model gives it.
 */
export function capabilityFor(may: string, folder: string, depth: number): Capability | null {
  const words = may.split(/[\s,+|]+/).filter((word) => word !== "");
  if (words.some((word) => !["read", "write", "net"].includes(word))) return null;
  const within = folderOf(folder);
  if (within === null) return null;
  const [writes, nets] = [words.includes("write"), words.includes("net")];
  return {
    effects: new Set([
      ...READS,
      ...(writes ? WRITES : []),
      ...(nets ? NETS : []),
      ...(depth < DEPTH_MAX ? (["delegate"] as const) : []),
      // Whoever may start a background command may end one.
      ...(writes && nets && within === "" ? (["kill"] as const) : []),
    ]),
    sinks: new Set(nets ? NET_SINKS : []),
    folders: writes ? [within] : [],
  };
}

/** Says a capability in those words, for the record and the person. */
export function wordsOf({ effects, sinks }: Capability): string[] {
  const words = {
    read: effects.has("read"),
    write: effects.has("write"),
    net: effects.has("request") && sinks.size > 0,
  };
  return Object.entries(words).flatMap(([word, has]) => (has ? [word] : []));
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

/** An effect as far as a capability lets it be tried, or why it is not. */
export type Bounded =
  | { readonly ok: true; readonly effect: Effect }
  | { readonly ok: false; readonly reason: string; readonly nearest: string };

/**
 * Bounds an effect by a capability, before the gate is asked. A command gets a run profile that the capability has room for,
 * which the kernel keeps; a file tool that may write in some folders alone takes them along, for the box to resolve its name.
 */
export function boundedBy(capability: Capability, effect: Effect): Bounded {
  const { effects, folders } = capability;
  if (!effects.has(effect.kind)) return refuse(`this agent may not ${effect.kind}`);
  if (effect.kind === "run") {
    const widest = widestFor(capability);
    if (effect.background && widest !== "net")
      return refuse("a background command needs write in the whole checkout, and net");
    const profile = narrower(effect.profile, widest);
    return { ok: true, effect: profile === effect.profile ? effect : { ...effect, profile } };
  }
  if (effect.kind === "ask" && /^https?:\/\//i.test(effect.about) && !effects.has("fetch"))
    return refuse("this agent may not fetch");
  if (effect.kind !== "write" && effect.kind !== "edit") return { ok: true, effect };
  if (folders.some((folder) => folder === "")) return { ok: true, effect };
  if (!mayWrite(capability, effect.path))
    return refuse(
      `this agent may write in ${folders.join(", ") || "no folder"} alone, by names from the checkout's root`,
    );
  return { ok: true, effect: { ...effect, within: folders } };
}

/** The widest run profile of a capability. A command can write anywhere and reach anything that its profile lets it. */
export function widestFor({ effects, sinks, folders }: Capability): RunProfile {
  if (!effects.has("write") || !folders.some((folder) => folder === "")) return "read-only";
  return effects.has("request") && sinks.size > 0 ? "net" : "build";
}

function refuse(reason: string): Bounded {
  return { ok: false, reason, nearest: "do what you may, and say in your answer what is missing" };
}

// As a model writes a folder; null for one that leads elsewhere.
function folderOf(text: string): string | null {
  const name = text.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
  if (name === "" || name === ".") return text.startsWith("/") ? null : "";
  return isFolder(`${name}/`) ? `${name}/` : null;
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
