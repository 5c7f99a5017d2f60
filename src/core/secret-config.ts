import type { Fill } from "./secretfiles.ts";

/** Credentials of the person's, and what stands for each in the box. */
export type Known = readonly { readonly value: string; readonly placeholder: string }[];

/** Shown where a value must go and no placeholder can be made. */
const HIDDEN = "ringfence-masked";
/** Tokens by whose beginning one knows them, wherever they stand and whatever the name before them. */
const TOKEN =
  /(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|npm_|sk-|xox[a-z]-|AKIA|ASIA|pypi-|hf_|AIza|ya29\.|eyJ[\w-]+\.eyJ)[\w.-]{8,4096}/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY/;
/** `name = value`, `"name": "value"`, `name: value`, on one line. */
const SETTING = /(["']?)([\w.-]{1,100})\1(\s*[:=]\s*)(["']?)([^\s"']+)/g;
/** A login in an address: `https://user:password@host`. */
const LOGIN = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/@:"']*:)([^\s/@"']+)(@)/gi;
/** Names after which a value is a secret whatever it looks like. */
const SECRET_NAME =
  /(?:^|[_.-])(?:(?:api|access|private|secret|refresh|id|auth|client|session|bearer)[_-]?)?(?:key|token|secret|password|passwd|passphrase|credentials?|authorization)$|(?:accessToken|refreshToken|idToken|apiKey|clientSecret|authToken)$/i;
/** What a setting of such a name may be without being one. */
const HARMLESS = /^(?:true|false|null|none|\d{1,12}|\$\{?\w+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|\{(?:env|file):[^}]*)$/;

/**
 * Makes the copy of a configuration file that the box sees: each credential in it becomes a placeholder, or a word that
 * says that it is masked. Null where a private key stands in it, of which a part would show too much.
 */
export function maskConfig(text: string, known: Known, fill: Fill): string | null {
  if (PRIVATE_KEY.test(text)) return null;
  const placeholders = new Set(known.map(({ placeholder }) => placeholder));
  const hide = (name: string, value: string) => {
    if (placeholders.has(value)) return value;
    const shown = fill(name, value) ?? HIDDEN;
    placeholders.add(shown);
    return shown;
  };
  const without = known.reduce((rest, { value, placeholder }) => rest.replaceAll(value, () => placeholder), text);
  return without
    .replace(TOKEN, (token) => hide("token", token))
    .replace(LOGIN, (_, before: string, password: string, at: string) => `${before}${hide("password", password)}${at}`)
    .replace(SETTING, (whole, quote: string, name: string, between: string, open: string, value: string) => {
      const charsMin = /pass|secret/i.test(name) ? 4 : 12;
      const bare = value.replace(/[,;)}\]]+$/, "");
      if (!SECRET_NAME.test(name) || bare.length < charsMin || HARMLESS.test(bare)) return whole;
      return `${quote}${name}${quote}${between}${open}${hide(name, bare)}${value.slice(bare.length)}`;
    });
}
