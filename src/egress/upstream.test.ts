import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { connect, createServer, rootCertificates } from "node:tls";
import { Certificates, makeAuthority } from "./certificates.ts";
import { only } from "./tls.fixture.ts";
import { upstreamTls } from "./upstream.ts";

/** Starts a server with a certificate of its own authority; gives a way to reach it with some roots. */
async function serve(t: TestContext) {
  const certificates = new Certificates(only(await makeAuthority(["real.test"], Date.now())));
  const secureContext = await certificates.contextFor("real.test", Date.now());
  const server = createServer({ SNICallback: (_name, done) => done(null, secureContext) }, (socket) => socket.end());
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const reach = async (roots: string, servername = "real.test") => {
    const socket = connect({ ...upstreamTls(roots), host: "127.0.0.1", port, servername });
    try {
      await once(socket, "secureConnect");
      return socket.authorized;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    } finally {
      socket.destroy();
    }
  };
  return { root: certificates.root, reach };
}

test("a server is believed by the given roots alone, and for its own name", async (t) => {
  const { root, reach } = await serve(t);
  assert.equal(await reach(root), true);
  assert.equal(await reach(`${rootCertificates.join("\n")}\n${root}`), true);
  assert.equal(await reach(rootCertificates.join("\n")), "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
  assert.equal(await reach(""), "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
  assert.equal(await reach(root, "other.test"), "ERR_TLS_CERT_ALTNAME_INVALID");
});

test("the person's variable that turns verifying off for Node is not heeded", async (t) => {
  const { reach } = await serve(t);
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  t.after(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  });
  assert.equal(await reach(""), "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
});
