import { addressOfTracked } from "./git-remote.ts";
import { type NetRule, READ_ONLY_METHODS } from "./net-rules.ts";
import type { ProfileRule, Rule } from "./policy-rules.ts";

/** Writes what a rule is about, in a line. */
export function ruleText({ verdict, scope }: Rule): string {
  switch (scope.kind) {
    case "net":
      return netText(scope.rule, verdict === "allow");
    case "read":
    case "write":
    case "land":
      return `${scope.kind} ${scope.glob}`;
    case "run":
      return `run ${scope.argv.join(" ")} …`;
    case "push":
      return `push ${scope.branch}${scope.repository === null ? "" : ` to ${addressOfTracked(scope.repository)}`}`;
    case "credential":
      return `credential ${scope.name}${scope.origins === null ? "" : ` to ${scope.origins.join(", ")}`}`;
  }
}

/** Writes which commands a profile rule bounds, and how. */
export function profileText({ argv, profile }: ProfileRule): string {
  return `${argv.join(" ")}${argv[0] === "*" ? "" : " …"} to ${profile}`;
}

/** Writes what a rule of the network means. */
export function netText(rule: NetRule, isAllowed: boolean): string {
  const { host, ports, methods, paths, tls, private: isPrivate } = rule;
  const all = isAllowed ? READ_ONLY_METHODS.join(", ") : "anything";
  const what = tls === "tunnel" ? "anything, unseen" : (methods?.join(", ") ?? all);
  const where = paths === null ? "" : ` below ${paths.join(", ")}`;
  const to = `${host === "*" ? "every host" : host}${ports === null ? "" : `:${ports.join(",")}`}`;
  return `${what} to ${to}${where}${isPrivate ? ", at a private address too" : ""}`;
}
