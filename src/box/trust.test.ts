import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { openBox } from "./open.fixture.ts";
import { makeServer, SERVER } from "./trust.fixture.ts";
import { beginTrust, TRUST_VARIABLES } from "./trust.ts";

const folder = mkdtempSync("/tmp/ringfence-trust-");
after(() => rmSync(folder, { recursive: true }));
const SESSION = join(folder, "session");
mkdirSync(join(SESSION, "trust"), { recursive: true });
const { root, key, chain } = makeServer(folder);

/** Says whether a session would trust what this file has, and that it shows what it says. */
function isTrusted(path: string, closed: readonly string[] = [], name = "SSL_CERT_FILE"): boolean {
  const shown = beginTrust(SESSION, { [name]: path }, closed);
  assert.equal(readFileSync(join(SESSION, "trust/ca-bundle.pem"), "latin1"), shown);
  return shown.includes(root.trim());
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

test("the system's authorities are trusted, and those of each variable's file", () => {
  const path = write("company.pem", root);
  const system = beginTrust(SESSION, {}, []);
  assert.ok(!system.includes(root.trim()));
  for (const name of TRUST_VARIABLES) {
    const shown = beginTrust(SESSION, { [name]: path }, []);
    assert.equal(shown, `${system}${root}`);
  }
});

test("an authority that two files have is listed once", () => {
  const environment = {
    SSL_CERT_FILE: write("one.pem", root + root),
    PIP_CERT: write("two.pem", `# a comment\n${root}`),
  };
  assert.equal(beginTrust(SESSION, environment, []).split(root.trim()).length, 2);
});

test("a key beside a certificate stays outside, and so does what is no certificate", () => {
  const broken = root.replace(/\n.{10}/, "\nAAAAAAAAAA");
  const inside = root.replace("\n", `\n${key}`);
  const shown = beginTrust(SESSION, { SSL_CERT_FILE: write("mixed.pem", key + broken + inside + root) }, []);
  assert.equal(shown, beginTrust(SESSION, {}, []) + root);
});

test("a file of the checkout is not trusted, whatever leads there", () => {
  const checkout = join(folder, "checkout");
  const path = write("checkout/ca.pem", root);
  const link = join(folder, "link.pem");
  symlinkSync(path, link);
  symlinkSync(checkout, join(folder, "elsewhere"));
  for (const named of [path, link, join(folder, "elsewhere/ca.pem"), `${folder}/x/../checkout/ca.pem`]) {
    assert.ok(!isTrusted(named, [checkout]));
  }
  assert.ok(isTrusted(link));
});

test("what is no readable file trusts nothing and stops nothing", () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const large = write("large.pem", root + "#".repeat(4 << 20));
  const relative = "company.pem";
  for (const path of [pipe, large, relative, "", folder, "/dev/zero", join(folder, "none"), "\0"])
    assert.ok(!isTrusted(path), JSON.stringify(path));
});

const CLIENTS: readonly (readonly [name: string, command: string, says: string])[] = [
  ["curl", "curl -sS https://localhost:8443/", "hello"],
  ["wget", "wget -qO- https://localhost:8443/", "hello"],
  ["git", "git ls-remote https://localhost:8443/x && echo done", "done"],
  [
    "python",
    `python3 -c 'import urllib.request; print(urllib.request.urlopen("https://localhost:8443/").read().decode())'`,
    "hello",
  ],
  ["openssl", "openssl s_client -verify_return_error -connect localhost:8443 </dev/null | grep -c BEGIN", "1"],
];

test("programs in the box trust an authority once the host says so, with their variables and without", async (t) => {
  const { box, run, text } = await openBox(t, `cat >server.py <<'E'\n${SERVER}\nE\n`);
  await text(`cat >server.pem <<'E'\n${key}${chain}\nE`);
  // A shell whose environment has none of our variables left.
  const bare = (command: string) => `env -i PATH="$PATH" HOME="$HOME" sh -c ${JSON.stringify(command)}`;
  const isRefused = /certificate|cannot verify/i;
  const tried = async (command: string) =>
    run(`python3 server.py server.pem 8443 & until echo >/dev/tcp/127.0.0.1/8443; do sleep 0.05; done 2>/dev/null
${command}; status=$?; kill $!; exit $status`);
  for (const [name, command] of CLIENTS) {
    const outcome = await tried(`${command.replace("-qO-", "-nv -O-")} 2>&1`);
    assert.equal(outcome.ok, false, `${name} trusted before`);
    assert.match(outcome.text, isRefused);
  }
  box.trust(root);
  for (const [name, command, says] of CLIENTS)
    for (const each of [command, ...(name === "openssl" || name === "python" ? [command] : [bare(command)])]) {
      const outcome = await tried(each);
      assert.ok(outcome.ok, `${each}: ${outcome.text}`);
      assert.match(outcome.text, new RegExp(`^${says}$`, "m"));
    }
});

test("the box can read what it trusts and change nothing of it", async (t) => {
  const { box, run, text } = await openBox(t);
  box.trust(root);
  for (const name of TRUST_VARIABLES) assert.match(await text(`cat "$${name}"`), /BEGIN CERTIFICATE/);
  assert.equal(await text('cmp "$SSL_CERT_FILE" /etc/ssl/certs/ca-certificates.crt && echo same'), "same");
  for (const command of [
    'echo >>"$SSL_CERT_FILE"',
    'rm -f "$SSL_CERT_FILE"',
    'cd "${SSL_CERT_FILE%/*}" && touch a',
    'mv "${SSL_CERT_FILE%/*}" /tmp',
  ]) {
    const outcome = await run(command);
    assert.equal(outcome.ok, false);
    assert.match(outcome.text, /Read-only file system|Device or resource busy/);
  }
});
