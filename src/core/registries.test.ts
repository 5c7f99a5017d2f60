import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NetRequest } from "./net-rules.ts";
import { type Ecosystem, gatherLocked, type Locked, type LockedPackage } from "./packages.ts";
import { judgePackage } from "./registries.ts";
import { documentOf, fileAsked, filesIn, isLockedFile } from "./registries-files.ts";
import { whyPackage } from "./registries-why.ts";
import { parseBase, type Registry } from "./registry.ts";
import { similarName, warnSimilar } from "./similar.ts";

const SEED = Number(process.env.RINGFENCE_SEED ?? 20_260_301);
const HEX = "0123456789abcdef".repeat(4);

const locked = gatherLocked([
  of("npm", "left-pad", "1.3.0"),
  of("npm", "@acme/tool", "2.0.0-rc.1"),
  of("pypi", "flask", "2.0.0", `https://files.test/p/${HEX}/flask-2.0.0.tar.gz`),
  of("pypi", "ruamel-yaml", "0.18.0"),
  of("cargo", "serde", "1.0.200"),
  of("cargo", "Inflector", "0.11.4"),
  of("cargo", "inflector", "0.11.4"),
  of("cargo", "abc", "1.0.0"),
  of("go", "github.com/BurntSushi/toml", "v1.2.3"),
  of("maven", "org.slf4j:slf4j-api", "2.0.9"),
  of("rubygems", "nokogiri", "1.15.0-x86_64-linux"),
  of("rubygems", "rspec-core", "3.12.0"),
  of("composer", "monolog/monolog", "3.0.0", "https://dist.test/zip/abc"),
]);

function of(ecosystem: Ecosystem, name: string, version: string, url: string | null = null): LockedPackage {
  return { ecosystem, name, version, url };
}

function registry(kind: Registry["kind"], address = "https://r.test/", tool: string = kind): Registry {
  const base = parseBase(address);
  assert.ok(base);
  if (kind === "crates") return { kind, tool, base, template: "{crate}/{version}/download" };
  return kind === "apt" ? { kind, tool, base, suites: ["bookworm", "bookworm-updates"] } : { kind, tool, base };
}

function get(path: string, more: Partial<NetRequest> = {}): NetRequest {
  return { protocol: "https", host: "r.test", port: 443, method: "GET", path, hasBody: false, ...more };
}

/** Kind, name and version of the verdict, in one line. */
function judged(one: Registry, request: NetRequest, known: Locked = locked): string | null {
  const verdict = judgePackage(one, known, request);
  return verdict && [verdict.kind, verdict.name, verdict.version].filter((part) => part !== null).join(" ");
}

function judgedAll(kind: Registry["kind"], paths: Readonly<Record<string, string>>): void {
  const found = Object.keys(paths).map((path) => [path, judged(registry(kind), get(path))]);
  assert.deepEqual(Object.fromEntries(found), paths);
}

test("npm: documents and tarballs of locked packages, in each client's spelling", () => {
  judgedAll("npm", {
    "/left-pad": "locked left-pad",
    "/left-pad/latest": "locked left-pad",
    "/left-pad/1.3.0": "locked left-pad 1.3.0",
    "/left-pad/-/left-pad-1.3.0.tgz": "locked left-pad 1.3.0",
    "/@acme%2ftool": "locked @acme/tool",
    "/@acme%2Ftool": "locked @acme/tool",
    "/@acme/tool": "locked @acme/tool",
    "/@acme/tool/-/tool-2.0.0-rc.1.tgz": "locked @acme/tool 2.0.0-rc.1",
    "/-/npm/v1/attestations/left-pad@1.3.0": "locked left-pad 1.3.0",
    "/-/npm/v1/attestations/@acme%2ftool@2.0.0-rc.1": "locked @acme/tool 2.0.0-rc.1",
    "/-/npm/v1/keys": "listing",
    "/-/ping": "listing",
    "/left-pad/-/left-pad-1.3.1.tgz": "other left-pad 1.3.1",
    "/leftpad": "other leftpad",
    "/@acme/other/-/other-1.0.0.tgz": "other @acme/other 1.0.0",
    "/left-pad/-/right-pad-1.3.0.tgz": "other",
    "/left-pad/-/left-pad-1.3.0.tgz?x": "other",
    "/left-pad?write=true": "other",
    "/left-pad/": "other",
    "/left%2dpad": "other",
    "//left-pad": "other",
    "/./left-pad": "other",
    "/x/../left-pad": "other",
    "/left-pad/-/left-pad-1.3.0.tgz/": "other",
    "/-/v1/search?text=left-pad": "other",
    "/-/whoami": "other",
    "/": "other",
  });
});

test("npm: nothing but reading, and the audit apart", () => {
  const npm = registry("npm");
  const post = { method: "POST", hasBody: true };
  assert.equal(judged(npm, get("/-/npm/v1/security/advisories/bulk", post)), "audit");
  assert.equal(judged(npm, get("/-/npm/v1/security/audits/quick", post)), "audit");
  assert.equal(judged(npm, get("/-/npm/v1/security/advisories/bulk?x", post)), "other");
  assert.equal(judged(npm, get("/left-pad", { method: "HEAD" })), "locked left-pad");
  for (const method of ["PUT", "DELETE", "POST", "PATCH", "OPTIONS", "get", "TRACE"]) {
    assert.equal(judged(npm, get("/left-pad", { method })), "other left-pad");
    assert.equal(judged(npm, get("/-/ping", { method })), "other");
  }
  assert.equal(judged(npm, get("/left-pad", { hasBody: true })), "other left-pad");
  assert.equal(judged(npm, get("", { protocol: "tunnel", method: "CONNECT" })), "other");
});

test("a registry below a path, at a port, in plain HTTP: only exactly there", () => {
  const npm = registry("npm", "http://name:word@R.test:4873/api/npm/all/");
  const at = { protocol: "http", port: 4873 } as const;
  assert.equal(judged(npm, get("/api/npm/all/left-pad", at)), "locked left-pad");
  assert.equal(judged(npm, get("/left-pad", at)), null);
  assert.equal(judged(npm, get("/api/npm/allx/left-pad", at)), null);
  assert.equal(judged(npm, get("/api/npm/all/left-pad")), null);
  assert.equal(judged(npm, get("/api/npm/all/left-pad", { ...at, host: "x.r.test" })), null);
  assert.equal(judged(npm, get("/api/npm/all/left-pad", { ...at, protocol: "https" })), null);
});

test("Python: pages in the one spelling of a name", () => {
  judgedAll("pypi", {
    "/flask/": "locked flask",
    "/ruamel-yaml/": "locked ruamel-yaml",
    "/Flask/": "other",
    "/ruamel.yaml/": "other",
    "/flask": "other",
    "/django/": "other django",
    "/": "other",
    "/flask/?x": "other",
  });
  judgedAll("pypi-json", {
    "/flask/json": "locked flask",
    "/flask/2.0.0/json": "locked flask 2.0.0",
    "/flask/2/json": "locked flask 2",
    "/flask/2.0.0.0/json": "other flask 2.0.0.0",
    "/flask/2.0.1/json": "other flask 2.0.1",
  });
});

test("cargo: index by prefix, and crates by the index's template", () => {
  judgedAll("cargo", {
    "/config.json": "listing",
    "/se/rd/serde": "locked serde",
    "/in/fl/inflector": "locked inflector",
    "/3/a/abc": "locked abc",
    "/In/fl/Inflector": "other",
    "/se/rx/serde": "other",
    "/serde": "other",
    "/to/ki/tokio": "other tokio",
    "/1/a": "other a",
    "/2/ab": "other ab",
  });
  judgedAll("crates", {
    "/serde/1.0.200/download": "locked serde 1.0.200",
    "/Inflector/0.11.4/download": "locked Inflector 0.11.4",
    "/serde/1.0.201/download": "other serde 1.0.201",
    "/serde/1.0.200/download/": "other",
    "/serde/1.0.200": "other",
  });
  const base = parseBase("https://r.test");
  assert.ok(base);
  const crates = (template: string): Registry => ({ kind: "crates", tool: "cargo", base, template });
  const prefixed = crates("{prefix}/{crate}/{crate}-{version}.crate");
  assert.equal(judged(prefixed, get("/se/rd/serde/serde-1.0.200.crate")), "locked serde 1.0.200");
  assert.equal(judged(prefixed, get("/se/rd/serde/tokio-1.0.200.crate")), "other");
  assert.equal(judged(prefixed, get("/xx/rd/serde/serde-1.0.200.crate")), "other");
  assert.equal(judged(crates("{crate}/{sha256-checksum}"), get(`/serde/${HEX}`)), "other");
  assert.equal(judged(crates("{crate}".repeat(9)), get(`/${"a".repeat(900)}`)), "other");
});

test("go: modules with capitals, and the sum database without its tiles", () => {
  judgedAll("go", {
    "/github.com/!burnt!sushi/toml/@v/v1.2.3.zip": "locked github.com/BurntSushi/toml v1.2.3",
    "/github.com/!burnt!sushi/toml/@v/v1.2.3.mod": "locked github.com/BurntSushi/toml v1.2.3",
    "/github.com/!burnt!sushi/toml/@v/list": "locked github.com/BurntSushi/toml",
    "/github.com/!burnt!sushi/toml/@latest": "locked github.com/BurntSushi/toml",
    "/github.com/BurntSushi/toml/@latest": "other",
    "/github.com/burntsushi/toml/@latest": "other github.com/burntsushi/toml",
    "/github.com/!burnt!sushi/toml/@v/v1.2.4.zip": "other github.com/BurntSushi/toml v1.2.4",
    "/github.com/!burnt!sushi/toml/@v/v1.2.3.exe": "other",
    "/github.com/!burnt!sushi/toml/@v/main.info": "other github.com/BurntSushi/toml main",
  });
  judgedAll("sumdb", {
    "/supported": "listing",
    "/latest": "listing",
    "/lookup/github.com/!burnt!sushi/toml@v1.2.3": "locked github.com/BurntSushi/toml v1.2.3",
    "/lookup/github.com/!burnt!sushi/toml@v1.2.4": "other github.com/BurntSushi/toml v1.2.4",
    "/tile/8/0/x001/234": "other",
  });
});

test("maven, rubygems, composer, apt", () => {
  judgedAll("maven", {
    "/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.pom": "locked org.slf4j:slf4j-api 2.0.9",
    "/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.jar.sha1": "locked org.slf4j:slf4j-api 2.0.9",
    "/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9-sources.jar": "locked org.slf4j:slf4j-api 2.0.9",
    "/org/slf4j/slf4j-api/maven-metadata.xml": "locked org.slf4j:slf4j-api",
    "/org/slf4j/slf4j-api/2.0.10/slf4j-api-2.0.10.jar": "other org.slf4j:slf4j-api 2.0.10",
    "/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9-c3RvbGVu.jar": "other",
    "/org.slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.pom": "other",
    "/org.slf4j/slf4j-api/maven-metadata.xml": "other",
    "/org/slf4j/slf4j-api/2.0.9/": "other",
  });
  judgedAll("rubygems", {
    "/versions": "listing",
    "/info/nokogiri": "locked nokogiri",
    "/gems/nokogiri-1.15.0-x86_64-linux.gem": "locked nokogiri 1.15.0-x86_64-linux",
    "/gems/rspec-core-3.12.0.gem": "locked rspec-core 3.12.0",
    "/quick/Marshal.4.8/rspec-core-3.12.0.gemspec.rz": "locked rspec-core 3.12.0",
    "/gems/rspec-core-3.13.0.gem": "other rspec-core 3.13.0",
    "/api/v1/dependencies?gems=nokogiri": "other",
    "/gems/nokogiri.gem": "other",
  });
  judgedAll("composer", {
    "/packages.json": "listing",
    "/p2/monolog/monolog.json": "locked monolog/monolog",
    "/p2/monolog/monolog~dev.json": "locked monolog/monolog",
    "/p2/Monolog/monolog.json": "other",
    "/p2/other/package.json": "other other/package",
  });
  judgedAll("apt", {
    "/dists/bookworm/InRelease": "listing",
    "/dists/bookworm-updates/main/binary-amd64/Packages.xz": "listing",
    "/dists/trixie/InRelease": "other",
    [`/dists/bookworm/main/binary-amd64/by-hash/SHA256/${HEX}`]: "other",
    "/pool/main/c/curl/curl_7.88.1-10_amd64.deb": "other",
  });
});

test("files at other addresses: only those that the registry itself lists, at a locked version", () => {
  const [flask] = [of("pypi", "flask", "2.0.0")];
  const own = `https://files.test/p/${HEX}/flask-2.0.0.tar.gz`;
  const html = `<a href="../../p/${HEX}/flask-2.0.0.tar.gz#sha256=x">f</a> <a data-x="1" href="https://files.test/q/Flask-2.0-py3-none-any.whl">w</a>
<a href="https://files.test/q/flask-2.1.0.tar.gz">n</a><a href="https://files.test/q/other-2.0.0.tar.gz">o</a>`;
  const address = documentOf(registry("pypi", "https://files.test/simple"), flask);
  assert.equal(address, "https://files.test/simple/flask/");
  const files = filesIn(flask, html, address);
  const urls = {
    [own]: true,
    [`${own}.metadata`]: true,
    "https://files.test/q/Flask-2.0-py3-none-any.whl": true,
    "https://files.test/q/Flask-2.0-py3-none-any.whl.metadata": true,
    "https://files.test/q/flask-2.1.0.tar.gz": false,
    "https://files.test/q/other-2.0.0.tar.gz": false,
    [`${own}?x=1`]: false,
    [own.replace("0", "1")]: false,
  };
  const found = Object.keys(urls).map((url) => [url, isLockedFile(files, locked, flask, url)]);
  assert.deepEqual(Object.fromEntries(found), urls);
  const json = JSON.stringify({ files: [{ url: own, filename: "flask-2.0.0.tar.gz" }, { url: 7 }, null] });
  assert.deepEqual([...filesIn(flask, json, address)], [[own, "2"]]);
});

test("which package a file could be of is told by the lockfile, or by the name of a file of Python's", () => {
  const asked = (url: string) => fileAsked(locked, url)?.name ?? null;
  assert.equal(asked("https://elsewhere.test/x/Flask-2.0.0-py3-none-any.whl"), "flask");
  assert.equal(
    asked("https://elsewhere.test/x/flask-2.0.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl.metadata"),
    "flask",
  );
  assert.equal(asked("https://elsewhere.test/x/ruamel.yaml-0.18.0.tar.gz"), "ruamel-yaml");
  assert.equal(asked("https://dist.test/zip/abc"), "monolog/monolog");
  assert.equal(asked("https://elsewhere.test/x/flask-2.0.1.tar.gz"), null);
  assert.equal(asked("https://elsewhere.test/x/flask-2.0.0.exe"), null);
});

test("npm's and composer's documents name their files", () => {
  const pad = of("npm", "left-pad", "1.3.0");
  const npm = JSON.stringify({
    versions: {
      "1.3.0": { version: "1.3.0", dist: { tarball: "https://cdn.test/download/left-pad/1.3.0/abc" } },
      "1.4.0": { version: "1.4.0", dist: { tarball: "https://cdn.test/download/left-pad/1.4.0/abc" } },
      "1.5.0": { version: "1.5.0", dist: { tarball: "file:///etc/passwd" } },
    },
  });
  const files = filesIn(pad, npm, "https://r.test/left-pad");
  assert.equal(files.size, 2);
  assert.equal(isLockedFile(files, locked, pad, "https://cdn.test/download/left-pad/1.3.0/abc"), true);
  assert.equal(isLockedFile(files, locked, pad, "https://cdn.test/download/left-pad/1.4.0/abc"), false);
  const monolog = of("composer", "monolog/monolog", "3.0.0");
  const p2 = { packages: { "monolog/monolog": [{ version: "3.0.0", dist: { url: "https://dist.test/zip/abc" } }] } };
  assert.deepEqual(
    [...filesIn(monolog, JSON.stringify(p2), "https://r.test/")],
    [["https://dist.test/zip/abc", "3.0.0"]],
  );
  for (const text of ["", "null", "[]", '{"versions":[1]}', '{"packages":{"__proto__":1}}', "<".repeat(100_000)]) {
    for (const one of [pad, monolog, of("pypi", "flask", "2.0.0")])
      assert.equal(filesIn(one, text, "https://r.test/").size, 0);
  }
});

test("addresses of registries: plain ones, without what is secret in them", () => {
  assert.deepEqual(parseBase("https://name:pa55word@R.test:8443/a/b/"), {
    protocol: "https",
    host: "r.test",
    port: 8443,
    path: "/a/b",
  });
  assert.deepEqual(parseBase("sparse+http://r.test/"), { protocol: "http", host: "r.test", port: 80, path: "" });
  for (const text of [
    "",
    "file:///x",
    "ftp://r.test",
    "https://",
    "https://r.test/?a=b",
    "https://r.test/#x",
    "https://r.test/%2e",
    "https://${X}/",
    "https://r.test/${X}",
    "git+https://r.test/x",
    "https://r.test//x",
    "https://a b/",
    `https://r.test/${"x".repeat(3000)}`,
  ]) {
    assert.equal(parseBase(text), null, text);
  }
});

test("no path carries more than a locked name: each is spelled in a few ways, whatever is changed in it", () => {
  const paths: Readonly<Record<string, readonly string[]>> = {
    npm: ["/left-pad", "/left-pad/-/left-pad-1.3.0.tgz", "/@acme%2ftool", "/@acme/tool/-/tool-2.0.0-rc.1.tgz"],
    pypi: ["/flask/", "/ruamel-yaml/"],
    "pypi-json": ["/flask/json", "/flask/2.0.0/json"],
    cargo: ["/se/rd/serde", "/in/fl/inflector"],
    crates: ["/serde/1.0.200/download", "/Inflector/0.11.4/download"],
    go: ["/github.com/!burnt!sushi/toml/@v/list", "/github.com/!burnt!sushi/toml/@v/v1.2.3.mod"],
    sumdb: ["/lookup/github.com/!burnt!sushi/toml@v1.2.3"],
    maven: ["/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.pom", "/org/slf4j/slf4j-api/maven-metadata.xml"],
    rubygems: ["/info/nokogiri", "/gems/rspec-core-3.12.0.gem"],
    composer: ["/p2/monolog/monolog.json"],
  };
  const all = Object.entries(paths).flatMap(([kind, list]) =>
    list.map((path) => ({ kind: kind as Registry["kind"], path })),
  );
  const piece = fc.oneof(
    fc.constantFrom(
      "/",
      "-",
      ".",
      "%2f",
      "%2F",
      "?",
      "#",
      "@",
      "!",
      "~",
      "~dev",
      "0",
      ".0",
      "a",
      "A",
      "..",
      "//",
      "./",
      ".sha1",
    ),
    fc.string({ maxLength: 3 }),
  );
  const change = fc.record({ at: fc.nat(60), cut: fc.nat(3), piece, isUpper: fc.boolean() });
  const seen = new Map<string, Set<string>>();
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.array(change, { maxLength: 3 }), ({ kind, path }, changes) => {
      const text = changes.reduce((now, { at, cut, piece: put, isUpper }) => {
        const end = now.slice(at + cut);
        return now.slice(0, at) + put + (isUpper ? end.toUpperCase() : end);
      }, path);
      const verdict = judgePackage(registry(kind), locked, get(text));
      if (verdict?.kind !== "locked") return;
      const key = `${kind} ${verdict.name} ${verdict.version}`;
      seen.set(key, (seen.get(key) ?? new Set()).add(text));
    }),
    { numRuns: 30_000, seed: SEED },
  );
  assert.ok(seen.size >= all.length);
  for (const [key, texts] of seen) assert.ok(texts.size <= 8, `${key}: ${[...texts].join(" ")}`);
});

test("names that could be taken for a locked one", () => {
  const alike = ["leftpad", "left_pad", "lefft-pad", "left-pda", "lef-pad", "lift-pad", "pad-left", "Left-Pad"];
  for (const name of alike) assert.equal(similarName(locked, "npm", name), "left-pad", name);
  for (const name of ["left-pad", "right-pad", "left-pads-all", "x", "x".repeat(1000)])
    assert.equal(similarName(locked, "npm", name), null, name);
  assert.equal(similarName(locked, "npm", "acme-tool"), "@acme/tool");
  assert.equal(similarName(locked, "pypi", "leftpad"), null);
  assert.equal(similarName(locked, "cargo", "abd"), null);
  assert.equal(
    warnSimilar(locked, "npm", "leftpad"),
    '"leftpad" looks much like "left-pad", which the lockfile has: make sure that it is the one you mean',
  );
});

test("why: what it is, and what to do", () => {
  const why = (one: Registry, request: NetRequest) => {
    const verdict = judgePackage(one, locked, request);
    assert.ok(verdict);
    return whyPackage(verdict, request, locked);
  };
  const npm = registry("npm");
  assert.equal(
    why(npm, get("/left-pad/-/left-pad-1.3.0.tgz")),
    "left-pad 1.3.0 is in a lockfile of this checkout, and the registry is the one that npm is configured for: it passes",
  );
  assert.equal(
    why(npm, get("/leftpad/-/leftpad-1.0.0.tgz")),
    'leftpad 1.0.0 is in no lockfile of this checkout (the registry that npm is configured for); "leftpad" looks much like "left-pad", which the lockfile has: make sure that it is the one you mean; to add it, run: ringfence exec -- npm install leftpad@1.0.0 and land the lockfile; to allow the whole registry, name r.test in net.allow',
  );
  assert.match(
    why(npm, get("/left-pad", { method: "PUT", hasBody: true })),
    /^PUT with a body could change the registry .* name r\.test in net\.allow$/,
  );
  assert.match(why(npm, get("", { protocol: "tunnel", method: "CONNECT" })), /^a tunnel to .* hides what it carries/);
  assert.match(
    why(registry("npm", "https://r.test:8443/", "yarn"), get("/x", { port: 8443 })),
    /yarn add x .*name r\.test:8443/,
  );
  assert.match(why(npm, get("/-/npm/v1/security/audits", { method: "POST", hasBody: true })), /in silence$/);
  assert.match(why(npm, get("/-/ping")), /fixed document/);
  assert.match(why(registry("apt"), get("/pool/x.deb")), /no document or file of a package/);
  assert.match(why(registry("pypi"), get("/django/")), /write django into requirements\.txt/);
});
