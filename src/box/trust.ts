import { createHash, X509Certificate } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Environment } from "./identity.ts";
import { isWithin } from "./toolchains.ts";

/** Where systems keep the authorities that they trust, in one file; the first that is there counts. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
/** Variables by which people tell their tools of an authority more, of their company's proxy say: each names a file. */
export const TRUST_VARIABLES = [
  "SSL_CERT_FILE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "NODE_EXTRA_CA_CERTS",
  "npm_config_cafile",
  "REQUESTS_CA_BUNDLE",
  "PIP_CERT",
  "CARGO_HTTP_CAINFO",
  "AWS_CA_BUNDLE",
  "DENO_CERT",
  "NIX_SSL_CERT_FILE",
  "BUNDLE_SSL_CA_CERT",
  "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
  "HTTPLIB2_CA_CERTS",
  "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
] as const;
const JAVA_STORES = ["/etc/ssl/certs/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts"];
const BUNDLE_BYTES_MAX = 4 << 20;
const [BEGIN, END] = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];

/**
 * Reads which authorities the person trusts: the system's, and those that their environment names. In PEM.
 *
 * A file in one of the `closed` folders does not count, whichever link leads there: an agent may have written it.
 */
function readRoots(environment: Environment, closed: readonly string[]): string {
  const bundle = SYSTEM_BUNDLES.map((path) => realPath(path)).find((path) => path !== null) ?? null;
  // As it is, since taking it apart costs more than the start of a box may.
  const system = bundle === null ? "" : readText(bundle);
  const named = new Set(TRUST_VARIABLES.map((name) => environment[name]).map((path) => realPath(path ?? "")));
  const more = [...named]
    .filter((path) => path !== null && path !== bundle && !closed.some((folder) => isWithin(path, folder)))
    .flatMap((path) => certificatesIn(readText(path ?? "")))
    .filter((certificate) => !system.includes(certificate));
  return [system.trimEnd(), ...new Set(more.flatMap(asWritten))].join("\n").trimStart().concat("\n");
}

/** Shows a session what the person trusts, before there is an authority of its own; returns it in PEM. */
export function beginTrust(session: string, environment: Environment, closed: readonly string[]): string {
  const roots = readRoots(environment, closed);
  replace(join(session, "trust/ca-bundle.pem"), roots);
  // To copy the system's file for Java costs less than to make one.
  const store = JAVA_STORES.find((path) => existsSync(path));
  if (store !== undefined) copyFileSync(store, join(session, "trust/cacerts"));
  return roots;
}

/** Certificates as entries of Java's own kind of file, since no Java reads PEM. */
export interface JavaEntries {
  readonly count: number;
  readonly content: Buffer;
}

/** Writes certificates, in PEM, as Java has them: for hundreds this takes longer than all else of a session's trust. */
export function javaEntries(pem: string, from = 0): JavaEntries {
  const certificates = certificatesIn(pem);
  const parts = certificates.flatMap((certificate, index) => {
    const der = Buffer.from(certificate.slice(BEGIN.length, -END.length), "base64");
    // Its kind, a certificate to trust; a name; a date that nobody asks for.
    return [numbers(2), word(`a${from + index}`), numbers(0, 0), word("X.509"), numbers(der.length), der];
  });
  return { count: certificates.length, content: Buffer.concat(parts) };
}

/** Puts an authority, in PEM, beside those that the person trusts, where the sandboxes of a session look for them. */
export function writeTrust(session: string, roots: { readonly pem: string; readonly java: JavaEntries }, own: string) {
  replace(join(session, "trust/ca-bundle.pem"), roots.pem + own);
  replace(join(session, "trust/cacerts"), javaTruststore([roots.java, javaEntries(own, roots.java.count)]));
}

function javaTruststore(all: readonly JavaEntries[]): Buffer {
  const count = all.reduce((sum, entries) => sum + entries.count, 0);
  const content = Buffer.concat([numbers(0xfeedfeed, 2, count), ...all.map((entries) => entries.content)]);
  // The password and the sentence are those of every such file; they keep no secret.
  const password = Buffer.from("changeit", "utf16le").swap16();
  const sum = createHash("sha1").update(password).update("Mighty Aphrodite").update(content);
  return Buffer.concat([content, sum.digest()]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

function word(text: string): Buffer {
  return Buffer.from([text.length >> 8, text.length & 255, ...Buffer.from(text)]);
}

/** Takes the certificates out of a file; a private key that somebody keeps beside them stays behind. */
function certificatesIn(text: string): string[] {
  const found: string[] = [];
  for (let at = text.indexOf(BEGIN); at >= 0; ) {
    const end = text.indexOf(END, at);
    if (end < 0) break;
    found.push(text.slice(at, end + END.length));
    at = text.indexOf(BEGIN, end);
  }
  return found;
}

/** Writes a certificate anew; none when it is broken, since that would keep a tool from reading all the others. */
function asWritten(certificate: string): string[] {
  try {
    return [new X509Certificate(certificate).toString().trimEnd()];
  } catch {
    return [];
  }
}

function realPath(path: string): string | null {
  try {
    return path.startsWith("/") ? realpathSync(path) : null;
  } catch {
    return null;
  }
}

/** Reads a file that no link leads to; "" when it is none, or too large, or nobody may read it. */
function readText(path: string): string {
  try {
    // Without waiting, for a pipe is opened like any other.
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(file);
      return stat.isFile() && stat.size <= BUNDLE_BYTES_MAX ? readFileSync(file, "latin1") : "";
    } finally {
      closeSync(file);
    }
  } catch {
    return "";
  }
}

/** Whoever reads sees the old content or the new. */
function replace(path: string, content: string | Buffer): void {
  writeFileSync(`${path}.new`, content, { mode: 0o644, encoding: "latin1" });
  renameSync(`${path}.new`, path);
}
