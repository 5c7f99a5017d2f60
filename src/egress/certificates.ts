import { KeyObject, randomBytes, type webcrypto } from "node:crypto";
import { isIP, isIPv4, isIPv6 } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Extension, X509Certificate } from "@peculiar/x509";

/** What signs the certificates of one session. */
export interface Authority {
  /** What the box is told to trust, in PEM. */
  readonly root: string;
  readonly issuer: X509Certificate;
  /** Cannot be exported. */
  readonly key: webcrypto.CryptoKey;
  /** Key of all the certificates that the issuer signs: one is made in no time, and all of them are in one memory. */
  readonly leafKeys: webcrypto.CryptoKeyPair;
}

const HOUR = 3600_000;
/** Longer than a session is left open, and short for what nobody can take back. */
const AUTHORITY_MS = 30 * 24 * HOUR;
const LEAF_MS = 48 * HOUR;
/** Some programs inside run with a clock of their own. */
const SKEW_MS = HOUR;
const CONTEXTS_MAX = 256;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** The root of one session, which vouches for each host by an issuer that can vouch for no other. */
export interface Issuers {
  /** What the box is told to trust, in PEM. */
  readonly root: string;
  readonly issuerFor: (host: string, now: number) => Promise<Authority>;
}

/** Keeps the certificates of one session: each is made when it is wanted first, and remade before it ends. */
export class Certificates {
  readonly #issuers: Issuers;
  /** In the order of their last use. */
  readonly #contexts = new Map<string, { readonly context: Promise<SecureContext>; readonly until: number }>();

  constructor(issuers: Issuers) {
    this.#issuers = issuers;
  }

  /** What the box is told to trust, in PEM. */
  get root(): string {
    return this.#issuers.root;
  }

  /** Gives what a TLS server presents as this host: a canonical name or an address. */
  contextFor(host: string, now: number): Promise<SecureContext> {
    const kept = this.#contexts.get(host);
    const entry = kept && kept.until > now ? kept : { context: this.#make(host, now), until: now + LEAF_MS / 2 };
    // The one used last comes last, and one that could not be made is tried anew.
    this.#contexts.delete(host);
    this.#contexts.set(host, entry);
    entry.context.catch(() => this.#contexts.delete(host));
    const [oldest] = this.#contexts.keys();
    if (this.#contexts.size > CONTEXTS_MAX && oldest !== undefined) this.#contexts.delete(oldest);
    return entry.context;
  }

  async #make(host: string, now: number): Promise<SecureContext> {
    const { key, chain } = await makeLeaf(await this.#issuers.issuerFor(host, now), host, now);
    // Asks no client for a certificate, so it needs no roots.
    return createSecureContext({ key, cert: chain, ca: [], minVersion: "TLSv1.2" });
  }
}

/**
 * Makes the root of a session, and with it an issuer for each host that is looked into.
 *
 * Java heeds no constraint of a root, so an issuer stands between, which has them. Loaded here and not before: a session
 * that sends no request needs none of it.
 */
export async function makeIssuers(now: number): Promise<Issuers> {
  const root = await makeRoot(now);
  return { root: pemOf(root), issuerFor: (host, at) => makeIssuer(root, [host], at) };
}

/** Makes a root and one issuer, which can vouch for these hosts alone: `api.test` and what is below it, `10.0.0.7`, `[::1]`. */
export async function makeAuthority(hosts: readonly string[], now: number): Promise<Authority> {
  return makeIssuer(await makeRoot(now), hosts, now);
}

interface Root {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly leafKeys: webcrypto.CryptoKeyPair;
}

async function makeRoot(now: number): Promise<Root> {
  const x509 = await load();
  const [keys, leafKeys] = await Promise.all([makeKeys(false), makeKeys(true)]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...lastingFrom(now, AUTHORITY_MS),
    signingAlgorithm: ALGORITHM,
    name: `CN=Ringfence session ${randomBytes(8).toString("hex")}`,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys, leafKeys };
}

async function makeIssuer(root: Root, hosts: readonly string[], now: number): Promise<Authority> {
  const x509 = await load();
  const keys = await makeKeys(false);
  const issuer = await x509.X509CertificateGenerator.create({
    ...lastingFrom(now, LEAF_MS),
    signingAlgorithm: ALGORITHM,
    // One of its own, by which clients tell the issuers of a session apart.
    subject: `CN=Ringfence issuer ${randomBytes(8).toString("hex")}`,
    issuer: root.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: root.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      await nameConstraints(hosts),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(root.keys.publicKey),
    ],
  });
  return { root: pemOf(root), issuer, key: keys.privateKey, leafKeys: root.leafKeys };
}

function pemOf({ certificate }: Root): string {
  return `${certificate.toString("pem")}\n`;
}

/** Makes a certificate for one host, whether or not anyone will accept it; PEM, with the issuer's behind it. */
export async function makeLeaf(
  { issuer, key, leafKeys }: Authority,
  host: string,
  now: number,
): Promise<{ readonly key: string; readonly chain: string }> {
  const x509 = await load();
  const address = addressOf(host);
  const leaf = await x509.X509CertificateGenerator.create({
    ...lastingFrom(now, LEAF_MS),
    signingAlgorithm: ALGORITHM,
    // GnuTLS takes a common name for a host's, where none stands below.
    subject: "O=Ringfence",
    issuer: issuer.subject,
    publicKey: leafKeys.publicKey,
    signingKey: key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        address === null ? { type: "dns", value: host } : { type: "ip", value: address },
      ]),
      await x509.SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return {
    key: KeyObject.from(leafKeys.privateKey).export({ type: "pkcs8", format: "pem" }).toString(),
    chain: `${leaf.toString("pem")}\n${issuer.toString("pem")}\n`,
  };
}

/**
 * Says what an issuer may vouch for. A kind of name that is not mentioned would be free, so each is; for GnuTLS the two
 * kinds of addresses are two kinds of names.
 */
async function nameConstraints(hosts: readonly string[]): Promise<Extension> {
  const x509 = await load();
  const { default: asn1 } = await import("@peculiar/asn1-x509");
  const { default: schema } = await import("@peculiar/asn1-schema");
  const addresses = hosts.map(addressOf).filter((address) => address !== null);
  const names = hosts.filter((host) => addressOf(host) === null).map((host) => host.replace(/^\*\./, ""));
  const permitted = [
    ...orNobody(names, "invalid").map((dNSName) => ({ dNSName })),
    ...orNobody(addresses.filter(isIPv4), "192.0.2.0").map((address) => ({ iPAddress: `${address}/32` })),
    ...orNobody(addresses.filter(isIPv6), "100::").map((address) => ({ iPAddress: `${address}/128` })),
  ].map((name) => new asn1.GeneralSubtree({ base: new asn1.GeneralName(name) }));
  const constraints = new asn1.NameConstraints({ permittedSubtrees: new asn1.GeneralSubtrees(permitted) });
  return new x509.Extension(asn1.id_ce_nameConstraints, true, schema.AsnConvert.serialize(constraints));
}

/** Of a kind of which no host is allowed, one that nobody will ever have: to exclude all instead makes Java fail. */
function orNobody(hosts: readonly string[], nobody: string): string[] {
  return hosts.length > 0 ? [...new Set(hosts)] : [nobody];
}

async function load() {
  // The library asks for it while it loads.
  await import("reflect-metadata");
  // Of a CommonJS module only this is there when it is bundled.
  return (await import("@peculiar/x509")).default;
}

function makeKeys(isExtractable: boolean): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, isExtractable, ["sign", "verify"]);
}

function lastingFrom(now: number, lengthMs: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(now - SKEW_MS), notAfter: new Date(now + lengthMs) };
}

/** Takes an address out of its brackets; null for a name. */
function addressOf(host: string): string | null {
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  return isIP(bare) === 0 ? null : bare;
}
