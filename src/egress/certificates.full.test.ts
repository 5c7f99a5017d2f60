import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Certificates, makeAuthority } from "./certificates.ts";
import { ANSWER, ask, type Client, only, serve } from "./tls.fixture.ts";

const PROGRAM = `public class Ask { public static void main(String[] a) throws Exception {
  System.out.print(new String(java.net.URI.create(a[0]).toURL().openStream().readAllBytes()));
} }`;

const JAVA: Client = {
  command: (url, { port, folder }) => [
    "java",
    "-Dhttps.proxyHost=127.0.0.1",
    `-Dhttps.proxyPort=${port}`,
    `-Djavax.net.ssl.trustStore=${join(folder, "store")}`,
    "-Djavax.net.ssl.trustStorePassword=changeit",
    join(folder, "Ask.java"),
    url,
  ],
  disbelief: /name constraints/,
};

test("Java, which heeds no constraint of a root, believes no host but the allowed", async (t) => {
  const certificates = new Certificates(only(await makeAuthority(["good.test", "10.0.0.7"], Date.now())));
  const place = await serve(t, certificates.root, (host) => certificates.contextFor(host, Date.now()));
  writeFileSync(join(place.folder, "Ask.java"), PROGRAM);
  const store = ["-keystore", join(place.folder, "store"), "-storepass", "changeit"];
  execFileSync("keytool", ["-importcert", "-noprompt", "-alias", "a", "-file", place.bundle, ...store], {
    stdio: "ignore",
  });
  for (const host of ["good.test", "10.0.0.7"]) {
    const { status, out, errors } = await ask(JAVA, host, place);
    assert.deepEqual({ host, status, out, errors }, { host, status: 0, out: ANSWER, errors: "" });
  }
  for (const host of ["evil.test", "10.0.0.8", "[2001:db8::7]"]) {
    const { status, errors } = await ask(JAVA, host, place);
    assert.notEqual(status, 0, `it accepted ${host}`);
    assert.match(errors, JAVA.disbelief);
  }
});
