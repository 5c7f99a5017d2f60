import type { Box } from "../box/box.ts";
import { type Synced, syncWithCheckout } from "../box/sync.ts";
import { visibleJson } from "../core/text.ts";
import type { Ledger } from "../ledger/append.ts";
import type { Gate } from "./gate.ts";

/** Files that the model is told by name; of more it is told the number. */
const NAMES_MAX = 30;

/** Takes over what the person did in the checkout since the last turn, and writes what the model is told before their words. */
export async function takeOver(
  { box, gate, ledger }: { readonly box: Box; readonly gate: Gate; readonly ledger: Ledger },
  told: Map<string, string>,
  now: () => number,
): Promise<string> {
  const synced = await syncWithCheckout(box, told, (effect) => {
    const gated = gate.pass(effect, null);
    if (gated.verdict !== "allow") throw new Error(`bug: a sync was refused: ${gated.reason}`);
    return gated.permit;
  });
  const { merged, clashing } = synced;
  if (merged.length + clashing.length > 0) ledger.append({ type: "synced", at: now(), merged, clashing });
  return describeSynced(synced);
}

/** Writes a note for the model; "" when the person changed nothing. */
function describeSynced({ changed, merged, clashing }: Synced): string {
  if (changed.length === 0) return "";
  const rows = [
    `Since your last turn the person changed ${named(changed)}: read them again before you change them.`,
    ...(merged.length > 0 ? [`Their changes were merged into your versions of ${named(merged)}.`] : []),
    ...(clashing.length > 0
      ? [
          `Of ${named(clashing)} your version and theirs clash. You still see your own; it cannot land until the person has sorted that out.`,
        ]
      : []),
  ];
  return `<checkout-changes>\n${rows.join("\n")}\n</checkout-changes>\n\n`;
}

function named(paths: readonly string[]): string {
  const names = paths.slice(0, NAMES_MAX).map((path) => visibleJson(JSON.stringify(path.toWellFormed())));
  return paths.length > NAMES_MAX ? `${names.join(", ")} and ${paths.length - NAMES_MAX} more` : names.join(", ");
}
