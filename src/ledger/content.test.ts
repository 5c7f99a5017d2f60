import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "../core/json.ts";
import { createLedger, openLedger } from "./append.ts";
import { KEEP_ALL, type Keeping, shredKey } from "./content-key.ts";
import { ContentReader } from "./content-read.ts";
import { verifyContent } from "./content-verify.ts";
import { referencesIn, withoutTexts, withTexts } from "./content-walk.ts";
import { LedgerFailure } from "./failure.ts";
import { toHeadKey } from "./head.ts";
import { checkProof, proveEvent } from "./prove.ts";
import { Seal } from "./seal.ts";
import { readBareLedger, readLedger, verifyLedger } from "./verify.ts";

const FULL = Boolean(process.env.RINGFENCE_FULL);
const SEED = 20_261_130;
const LONG = "A long reply about the tax return of 2025. ".repeat(200);
const EVENTS: readonly JsonObject[] = [
  { type: "start", schema: 1, session: "s" },
  { type: "prompt", text: "my salary is 47.1" },
  {
    type: "reply",
    parts: [
      { kind: "text", text: LONG },
      { kind: "call", name: "write", input: '{"path":"a"}' },
    ],
  },
  { type: "outcome", call: "c1", ok: true, code: null, text: LONG },
  { type: "decision", effect: { kind: "write", path: "a", content: "47.1" }, verdict: "allow" },
  { type: "outcome", call: "c2", ok: true, code: null, text: "" },
];

test("texts are read back whole, and none of them stands in a file as it is", (t) => {
  const file = write(t, EVENTS);
  assert.deepEqual(eventsOf(file), EVENTS);
  const bytes = readdirSync(dirname(file)).map((name) => readFileSync(join(dirname(file), name), "latin1"));
  for (const part of ["47.1", "tax return"]) assert.equal(bytes.join("").includes(part), false, part);
  assert.deepEqual(
    readdirSync(dirname(file)).map((name) => [name, lstatSync(join(dirname(file), name)).mode & 0o777]),
    ["ledger.log", "ledger.log.content", "ledger.log.key"].map((name) => [name, 0o600]),
  );
  assert.deepEqual(verifyContent(file), { whole: 5, unkept: 0, purged: 0, missing: [], damaged: [] });
});

test("neither what a model gives a child agent to do nor what an injection says stands in a file as it is", (t) => {
  const events: JsonObject[] = [
    { type: "start", schema: 1, session: "s" },
    { type: "finding", where: "a", rule: "injection", excerpt: "the salary is 47.1" },
    { type: "decision", effect: { kind: "delegate", task: "add 47.1", may: "read" }, verdict: "allow" },
    { type: "agent-start", agent: "a1", call: "c3", task: "add 47.1", may: ["read"] },
  ];
  const file = write(t, events);
  assert.deepEqual(eventsOf(file), events);
  assert.equal(readFileSync(file, "latin1").includes("47.1"), false);
});

test("a long text that comes again is kept once, and compressed", (t) => {
  const file = write(t, EVENTS);
  assert.ok(lstatSync(`${file}.content`).size < 1000);
});

test("whatever an event holds comes back as it was, also what looks like a reference", () => {
  const name = fc.constantFrom(
    "text",
    "a",
    "$content",
    "$$content",
    "vendor",
    "bytes",
    "sealed",
    "at",
    "$",
    "__proto__",
  );
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 9 }), fc.constantFrom("x".repeat(2100), "\ud800 half"));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      text,
      fc.integer(),
      tie("object"),
      fc.array(tie("value"), { maxLength: 4 }),
    ),
    object: fc.dictionary(name, tie("value"), { maxKeys: 5 }),
  }));
  let texts = 0;
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 5 }), (given) => {
      // As JSON has it: a dictionary of this generator may come without a prototype.
      const event = JSON.parse(JSON.stringify(given)) as JsonObject;
      const held = withoutTexts(event, (one) => ({ $content: Buffer.from(one).toString("hex"), bytes: one.length }));
      texts += referencesIn(held).length;
      assert.deepEqual(
        withTexts(held, ({ $content }) => Buffer.from(String($content), "hex").toString()),
        event,
      );
    }),
    { numRuns: FULL ? 20_000 : 1000, seed: SEED },
  );
  assert.ok(texts > 100, `${texts} texts`);
});

test("without the key nothing of a text can be read, and the log verifies as before", (t) => {
  const file = write(t, EVENTS);
  const before = verifyLedger(file, UNSIGNED);
  const bytes = ["", ".content"].map((name) => readFileSync(`${file}${name}`));
  shredKey(file);
  assert.deepEqual(
    ["", ".content"].map((name) => readFileSync(`${file}${name}`)),
    bytes,
  );
  assert.deepEqual(eventsOf(file), [
    EVENTS[0],
    { type: "prompt", text: { purged: true, bytes: 17 } },
    {
      type: "reply",
      parts: [
        { kind: "text", text: { purged: true, bytes: LONG.length } },
        { kind: "call", name: "write", input: { purged: true, bytes: 12 } },
      ],
    },
    { type: "outcome", call: "c1", ok: true, code: null, text: { purged: true, bytes: LONG.length } },
    { type: "decision", effect: { kind: "write", path: "a", content: { purged: true, bytes: 4 } }, verdict: "allow" },
    EVENTS[5],
  ]);
  assert.deepEqual(verifyLedger(file, UNSIGNED), before);
});

test("a key that is destroyed without a word in the log is a loss, and with one it is a purge", (t) => {
  const file = write(t, EVENTS);
  shredKey(file);
  assert.deepEqual(verifyContent(file), { whole: 0, unkept: 0, purged: 0, missing: [1, 2, 3, 4], damaged: [] });
  const ledger = openLedger(file, null);
  ledger.append({ type: "purged" });
  ledger.append({ type: "outcome", text: "said later" });
  ledger.close();
  assert.deepEqual(verifyContent(file), { whole: 0, unkept: 0, purged: 6, missing: [], damaged: [] });
  // The hash of what is said later tells nothing either: its salt was never on the disk.
  assert.equal(readFileSync(`${file}.key`, "latin1"), "p");
});

test("equal texts of two sessions have nothing in common that could be compared", (t) => {
  const named = () => [...readBareLedger(write(t, EVENTS))].map(({ event }) => event.text);
  const [one, two] = [named(), named()].map(
    (texts) => new Set(texts.flatMap((text) => (text ? [JSON.stringify(text)] : []))),
  );
  assert.deepEqual(
    [...(one ?? [])].filter((text) => two?.has(text)),
    [],
  );
  assert.equal(one?.size, 2);
});

test("contents that are lost are missing, contents that are changed are damaged, and the log itself is whole", (t) => {
  const file = write(t, EVENTS);
  const content = readFileSync(`${file}.content`);
  const key = readFileSync(`${file}.key`);
  const verdict = () => {
    assert.equal(verifyLedger(file, UNSIGNED).ok, true);
    assert.equal(eventsOf(file).length, EVENTS.length);
    const { missing, damaged } = verifyContent(file);
    return { missing, damaged };
  };
  for (let at = 0; at < content.length; at += FULL ? 1 : 7) {
    const changed = Buffer.from(content);
    changed[at] = (content[at] ?? 0) ^ 4;
    writeFileSync(`${file}.content`, changed);
    assert.deepEqual(verdict(), { missing: [], damaged: [2, 3] }, `byte ${at}`);
  }
  writeFileSync(`${file}.content`, content.subarray(0, content.length - 1));
  assert.deepEqual(verdict(), { missing: [2, 3], damaged: [] });
  writeFileSync(`${file}.content`, Buffer.alloc(content.length));
  assert.deepEqual(verdict(), { missing: [2, 3], damaged: [] });
  rmSync(`${file}.content`);
  assert.deepEqual(verdict(), { missing: [2, 3], damaged: [] });
  writeFileSync(`${file}.content`, content);
  rmSync(`${file}.key`);
  assert.deepEqual(verdict(), { missing: [1, 2, 3, 4], damaged: [] });
  writeFileSync(`${file}.key`, key.subarray(0, 10));
  assert.deepEqual(verdict(), { missing: [1, 2, 3, 4], damaged: [] });
  writeFileSync(`${file}.key`, key);
  assert.deepEqual(verdict(), { missing: [], damaged: [] });
  assert.deepEqual(eventsOf(file), EVENTS);
});

test("a text that is read later is the same, and what the person typed stands in no file as it is", (t) => {
  const lists = { type: "reply", content: ["in a list"], vendor: { summary: ["v".repeat(100), { text: "w" }] } };
  const last = { type: "prompt", text: LONG, typed: "my salary is 47.2", effect: { $$content: "x" } };
  const events = [...EVENTS, lists, last];
  const file = write(t, events);
  assert.equal(readFileSync(file).includes("47.2"), false);
  const reader = new ContentReader(file);
  const bare = [...readBareLedger(file)].map(({ event }) => reader.fillLater(event));
  reader.close();
  assert.deepEqual(bare, eventsOf(file));
  assert.deepEqual(bare.slice(-2), [lists, last]);
});

test("another text, even encrypted by the right key, is not taken for the one that was recorded", (t) => {
  const file = write(t, [
    { type: "outcome", text: "x".repeat(3000) },
    { type: "outcome", text: "y".repeat(3000) },
  ]);
  const content = readFileSync(`${file}.content`);
  const half = content.length / 2;
  writeFileSync(`${file}.content`, Buffer.concat([content.subarray(half), content.subarray(0, half)]));
  assert.deepEqual(
    eventsOf(file),
    [0, 1].map(() => ({ type: "outcome", text: { damaged: true, bytes: 3000 } })),
  );
});

test("a session without content keeps hash and length of a text and nothing else, also after it is opened again", (t) => {
  const file = write(t, EVENTS.slice(0, 4), { keep: "none", textBytesMax: 100 });
  const ledger = openLedger(file, null);
  ledger.append({ type: "outcome", text: "said later" });
  ledger.close();
  assert.deepEqual(readdirSync(dirname(file)), ["ledger.log", "ledger.log.key"]);
  assert.deepEqual(eventsOf(file).at(-1), { type: "outcome", text: { unkept: true, bytes: 10 } });
  assert.deepEqual(verifyContent(file), { whole: 0, unkept: 5, purged: 0, missing: [], damaged: [] });
});

test("a text beyond the person's limit is recorded by hash and length alone, and shorter ones are kept", (t) => {
  const file = write(t, EVENTS.slice(0, 3), { keep: "full", textBytesMax: 100 });
  const ledger = openLedger(file, null);
  ledger.append({ type: "outcome", text: "x".repeat(101) });
  ledger.close();
  assert.deepEqual(verifyContent(file), { whole: 2, unkept: 2, purged: 0, missing: [], damaged: [] });
  assert.deepEqual(eventsOf(file)[1], EVENTS[1]);
});

test("no link in the place of a key or of contents is followed", (t) => {
  for (const name of ["key", "content"]) {
    const folder = temporaryFolder(t);
    const [file, target] = [join(folder, "ledger.log"), join(folder, "target")];
    writeFileSync(target, "mine");
    symlinkSync("target", `${file}.${name}`);
    const ledger = createLedger(file, null);
    ledger.append({ type: "start" });
    assert.throws(() => ledger.append({ type: "prompt", text: LONG }), /cannot (keep the texts|open the key)/);
    assert.throws(() => ledger.append({ type: "start" }), LedgerFailure);
    ledger.close();
    assert.equal(readFileSync(target, "utf8"), "mine");
    if (name === "key") assert.throws(() => shredKey(file), /ELOOP/);
  }
});

test("a proof shows the texts of its event, and fails for any other text", (t) => {
  const path = join(temporaryFolder(t), "state", "sessions", "one");
  mkdirSync(path, { recursive: true });
  const file = join(path, "ledger.log");
  const seal = Seal.of(path);
  const ledger = createLedger(file, seal);
  for (const event of EVENTS) ledger.append(event);
  ledger.close();
  const key = seal.publicKey ?? assert.fail();
  const proof = proveEvent(file, 2, key);
  const told = (one: unknown) => {
    const checked = checkProof(JSON.parse(JSON.stringify(one)), key);
    return checked.ok ? checked.event : checked.reason;
  };
  assert.deepEqual(told(proof), EVENTS[2]);
  assert.match(JSON.stringify(told({ ...proof, texts: [] })), /"\$content"/);
  const forged = JSON.parse(JSON.stringify(proof).replace("tax return", "tax refund"));
  assert.equal(told(forged), "a text beside it is not what the event refers to");
  // Nobody who sees one text of a session can try out guesses at another.
  assert.equal(JSON.stringify(proof).includes(readFileSync(`${file}.key`).subarray(33).toString("base64")), false);
  shredKey(file);
  assert.deepEqual(proveEvent(file, 2, key).texts, [null, null]);
  assert.equal(checkProof(proof, toHeadKey(generateKeyPairSync("ed25519").publicKey)).ok, false);
});

const UNSIGNED = { session: "one", key: null, kept: null };

function eventsOf(file: string): JsonObject[] {
  return [...readLedger(file)].map(({ event }) => event);
}

function write(t: TestContext, events: readonly JsonObject[], keeping: Keeping = KEEP_ALL): string {
  const file = join(temporaryFolder(t), "ledger.log");
  const ledger = createLedger(file, null, keeping);
  for (const event of events) ledger.append(event);
  ledger.close();
  return file;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-content-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
