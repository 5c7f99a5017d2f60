import { field, parseJson, recordOf } from "./json.ts";

/** What a login's endpoint answers with, by the names of OAuth. */
export interface Tokens {
  readonly access: string;
  /** Those that ask for others, or say who somebody is. */
  readonly others: readonly string[];
}

const BESIDE = ["token_type", "expires_in", "refresh_token"];
const OTHERS = ["refresh_token", "id_token"];

/** Finds the tokens in an answer of a login's endpoint, as JSON or as a form; null where it is no such answer. */
export function tokensIn(text: string): Tokens | null {
  const json = parseJson(text);
  const fields =
    json === null && /^[\w.~%+=&*-]+$/.test(text.trim()) ? Object.fromEntries(new URLSearchParams(text.trim())) : json;
  const answer = recordOf(fields);
  const access = field(answer, "access_token");
  if (typeof access !== "string" || access === "" || !BESIDE.some((name) => Object.hasOwn(answer, name))) return null;
  const others = OTHERS.map((name) => field(answer, name));
  return { access, others: others.filter((value) => typeof value === "string" && value !== "") as string[] };
}
