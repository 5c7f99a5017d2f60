import { field } from "../core/json.ts";
import { ContentReader } from "./content-read.ts";
import { referencesIn } from "./content-walk.ts";
import { readBareLedger } from "./verify.ts";

/** What is left of the texts of a ledger whose events were verified. */
export interface ContentVerdict {
  /** Read, and found to be what was recorded. */
  readonly whole: number;
  /** Recorded by hash and length alone. */
  readonly unkept: number;
  /** Destroyed at the person's word, which the ledger has an event of. */
  readonly purged: number;
  /** Events of which a text is gone without such a word. */
  readonly missing: readonly number[];
  /** Events of which a text is not what was recorded. */
  readonly damaged: readonly number[];
}

/** Checks every text that a ledger refers to against its hash. Throws Tampered where the ledger itself was changed. */
export function verifyContent(file: string): ContentVerdict {
  const texts = new ContentReader(file);
  const counts = { whole: 0, unkept: 0, purged: 0 };
  const [missing, damaged, destroyed] = [new Set<number>(), new Set<number>(), new Set<number>()];
  let isSaid = false;
  try {
    for (const { seq, event } of readBareLedger(file)) {
      isSaid ||= field(event, "type") === "purged";
      for (const reference of referencesIn(event)) {
        const found = texts.find(reference);
        if (found.ok) counts.whole++;
        else if (found.why === "unkept") counts.unkept++;
        else if (found.why === "missing") missing.add(seq);
        else if (found.why === "damaged") damaged.add(seq);
        else {
          counts.purged++;
          destroyed.add(seq);
        }
      }
    }
  } finally {
    texts.close();
  }
  if (isSaid) return { ...counts, missing: [...missing], damaged: [...damaged] };
  return { ...counts, purged: 0, missing: [...new Set([...missing, ...destroyed])], damaged: [...damaged] };
}
