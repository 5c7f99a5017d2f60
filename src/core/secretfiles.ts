import { spellings } from "./classify-path.ts";
import { maskDotenv } from "./secretfiles-dotenv.ts";
import { maskNpmrc } from "./secretfiles-npmrc.ts";

/** How a file holds secrets, which decides what of it the box may see. */
export type SecretKind = "dotenv" | "key" | "npmrc" | "netrc" | "other";

/** Gives what stands in a masked copy for the value of a name; null: nothing that looks like it. */
export type Fill = (name: string, value: string) => string | null;

/** Largest file of which more than a placeholder is shown; keeps the search for leaked values short. */
const MASKED_BYTES_MAX = 64 << 10;

const SAMPLE = /^(?:.*\.)?(?:example|sample|template|tmpl|tpl|dist|defaults|schema)$/;
/** Tried in this order, against each spelling of the path, in lower case. */
const KINDS: readonly { readonly kind: SecretKind; readonly match: RegExp }[] = [
  { kind: "dotenv", match: /(?:^|\/)(?:\.env[^/]*|[^/]*\.env|\.flaskenv|\.dev\.vars[^/]*)$/u },
  { kind: "npmrc", match: /(?:^|\/)\.?npmrc$/u },
  { kind: "netrc", match: /(?:^|\/)[._]netrc$/u },
  {
    kind: "key",
    match:
      /(?:\.(?:pem|key|p12|pfx|p8|pk8|jks|keystore|ppk|kdbx?|ovpn|bks|jceks|pvk|agekey)|(?:^|\/)(?:id_(?:rsa|dsa|ecdsa|ed25519|xmss)[^/]*|secring[^/]*|master\.key|age\.key|identity))$/u,
  },
  { kind: "key", match: /(?:^|\/)\.ssh\/(?!known_hosts$|config$|authorized_keys$)[^/]+$/u },
  {
    kind: "other",
    match:
      /(?:^|\/)(?:\.pypirc|\.git-credentials|\.htpasswd|\.pgpass|\.my\.cnf|\.mylogin\.cnf|\.boto|\.s3cfg|\.dockercfg|\.docker\/config\.json|\.vault[-_]?(?:token|pass(?:word)?)|\.terraformrc|terraform\.rc|credentials\.tfrc\.json|\.sentryclirc|\.kube\/config|kubeconfig|\.cargo\/credentials(?:\.toml)?|\.gem\/credentials|\.bundle\/config|\.config\/gh\/hosts\.ya?ml|\.aws\/(?:credentials|config)|\.azure\/[^/]+|\.config\/gcloud\/.+|\.streamlit\/secrets\.toml|\.m2\/settings(?:-security)?\.xml|\.gradle\/gradle\.properties|\.?rclone\.conf|local\.settings\.json|auth\.json)$/u,
  },
  {
    kind: "other",
    match:
      /(?:^|\/)(?:(?:[^/]*[-_.])?credentials(?:\.(?:json|ya?ml|toml|ini|xml|csv))?|(?:[^/]*[-_.])?secrets?\.(?:json|ya?ml|toml|ini|properties|xml)|[^/]*service[-_]?account[^/]*\.json|[^/]*firebase-adminsdk[^/]*\.json|client_secrets?[^/]*\.json|gcp[-_]?key[^/]*\.json|application_default_credentials\.json)$/u,
  },
  { kind: "other", match: /\.(?:tfvars|tfvars\.json|auto\.tfvars|tfstate(?:\.[^/]*)?|kubeconfig|secret|secrets)$/u },
];

/** Tells how the file at a path holds secrets, by its name alone; null when nothing says that it does. */
export function secretKind(path: string): SecretKind | null {
  for (const { kind, match } of KINDS) {
    if (spellings(path).some((spelling) => match.test(spelling) && !isPublic(spelling))) return kind;
  }
  return null;
}

/**
 * Makes what the box sees in place of a secret file.
 *
 * A dotenv file keeps its keys and an npmrc its registries, so that programs in the box start; every other kind, and a
 * file that cannot be read with certainty, becomes one line. A value is never shown, whole or in part, except that a
 * value may be spelled like a key's name or the placeholder. `fill` may put something of its own in the place of a value.
 */
export function maskContent(kind: SecretKind, bytes: Uint8Array, fill: Fill = () => null): Uint8Array {
  const encoder = new TextEncoder();
  if (bytes.length > MASKED_BYTES_MAX || bytes.includes(0)) return encoder.encode(placeholder(kind));
  // UTF-8 that is not valid decodes to U+FFFD, which no name of a key can hold.
  const text = new TextDecoder().decode(bytes);
  switch (kind) {
    case "dotenv":
      return encoder.encode(maskDotenv(text, fill));
    case "npmrc":
      return encoder.encode(maskNpmrc(text, fill));
    case "netrc":
    case "key":
    case "other":
      return encoder.encode(placeholder(kind));
  }
}

function placeholder(kind: SecretKind): string {
  const line = "ringfence: this file holds secrets and is masked in the box\n";
  return kind === "dotenv" || kind === "npmrc" || kind === "netrc" ? `# ${line}` : line;
}

function isPublic(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return (
    SAMPLE.test(name) ||
    name.endsWith(".pub") ||
    /\.(?:example|sample|template)\.(?:json|ya?ml|toml|ini|tfvars)$/.test(name)
  );
}
