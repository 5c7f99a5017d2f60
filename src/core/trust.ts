import type { Openness } from "./source.ts";

/**
 * What a person said of a repository. It counts for one checkout and the one remote that this is fetched from: neither an
 * archive that names the remote nor another repository at the same place has a share in it.
 */
export interface Trust {
  /** Absolute path. */
  readonly checkout: string;
  /** Canonical address; "" for a checkout that is fetched from nowhere. */
  readonly remote: string;
  readonly openness: Openness;
  /** Which folder it was when the person marked it, as `folderId` tells it; "" where that was never or cannot be told. */
  readonly folder: string;
  /** Ids of approved commits, the newest approval last. */
  readonly commits: readonly string[];
  /** Approved contents of files that could instruct or configure. */
  readonly items: readonly TrustedItem[];
}

export interface TrustedItem {
  /** From the root of the checkout, exactly as it is spelled there. */
  readonly path: string;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
}

/** `changed`: another content of this very path was approved. */
export type ItemStanding = "approved" | "changed" | "not approved";

/** Approvals of each kind; past it the oldest is forgotten. */
const APPROVED_MAX = 2000;
export const COMMIT_ID = /^[0-9a-f]{40}$/;
const HASH = /^[0-9a-f]{64}$/;

/** What is trusted where the person said nothing. */
export function noTrust(checkout: string, remote: string): Trust {
  return { checkout, remote, openness: "private", folder: "", commits: [], items: [] };
}

/** Reads a record of trust; throws an Error that names what is wrong with it. */
export function parseTrust(value: unknown): Trust {
  const { checkout, remote, openness, folder, commits, items } = recordOf(value);
  if (typeof checkout !== "string" || !checkout.startsWith("/")) throw new Error('"checkout" is no absolute path');
  if (typeof remote !== "string") throw new Error('"remote" is no text');
  if (openness !== "public" && openness !== "private") throw new Error('"openness" is neither public nor private');
  if (typeof folder !== "string") throw new Error('"folder" is no text');
  if (!Array.isArray(commits) || !commits.every((id) => typeof id === "string" && COMMIT_ID.test(id)))
    throw new Error('"commits" is no list of ids');
  if (!Array.isArray(items)) throw new Error('"items" is no list');
  return { checkout, remote, openness, folder, commits: commits as string[], items: items.map(itemOf) };
}

/**
 * Takes back that all may be read where a checkout that is fetched from nowhere is another folder now: its path alone
 * would say so of whatever comes to lie there.
 */
export function inFolder(trust: Trust, folder: string): Trust {
  const isSame = trust.remote !== "" || (folder !== "" && trust.folder === folder);
  return isSame ? trust : { ...trust, openness: "private" };
}

/** Says what the person thinks of a content at a path; of the same content elsewhere they said nothing. */
export function standingOfItem({ items }: Trust, { path, hash }: TrustedItem): ItemStanding {
  const known = items.filter((item) => item.path === path);
  if (known.some((item) => item.hash === hash)) return "approved";
  return known.length > 0 ? "changed" : "not approved";
}

/** Notes that the person approved a content at a path; what they approved of it before is no longer. */
export function withItem(trust: Trust, { path, hash }: TrustedItem): Trust {
  const others = trust.items.filter((item) => item.path !== path);
  return { ...trust, items: [...others, { path, hash }].slice(-APPROVED_MAX) };
}

/** Notes that the person approved a commit. */
export function withCommit(trust: Trust, id: string): Trust {
  const others = trust.commits.filter((other) => other !== id);
  return { ...trust, commits: [...others, id].slice(-APPROVED_MAX) };
}

/** Takes back what was said of commits and files of these names; null when nothing had been said of one. */
export function without(trust: Trust, name: string): Trust | null {
  const commits = trust.commits.filter((id) => id !== name);
  const items = trust.items.filter(({ path }) => path !== name);
  const isSame = commits.length === trust.commits.length && items.length === trust.items.length;
  return isSame ? null : { ...trust, commits, items };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error("it is no record");
  return value as Record<string, unknown>;
}

function itemOf(value: unknown): TrustedItem {
  const { path, hash } = recordOf(value);
  if (typeof path !== "string" || path === "") throw new Error("an item has no path");
  if (typeof hash !== "string" || !HASH.test(hash)) throw new Error("an item has no hash");
  return { path, hash };
}
