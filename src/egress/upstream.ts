import { type ConnectionOptions, createSecureContext, rootCertificates } from "node:tls";

/**
 * Says how servers are verified on the way out: against these roots, in PEM, or Node's own where a machine has none.
 *
 * To be asked once a session, since reading the roots takes longer than a connection. It says that a server is verified
 * even where the person's environment tells Node not to.
 */
export function upstreamTls(roots: string): ConnectionOptions {
  const ca = roots.includes("-----BEGIN CERTIFICATE-----") ? roots : [...rootCertificates];
  return { secureContext: createSecureContext({ ca, minVersion: "TLSv1.2" }), rejectUnauthorized: true };
}
