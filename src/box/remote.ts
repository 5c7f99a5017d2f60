import { join } from "node:path";
import { NO_OBJECT, type PushCommand } from "../core/git-push.ts";
import { type Remote, remoteOf } from "../core/git-remote.ts";

import { ask, gitBinds } from "./commits.ts";
import type { SessionFacts } from "./folder.ts";
import { type Environment, readOwnSettings } from "./identity.ts";
import { findProgram, type Programs } from "./programs.ts";
import { findRepository, look, readSmall } from "./repository.ts";

export interface RemotePlan {
  readonly checkout: string;
  /** The program's own state folder. */
  readonly state: string;
  readonly home: string;
  readonly environment: Environment;
  readonly programs: Programs;
}

/** What of the person's repository says whether a push may be, and what is sent. */
export type Packed =
  /** `summary` is of commits and files, for a person; the pack holds what the remote lacks, made of the person's own objects. */
  | { readonly found: "landed"; readonly pack: Buffer; readonly summary: string }
  /** The commit does not stand on that branch of the person's; or where the remote's is does not stand below it. */
  | { readonly found: "absent" | "diverged" };

type Facts = Pick<SessionFacts, "checkout" | "repository" | "alternates">;

/** Reads where the checkout's branch is fetched from, by the person's own configuration; null where that is nowhere. */
export async function readRemote({ checkout, state, home, environment, programs }: RemotePlan): Promise<Remote | null> {
  const type = look(join(checkout, ".git"));
  if (type === null || findProgram("git") === null) return null;
  const hidden = [home, state];
  const { repository } = await findRepository({ checkout, programs, hidden, closed: [state] });
  // What a link leads to may be another repository of theirs.
  if (repository === null && !type.isDirectory()) return null;
  const folder = repository?.common ?? join(checkout, ".git");
  const [{ files, settings }, own] = await Promise.all([
    readSmall({ programs }, folder, [`${repository?.own ?? ""}HEAD`]),
    readOwnSettings(environment, home),
  ]);
  return remoteOf(files[0] ?? "", settings, own);
}

/** Tells which ids are objects of the person's repository; of more than some thousands only the first are looked for. */
export async function findKnown(
  facts: Facts,
  programs: Programs,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const input = ids.slice(0, IDS_MAX).map((id) => Buffer.from(id));
  const answer = await ask({ facts, programs }, "known", [], gitBinds(facts, "/base/.git", "read"), { input });
  const known = new Set<string>();
  while (!answer.isAtEnd) {
    if (answer.text() !== "K") throw answer.broken("a record that is none");
    known.add(answer.text());
  }
  return known;
}

/**
 * Makes the pack of a push from the person's own objects, if the new commit stands on their branch `from`.
 *
 * Nothing of the box goes into it, and of their repository no hook and no setting has a say.
 */
export async function packPush(
  facts: Facts,
  programs: Programs,
  { command, from, shown }: { readonly command: PushCommand; readonly from: string; readonly shown: readonly string[] },
): Promise<Packed> {
  const { oldId, newId } = command;
  const input = shown.filter((id) => id !== NO_OBJECT).slice(0, IDS_MAX);
  const binds = gitBinds(facts, "/base/.git", "read");
  const answer = await ask({ facts, programs }, "pack", [from, oldId, newId], binds, {
    input: input.map((id) => Buffer.from(id)),
  });
  if (answer.text() === "P") return { found: "landed", summary: answer.bytes().toString(), pack: answer.rest() };
  return { found: answer.text() === "diverged" ? "diverged" : "absent" };
}

/** They lie in a place of 1 MiB. */
const IDS_MAX = 10_000;
