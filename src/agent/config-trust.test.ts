import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { carriedBy, NO_FILES } from "../core/file-labels.ts";
import type { Remote } from "../core/git-remote.ts";
import { HIGHEST, LOWEST, UNKNOWN_SOURCE } from "../core/label.ts";
import { noTrust } from "../core/trust.ts";
import {
  fileLabelsReader,
  folderId,
  keepContent,
  keptContent,
  noteWritten,
  readFileLabels,
  readTrust,
  trustAt,
  writeTrust,
} from "./config-trust.ts";

const CHECKOUT = "/home/ada/thing";
const SAID = { ...noTrust(CHECKOUT, "https://example.com/ada/thing.git"), openness: "public" } as const;
const remote = (url: string): Remote => ({
  url,
  written: url,
  branch: null,
  tracks: null,
  isPushedTo: true,
  sshCommand: null,
});

function makeState(t: TestContext): string {
  const state = mkdtempSync(join(tmpdir(), "ringfence-trust-"));
  t.after(() => rmSync(state, { recursive: true }));
  return state;
}

test("what was said counts for the remote that it was said of, in each of its spellings, and for no other", () => {
  for (const url of [
    "git@example.com:ada/thing.git",
    "https://EXAMPLE.com/ada/thing",
    "https://u:p@example.com/ada/thing.git",
  ])
    assert.equal(trustAt(SAID, CHECKOUT, remote(url)).trust, SAID, url);
  for (const other of [null, remote("https://example.com/mallory/thing.git"), remote("/srv/thing.git")]) {
    const { trust, void: lost } = trustAt(SAID, CHECKOUT, other);
    assert.deepEqual([trust.openness, lost], ["private", SAID]);
  }
  assert.equal(
    trustAt({ ...SAID, remote: "" }, CHECKOUT, remote("https://example.com/ada/thing.git")).trust.openness,
    "private",
  );
});

test("a folder that is made anew at a path is another one, with git and without", (t) => {
  const checkout = join(makeState(t), "thing");
  const ids = ["", "", ".git", ".git"].map((below) => {
    rmSync(join(checkout, below), { recursive: true, force: true });
    mkdirSync(join(checkout, below), { recursive: true });
    const id = folderId(checkout);
    writeFileSync(join(checkout, below, "config"), "x");
    assert.equal(folderId(checkout), id, "what lies in it may change");
    return id;
  });
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(folderId(join(checkout, "gone")), "");
});

test("what a session notes is known at once to another that goes on", (t) => {
  const state = makeState(t);
  writeTrust(state, SAID);
  const known = fileLabelsReader(state, CHECKOUT);
  const before = known();
  assert.equal(known(), before);
  assert.equal(
    noteWritten(state, CHECKOUT, [{ path: "a.js", hash: null }], () => UNKNOWN_SOURCE),
    true,
  );
  assert.deepEqual(carriedBy(known(), { path: "a.js", hash: null }), UNKNOWN_SOURCE);
});

test("a record is of one checkout, and an approved content is only what has its hash", (t) => {
  const state = makeState(t);
  assert.equal(readTrust(state, CHECKOUT), null);
  writeTrust(state, SAID);
  assert.deepEqual(readTrust(state, CHECKOUT), SAID);
  assert.equal(readTrust(state, `${CHECKOUT}/sub`), null);
  const hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  keepContent(state, hash, Buffer.from("hello"));
  assert.equal(keptContent(state, hash)?.toString(), "hello");
  writeFileSync(join(state, `trust/content-${hash}`), "other", { mode: 0o600 });
  assert.equal(keptContent(state, hash), null);
});

test("what sessions wrote is known to later ones; where the notes are broken, every file counts as a secret of a stranger's", (t) => {
  const state = makeState(t);
  const file = { path: "a.js", hash: "h" };
  noteWritten(state, CHECKOUT, [file], () => UNKNOWN_SOURCE);
  assert.equal(readFileLabels(state, CHECKOUT), NO_FILES, "nothing is trusted, so nothing need be known");
  writeTrust(state, SAID);
  noteWritten(state, CHECKOUT, [file], () => UNKNOWN_SOURCE);
  noteWritten(state, CHECKOUT, [{ path: "b.js", hash: null }], () => LOWEST);
  const labels = readFileLabels(state, CHECKOUT);
  assert.deepEqual(carriedBy(labels, { path: "a.js", hash: null }), UNKNOWN_SOURCE);
  assert.deepEqual(carriedBy(labels, { path: "moved.js", hash: "h" }), UNKNOWN_SOURCE);
  assert.deepEqual(carriedBy(labels, { path: "b.js", hash: null }), LOWEST);
  for (let note = 0; note < 60; note += 1)
    noteWritten(state, CHECKOUT, [{ path: `${note}.js`, hash: null }], () => HIGHEST);
  assert.ok(readdirSync(join(state, "trust")).length < 55);
  for (const path of ["0.js", "59.js"])
    assert.deepEqual(carriedBy(readFileLabels(state, CHECKOUT), { path, hash: null }), HIGHEST);
  assert.deepEqual(carriedBy(readFileLabels(state, CHECKOUT), { path: "moved.js", hash: "h" }), UNKNOWN_SOURCE);
  const [name = ""] = readdirSync(join(state, "trust")).filter((each) => each.includes("-labels-"));
  writeFileSync(join(state, "trust", name), "{", { mode: 0o600 });
  assert.deepEqual(carriedBy(readFileLabels(state, CHECKOUT), { path: "c.js", hash: null }), HIGHEST);
});
