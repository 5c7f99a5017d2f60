import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { maskContent, type SecretKind, secretKind } from "./secretfiles.ts";
import { workMs } from "./work.fixture.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 1000 });

const mask = (kind: SecretKind, text: string) =>
  new TextDecoder().decode(maskContent(kind, new TextEncoder().encode(text)));

const table: readonly (readonly [SecretKind | null, string])[] = [
  [
    "dotenv",
    ".env .env.local .env.test .env.production a/b/.ENV .envrc prod.env .flaskenv .dev.vars .env.example.local .e\u200bnv .env. .env~",
  ],
  [null, ".env.example .env.sample .env.template .env.dist a/.env.production.example src/env.ts environment.md"],
  [
    "key",
    "server.pem tls.key id_rsa a/id_ed25519 id_rsa.bak cert.p12 x.pfx debug.keystore store.jks putty.ppk .ssh/work ID_RSA",
  ],
  [null, "id_rsa.pub .ssh/known_hosts src/key.ts keys.md"],
  ["npmrc", ".npmrc a/.npmrc .NPMRC npmrc"],
  ["netrc", ".netrc _netrc"],
  [
    "other",
    ".pypirc .git-credentials .htpasswd credentials.json service-account.json my-service_account-1.json prod.tfvars terraform.tfstate terraform.tfstate.backup .aws/credentials .kube/config .docker/config.json secrets.yml .vault_pass .cargo/credentials.toml",
  ],
  [
    null,
    "package.json credentials.ts src/secret.ts prod.tfvars.example credentials.example.json README.md config.json",
  ],
];
for (const [kind, paths] of table) {
  for (const path of paths.split(" "))
    test(`${JSON.stringify(path)} holds secrets of kind ${kind}`, () => assert.equal(secretKind(path), kind));
}

for (const [promise, text, shown] of [
  ["keys stay and values go", "A=1\nexport B=two words\nC=\n", "A=ringfence-masked\nexport B=ringfence-masked\nC=\n"],
  [
    "a comment stays unless it holds an assignment or a value",
    "# database\n#OLD=secret\n# it was hunter22\nP=hunter22\n",
    "# database\nP=ringfence-masked\n",
  ],
  [
    "a quoted value of many lines goes whole",
    'K="-----BEGIN\nMIIE=\nB=c\n-----END"\nD=1\n',
    "K=ringfence-masked\nD=ringfence-masked\n",
  ],
  [
    "a quoted value with escapes and a comment",
    `J="{\\"a\\": 1}" # it's\nD='x' # fine\nE=1`,
    "J=ringfence-masked\n# ringfence: the rest of this file is masked\n",
  ],
  [
    "an unquoted key of many lines ends what is shown",
    "A=1\nK=-----BEGIN RSA\nMIIEabc=\n-----END\nB=2",
    "A=ringfence-masked\nK=ringfence-masked\n# ringfence: the rest of this file is masked\n",
  ],
  [
    "a wrapped value ends what is shown",
    "A=abc\\\nSECRET=x\nB=2",
    "A=ringfence-masked\n# ringfence: the rest of this file is masked\n",
  ],
  [
    "the end of a wrapped value is no key",
    "A=abc\nMIIEpAIBAAKCAQ==\n",
    "A=ringfence-masked\n# ringfence: the rest of this file is masked\n",
  ],
  [
    "a quote that parsers read differently ends what is shown",
    "A='x\\'\nB='y\nQz=1'\n",
    "A=ringfence-masked\n# ringfence: the rest of this file is masked\n",
  ],
  [
    "a here-document ends what is shown",
    "A=$(cat <<EOF\nTOKEN=abc\nEOF\n)\n",
    "A=ringfence-masked\n# ringfence: the rest of this file is masked\n",
  ],
  [
    "CRLF and a byte order mark are understood",
    "\ufeffA=1\r\n\r\nB=2\r\n",
    "A=ringfence-masked\n\nB=ringfence-masked\n",
  ],
] as const) {
  test(`dotenv: ${promise}`, () => assert.equal(mask("dotenv", text), shown));
}

test("npmrc: registries stay without users, tokens go", () => {
  const text = [
    "; npm_oldtoken",
    "registry=https://bob:hunter22@npm.acme.com/repo/",
    "@acme:registry = https://npm.acme.com/0a1b2c3d4e5f6a7b8c9d/",
    "//npm.acme.com/:_authToken=npm_abcdef0123456789",
    "//bob:hunter22@npm.acme.com/:_password=aHVudGVyMjI=",
    "_auth = Ym9iOmh1bnRlcjIy",
    "username=bobby",
    "email=bob@acme.com",
    "https-proxy=http://bob:hunter22@proxy:8080",
    "save-exact=true",
    "loglevel=warn",
    "npm_looseToken",
  ].join("\n");
  assert.equal(
    mask("npmrc", text),
    [
      "registry=https://npm.acme.com/repo/",
      "@acme:registry=https://npm.acme.com/ringfence-masked/",
      "//npm.acme.com/:_authToken=ringfence-masked",
      "//npm.acme.com/:_password=ringfence-masked",
      "_auth=ringfence-masked",
      "username=ringfence-masked",
      "email=ringfence-masked",
      "https-proxy=ringfence-masked",
      "save-exact=true",
      "loglevel=warn",
      "",
    ].join("\n"),
  );
});

test("other kinds show one line, whatever they hold", () => {
  fc.assert(
    fc.property(fc.constantFrom<SecretKind[]>("key", "netrc", "other"), fc.uint8Array(), (kind, bytes) =>
      assert.deepEqual(maskContent(kind, bytes), maskContent(kind, new Uint8Array())),
    ),
  );
});

test("a file that is not text or too large shows one line", () => {
  assert.equal(mask("dotenv", "A=1\0"), "# ringfence: this file holds secrets and is masked in the box\n");
  assert.equal(
    mask("dotenv", "A=1\n".repeat(2 ** 16)),
    "# ringfence: this file holds secrets and is masked in the box\n",
  );
});

test("no value of a dotenv file appears in what the box sees", () => {
  const value = fc
    .string({ unit: fc.constantFrom(..."abz019+/=$#\\ -é"), minLength: 4, maxLength: 24 })
    .map((text) => `q${text.trim()}q7`);
  const quoted = fc.tuple(fc.constantFrom("", '"', "'", "`"), fc.array(value, { minLength: 1, maxLength: 3 }));
  const entry = fc.record({
    lead: fc.constantFrom("", "export ", "  ", "# ", "#"),
    key: fc.stringMatching(/^[A-Z][A-Z_]{0,8}$/),
    sign: fc.constantFrom("=", " = ", "= "),
    quoted,
    trail: fc.constantFrom("", " # note", " "),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), (entries, newline) => {
      const lines = entries.map(
        ({ lead, key, sign, quoted: [quote, parts], trail }) =>
          `${lead}${key}${sign}${quote}${parts.join(quote === "" ? "\\\n" : "\n")}${quote}${trail}`,
      );
      const remarks = entries.map(({ quoted: [, parts] }) => `# remember ${parts[0]?.replaceAll("=", "")}`);
      const shown = mask("dotenv", [...lines, ...remarks].join("\n").replaceAll("\n", newline));
      for (const {
        quoted: [, parts],
      } of entries) {
        for (const part of parts)
          assert.ok(!shown.includes(part), `${JSON.stringify(part)} in ${JSON.stringify(shown)}`);
      }
    }),
  );
});

test("only lines that the format explains are shown, for any text", () => {
  fc.assert(
    fc.property(
      fc
        .array(fc.constantFrom("A", "b", "=", '"', "'", "`", "\n", "\r", "\\", "#", " ", "$(", "<<", "é", "ZZZZ"))
        .map((parts) => parts.join("")),
      (text) => {
        for (const line of mask("dotenv", text).split("\n"))
          assert.match(line, /^(?:|#[^=]*|(?:export )?[A-Za-z_][\w.-]*=(?:ringfence-masked)?)$/);
      },
    ),
  );
});

test("hostile files take little time", () => {
  for (const text of [
    "A=\n".repeat(21000),
    "#abcd efgh\nA=zzzz\n".repeat(3500),
    " ".repeat(65000),
    `${"x.".repeat(32000)}=`,
    `registry=https://${"/a".repeat(30000)}`,
    `//${"a@".repeat(30000)}`,
  ]) {
    const start = process.cpuUsage();
    mask("dotenv", text);
    mask("npmrc", text);
    assert.ok(workMs(start) < 2000);
  }
});

test("a value that all readers of a dotenv file read alike can be filled, and no other", () => {
  const asked: string[] = [];
  const fill = (name: string, value: string) => {
    asked.push(`${name} ${value}`);
    return name === "C" ? null : "FILLED";
  };
  const text = 'A=one\nexport B=\'two\'\nC=three\nD="four"\nE=a b\nF="$X"\nG=x#y\nH=\nI=$(id)\nJ=last\n';
  assert.equal(
    new TextDecoder().decode(maskContent("dotenv", new TextEncoder().encode(text), fill)),
    `A=FILLED\nexport B='FILLED'\nC=ringfence-masked\nD="FILLED"\nE=ringfence-masked\nF=ringfence-masked\nG=ringfence-masked\nH=\nI=ringfence-masked\n# ringfence: the rest of this file is masked\n`,
  );
  assert.deepEqual(asked, ["A one", "B two", "C three", "D four"]);
});

test("tokens and user names of an npmrc can be filled, and nothing else of it", () => {
  const text =
    "registry=https://r.example/\n//r.example/:_authToken=one\n//r.example/:username=me\n//r.example/:_password=two\nemail=a@b\n_auth=three\n";
  const fill = (name: string, value: string) => (value === "two" ? null : `${name.length}`);
  assert.equal(
    new TextDecoder().decode(maskContent("npmrc", new TextEncoder().encode(text), fill)),
    "registry=https://r.example/\n//r.example/:_authToken=23\n//r.example/:username=21\n//r.example/:_password=ringfence-masked\nemail=ringfence-masked\n_auth=5\n",
  );
});
