import type { FoundCommits } from "../box/commits.ts";
import { homeOf } from "../box/identity.ts";
import { signPermitted } from "../box/permitted.ts";
import { findPrograms } from "../box/programs.ts";
import { readSigner, type Signer } from "../box/sign.ts";
import type { Ledger } from "../ledger/append.ts";
import type { ChangedSession } from "./changeset.ts";
import { UsageError } from "./config.ts";
import type { Gate } from "./gate.ts";

/** Finds how the person signs; throws UsageError, which says what to set. */
export async function findSigner(
  environment: Readonly<Record<string, string | undefined>>,
  checkout: string,
): Promise<Signer> {
  const answer = await readSigner(environment, homeOf(environment), checkout);
  if (!answer.ok) throw new UsageError(`land --sign: ${answer.why}`);
  return answer.signer;
}

/**
 * Signs the commits that would land for the person who asked, of every branch; decided and recorded before the key is used.
 *
 * The program that signs is asked once for a commit that two branches share.
 */
export async function signFor(
  session: ChangedSession,
  found: FoundCommits,
  signer: Signer,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<FoundCommits> {
  const made = new Map<string, Buffer>();
  const signOne = async (one: FoundCommits): Promise<FoundCommits> => {
    const tip = one.moves[0]?.newId;
    if (tip === undefined) return one;
    const { digest } = one;
    const permit = record.gate.passForPerson({ kind: "sign-commits", newId: tip, digest, approvedBy: "person" });
    const plan = { facts: session.facts, found: one, programs: findPrograms() };
    const signed = await signPermitted(permit, plan, signer, made).catch((error: unknown) => {
      throw new UsageError(`land --sign: ${error instanceof Error ? error.message : String(error)}; nothing landed`);
    });
    record.ledger.append({
      type: "signed-commits",
      at: Date.now(),
      commit: tip,
      signed: signed.moves[0]?.newId ?? null,
    });
    const unsigned = one.commits.map(({ id }) => id).filter((id, at) => signed.commits[at]?.id !== id);
    return { ...signed, unsigned };
  };
  const signed = await signOne(found);
  const others: FoundCommits[] = [];
  for (const other of found.others) others.push(await signOne(other));
  return { ...signed, others };
}
