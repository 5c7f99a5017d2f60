import { originOf } from "./credential.ts";
import type { Effect } from "./effect.ts";
import type { Label } from "./label.ts";
import { type Decision, decide, isStill, wasShown } from "./policy.ts";
import { argvsOf } from "./policy-argv.ts";
import { type Action, landingOf, type Restriction, restrictionOn, strictest } from "./policy-match.ts";
import type { Kind, Policy } from "./policy-rules.ts";

/**
 * Decides as the table of sinks does, and then as strictly as any rule says: deny before ask before allow.
 *
 * What rules allow is in the effect already, as what lists it; here a rule only ever takes away.
 */
export function decideWithin(policy: Policy, effect: Effect, label: Label): Decision {
  const floor = decide(effect, label);
  const found = strictest(restrictionsOn(policy, effect));
  return found === null ? floor : tightened(floor, found, isAnswered(effect, label));
}

/** What becomes of a decision that a rule restricts; `isAnswered` where a person said yes to just that. */
export function tightened(floor: Decision, found: Restriction, isAnswered: boolean): Decision {
  if (floor.verdict === "deny" || (found.verdict === "ask" && isAnswered)) return floor;
  return { verdict: found.verdict, reason: found.reason };
}

function restrictionsOn(policy: Policy, effect: Effect): (Restriction | null)[] {
  if (effect.kind === "write" && effect.places === undefined) return unplaced(policy, ["write"]);
  if (effect.kind === "edit" && effect.places === undefined) return unplaced(policy, ["read", "write"]);
  if (effect.kind !== "land") return actionsOf(effect).map((action) => restrictionOn(policy, action));
  const approved = new Set(effect.approvals.map(({ path }) => path));
  return effect.paths.flatMap((path) => {
    const found = landingOf(policy, path);
    // Lands only as what would run later does: when a person has approved exactly it.
    return found === null || (found.verdict === "ask" && approved.has(path))
      ? []
      : [{ ...found, verdict: "deny" as const }];
  });
}

function actionsOf(effect: Exclude<Effect, { kind: "land" }>): Action[] {
  switch (effect.kind) {
    case "ask":
      return /^https?:\/\//.test(effect.about) ? [] : [{ kind: "read", path: effect.about }];
    case "read":
    case "search":
    case "list":
      return [{ kind: "read", path: effect.path }];
    case "edit":
      return (effect.places ?? []).flatMap((path) => [
        { kind: "read", path },
        { kind: "write", path },
      ]);
    case "write":
      return (effect.places ?? []).map((path) => ({ kind: "write", path }));
    case "run":
      return [{ kind: "run", ...argvsOf(effect.command) }];
    case "request":
      return [{ kind: "net", request: effect }];
    case "push": {
      const branch = effect.ref.replace(/^refs\/heads\//, "");
      return [
        { kind: "net", request: effect },
        { kind: "push", repository: repositoryOf(effect), branch },
      ];
    }
    case "fetch":
    case "delegate":
    case "output":
    case "kill":
    case "sync":
    case "resolve":
    case "land-commits":
    case "sign-commits":
    case "discard":
    case "preview":
    case "rewind":
    case "undo":
    case "recover":
    case "release":
    case "remove":
    case "keep":
    case "forget":
      return [];
  }
  // A value from outside the type is denied by the table.
  return [];
}

// Where a path leads that nobody could follow, any rule may mean it.
function unplaced(policy: Policy, kinds: readonly Kind[]): Restriction[] {
  return kinds
    .flatMap((kind) => policy.restricting.get(kind) ?? [])
    .map(({ id }) => ({ verdict: "deny", reason: `${id} may deny it: where that path leads could not be told` }));
}

// As the address of the call names it: git adds its service to the repository's own.
/** The repository that a push goes to, as rules name one; null where that cannot be told. */
export function repositoryOf({ protocol, host, port, path }: Effect & { readonly kind: "push" }) {
  // What ssh is asked for is spelled in other ways: a rule about any repository may mean it.
  if (protocol === "ssh") return null;
  const [bare = ""] = path.split("?", 1);
  const name = /^\/(.+?)(?:\.git)?\/(?:info\/refs|git-receive-pack)$/.exec(bare)?.[1];
  return name === undefined
    ? null
    : { origin: originOf({ protocol: protocol === "http" ? "http" : "https", host, port }), path: name };
}

function isAnswered(effect: Effect, label: Label): boolean {
  if (effect.kind === "request") return wasShown(effect, label);
  if (effect.kind === "push") return effect.approvedBy === "person" && isStill(effect.shownAt, label);
  if (effect.kind !== "run" || effect.approvedBy !== "person") return false;
  return effect.shownAt === undefined || isStill(effect.shownAt, label);
}
