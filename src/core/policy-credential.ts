import type { Credential, CredentialRule } from "./credential.ts";
import { restrictionOn } from "./policy-match.ts";
import type { Policy } from "./policy-rules.ts";

/** Leaves of a credential's rules what the policy lets be put on; what stands for it in the box stays. */
export function boundTo(policy: Policy, credential: Credential): Credential {
  const name = credential.source.replace(/^env /, "");
  const rules = credential.rules.flatMap((rule) => {
    const origins = rule.origins.filter(
      (origin) =>
        restrictionOn(policy, { kind: "credential", name, origin }) === null &&
        isWithinBounds(policy, name, { ...rule, origins: [origin] }),
    );
    return origins.length === 0 ? [] : [{ ...rule, origins }];
  });
  return { ...credential, rules };
}

// Of what the managed tier lists, a rule of somebody else's may name less: fewer paths and methods of that host.
function isWithinBounds({ bounds }: Policy, name: string, rule: CredentialRule): boolean {
  const listed = bounds.get("credential");
  if (listed === undefined) return true;
  return listed.some(({ scope }) => {
    if (scope.kind !== "credential" || scope.putOn === null || scope.name !== name) return false;
    const { scheme, origins, methods, pathPrefixes } = scope.putOn;
    const isBelow = (path: string) =>
      pathPrefixes.some((prefix) => `${path}/`.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`));
    return (
      scheme.kind === rule.scheme.kind &&
      (scheme.kind === "sigv4" || JSON.stringify(scheme) === JSON.stringify(rule.scheme)) &&
      rule.origins.every((origin) => origins.includes(origin)) &&
      rule.methods.every((method) => methods.includes(method)) &&
      rule.pathPrefixes.every(isBelow)
    );
  });
}
