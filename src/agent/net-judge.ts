import type { Packages } from "../box/packages.ts";
import type { Listed, NetRequest } from "../core/net-rules.ts";
import { isReading, type PackageVerdict } from "../core/registries.ts";

/** What the person's rules, and the registries of their tools, say of a request. */
export interface Classified {
  /** Null where it goes to no registry, or a rule denies it. */
  readonly asked: PackageVerdict | null;
  readonly listed: Listed["verdict"];
  readonly rule: string | null;
  /** `locked`: a lockfile of the checkout names it, or it is a fixed document. `package`: it reads what none names. */
  readonly origin: "locked" | "package" | "composed";
}

/** Finds what lists a request; a rule of the person's is looked for first. */
export async function classify(ruled: Listed, packages: Packages, request: NetRequest): Promise<Classified> {
  const asked = ruled.verdict === "deny" ? null : await packages.judge(request);
  const isLocked = asked?.kind === "locked" || asked?.kind === "listing";
  const isPackage = asked !== null && (isLocked || (asked.kind === "other" && isReading(request)));
  const listed = ruled.verdict === "unlisted" && isPackage ? "allow" : ruled.verdict;
  const rule = ruled.verdict !== "unlisted" ? ruled.rule.id : isPackage ? `preset ${asked.registry.tool}` : null;
  const isNew = asked?.kind === "other" && asked.name !== null && isReading(request);
  return { asked, listed, rule, origin: isLocked ? "locked" : isNew ? "package" : "composed" };
}
