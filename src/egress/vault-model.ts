import type { CredentialRule } from "../core/credential.ts";
import type { Keep } from "./vault-keep.ts";

/** The key of a model for an agent in the box: what it is put on, and the variables in which its placeholder stands. */
export interface ModelKey {
  readonly value: string;
  /** For people: "env OPENAI_API_KEY". */
  readonly source: string;
  readonly variables: readonly string[];
  readonly rules: readonly CredentialRule[];
}

/** Keeps the key of a model. One that cannot be told apart from other text has no placeholder, and is not shown. */
export function keepModelKey(keep: Keep, { value, source, variables, rules }: ModelKey): void {
  const placeholder = keep.add(value, source, rules);
  if (placeholder === null) return;
  for (const variable of variables) keep.variables.set(variable, placeholder);
}
