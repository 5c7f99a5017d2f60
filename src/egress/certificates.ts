import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP, isIPv4, isIPv6 } from "node:net";
import type { SecureContext } from "node:tls";
import { parseAddress } from "../core/address.ts";
import {
  bitString,
  boolean,
  choice,
  flags,
  integer,
  octets,
  oid,
  pem,
  sequence,
  set,
  time,
  utf8,
} from "../core/der.ts";

/** What signs the certificates of one session. */
export interface Authority {
  /** What the box is told to trust, in PEM. */
  readonly root: string;
  readonly issuer: Signer;
  /** Key of all the certificates that the issuer signs: one is made in no time, and all of them are in one memory. */
  readonly leafKey: KeyObject;
}

/** Whoever signs: by what name and key. */
interface Signer {
  /** In DER. */
  readonly certificate: Buffer;
  readonly name: Buffer;
  readonly key: KeyObject;
}

const HOUR = 3600_000;
/** Longer than a session is left open, and short for what nobody can take back. */
const AUTHORITY_MS = 30 * 24 * HOUR;
const LEAF_MS = 48 * HOUR;
/** Some programs inside run with a clock of their own. */
const SKEW_MS = HOUR;
const CONTEXTS_MAX = 256;
/** X.509's numbers: RFC 5280, and RFC 5758 for the signature. */
const OID = {
  signature: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  altName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;
const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;

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
    // Loaded here, since the root is made at the start of a session and many a session is asked for no certificate.
    const { createSecureContext } = await import("node:tls");
    // Asks no client for a certificate, so it needs no roots.
    return createSecureContext({ key, cert: chain, ca: [], minVersion: "TLSv1.2" });
  }
}

/**
 * Makes the root of a session, and with it an issuer for each host that is looked into.
 *
 * Java heeds no constraint of a root, so an issuer stands between, which has them. Written by our own few lines, because a
 * library for it takes longer to load than a session to start.
 */
export async function makeIssuers(now: number): Promise<Issuers> {
  const root = makeRoot(now);
  const leafKey = makeKey();
  return {
    root: pem(root.certificate),
    issuerFor: async (host, at) => ({ root: pem(root.certificate), issuer: makeIssuer(root, [host], at), leafKey }),
  };
}

/** Makes a root and one issuer, which can vouch for these hosts alone: `api.test` and what is below it, `10.0.0.7`, `[::1]`. */
export async function makeAuthority(hosts: readonly string[], now: number): Promise<Authority> {
  const root = makeRoot(now);
  return { root: pem(root.certificate), issuer: makeIssuer(root, hosts, now), leafKey: makeKey() };
}

/** Makes a certificate for one host, whether or not anyone will accept it; PEM, with the issuer's behind it. */
export async function makeLeaf(
  { issuer, leafKey }: Authority,
  host: string,
  now: number,
): Promise<{ readonly key: string; readonly chain: string }> {
  const address = addressOf(host);
  const leaf = makeCertificate({
    // GnuTLS takes a common name for a host's, where none stands below.
    subject: nameOf(OID.organization, "Ringfence"),
    key: leafKey,
    signer: issuer,
    lasts: [now - SKEW_MS, now + LEAF_MS],
    extensions: [
      extension(OID.basicConstraints, true, sequence()),
      extension(OID.keyUsage, true, flags(DIGITAL_SIGNATURE)),
      extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
      extension(OID.altName, false, sequence(address === null ? dnsName(host) : choice(IP_ADDRESS, bytesOf(address)))),
    ],
  });
  return {
    key: leafKey.export({ type: "pkcs8", format: "pem" }).toString(),
    chain: pem(leaf) + pem(issuer.certificate),
  };
}

function makeRoot(now: number): Signer {
  const key = makeKey();
  const name = nameOf(OID.commonName, `Ringfence session ${randomBytes(8).toString("hex")}`);
  return signer(
    name,
    key,
    null,
    [now - SKEW_MS, now + AUTHORITY_MS],
    [
      extension(OID.basicConstraints, true, sequence(boolean(true), integer(1))),
      extension(OID.keyUsage, true, flags(KEY_CERT_SIGN)),
    ],
  );
}

function makeIssuer(root: Signer, hosts: readonly string[], now: number): Signer {
  // A name of its own, by which clients tell the issuers of a session apart.
  const name = nameOf(OID.commonName, `Ringfence issuer ${randomBytes(8).toString("hex")}`);
  return signer(
    name,
    makeKey(),
    root,
    [now - SKEW_MS, now + LEAF_MS],
    [
      extension(OID.basicConstraints, true, sequence(boolean(true), integer(0))),
      extension(OID.keyUsage, true, flags(KEY_CERT_SIGN)),
      extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
      extension(OID.nameConstraints, true, nameConstraints(hosts)),
    ],
  );
}

function signer(
  name: Buffer,
  key: KeyObject,
  by: Signer | null,
  lasts: readonly [number, number],
  extensions: readonly Buffer[],
): Signer {
  const own = { certificate: Buffer.alloc(0), name, key };
  return { ...own, certificate: makeCertificate({ subject: name, key, signer: by ?? own, lasts, extensions }) };
}

/** Writes a certificate and signs it, in DER. */
function makeCertificate(plan: {
  readonly subject: Buffer;
  readonly key: KeyObject;
  readonly signer: Signer;
  readonly lasts: readonly [from: number, to: number];
  readonly extensions: readonly Buffer[];
}): Buffer {
  const algorithm = sequence(oid(OID.signature));
  // Positive, and never the same twice.
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(15)]);
  const body = sequence(
    choice(VERSION, integer(2)),
    integer(serial),
    algorithm,
    plan.signer.name,
    sequence(...plan.lasts.map((at) => time(new Date(at)))),
    plan.subject,
    publicBytes(plan.key),
    choice(
      EXTENSIONS,
      sequence(
        ...plan.extensions,
        extension(OID.subjectKeyId, false, octets(keyId(plan.key))),
        extension(OID.authorityKeyId, false, sequence(choice(KEY_ID, keyId(plan.signer.key)))),
      ),
    ),
  );
  return sequence(body, algorithm, bitString(sign("sha256", body, plan.signer.key)));
}

/** Tags of X.509's own: with something inside, 0xa0 and up; with bytes alone, 0x80 and up. */
const [VERSION, EXTENSIONS, PERMITTED] = [0xa0, 0xa3, 0xa0];
const [KEY_ID, DNS_NAME, IP_ADDRESS] = [0x80, 0x82, 0x87];

/**
 * Says what an issuer may vouch for. A kind of name that is not mentioned would be free, so each is; for GnuTLS the two
 * kinds of addresses are two kinds of names.
 */
function nameConstraints(hosts: readonly string[]): Buffer {
  const addresses = hosts.map(addressOf).filter((address) => address !== null);
  const names = hosts.filter((host) => addressOf(host) === null).map((host) => host.replace(/^\*\./, ""));
  const permitted = [
    ...orNobody(names, "invalid").map(dnsName),
    // An address and a mask of its length.
    ...[...orNobody(addresses.filter(isIPv4), "192.0.2.0"), ...orNobody(addresses.filter(isIPv6), "100::")]
      .map(bytesOf)
      .map((bytes) => choice(IP_ADDRESS, Buffer.concat([bytes, Buffer.alloc(bytes.length, 255)]))),
  ];
  return sequence(choice(PERMITTED, ...permitted.map((name) => sequence(name))));
}

function orNobody(all: readonly string[], nobody: string): readonly string[] {
  return all.length > 0 ? [...new Set(all)] : [nobody];
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octets(value));
}

function nameOf(kind: string, text: string): Buffer {
  return sequence(set(sequence(oid(kind), utf8(text))));
}

function dnsName(host: string): Buffer {
  return choice(DNS_NAME, Buffer.from(host, "latin1"));
}

function makeKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function publicBytes(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

/** Names a key by its last 65 bytes, the point itself. */
function keyId(key: KeyObject): Buffer {
  return createHash("sha1").update(publicBytes(key).subarray(-65)).digest();
}

function bytesOf(address: string): Buffer {
  return Buffer.from(parseAddress(address) ?? []);
}

/** Takes an address out of its brackets; null for a name. */
function addressOf(host: string): string | null {
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  return isIP(bare) === 0 ? null : bare;
}
