import type { Box } from "../box/box.ts";
import type { Effect } from "../core/effect.ts";
import { relativePlace } from "../core/place.ts";
import type { Policy } from "../core/policy-rules.ts";
import type { Gate } from "./gate.ts";

/**
 * Names the places that a call of a file tool would write, where rules speak of such: what a link leads to is asked in the box.
 *
 * A process of the box can turn a link round meanwhile; it could as well write there itself, in the layer alone.
 */
export async function placed(
  effect: Effect,
  {
    box,
    checkout,
    gate,
    policy,
    signal,
  }: {
    readonly box: Box;
    readonly checkout: string;
    readonly gate: Gate;
    readonly policy: Policy;
    readonly signal: AbortSignal;
  },
): Promise<Effect> {
  if (effect.kind !== "write" && effect.kind !== "edit") return effect;
  if (!policy.restricting.has("write") && !policy.restricting.has("read")) return effect;
  const gated = gate.pass({ kind: "resolve", path: effect.path }, null);
  if (gated.verdict !== "allow") return effect;
  const { resolvePermitted } = await import("../box/permitted.ts");
  const real = await resolvePermitted(gated.permit, box, signal);
  if (real === null) return effect;
  return { ...effect, places: [...new Set([effect.path, real].map((path) => relativePlace(checkout, path)))] };
}
