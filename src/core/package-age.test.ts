import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ageDocument, type Dated, describeAge, isOld, readAge } from "./package-age.ts";
import type { Registry } from "./registry.ts";

const NOW = Date.parse("2030-06-10T12:00:00Z");
const KINDS = ["npm", "pypi", "pypi-json", "cargo", "go", "sumdb", "maven", "rubygems", "composer"] as const;
const at = (kind: (typeof KINDS)[number], name: string, version: string | null = null): Dated => {
  const base = { protocol: "https", host: "packages.example", port: 443, path: "/r" } as const;
  return { registry: { kind, tool: "tool", base }, name, version };
};
const say = (dated: Dated, text: string, modified: string | null = null) =>
  describeAge(readAge(dated, { text, modified }), dated.version, NOW);

test("each registry is asked where it tells when its versions came", () => {
  const places = [
    at("npm", "@scope/one", "1.0.0"),
    at("pypi", "one", "1"),
    at("cargo", "One-Two", "1.0.0"),
    at("go", "example.com/One", "v1.0.0-RC"),
    at("go", "example.com/One"),
    at("maven", "org.example:one", "1.0"),
    at("maven", "org.example:one"),
    at("rubygems", "one", "1.0"),
    at("composer", "one/two", "1.0"),
    at("sumdb", "example.com/one", "v1.0.0"),
  ];
  assert.deepEqual(
    places.map((dated) => ageDocument(dated)?.url.replace("https://packages.example/r/", "") ?? null),
    [
      "@scope%2fone",
      "one/",
      "on/e-/one-two",
      "example.com/!one/@v/v1.0.0-!r!c.info",
      "example.com/!one/@latest",
      "org/example/one/1.0/one-1.0.pom",
      "org/example/one/maven-metadata.xml",
      "api/v1/versions/one.json",
      "p2/one/two.json",
      null,
    ],
  );
});

test("a young version of an old package is warned of, and so is what is not told", () => {
  const times = { created: "2020-01-01", "1.0.0": "2020-01-01T00:00:00Z", "1.1.0": "2030-06-08T00:00:00Z" };
  const packument = JSON.stringify({ versions: { "1.0.0": {}, "1.1.0": {} }, time: times });
  assert.deepEqual(say(at("npm", "one", "1.1.0"), packument), [
    "WARNING: this version is less than 7 days old: few have looked at it yet",
    "this version was published 2 days ago (2030-06-08); its first version was published 10 years ago (2020-01-01); it has 2 versions",
  ]);
  assert.deepEqual(say(at("npm", "one", "1.0.0"), packument), [
    "this version was published 10 years ago (2020-01-01); it has 2 versions",
  ]);
  assert.deepEqual(say(at("npm", "one", "9.9.9"), packument), [
    "WARNING: its registry does not tell how old it is",
    "it has 2 versions",
  ]);
  assert.deepEqual(say(at("npm", "one", "1.0.0"), "<html>"), ["WARNING: its registry does not tell how old it is"]);
});

test("every registry's own form is read", () => {
  const file = (filename: string, time: string) => ({ filename, "upload-time": time });
  const simple = {
    files: [file("one-1.0.0-py3-none-any.whl", "2029-01-01T00:00:00Z"), file("one-1.0.tar.gz", "2030-06-09T00:00:00Z")],
  };
  // A file that is added later makes a version young again.
  assert.match(
    say(at("pypi", "one", "1.0"), JSON.stringify(simple)).join(),
    /^WARNING: this version is less.*a day ago/,
  );
  const crates = '{"name":"one","vers":"1.0.0"}\n{"name":"one","vers":"1.0.1","pubtime":"2030-01-01T00:00:00Z"}\n';
  assert.match(say(at("cargo", "one", "1.0.0"), crates).join(), /does not tell how old it is,it has 2 versions/);
  assert.match(say(at("cargo", "one", "1.0.1"), crates).join(), /^this version was published 5 months ago/);
  assert.match(
    say(at("go", "one", "v1.0.0"), '{"Version":"v1.0.0","Time":"2030-06-10T11:00:00Z"}').join(),
    /within the last day/,
  );
  assert.match(
    say(at("maven", "a:b", "1"), "", "Wed, 01 Jan 2025 00:00:00 GMT").join(),
    /^this version was published 5 years/,
  );
  const metadata =
    "<metadata><version>1</version><version>2</version><lastUpdated>20300601000000</lastUpdated></metadata>";
  assert.match(
    say(at("maven", "a:b"), metadata).join(),
    /^its newest version was published 9 days ago.*it has 2 versions/,
  );
  const gems = [{ number: "1.0", created_at: "2030-07-01T00:00:00Z" }];
  assert.match(
    say(at("rubygems", "one", "1.0"), JSON.stringify(gems)).join(),
    /^WARNING.*still to come; it is the only/,
  );
  const composer = { packages: { "a/b": [{ version: "1.0", time: "2028-01-01T00:00:00+00:00" }] } };
  assert.match(
    say(at("composer", "a/b", "1.0"), JSON.stringify(composer)).join(),
    /^this version was published 2 years/,
  );
});

test("no document of a stranger's is old by being strange, or breaks the reader", () => {
  const kinds = fc.constantFrom<Registry["kind"] & (typeof KINDS)[number]>(...KINDS);
  const json = fc.oneof(fc.json(), fc.string());
  fc.assert(
    fc.property(
      kinds,
      json,
      fc.option(fc.string()),
      fc.option(fc.constantFrom("1.0", "__proto__")),
      (kind, text, modified, version) => {
        const dated = at(kind, "constructor", version);
        const age = readAge(dated, { text, modified });
        assert.ok(describeAge(age, version, NOW).length > 0);
        if (age.published === null) assert.equal(isOld(age, NOW), false);
      },
    ),
    { numRuns: 300 },
  );
});
