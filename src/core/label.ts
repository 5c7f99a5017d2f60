export const INTEGRITIES = ["system", "user", "repo", "local", "external"] as const;
export const SECRECIES = ["public", "private", "secret"] as const;

export type Integrity = (typeof INTEGRITIES)[number];
export type Secrecy = (typeof SECRECIES)[number];

/** Where information came from (integrity, most trusted first) and who may learn it (secrecy, most open first). */
export interface Label {
  readonly integrity: Integrity;
  readonly secrecy: Secrecy;
}

/** The label of every session until sources are told apart: the strictest that an ordinary repository can have. */
export const UNKNOWN_SOURCE: Label = { integrity: "external", secrecy: "private" };
/** The label of nothing at all: joining it changes no other. */
export const LOWEST: Label = { integrity: "system", secrecy: "public" };
/** What counts for anything that cannot be read as a label. */
export const HIGHEST: Label = { integrity: "external", secrecy: "secret" };

/** Of `exec`: the person typed the command, and what it reads of theirs is private. */
export const PERSONS_COMMAND: Label = { integrity: "user", secrecy: "private" };

/** Joins two labels into the weakest claim that is true of both; it never makes a value more trusted or less secret. */
export function join(a: Label, b: Label): Label {
  return { integrity: higher(INTEGRITIES, a.integrity, b.integrity), secrecy: higher(SECRECIES, a.secrecy, b.secrecy) };
}

/** Joins any number of labels; of none it is the lowest. */
export function joinAll(labels: Iterable<Label>): Label {
  let joined = LOWEST;
  for (const label of labels) joined = join(joined, label);
  return joined;
}

/** Whether a label is no higher than a bound, in either half: what the bound was good for, it is good for. */
export function isWithin(label: Label, bound: Label): boolean {
  const joined = join(label, bound);
  return joined.integrity === bound.integrity && joined.secrecy === bound.secrecy;
}

/** Reads a label out of a record; what names none of the known words is the highest. */
export function parseLabel(integrity: unknown, secrecy: unknown): Label {
  return {
    integrity: INTEGRITIES.find((known) => known === integrity) ?? HIGHEST.integrity,
    secrecy: SECRECIES.find((known) => known === secrecy) ?? HIGHEST.secrecy,
  };
}

function higher<T>(order: readonly T[], a: T, b: T): T {
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}
