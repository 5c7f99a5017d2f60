import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ACTS } from "../../src/box/doctor.ts";
import { CANNOT_FIRE, NEEDS_NETWORK, OPEN, readAllCases, readCases } from "../attacks/cases.ts";
import { codes, ROOT, readDocument, table } from "./document.ts";

/** Rows of the catalogue that share an answer. */
interface Answer {
  readonly rows: readonly string[];
  readonly word: string;
  readonly proof: string;
}

const WORDS = ["replayed", "tested", "promise", "limit"];
const ROWS = 190;

const text = readDocument("docs/THREATS.md");
const answers = text.split("\n").flatMap(readAnswer);
const tests = table(text, "", "file");
const cases = new Set([...readAllCases(), ...readCases("plants.jsonl")].map(({ id }) => id));

test("each row of the catalogue has one answer", () => {
  const all = Array.from({ length: ROWS }, (_, index) => `R${String(index + 1).padStart(3, "0")}`);
  assert.deepEqual(answers.flatMap(({ rows }) => rows).sort(), all);
});

test("an answer is one of four words, with what that word asks for", () => {
  for (const { rows, word, proof } of answers) {
    const [names, keys, promises] = [codes(proof), keysOf(proof), promisesOf(proof)];
    const isKept = {
      replayed: names.some((name) => cases.has(name)) && promises.length === 0,
      tested: names.length + keys.length > 0 && promises.length === 0,
      promise: promises.length > 0,
      limit: names.length + keys.length === 0,
    }[word];
    assert.ok(isKept, `${rows.join()}: ${word}: ${proof}`);
    const rest = [...names.map((name) => `\`${name}\``), ...keys, ...promises].join(", ");
    assert.equal(proof.split(", ").sort().join(), rest.split(", ").sort().join(), rows.join());
  }
});

test("the counts are those of the rows", () => {
  const stated = table(text, "word", "rows").map(([word, rows]) => [word, Number(rows)]);
  const counted = WORDS.map((word) => [
    word,
    answers.filter((answer) => answer.word === word).flatMap(({ rows }) => rows).length,
  ]);
  assert.deepEqual(stated, counted);
});

test("every attack and act that is named is played, and none of them is one that proves nothing", () => {
  const acts = new Set(ACTS.map(({ id }) => id));
  const proveNothing = { ...NEEDS_NETWORK, ...CANNOT_FIRE, ...OPEN };
  const named = answers.flatMap(({ proof }) => codes(proof));
  for (const name of named) {
    assert.ok(cases.has(name) || acts.has(name), name);
    assert.ok(!(name in proveNothing), name);
  }
  // A case that was made for a row is not forgotten here.
  for (const { id } of readCases("incidents.jsonl")) assert.ok(named.includes(id), id);
});

test("every test that is named is in its file, and every one of the list is named", () => {
  for (const [key, file = "", title = ""] of tests) {
    const path = codes(file)[0] ?? "";
    assert.match(path, /\.test\.ts$/, key);
    const source = readFileSync(join(ROOT, path), "utf8");
    const begins = [...source.matchAll(/\btest\(\s*["`]/g)].map(({ 0: call, index }) => index + call.length);
    assert.ok(
      begins.some((at) => source.startsWith(title, at)),
      `${key}: ${path} has no test "${title}"`,
    );
  }
  const used = new Set(answers.flatMap(({ proof }) => keysOf(proof)));
  assert.deepEqual(
    tests.map(([key]) => key),
    [...used].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
  );
});

test("every promise that is named is one of the security page", () => {
  const made = table(readDocument("SECURITY.md"), "", "promise").map(([number]) => number);
  for (const { proof } of answers) for (const promise of promisesOf(proof)) assert.ok(made.includes(promise), promise);
});

/** A row of a table that begins with rows of the catalogue; cells hold no bar. */
function readAnswer(line: string): Answer[] {
  const [, rows, answer] = /^\| (R\d{3}(?:, R\d{3})*) \|.*\| ([^|]+) \|$/.exec(line) ?? [];
  if (rows === undefined || answer === undefined) return [];
  const [word = "", proof = ""] = answer.split(": ");
  return [{ rows: rows.split(", "), word, proof }];
}

function keysOf(proof: string): string[] {
  return proof.match(/\bT\d+\b/g) ?? [];
}

function promisesOf(proof: string): string[] {
  return proof.match(/\bP\d+\b/g) ?? [];
}
