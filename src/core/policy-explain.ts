import { classifyName, isHeld } from "./classify.ts";
import type { Effect } from "./effect.ts";
import type { Label } from "./label.ts";
import { judgeRules } from "./net-rules.ts";
import { type Decision, decide } from "./policy.ts";
import { tightened } from "./policy-decide.ts";
import { type Action, landingOf, restrictionOn, rulesOn } from "./policy-match.ts";
import { netRulesOf, type Policy, pushesOf, type Rule } from "./policy-rules.ts";
import { atSink } from "./sinks.ts";

/** A label of each column of the table of sinks, and what a session of it has seen. */
export const COLUMNS: readonly { readonly name: string; readonly label: Label }[] = [
  { name: "repo and your own text only", label: { integrity: "repo", secrecy: "private" } },
  { name: "external text", label: { integrity: "external", secrecy: "public" } },
  { name: "external text, private data", label: { integrity: "external", secrecy: "private" } },
];

/** What the gate would say to an action in each column, and all rules that it falls under. */
export interface Explained {
  readonly decisions: readonly Decision[];
  readonly rules: readonly Rule[];
  /** What a rule of this kind does not bound; null where it bounds all. */
  readonly limit: string | null;
}

/** Says what would become of an action that the model composed and nobody approved. */
export function explain(policy: Policy, action: Action): Explained {
  const found = action.kind === "land" ? landingOf(policy, action.path) : restrictionOn(policy, action);
  const decisions = COLUMNS.map(({ label }) => {
    const floor = floorOf(policy, action, label);
    return found === null ? floor : tightened(floor, found, false);
  });
  const push = action.kind === "push" ? namedPush(policy, action)?.id : undefined;
  // Without an address a push is to the tracked repository, so a rule that names one is shown beside those that surely count.
  const sure = rulesOn(policy, action);
  const rules = policy.rules.filter((rule) => sure.includes(rule) || rule.id === push);
  const written = action.kind === "land" ? rulesOn(policy, { kind: "write", path: action.path }) : [];
  return { decisions, rules: [...rules, ...written], limit: LIMITS[action.kind] };
}

const LIMITS: Readonly<Record<Action["kind"], string | null>> = {
  net: null,
  read: "hidden is the file in the view, as it was at the session's start: a version that git holds can be read",
  write: "a command can write there in the layer; it is the landing that is denied",
  land: null,
  run: "a rule about words is advice: a command that is written otherwise runs, and the box bounds it as any other",
  push: null,
  credential: null,
};

/** Says whether a decision lets nothing through that another one holds back. */
export function isLooser(one: Decision, than: Decision): boolean {
  const rank = { deny: 0, ask: 1, allow: 2 } as const;
  return rank[one.verdict] > rank[than.verdict];
}

function floorOf(policy: Policy, action: Action, label: Label): Decision {
  switch (action.kind) {
    case "net": {
      const listed = judgeRules(netRulesOf(policy), action.request);
      const rule = listed.verdict === "unlisted" ? null : listed.rule.id;
      const known = { origin: "composed", command: null, approvedBy: "none", shown: null } as const;
      return decide({ kind: "request", ...action.request, listed: listed.verdict, rule, ...known }, label);
    }
    case "read":
      return decide({ kind: "read", path: action.path, offset: 0, limit: 1 }, label);
    case "write":
      return decide({ kind: "write", path: action.path, content: "" }, label);
    case "run":
      return decide({ kind: "run", command: "", timeoutMs: 1, background: false, profile: "net" }, label);
    case "land": {
      const { verdict, why, nearest } = atSink(
        isHeld(classifyName(action.path).cls) ? "land-held" : "land-source",
        label,
      );
      return verdict === "allow" ? { verdict, reason: why } : { verdict, reason: why, nearest };
    }
    case "push":
      return decide(pushOf(policy, action), label);
    case "credential":
      return floorOfCredential(policy, action);
  }
}

function namedPush(policy: Policy, { repository, branch }: Action & { readonly kind: "push" }) {
  return pushesOf(policy).find(
    (push) =>
      push.ref === `refs/heads/${branch}` &&
      (repository === null ||
        (push.repository.origin === repository.origin && push.repository.path === repository.path)),
  );
}

// Landed, to the tracked repository: every other push is denied whatever rules say.
function pushOf(policy: Policy, action: Action & { readonly kind: "push" }): Effect {
  return {
    kind: "push",
    protocol: "https",
    host: "",
    port: 443,
    method: "POST",
    path: "",
    hasBody: true,
    remote: "tracked",
    ref: `refs/heads/${action.branch}`,
    oldId: "",
    newId: "",
    found: "landed",
    digest: "",
    rule: namedPush(policy, action)?.id ?? null,
    isDenied: false,
    command: null,
    approvedBy: "none",
    shownAt: null,
  };
}

function floorOfCredential(policy: Policy, action: Action & { readonly kind: "credential" }): Decision {
  const rule = rulesOn(policy, action).find(({ verdict }) => verdict === "allow");
  return rule === undefined
    ? { verdict: "deny", reason: "no rule names it; what Ringfence knows by itself is put on where it belongs" }
    : { verdict: "allow", reason: `${rule.id} has it put on` };
}
