/** Takes a value of the configuration for a mapping; throws an Error that says where it is none. */
export function recordAt(value: unknown, where: string): Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new Error(`${where} must be a mapping`);
  return value as Record<string, unknown>;
}

/** Throws an Error that names a key which nobody knows; `where` is "" or ends in ".". */
export function refuseUnknown(record: Record<string, unknown>, known: readonly string[], where: string): void {
  const key = Object.keys(record).find((name) => !known.includes(name));
  if (key !== undefined) throw new Error(`unknown key "${where}${key}"; known are ${known.join(", ")}`);
}

/** Reads a whole number above 0; null where the key is left out. Throws an Error for all else. */
export function countAt(record: Record<string, unknown>, key: string, where: string): number | null {
  const value = record[key];
  if (value === undefined || value === null) return null;
  if (!Number.isSafeInteger(value) || Number(value) < 1)
    throw new Error(`"${where}${key}" must be a whole number above 0`);
  return Number(value);
}
