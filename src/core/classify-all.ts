import type { Change } from "./changes.ts";
import {
  type Classification,
  type ClassifyContext,
  classify,
  classifyName,
  isHeld,
  lastSpelling,
  strictest,
} from "./classify.ts";
import { linkPlace } from "./classify-path.ts";

export interface ClassifyAllContext {
  readonly of: (change: Change) => ClassifyContext;
  /** Every symlink that the checkout tracks, changed or not: a file that one of them gives a held name is held too. */
  readonly links: readonly Link[];
}

export interface Link {
  readonly path: string;
  readonly target: string;
}

const LINK_STEPS_MAX = 20_000;
const PLACE_CHARS_MAX = 4096;

/**
 * Sorts all changes of a layer, by path, each at least as strictly as `classify` does.
 *
 * Beyond it: what lies in a folder that git would take for a bare repository runs later, what lies beside a SKILL.md is an
 * instruction, and what a link shows under a held name has the class of that name.
 */
export function classifyAll(changes: readonly Change[], context: ClassifyAllContext): Map<string, Classification> {
  const alone = new Map(changes.map((change) => [change.path, classify(change, context.of(change))]));
  const raised = new Map<string, Classification>();
  raiseRepositories(changes, raised);
  raiseSkills(changes, raised);
  raiseLinked([...context.links, ...newLinks(changes, alone)], raised);
  for (const [path, own] of alone) {
    if (own.cls !== "ignored")
      alone.set(path, strictest([own, ...above(lastSpelling(path)).flatMap((place) => raised.get(place) ?? [])]));
  }
  return alone;
}

function newLinks(changes: readonly Change[], alone: ReadonlyMap<string, Classification>): Link[] {
  return changes.flatMap((change) => {
    const isLink = change.type === "symlink" && change.action !== "delete" && change.target !== undefined;
    return isLink && alone.get(change.path)?.cls !== "ignored" ? [{ path: change.path, target: change.target }] : [];
  });
}

function raiseRepositories(changes: readonly Change[], raised: Map<string, Classification>): void {
  const present = changes.filter(({ action }) => action !== "delete").map(({ path }) => lastSpelling(path));
  const heads = new Set(present.filter((path) => /(?:^|\/)head$/u.test(path)).map(folder));
  for (const path of present) {
    // Every folder above counts, since a repository may itself hold a folder called "objects".
    const places = above(path).filter((place) => heads.has(place) && isRepositoryPart(place, path));
    for (const place of places) {
      const runs =
        "git takes this folder for a repository and obeys the hooks and configuration in it, at the next git command there";
      // A head at the top of the checkout makes the rest of the project no git data; there the rules for names must do.
      const held =
        place === "" ? ["objects", "refs", "reftable", "hooks", "info", "packed-refs", "config", "commondir"] : [place];
      for (const one of held) raise(raised, one, { cls: "run-later", why: "part of a bare repository", runs });
    }
  }
}

function isRepositoryPart(place: string, path: string): boolean {
  return /^(?:(?:objects|refs|reftable)\/.*|config|commondir|packed-refs)$/u.test(
    place === "" ? path : path.slice(place.length + 1),
  );
}

function raiseSkills(changes: readonly Change[], raised: Map<string, Classification>): void {
  for (const change of changes) {
    const path = lastSpelling(change.path);
    if (change.action === "delete" || !/\/skill\.md$/u.test(path)) continue;
    raise(raised, folder(path), {
      cls: "instruction",
      why: "part of a skill",
      runs: "a coding agent may follow or run it with the skill beside it",
    });
  }
}

/** Follows every link that has a held name, and the links on the way, and raises the places where they lead. */
function raiseLinked(links: readonly Link[], raised: Map<string, Classification>): void {
  const queue = links.flatMap((link) => {
    const named = classifyName(link.path);
    return isHeld(named.cls)
      ? placeOf(link).map((place) => ({
          place,
          named: { ...named, why: `${named.why}, through the link ${link.path}` },
        }))
      : [];
  });
  const seen = new Set(queue.map(({ place, named }) => `${named.cls} ${place}`));
  for (let at = 0; at < queue.length; at += 1) {
    const next = queue[at];
    if (!next) break;
    if (at > LINK_STEPS_MAX || next.place.length > PLACE_CHARS_MAX) {
      raise(raised, "", {
        cls: "run-later",
        why: "too many links to follow",
        runs: "a link may give it a name that some tool runs",
      });
      return;
    }
    raise(raised, lastSpelling(next.place), next.named);
    for (const place of links.flatMap((link) => through(link, next.place))) {
      const key = `${next.named.cls} ${place}`;
      if (!seen.has(key)) queue.push({ place, named: next.named });
      seen.add(key);
    }
  }
}

/** Where a held place lies in truth, when the link is a part of its path or lies below it. */
function through(link: Link, place: string): string[] {
  if (place === "" || link.path === place || link.path.startsWith(`${place}/`)) return placeOf(link);
  return place.startsWith(`${link.path}/`)
    ? placeOf(link).map((end) => (end === "" ? "" : `${end}/`) + place.slice(link.path.length + 1))
    : [];
}

function placeOf(link: Link): string[] {
  const place = linkPlace(link.path, link.target);
  return place === null ? [] : [place];
}

function raise(raised: Map<string, Classification>, place: string, to: Classification): void {
  const before = raised.get(place);
  raised.set(place, before ? strictest([before, to]) : to);
}

/** The path itself and every folder above it, the checkout's root ("") last. */
function above(path: string): string[] {
  const places = [path];
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) places.push(path.slice(0, at));
  return [...places, ""];
}

function folder(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
