import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LOCKFILE_PATTERN, readLockfile } from "./lockfiles.ts";
import { gatherLocked, isLocked } from "./packages.ts";

const SEED = Number(process.env.RINGFENCE_SEED ?? 20_260_301);
const ALL = [
  "package-lock.json",
  "npm-shrinkwrap.json",
  "yarn.lock",
  "pnpm-lock.yaml",
  "requirements.txt",
  "requirements-dev.txt",
  "uv.lock",
  "poetry.lock",
  "Pipfile.lock",
  "Cargo.lock",
  "go.sum",
  "go.work.sum",
  "Gemfile.lock",
  "composer.lock",
  "gradle.lockfile",
  "buildscript-gradle.lockfile",
];

/** Name and version of each, once. */
function read(name: string, text: string): string[] {
  return [...new Set(readLockfile(name, text).map((one) => `${one.name} ${one.version}`))];
}

test("package-lock.json of version 3: scoped, nested and aliased packages, and none from elsewhere", () => {
  const text = JSON.stringify({
    lockfileVersion: 3,
    packages: {
      "": { name: "root", version: "1.0.0" },
      "packages/own": { version: "2.0.0" },
      "node_modules/own": { resolved: "packages/own", link: true },
      "node_modules/@a/b": { version: "1.2.3", resolved: "https://registry.test/@a/b/-/b-1.2.3.tgz" },
      "node_modules/@a/b/node_modules/c": { version: "0.1.0-rc.1+x" },
      "node_modules/alias": { name: "real", version: "4.0.0" },
      "node_modules/git": { version: "1.0.0", resolved: "git+ssh://git@example.com/x.git#abc" },
      "node_modules/file": { version: "1.0.0", resolved: "file:x.tgz" },
      "node_modules/JSONStream": { version: "1.3.5" },
    },
    dependencies: { ignored: { version: "9.9.9" } },
  });
  assert.deepEqual(read("package-lock.json", text), ["@a/b 1.2.3", "c 0.1.0-rc.1+x", "real 4.0.0", "JSONStream 1.3.5"]);
  assert.equal(readLockfile("package-lock.json", text)[0]?.url, "https://registry.test/@a/b/-/b-1.2.3.tgz");
});

test("npm-shrinkwrap.json of version 1: what is nested, and an alias", () => {
  const text = JSON.stringify({
    dependencies: {
      a: { version: "1.0.0", requires: { b: "2" }, dependencies: { b: { version: "2.0.0" } } },
      alias: { version: "npm:@real/name@3.0.0" },
      git: { version: "git+https://example.com/x.git#abc" },
    },
  });
  assert.deepEqual(read("npm-shrinkwrap.json", text), ["a 1.0.0", "@real/name 3.0.0", "b 2.0.0"]);
});

test("yarn.lock of yarn 1", () => {
  const text = `# yarn lockfile v1


"@a/b@^1.0.0", "@a/b@^1.1.0":
  version "1.2.3"
  resolved "https://registry.test/@a/b/-/b-1.2.3.tgz#abcdef"
  dependencies:
    c "^1.0.0"
    version "^7.0.0"

c@^1.0.0:
  version "1.0.1"

alias@npm:real@^2.0.0:
  version "2.0.5"

"git@git+https://example.com/x.git":
  version "1.0.0"

"near@file:./near":
  version "1.0.0"
`;
  assert.deepEqual(read("yarn.lock", text), ["@a/b 1.2.3", "c 1.0.1", "real 2.0.5"]);
  assert.equal(readLockfile("yarn.lock", text)[0]?.url, "https://registry.test/@a/b/-/b-1.2.3.tgz");
});

test("yarn.lock of later yarns", () => {
  const text = `__metadata:
  version: 8
  cacheKey: 10c0

"@a/b@npm:^1.0.0, @a/b@npm:^1.1.0":
  version: 1.2.3
  resolution: "@a/b@npm:1.2.3"
  dependencies:
    c: "npm:^1.0.0"
  checksum: 10c0/abc
  languageName: node
  linkType: hard

"alias@npm:real@^2.0.0":
  version: 2.0.5
  resolution: "real@npm:2.0.5::__archiveUrl=https%3A%2F%2Fregistry.test%2Freal.tgz"

"root@workspace:.":
  version: 0.0.0-use.local
  resolution: "root@workspace:."

"fixed@patch:fixed@npm%3A1.0.0#~/x.patch":
  version: 1.0.0
  resolution: "fixed@patch:fixed@npm%3A1.0.0#~/x.patch::version=1.0.0&hash=abc"
`;
  assert.deepEqual(read("yarn.lock", text), ["@a/b 1.2.3", "real 2.0.5"]);
});

test("pnpm-lock.yaml of versions 5, 6 and 9", () => {
  const five = `lockfileVersion: 5.4
packages:

  /@a/b/1.2.3_react@18.0.0:
    resolution: {integrity: sha512-x}
    dependencies:
      c: 1.0.0
  /c/1.0.0:
    resolution: {integrity: sha512-x}
  registry.test/d/1.0.0:
    resolution: {integrity: sha512-x}
`;
  const six = `packages:
  /@a/b@1.2.3(react@18.0.0):
    resolution: {integrity: sha512-x}
  /c@1.0.0:
    dev: true

settings:
  /no@1.0.0:
`;
  const nine = `lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      '@a/b':
        specifier: ^1.0.0
        version: 1.2.3

packages:

  '@a/b@1.2.3':
    resolution: {integrity: sha512-x}
  "c@1.0.0":
    resolution: {integrity: sha512-x}
  git@https://example.com/x/y/tar.gz/abc:
    resolution: {tarball: https://example.com/x/y/tar.gz/abc}

snapshots:

  '@no/no@1.2.3(react@18.0.0)': {}
`;
  for (const text of [five, six, nine]) assert.deepEqual(read("pnpm-lock.yaml", text), ["@a/b 1.2.3", "c 1.0.0"]);
});

test("requirements: what is pinned, in one spelling, and nothing else", () => {
  const text = `# comment
-r other.txt
--index-url https://registry.test/simple
Flask == 2.0.0 ; python_version > "3"  # why
Some_Package.Name[extra,more]==1.0 \\
    --hash=sha256:abc \\
    --hash=sha256:def
ranged>=1.0
wild==1.*
two==1.0,<2
exact===3.0
name @ https://example.com/x.whl
`;
  assert.deepEqual(read("requirements-dev.txt", text), ["flask 2.0.0", "some-package-name 1.0", "exact 3.0"]);
});

test("uv.lock, poetry.lock and Cargo.lock: packages of registries alone", () => {
  const uv = `version = 1
requires-python = ">=3.11"

[[package]]
name = "own"
version = "0.1.0"
source = { editable = "." }
dependencies = [
    { name = "flask" },
]

[package.metadata]
requires-dist = [{ name = "flask" }]

[[package]]
name = "flask"
version = "2.0.0"
source = { registry = "https://registry.test/simple" }
sdist = { url = "https://files.test/a/flask-2.0.0.tar.gz", hash = "sha256:x", size = 1 }
wheels = [
    { url = "https://files.test/b/flask-2.0.0-py3-none-any.whl", hash = "sha256:x", size = 1 },
]
`;
  assert.deepEqual(
    readLockfile("uv.lock", uv).map(({ name, version, url }) => [name, version, url]),
    [
      ["flask", "2.0.0", null],
      ["flask", "2.0.0", "https://files.test/a/flask-2.0.0.tar.gz"],
      ["flask", "2.0.0", "https://files.test/b/flask-2.0.0-py3-none-any.whl"],
    ],
  );
  const poetry = `[[package]]
name = "Flask"
version = "2.0.0"
files = [
    {file = "Flask-2.0.0.tar.gz", hash = "sha256:x"},
]

[package.dependencies]
click = ">=8"

[[package]]
name = "from-git"
version = "1.0"

[package.source]
type = "git"
url = "https://example.com/x.git"

[[package]]
name = "private"
version = "1.0"

[package.source]
type = "legacy"
url = "https://registry.test/simple"
reference = "mine"

[metadata]
version = "9"
name = "none"
`;
  assert.deepEqual(read("poetry.lock", poetry), ["flask 2.0.0", "private 1.0"]);
  const cargo = `version = 4

[[package]]
name = "own"
version = "0.1.0"
dependencies = [
 "serde",
]

[[package]]
name = "serde"
version = "1.0.200"
source = "registry+https://index.test/"
checksum = "x"

[[package]]
name = "Inflector"
version = "0.11.4"
source = "sparse+https://index.test/"

[[package]]
name = "from-git"
version = "1.0.0"
source = "git+https://example.com/x#abc"
`;
  assert.deepEqual(read("Cargo.lock", cargo), ["serde 1.0.200", "Inflector 0.11.4", "inflector 0.11.4"]);
});

test("Pipfile.lock, go.sum, Gemfile.lock, composer.lock and gradle.lockfile", () => {
  const pipfile = {
    default: { Flask: { version: "==2.0.0" }, git: { ref: "x" } },
    develop: { pytest: { version: "==8.0" } },
  };
  assert.deepEqual(read("Pipfile.lock", JSON.stringify(pipfile)), ["flask 2.0.0", "pytest 8.0"]);
  const go = `github.com/BurntSushi/toml v1.2.3 h1:abc=
github.com/BurntSushi/toml v1.2.3/go.mod h1:abc=
golang.org/x/net v0.0.0-20200101000000-abcdefabcdef/go.mod h1:abc=
example.com/old v2.0.0+incompatible h1:abc=
not a line
`;
  assert.deepEqual(read("go.sum", go), [
    "github.com/BurntSushi/toml v1.2.3",
    "golang.org/x/net v0.0.0-20200101000000-abcdefabcdef",
    "example.com/old v2.0.0+incompatible",
  ]);
  const gems = `GIT
  remote: https://example.com/x.git
  specs:
    from-git (1.0.0)

GEM
  remote: https://registry.test/
  specs:
    nokogiri (1.15.0-x86_64-linux)
      racc (~> 1.4)
    racc (1.7.1)

PLATFORMS
  x86_64-linux

DEPENDENCIES
  nokogiri
`;
  assert.deepEqual(read("Gemfile.lock", gems), ["nokogiri 1.15.0-x86_64-linux", "racc 1.7.1"]);
  const composer = {
    packages: [{ name: "Vendor/Name", version: "v1.2.3", dist: { type: "zip", url: "https://dist.test/zip/abc" } }],
    "packages-dev": [{ name: "a/b", version: "2.0" }],
  };
  assert.deepEqual(read("composer.lock", JSON.stringify(composer)), ["vendor/name v1.2.3", "a/b 2.0"]);
  const gradle = "# comment\norg.slf4j:slf4j-api:2.0.9=compileClasspath,runtimeClasspath\nempty=annotationProcessor\n";
  assert.deepEqual(read("gradle.lockfile", gradle), ["org.slf4j:slf4j-api 2.0.9"]);
});

test("an address in a lockfile names the package, and is no registry's", () => {
  const text = JSON.stringify({
    packages: { "node_modules/a": { version: "1.0.0", resolved: "https://attacker.test/collect?x=1#y" } },
  });
  const locked = gatherLocked(readLockfile("package-lock.json", text));
  assert.deepEqual([...locked.urls.keys()], ["https://attacker.test/collect?x=1"]);
  assert.equal(isLocked(locked, "npm", "a", "1.0.0"), true);
  assert.equal(isLocked(locked, "npm", "a", "1.0.1"), false);
  assert.equal(isLocked(locked, "pypi", "a", null), false);
});

test("names and versions that could be a path, a key of every object or a megabyte are no packages", () => {
  const names = ["__proto__/x", "../../x", "a/../b", "@a/b/c", ".npmrc", "a b", "a%2fb", "a?b", "", "x".repeat(300)];
  const entries = names.map((name) => `${JSON.stringify(`node_modules/${name}`)}:{"version":"1.0.0"}`);
  const versions = ["1.0.0/../../x", "1..2", "", " 1", "1?x", "1".repeat(200)];
  entries.push(...versions.map((version, at) => `"node_modules/v${at}":{"version":${JSON.stringify(version)}}`));
  assert.deepEqual(read("package-lock.json", `{"packages":{${entries.join(",")}}}`), []);
  const proto =
    '{"__proto__":{"packages":{"node_modules/a":{"version":"1.0.0"}}},"packages":{"__proto__":{"version":"1"}}}';
  assert.deepEqual(read("package-lock.json", proto), []);
  assert.deepEqual(read("package-lock.json", '{"packages":{"node_modules/constructor":{"version":"1.0.0"}}}'), [
    "constructor 1.0.0",
  ]);
  assert.equal(isLocked(gatherLocked([]), "npm", "constructor", null), false);
  assert.equal(({} as Record<string, unknown>).packages, undefined);
});

test("deep, long and repeated lockfiles are read in bounded time and never throw", () => {
  const deep = `{"dependencies":${'{"a":{"version":"1.0.0","dependencies":'.repeat(100_000)}{}${"}}".repeat(100_000)}}`;
  assert.deepEqual(read("npm-shrinkwrap.json", deep), ["a 1.0.0"]);
  assert.deepEqual(read("package-lock.json", "[".repeat(5_000_000)), []);
  assert.deepEqual(read("package-lock.json", " ".repeat((32 << 20) + 1)), []);
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\npackages:\n  /c@1.0.0: *b\n  <<: *b\n`;
  assert.deepEqual(read("pnpm-lock.yaml", bomb), []);
  const many = Array.from({ length: 250_000 }, (_, at) => `p${at}==1.0`).join("\n");
  assert.equal(readLockfile("requirements.txt", many).length, 200_000);
  // A quadratic reader would take hours of this, and the runner would end it.
  for (const unit of [
    " ",
    "a",
    "@",
    "a@",
    '"',
    "[[package]]\n",
    "a:",
    "  a: ",
    "(",
    "=",
    "\n",
    "\\\n",
    "x==1 ",
    "GEM\n",
    "  /a@1",
    "url = ",
  ]) {
    for (const name of ALL) readLockfile(name, `packages:\nGEM\n[[package]]\nname = "${unit.repeat(100_000)}`);
  }
});

test("no text makes a reader throw or answer with what is no package", () => {
  const piece = fc.constantFrom(
    ...[
      "packages:",
      "\n",
      "  ",
      "/a@1.0.0:",
      '"',
      "[[package]]",
      'name = "a"',
      'version = "1"',
      "GEM",
      "    a (1)",
      "==",
      "{",
      "}",
      "__proto__",
    ],
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 40 }).map((all) => all.join("")),
    fc.json(),
  );
  fc.assert(
    fc.property(fc.constantFrom(...ALL), text, (name, body) => {
      for (const one of readLockfile(name, body)) {
        assert.match(one.version, /^[\w.+!~-]+$/);
        assert.doesNotMatch(one.name, /[\s?#%\\]|\.\.|^\//);
      }
    }),
    { numRuns: 3000, seed: SEED },
  );
});

test("other files are no lockfiles", () => {
  const isLockfile = (name: string) => new RegExp(LOCKFILE_PATTERN).test(name);
  for (const name of ALL) assert.equal(isLockfile(name), true);
  for (const name of ["package.json", "x-yarn.lock", "yarn.lock.bak", "requirements.in", "a/yarn.lock", "__proto__"]) {
    assert.equal(isLockfile(name), false);
    assert.deepEqual(readLockfile(name, "a==1"), []);
  }
});
