import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Authority, Certificates, makeAuthority, makeIssuers, makeLeaf } from "./certificates.ts";
import { ANSWER, ask, CLIENTS, only, serve } from "./tls.fixture.ts";

const ALLOWED = ["good.test", "*.wild.test", "10.0.0.7", "[2001:db8::7]"];
const INSIDE = ["good.test", "a.b.wild.test", "10.0.0.7", "[2001:db8::7]"];
const OUTSIDE = ["evil.test", "notgood.test", "good.test.evil.test", "10.0.0.8", "[2001:db8::8]"];
const DAY = 24 * 3600_000;

/** Writes a leaf with its chain and its root, and lets openssl check them for a host. */
async function verify(t: TestContext, hosts: readonly string[], host: string, more: readonly string[] = []) {
  return verifyBy(t, await makeAuthority(hosts, Date.now()), host, more);
}

async function verifyBy(t: TestContext, authority: Authority, host: string, more: readonly string[] = []) {
  const folder = mkdtempSync("/tmp/ringfence-tls-");
  t.after(() => rmSync(folder, { recursive: true }));
  const [root, chain] = [join(folder, "root.pem"), join(folder, "chain.pem")];
  writeFileSync(root, authority.root);
  writeFileSync(chain, (await makeLeaf(authority, host, Date.now())).chain);
  const name = host.replace(/[[\]]/g, "");
  const check = /^[\d.]+$|:/.test(name) ? "-verify_ip" : "-verify_hostname";
  const args = ["verify", "-x509_strict", "-purpose", "sslserver", check, name, ...more];
  const run = spawnSync("openssl", [...args, "-CAfile", root, "-untrusted", chain, chain], { encoding: "utf8" });
  return { status: run.status, text: run.stdout + run.stderr };
}

for (const host of INSIDE)
  test(`openssl accepts ${host} by its strictest rules`, async (t) => {
    const { status, text } = await verify(t, ALLOWED, host);
    assert.deepEqual({ status, end: text.slice(-4) }, { status: 0, end: "OK\n".padStart(4) });
  });

for (const host of OUTSIDE)
  test(`openssl refuses ${host}, for which the same key has signed`, async (t) => {
    const { status, text } = await verify(t, ALLOWED, host);
    assert.equal(status, 2);
    assert.match(text, /permitted subtree violation/);
  });

for (const host of ["good.test", "invalid.test", "10.0.0.7", "[2001:db8::7]"])
  test(`where no host is allowed, openssl refuses ${host}`, async (t) => {
    const { status, text } = await verify(t, [], host);
    assert.equal(status, 2);
    assert.match(text, /permitted subtree violation/);
  });

test("a leaf is refused after two days and the root after thirty", async (t) => {
  const after = (days: number) => ["-attime", String(Math.floor((Date.now() + days * DAY) / 1000))];
  assert.equal((await verify(t, ALLOWED, "good.test", after(1.9))).status, 0);
  assert.match((await verify(t, ALLOWED, "good.test", after(2.1))).text, /certificate has expired/);
  const { root } = await makeAuthority(ALLOWED, Date.now());
  const lasts = new X509Certificate(root).validToDate.getTime() - Date.now();
  assert.ok(lasts > 29 * DAY && lasts < 31 * DAY);
});

for (const [name, client] of Object.entries(CLIENTS))
  test(`${name} reads from allowed hosts, and believes no other that the same key has signed for`, async (t) => {
    const certificates = new Certificates(only(await makeAuthority(ALLOWED, Date.now())));
    const place = await serve(t, certificates.root, (host) => certificates.contextFor(host, Date.now()));
    for (const host of INSIDE) {
      const { status, out } = await ask(client, host, place);
      assert.deepEqual({ host, status, out: out.trim() }, { host, status: 0, out: name === "git" ? "" : ANSWER });
    }
    for (const host of OUTSIDE) {
      const { status, errors } = await ask(client, host, place);
      assert.notEqual(status, 0, `${name} accepted ${host}`);
      assert.match(errors, client.disbelief);
    }
  });

for (const [allowed, hosts] of [
  [[], ["good.test", "10.0.0.7", "[2001:db8::7]"]],
  [["10.0.0.7"], ["good.test", "[2001:db8::7]"]],
  [["[2001:db8::7]"], ["good.test", "10.0.0.7"]],
] as const)
  test(`where ${allowed[0] ?? "nothing"} is all that is allowed, no client believes another kind of name`, async (t) => {
    const certificates = new Certificates(only(await makeAuthority(allowed, Date.now())));
    const place = await serve(t, certificates.root, (host) => certificates.contextFor(host, Date.now()));
    for (const [name, client] of Object.entries(CLIENTS))
      for (const host of hosts) {
        const { status, errors } = await ask(client, host, place);
        assert.notEqual(status, 0, `${name} accepted ${host}`);
        assert.match(errors, client.disbelief);
      }
  });

test("the root of a session vouches for each host by an issuer that can vouch for no other", async (t) => {
  const issuers = await makeIssuers(Date.now());
  const [one, other] = await Promise.all(["one.test", "other.test"].map((host) => issuers.issuerFor(host, Date.now())));
  assert.ok(one && other && one.root === other.root);
  assert.equal((await verifyBy(t, one, "one.test")).status, 0);
  assert.equal((await verifyBy(t, other, "other.test")).status, 0);
  assert.match((await verifyBy(t, one, "other.test")).text, /permitted subtree violation/);
});

test("an issuer is not the root, and no key of what is shown is", async () => {
  const authority = await makeAuthority(ALLOWED, Date.now());
  const root = new X509Certificate(authority.root);
  const issuer = new X509Certificate(authority.issuer.certificate);
  assert.ok(issuer.verify(root.publicKey) && !issuer.verify(issuer.publicKey));
  for (const { publicKey } of [issuer, new X509Certificate((await makeLeaf(authority, "a.test", Date.now())).chain)])
    assert.notDeepEqual(
      publicKey.export({ type: "spki", format: "der" }),
      root.publicKey.export({ type: "spki", format: "der" }),
    );
});

test("a host's certificate is made once, kept among the last 256, and made anew after a day", async () => {
  const certificates = new Certificates(only(await makeAuthority(ALLOWED, 0)));
  const first = await certificates.contextFor("good.test", 0);
  const [again, same] = await Promise.all([
    certificates.contextFor("good.test", DAY - 1),
    certificates.contextFor("good.test", DAY - 1),
  ]);
  assert.ok(again === first && same === first);
  const later = await certificates.contextFor("good.test", DAY);
  assert.notEqual(later, first);
  const others = Array.from({ length: 256 }, (_, number) => certificates.contextFor(`h${number}.wild.test`, DAY));
  await Promise.all(others.slice(0, 255));
  assert.notEqual(await certificates.contextFor("good.test", DAY), later);
});
