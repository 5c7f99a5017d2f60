import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "../core/json.ts";
import { createLedger, openLedger } from "./append.ts";
import { Tampered } from "./failure.ts";
import { reopenLedger } from "./reopen.ts";
import { Seal } from "./seal.ts";
import { readLedger } from "./verify.ts";

function makeLedger(t: TestContext): { readonly path: string; readonly file: string } {
  const state = mkdtempSync(join(tmpdir(), "ringfence-reopen-"));
  t.after(() => rmSync(state, { recursive: true }));
  const path = join(state, "sessions/one");
  mkdirSync(path, { recursive: true });
  const file = join(path, "ledger.log");
  const ledger = createLedger(file, Seal.of(path));
  ledger.append({ type: "start", schema: 1, session: "one", build: "b" });
  ledger.append({ type: "prompt", text: "look at the page" });
  ledger.append({ type: "source", integrity: "external", secrecy: "private", what: "a page" });
  ledger.close();
  return { path, file };
}

function reopened(path: string): JsonObject[] {
  const events: JsonObject[] = [];
  reopenLedger(join(path, "ledger.log"), Seal.of(path), (event) => events.push(event)).abandon();
  return events;
}

test("a signed ledger gives all its events, each with where it stands, and is left as it was", (t) => {
  const { path, file } = makeLedger(t);
  const before = readFileSync(file);
  assert.deepEqual(
    reopened(path),
    [...readLedger(file)].map(({ event }) => event),
  );
  const places: (readonly [number, string])[] = [];
  reopenLedger(file, Seal.of(path), (_, { seq, hash }) => places.push([seq, hash()])).abandon();
  assert.deepEqual(
    places.map(([seq]) => seq),
    [0, 1, 2, 3],
  );
  // The head tells the root of the three events before it.
  const note = String([...readLedger(file)].at(-1)?.event.note);
  assert.ok(note.includes(Buffer.from(places[2]?.[1] ?? "", "hex").toString("base64")), note);
  assert.deepEqual(readFileSync(file), before);
});

test("a ledger that was written anew around an old signature is not gone on from, even where no head is kept elsewhere", (t) => {
  const { path, file } = makeLedger(t);
  const events = [...readLedger(file)].map(({ event }) => event);
  rmSync(file);
  rmSync(join(path, "../../seals/one.head"));
  rmSync(`${file}.key`);
  // Without the page that raised the label: as many events, and all hashes of them fit.
  const forged = createLedger(file, null);
  for (const event of events) forged.append(event.type === "source" ? { type: "note" } : event);
  forged.close();
  const before = readFileSync(file);
  // What reads it without its signature believes it.
  openLedger(file, null).close();
  assert.throws(() => reopened(path), Tampered);
  assert.deepEqual(readFileSync(file), before);
});
