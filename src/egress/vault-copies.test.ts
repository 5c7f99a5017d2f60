import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { keepHomePaths } from "./vault-copies.ts";
import { Keep } from "./vault-keep.ts";

const TOKEN = "abcdefgh12345678ijkl";

function makeHome(t: TestContext, files: Readonly<Record<string, string | Buffer>>): string {
  const root = mkdtempSync(join(tmpdir(), "ringfence-copies-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

function copy(home: string, paths: readonly string[], excluded: readonly string[] = []) {
  const keep = new Keep(Buffer.alloc(32));
  const { files, notes } = keepHomePaths(keep, { home, environment: {}, excluded }, paths);
  return { files: Object.fromEntries(files.map(({ path, content }) => [path, content])), notes, keep };
}

test("files and folders that are named are copied, and their secrets are placeholders that are put on nowhere", (t) => {
  const root = makeHome(t, {
    "home/.a/x.toml": `token = "${TOKEN}"\n`,
    "home/.a/deep/y.md": "y\n",
    "home/z": "z",
    "home/other": "o",
  });
  const home = join(root, "home");
  const { files, notes, keep } = copy(home, [".a", join(home, "z")]);
  assert.deepEqual([Object.keys(files), notes], [[".a/deep/y.md", ".a/x.toml", "z"], []]);
  const [credential] = keep.credentials();
  assert.equal(files[".a/x.toml"], `token = "${credential?.placeholder}"\n`);
  assert.deepEqual([credential?.value.reveal(), credential?.rules], [TOKEN, []]);
});

test("nothing comes from outside the home, from behind a link, or from where a box can write", (t) => {
  const root = makeHome(t, { "home/.a/x": "x", "home/plans/y": "y", outside: "secret", "home/.real/z": "z" });
  const home = join(root, "home");
  symlinkSync(join(root, "outside"), join(home, ".a/link"));
  symlinkSync(join(root, "outside"), join(home, ".out"));
  symlinkSync(".real", join(home, ".linked"));
  const asked = [".a", ".out", ".linked", "../outside", "/", ".", "", "plans", "gone", ".a/../../outside"];
  const { files, notes } = copy(home, asked, [join(home, "plans")]);
  // A link of the person's own that stays in the home is what they named.
  assert.deepEqual(files, { ".a/x": "x", ".linked/z": "z" });
  assert.equal(notes.length, 9, notes.join("\n"));
  assert.ok(!JSON.stringify(files).includes("secret"));
});

test("keys, files of credentials, what is no text and what is too large stay outside, and that is told", (t) => {
  const root = makeHome(t, {
    "home/.a/auth.json": `{"refresh":"${TOKEN}"}`,
    "home/.a/id_rsa": "x",
    "home/.a/notes": "-----BEGIN OPENSSH PRIVATE KEY-----\nx",
    "home/.a/blob": Buffer.from([1, 0, 2]),
    "home/.a/latin": Buffer.from([0xe9, 0x20]),
    "home/.a/large": Buffer.alloc((1 << 20) + 1, 0x61),
    "home/.a/good": "good",
  });
  const { files, notes } = copy(join(root, "home"), [".a"]);
  assert.deepEqual(files, { ".a/good": "good" });
  assert.equal(notes.length, 6);
});
