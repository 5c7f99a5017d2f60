import { ALARM_KINDS, type AlarmKind } from "./monitor-reducer.ts";
import type { NetRule } from "./net-rules.ts";
import { makePolicy, type Policy, type Rule } from "./policy-rules.ts";

/**
 * What comes of an alarm, each more than the one before: it is recorded; from then on every request and push asks; the turn
 * ends, and the person says whether it goes on; every process of the box is killed, and the session ends.
 */
export const ALARM_LEVELS = ["note", "ask", "pause", "kill"] as const;
export type AlarmLevel = (typeof ALARM_LEVELS)[number];
export type AlarmLevels = Readonly<Record<AlarmKind, AlarmLevel>>;

/** What comes of alarms where the person said nothing. */
export const LEVELS_DEFAULT: AlarmLevels = Object.fromEntries(ALARM_KINDS.map((kind) => [kind, "note"])) as Record<
  AlarmKind,
  AlarmLevel
>;

/** The higher of two levels. */
export function higherLevel(a: AlarmLevel, b: AlarmLevel): AlarmLevel {
  return ALARM_LEVELS.indexOf(a) >= ALARM_LEVELS.indexOf(b) ? a : b;
}

const EVERYWHERE: Omit<NetRule, "id"> = {
  host: "*",
  ports: null,
  methods: null,
  paths: null,
  body: true,
  tls: "terminate",
  private: true,
};

/** Has every request and every push ask, or be refused, whatever else the policy says of them; what a rule denies stays denied. */
export function tightenedAll(policy: Policy, verdict: "ask" | "deny", because: string): Policy {
  const id = "the monitor";
  const rule = { id, tier: "session", verdict, because } as const;
  const rules: readonly Rule[] = [
    { ...rule, scope: { kind: "net", rule: { id, ...EVERYWHERE } } },
    { ...rule, scope: { kind: "push", repository: null, branch: "*" } },
  ];
  return makePolicy([...policy.rules, ...rules], policy.ceilings);
}
