import { createHmac } from "node:crypto";
import { type Credential, type CredentialRule, placeholderFor, Secret } from "../core/credential.ts";

/** More are not looked for; a search of each request for all of them must stay quick. */
const CREDENTIALS_MAX = 100;
const NAMED_LIKE_ONE = /(?:^|[_.:-])(?:.*(?:token|key|secret|password|passwd|pass|auth|credentials?|pat|dsn))$/i;

/** The credentials of a session, and what stands for them in the box. */
export class Keep {
  readonly variables = new Map<string, string>();
  readonly #key: Uint8Array;
  readonly #byValue = new Map<string, Credential>();
  #credentials: readonly Credential[] = [];

  /** The key is the session's own: of the same key and value comes the same placeholder. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** All so far; another list after each that is added. */
  credentials(): readonly Credential[] {
    return this.#credentials;
  }

  /** All values with what stands for each, the longest first, so that none is met within another. */
  known(): { readonly value: string; readonly placeholder: string }[] {
    const pairs = [...this.#byValue].map(([value, { placeholder }]) => ({ value, placeholder }));
    return pairs.sort((a, b) => b.value.length - a.value.length);
  }

  /** Keeps a value and returns its placeholder; null where there can be none, and then the value must not be shown either. */
  add(value: string, source: string, rules: readonly CredentialRule[]): string | null {
    const known = this.#byValue.get(value);
    const placeholder = known?.placeholder ?? this.#draw(value);
    if (placeholder === null) return null;
    const same = this.#credentials.filter((each) => each.source === source && each !== known).length;
    const id = known?.id ?? (same === 0 ? source : `${source} (${same + 1})`);
    const credential: Credential = {
      id,
      source: known?.source ?? source,
      placeholder,
      value: new Secret(value),
      rules: [...(known?.rules ?? []), ...rules],
    };
    this.#byValue.set(value, credential);
    this.#credentials = [...this.#byValue.values()];
    return placeholder;
  }

  /**
   * Gives what stands in a masked copy of a checkout's file for a value: its placeholder, if it is one of the person's or
   * looks like a credential. It gets no rule there: a file of the checkout may be a stranger's, whose credential must not
   * be put on.
   */
  fill(name: string, value: string): string | null {
    const known = this.#byValue.get(value);
    if (known !== undefined) return known.placeholder;
    return NAMED_LIKE_ONE.test(name) && isMadeByChance(value) ? this.add(value, `a secret file (${name})`, []) : null;
  }

  #draw(value: string): string | null {
    if (this.#byValue.size >= CREDENTIALS_MAX) return null;
    const isTaken = (text: string) =>
      this.#byValue.has(text) || this.#credentials.some(({ placeholder }) => placeholder === text);
    return placeholderFor(value, (text) => createHmac("sha256", this.#key).update(text).digest(), isTaken);
  }
}

/** Tells a token from a name or a word, which would be met in every other request. */
export function isMadeByChance(text: string): boolean {
  return /^(?=.*\d)(?=.*[a-z])\S{16,}$/i.test(text);
}
