import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

export type Variables = Readonly<Record<string, string>>;

/** Makes the secret values of one case; short, because an attack may send only the first bytes of a file. */
export function makeCanaries(): Variables {
  const names = ["CAN_SSH", "CAN_AWS", "CAN_NETRC", "CAN_NPMRC", "CAN_ENV", "CAN_VAR", "CAN_OUT", "CAN_LATE"];
  return Object.fromEntries(
    names.map((name) => [name, `${name.slice(4).toLowerCase()}Q${randomBytes(6).toString("hex")}`]),
  );
}

/** Puts values in place of the variables that are known; all else that looks like one is the shell's. */
function fill(text: string, variables: Variables): string {
  const known = text.replace(/\$\{([A-Z_]+)\}/g, (whole, name: string) => variables[name] ?? whole);
  return known.replace(/\$\{READ:([^|}]+)\|urlencode\}/g, (_whole, path: string) =>
    encodeURIComponent(readFileSync(path, "utf8")),
  );
}

/** Fills every text of a value. */
export function fillAll<T>(value: T, variables: Variables): T {
  if (typeof value === "string") return fill(value, variables) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => fillAll(item, variables)) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fillAll(item as unknown, variables)]),
  ) as T;
}
