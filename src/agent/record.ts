import type { JsonObject } from "../core/json.ts";
import { HIGHEST, UNKNOWN_SOURCE } from "../core/label.ts";
import { TABLE_ALONE } from "../core/policy-rules.ts";
import { raised, rebuiltFrom, type TracedLabel, UNTOUCHED } from "../core/session-label.ts";
import type { Trust } from "../core/trust.ts";
import { type Ledger, openLedger } from "../ledger/append.ts";
import { Seal } from "../ledger/seal.ts";
import { readBareLedger } from "../ledger/verify.ts";
import type { PolicyInForce } from "./config-policy-tiers.ts";
import { Gate } from "./gate.ts";
import { Inspection } from "./inspection.ts";

/** The gate of a session, and the ledger that it writes. */
export interface Record {
  readonly gate: Gate;
  readonly ledger: Ledger;
}

/** Reads what a session has seen out of its record; one that cannot be read may have seen everything. */
export function labelIn(session: { readonly path: string }): TracedLabel {
  try {
    return rebuiltFrom(eventsIn(`${session.path}/ledger.log`));
  } catch {
    return raised(UNTOUCHED, HIGHEST, "something in a record that cannot be read");
  }
}

function* eventsIn(file: string): Generator<JsonObject> {
  for (const { event } of readBareLedger(file)) yield event;
}

/** Opens the ledger of a session that is over; `texts` keeps secrets out of it. Throws LedgerFailure while the session goes on. */
export function openRecord({ path }: { readonly path: string }, texts: Inspection, policy = TABLE_ALONE): Record {
  const ledger = openLedger(`${path}/ledger.log`, Seal.of(path));
  ledger.through((event) => texts.recorded(event));
  const redact = (text: string) => texts.redact(text);
  return { ledger, gate: new Gate(ledger, UNKNOWN_SOURCE, Date.now, () => policy, redact) };
}

/** The same for as long as `use` takes, and then for `last`. */
export async function withRecord<T>(
  session: { readonly path: string },
  use: (record: Record) => Promise<T>,
  {
    texts = new Inspection(),
    last = async () => {},
  }: { readonly texts?: Inspection; readonly last?: (ledger: Ledger) => Promise<void> } = {},
): Promise<T> {
  const record = openRecord(session, texts);
  try {
    return await use(record);
  } finally {
    await last(record.ledger).finally(() => record.ledger.close());
  }
}

/** Records what the person trusts of the repository, by which what is read there is labelled. Nothing said is nothing trusted. */
export function recordTrust(ledger: Ledger, trust: Trust | null, at: number): void {
  if (trust === null) return;
  const { openness, commits, items } = trust;
  ledger.append({ type: "trust", at, openness, commits, items: items.map(({ path, hash }) => ({ path, hash })) });
}

/** Records that the checkout's own policy was taken in, and whether all of it counts. */
export function recordAdopted(ledger: Ledger, { adopted, digest }: PolicyInForce, at: number): void {
  if (adopted !== null) ledger.append({ type: "policy", at, ...adopted, policy: digest });
}
