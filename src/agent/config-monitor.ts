import { ALARM_LEVELS, type AlarmLevel, type AlarmLevels, higherLevel, LEVELS_DEFAULT } from "../core/monitor-level.ts";
import { ALARM_KINDS, type AlarmKind } from "../core/monitor-reducer.ts";

/** Checks the `monitor` of a parsed configuration; throws an Error that names the first key that is wrong. */
export function parseMonitor(value: unknown): AlarmLevels {
  if (value === null || value === undefined) return LEVELS_DEFAULT;
  if (typeof value !== "object" || Array.isArray(value)) throw new Error("monitor must be a mapping");
  const given = new Map(Object.entries(value).map(([key, level]) => [kindOf(key), levelOf(key, level)]));
  const all = given.get("all") ?? "note";
  return Object.fromEntries(ALARM_KINDS.map((kind) => [kind, higherLevel(all, given.get(kind) ?? "note")])) as Record<
    AlarmKind,
    AlarmLevel
  >;
}

function kindOf(key: string): AlarmKind | "all" {
  const kind = ["all" as const, ...ALARM_KINDS].find((known) => known === key);
  if (kind === undefined) throw new Error(`unknown key "monitor.${key}"; known are all, ${ALARM_KINDS.join(", ")}`);
  return kind;
}

function levelOf(key: string, value: unknown): AlarmLevel {
  const level = ALARM_LEVELS.find((known) => known === value);
  if (level === undefined) throw new Error(`"monitor.${key}" must be one of ${ALARM_LEVELS.join(", ")}`);
  return level;
}
