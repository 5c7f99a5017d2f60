import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compareAnchored } from "../ledger/anchored.ts";
import { createLedger } from "../ledger/append.ts";
import { LedgerFailure } from "../ledger/failure.ts";
import { Seal } from "../ledger/seal.ts";
import { readLedger } from "../ledger/verify.ts";
import { Anchor } from "./anchor.ts";
import { anchorTyped, anchorWithin, placeWords } from "./config-anchor.ts";

test("heads go to the anchor at most once a minute, and the last one always; each is recorded", async (t) => {
  const at = place(t);
  const anchor = at.anchor(join(at.folder, "heads"), false);
  await anchor.begin();
  for (const minute of [0, 0.5, 0.9, 1.1]) {
    at.clock(minute * 60_000);
    at.ledger.append({ minute });
    at.ledger.sealed();
    await at.until(minute > 1 ? 2 : 1);
  }
  await anchor.finish();
  at.ledger.close();
  const anchored = at.events().filter(({ type }) => type === "anchored");
  assert.deepEqual(
    anchored.map(({ at: ms, size, error }) => [ms, size, error]),
    [
      [0, 2, null],
      [66_000, 9, null],
      [66_000, 11, null],
    ],
  );
  const verdict = compareAnchored(at.file, readFileSync(join(at.folder, "heads"), "utf8"), at.seal.signer());
  assert.deepEqual(verdict, { ok: true, heads: 3, size: 11, events: 14 });
  assert.deepEqual(at.said, []);
});

test("an anchor that fails is told once and recorded each time, and the session goes on", async (t) => {
  const at = place(t);
  const anchor = at.anchor(join(at.folder, "none/heads"), false);
  await anchor.begin();
  for (const minute of [0, 2]) {
    at.clock(minute * 60_000);
    at.ledger.append({ minute });
    at.ledger.sealed();
    await at.until(minute === 0 ? 1 : 2);
  }
  await anchor.finish();
  at.ledger.append({ more: true });
  at.ledger.close();
  assert.equal(at.said.length, 1);
  assert.match(at.said[0] ?? "", /could not be taken to \/.*none\/heads: ENOENT.*; the session goes on/);
  const errors = at.events().flatMap(({ type, error }) => (type === "anchored" ? [String(error)] : []));
  assert.deepEqual([errors.length, errors.every((error) => /ENOENT/.test(error))], [3, true]);
});

test("where the anchor is required, nothing begins without it, and one that fails later ends the ledger", async (t) => {
  const at = place(t);
  const heads = join(at.folder, "later/heads");
  await assert.rejects(at.anchor(heads, true).begin(), (error: Error) => {
    assert.ok(error instanceof LedgerFailure);
    assert.match(error.message, /could not be taken .*ENOENT.*; log.anchor is required, so nothing goes on without it/);
    return true;
  });
  mkdirSync(join(at.folder, "later"));
  const anchor = at.anchor(heads, true);
  await anchor.begin();
  assert.match(readFileSync(heads, "utf8"), /^ringfence\/session\/one\n/);
  rmSync(join(at.folder, "later"), { recursive: true });
  at.clock(61_000);
  at.ledger.append({ n: 1 });
  at.ledger.sealed();
  // One failed to begin with, and one succeeded.
  await at.until(3);
  await sleep(10);
  assert.throws(() => at.ledger.append({ n: 2 }), /log.anchor is required/);
  await assert.rejects(anchor.finish(), /log.anchor is required/);
  at.ledger.close();
  assert.deepEqual(at.said, []);
  // The failure itself is recorded, and signed.
  assert.deepEqual(
    at
      .events()
      .slice(-2)
      .map(({ type }) => type),
    ["anchored", "head"],
  );
});

test("an anchor in the checkout is refused, also by way of a link, and what it is called shows no password", (t) => {
  const { folder } = place(t);
  const checkout = join(folder, "repo");
  mkdirSync(checkout);
  symlinkSync(checkout, join(folder, "link"));
  for (const typed of [`${checkout}/heads`, `${folder}/link/new/heads`, `${checkout}/.git#refs/x/y`])
    assert.match(anchorWithin(anchorTyped(typed), checkout) ?? "", /lies in the checkout: name a place outside/);
  for (const typed of [`${checkout}s`, `${folder}/heads`, "https://a.test/x"])
    assert.equal(anchorWithin(anchorTyped(typed), checkout), null);
  assert.equal(placeWords(anchorTyped("https://a.test/x?token=hunter2")), "https://a.test/x");
  assert.equal(placeWords(anchorTyped("/srv/a.git#refs/heads/b")), "/srv/a.git#refs/heads/b");
  assert.throws(() => anchorTyped("https://me:pw@a.test/"), /--anchor is FILE, REPOSITORY#REF or an address/);
  assert.throws(() => anchorTyped("/a#refs/../b"), /the full name of a ref/);
  assert.throws(() => anchorTyped(checkout), /of a repository the ref belongs to it/);
  assert.throws(() => anchorTyped("ftp://a.test/x"), /an address begins with https/);
});

function place(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-anchor-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "state/sessions/one");
  mkdirSync(path, { recursive: true });
  const [file, seal, said] = [join(path, "ledger.log"), Seal.of(path), [] as string[]];
  const ledger = createLedger(file, seal);
  ledger.append({ type: "start" });
  let now = 0;
  const events = () => [...readLedger(file)].map(({ event }) => event);
  const told = { checkout: join(folder, "repo"), now: () => now, say: (text: string) => void said.push(text) };
  return {
    folder,
    file,
    seal,
    ledger,
    said,
    clock: (ms: number) => {
      now = ms;
    },
    anchor: (to: string, isRequired: boolean) => new Anchor({ kind: "file", path: to, isRequired }, ledger, told),
    events,
    /** Waits until so many heads were taken away, or were not. */
    until: async (many: number) => {
      for (let tried = 0; events().filter(({ type }) => type === "anchored").length < many; tried += 1) {
        assert.ok(tried < 500, `in vain for ${many}`);
        await sleep(10);
      }
    },
  };
}
