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

/** Of `exec`: the person typed the command, and what it reads of theirs is private. */
export const PERSONS_COMMAND: Label = { integrity: "user", secrecy: "private" };

/** Joins two labels into the weakest claim that is true of both; it never makes a value more trusted or less secret. */
export function join(a: Label, b: Label): Label {
  return { integrity: higher(INTEGRITIES, a.integrity, b.integrity), secrecy: higher(SECRECIES, a.secrecy, b.secrecy) };
}

function higher<T>(order: readonly T[], a: T, b: T): T {
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}
