import type { Amounts } from "../core/budget.ts";

/** Each key of a ceiling, what it bounds, and how much one of it is. */
export const UNITS = {
  usd: ["usd", 1],
  tokens: ["tokens", 1],
  minutes: ["wallMs", 60_000],
  calls: ["calls", 1],
  sent_mb: ["egressBytes", 2 ** 20],
  disk_mb: ["diskBytes", 2 ** 20],
  processes: ["processes", 1],
  agents: ["children", 1],
} as const satisfies Record<string, readonly [keyof Amounts, number]>;

type Key = keyof typeof UNITS;
/** Those that config.yaml has; `limits` has the processes. */
const KEYS: readonly Key[] = ["usd", "tokens", "minutes", "calls", "agents", "sent_mb", "disk_mb"];
const WHOLE: readonly Key[] = ["tokens", "calls", "agents"];

/** Checks the `budget` of a parsed configuration; throws an Error that names the first key that is wrong. */
export function parseBudget(value: unknown): Partial<Amounts> {
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new Error("budget must be a mapping");
  return Object.fromEntries(
    Object.entries(value).map(([key, amount]) => {
      if (!isKey(key)) throw new Error(`unknown key "budget.${key}"; known are ${KEYS.join(", ")}`);
      const isNone = key === "agents" && amount === 0;
      if (typeof amount !== "number" || !Number.isFinite(amount) || (amount <= 0 && !isNone))
        throw new Error(`"budget.${key}" must be a number above 0`);
      if (WHOLE.includes(key) && !Number.isInteger(amount)) throw new Error(`"budget.${key}" must be a whole number`);
      const [name, unit] = UNITS[key];
      return [name, amount * unit];
    }),
  );
}

function isKey(key: string): key is Key {
  return (KEYS as readonly string[]).includes(key);
}
