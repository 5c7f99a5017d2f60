import { createHash } from "node:crypto";
import { homeOf } from "../box/identity.ts";
import { findPrograms } from "../box/programs.ts";
import { readRemote } from "../box/remote.ts";
import {
  listFiles,
  planTrusted,
  readContents,
  readHead,
  readHistory,
  readStanding,
  readVerified,
  type TrustedPlan,
} from "../box/trusted-files.ts";
import { UNKNOWN_SOURCE } from "../core/label.ts";
import { secretKind } from "../core/secretfiles.ts";
import { type ItemStanding, standingOfItem, type Trust } from "../core/trust.ts";
import { itemKind } from "../core/trust-items.ts";
import { readConfig, stateFolder } from "./config.ts";
import { findCheckout, refuseUnfit } from "./config-checkout.ts";
import { noteFiles, readTrust, trustAt } from "./config-trust.ts";
import type { Start } from "./workplace.ts";

/** A repository that a person may trust, and what they said of it. */
export interface TrustPlace {
  readonly checkout: string;
  readonly state: string;
  readonly plan: TrustedPlan;
  /** What counts here. */
  readonly trust: Trust;
  /** What was said while it was fetched from somewhere else, which does not count. */
  readonly void: Trust | null;
}

/** A file that could instruct or configure, as it lies there now. */
export interface TrustItem {
  readonly path: string;
  readonly kind: string;
  /** SHA-256, hex; null for what is too large to be approved. */
  readonly hash: string | null;
  readonly content: Buffer | null;
  readonly standing: ItemStanding;
}

/** The commit that is checked out, proven; `problem` says why it cannot be approved. */
export type TrustCommit = { readonly id: string } & (
  | { readonly problem: null; readonly author: string; readonly subject: string }
  | { readonly problem: string }
);

/** More than anybody approves one by one. */
const ITEMS_MAX = 500;

/** Finds the repository that a person stands in, for what they say of it. */
export async function findTrustPlace({ environment, folder }: Start): Promise<TrustPlace> {
  const { path: checkout, below } = findCheckout(folder);
  const state = stateFolder(environment);
  const home = homeOf(environment);
  refuseUnfit({ path: checkout, below }, home, state);
  const { git } = await readConfig(environment);
  const programs = findPrograms();
  const [plan, remote] = await Promise.all([
    planTrusted({ checkout, home, state, allowed: git.alternates, programs }),
    readRemote({ checkout, state, home, environment, programs }),
  ]);
  return { checkout, state, plan, ...trustAt(readTrust(state, checkout), checkout, remote) };
}

/** Reads what could instruct or configure, in the order of the paths. */
export async function readItems({ plan, trust }: Pick<TrustPlace, "plan" | "trust">): Promise<TrustItem[]> {
  const named = (await listFiles(plan)).flatMap((path) => {
    const kind = itemKind(path);
    return kind === null ? [] : [{ path, kind }];
  });
  const kept = named.sort((a, b) => (a.path < b.path ? -1 : 1)).slice(0, ITEMS_MAX);
  const contents = await readContents(
    plan,
    kept.map(({ path }) => path),
  );
  return kept.map(({ path, kind }) => {
    const content = contents.get(path) ?? null;
    const hash = content === null ? null : hashOf(content);
    const standing = hash === null ? "not approved" : standingOfItem(trust, { path, hash });
    return { path, kind, hash, content, standing };
  });
}

/** Reads the commit that is checked out, or a named one; null where there is none. */
export async function readTrustCommit({ plan }: Pick<TrustPlace, "plan">, named?: string): Promise<TrustCommit | null> {
  const id = named ?? (await readHead(plan));
  if (id === null) return null;
  try {
    const { author, subject } = await readVerified(plan, id);
    return { id, problem: null, author, subject };
  } catch (error) {
    return { id, problem: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Notes, before a commit is approved, that what differs from it may be a stranger's: nobody knows who wrote it. Returns those
 * files. Where another commit is checked out too, for the branch may be moved to this one while the files stay.
 */
export async function noteDiffering({ plan, state, checkout }: TrustPlace, commit: string): Promise<string[]> {
  const { files } = await readVerified(plan, commit);
  const standing = await readStanding(plan, commit);
  const differing = [...standing.files].filter(([path, id]) => files.has(path) && files.get(path) !== id);
  const contents = await readContents(
    plan,
    differing.map(([path]) => path),
  );
  const noted = differing.map(([path]) => {
    const content = contents.get(path) ?? null;
    return { path, hash: content === null ? null : hashOf(content) };
  });
  noteFiles(state, checkout, noted, () => UNKNOWN_SOURCE);
  return noted.map(({ path }) => path);
}

/** Names the files in the history of a commit whose names say that they hold secrets. */
export async function secretsInHistory({ plan }: Pick<TrustPlace, "plan">, commit: string): Promise<string[]> {
  return (await readHistory(plan, commit)).filter((path) => secretKind(path) !== null).sort();
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
